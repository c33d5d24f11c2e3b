"""What is held constant, and what is computed a second time instead of being remembered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from whygrad.derivatives.arguments import PyTree
from whygrad.derivatives.transforms import vjp
from whygrad.errors import TracedValueError, public
from whygrad.graph.node import Node
from whygrad.rules.define import Value, at, make
from whygrad.rules.shapes import cast, join, reshape

_stop = make("stop_gradient", "x", lambda x: x, pulls=(None,), written="{x}", because=("held constant on request",))


@public
def stop_gradient(x: PyTree) -> PyTree:
    """The same numbers as constants: nothing flows back through them."""
    return optree.tree_map(_stop, x)


@public
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, remembering only its arguments: its values are computed again when the gradient comes back.

    Trades one more evaluation of ``f`` for its memory. Traced values must come in as arguments, not from outside ``f``.
    """

    @public
    def recomputed(*args: PyTree) -> PyTree:
        pack, unpack = _packing(args)
        unpack_result = None

        def packed(vector: Value) -> Value:
            nonlocal unpack_result
            result = f(*unpack(vector))
            pack_result, unpack_result = _packing(result)
            out = pack_result(result)
            if isinstance(out, Node) and not isinstance(vector, Node):
                raise TracedValueError("a checkpointed function uses a traced value from outside",
                                       why="what it uses must be there again when it is computed a second time",
                                       try_="pass the value as an argument")
            return out

        rule = make("checkpoint", "x", packed, pulls=(lambda g, out, x: vjp(packed, x)[1](g)[0],), written=r"f({x})",
                    because=("computed again on the way back",), tested_at=(at((1,)),))
        out = rule(pack(args))
        assert unpack_result is not None
        return unpack_result(out)

    return recomputed


def _packing(tree: PyTree) -> tuple[Callable[[PyTree], Value], Callable[[Value], PyTree]]:
    """Functions that lay a pytree's floating-point leaves end to end in one vector, and take them out again."""
    leaves, structure = optree.tree_flatten(tree)
    floats = [i for i, x in enumerate(leaves) if isinstance(x, float) or getattr(x, "dtype", np.dtype(int)).kind == "f"]
    shapes = {i: getattr(leaves[i], "shape", ()) for i in floats}
    dtypes = {i: getattr(leaves[i], "dtype", np.dtype(float)) for i in floats}

    def pack(tree: PyTree) -> Value:
        given = optree.tree_leaves(tree)
        parts = [reshape(given[i], shape=(-1,)) for i in floats]
        return join(*parts, axis=0) if parts else np.zeros(0)

    def unpack(vector: Value) -> PyTree:
        taken, start = list(leaves), 0
        for i in floats:
            size = math.prod(shapes[i])
            taken[i] = cast(reshape(vector[start:start + size], shape=shapes[i]), dtype=dtypes[i])
            start += size
        return structure.unflatten(taken)

    return pack, unpack
