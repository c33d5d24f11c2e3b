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
from whygrad.rules.shapes import as_dtype, join, reshape

_stop = make("stop_gradient", "x", lambda x: x, pulls=(None,), written="{x}", because=("held constant on request",))


@public
def stop_gradient(x: PyTree) -> PyTree:
    """The same numbers as constants: nothing flows back through them."""
    return optree.tree_map(_stop, x)


@public
def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, remembering only its arguments: its values are computed again when the gradient comes back.

    Trades one more evaluation of ``f`` for its memory: of n layers in pieces of √n, about 2√n are remembered at once.
    Traced values must come in as arguments, not from outside ``f``. Inside ``wg.jit``, whose compiler chooses itself
    what to remember, it is ``f``.
    """

    @public
    def recomputed(*args: PyTree) -> PyTree:
        if _inlined(args):
            return f(*args)
        pack, unpack = _packing(args)
        unpack_result = None

        def packed(vector: Value) -> Value:
            nonlocal unpack_result
            result = optree.tree_map(_as_array, f(*unpack(vector)))
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


def _as_array(x: Any) -> Any:
    """A float that was returned may have come from ``math.sin(x)``: it takes part, and the second run refuses it."""
    return np.float64(x) if isinstance(x, float) else x


def _inlined(args: PyTree) -> bool:
    """Whether a trace that one of the arguments belongs to, at any level of nesting, wants to see every step."""
    levels = list(optree.tree_leaves(args))
    for x in levels:  # grows on the way
        if isinstance(x, Node):
            if x.within.inlines:
                return True
            levels.append(x.value)
    return False


def _packing(tree: PyTree) -> tuple[Callable[[PyTree], Value], Callable[[Value], PyTree]]:
    """Functions that lay a pytree's floating-point arrays end to end in one vector, and take them out again.

    They keep none of these: a traced one would keep everything it was computed from. Other arrays are copied, because
    the user may write into them before the function is computed again; Python's own numbers stay what they are.
    """
    leaves, structure = optree.tree_flatten(tree)
    forms = {i: (x.shape, x.dtype) for i, x in enumerate(leaves) if getattr(x, "dtype", np.dtype(int)).kind == "f"}
    others = [None if i in forms else x.copy() if isinstance(x, np.ndarray) else x for i, x in enumerate(leaves)]

    def pack(tree: PyTree) -> Value:
        given = optree.tree_leaves(tree)
        parts = [reshape(given[i], shape=(-1,)) for i in forms]
        return parts[0] if len(parts) == 1 else join(*parts, axis=0) if parts else np.zeros(0)

    def unpack(vector: Value) -> PyTree:
        taken, start = list(others), 0
        for i, (shape, dtype) in forms.items():
            stop = start + math.prod(shape)
            taken[i] = as_dtype(reshape(vector[start:stop], shape=shape) if shape else vector[start], dtype)
            start = stop
        return structure.unflatten(taken)

    return pack, unpack
