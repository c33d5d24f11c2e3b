"""From a function's arguments to the leaves of a trace, and from their gradients back to the arguments' structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from whygrad.errors import ArgumentError, DtypeError, ShapeError
from whygrad.graph.node import Node, Trace
from whygrad.rules.define import Value

Argnums = int | Sequence[int]
PyTree = Any


def leaves(
    trace: Trace, args: tuple[Any, ...], argnums: Argnums,
) -> tuple[list[Node], list[Any], Callable[[list[Value]], Any]]:
    """The nodes to differentiate by, the arguments with those nodes in place, and how to shape gradients like them."""
    numbers = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    replaced, nodes, structures = list(args), [], []
    _check_argnums(numbers, args)
    for number in numbers:
        paths, values, structure = optree.tree_flatten_with_path(args[number])
        own = [trace.leaf(differentiable(x, f"argument {number}{spelled(path)}"))
               for path, x in zip(paths, values, strict=True)]
        replaced[number] = structure.unflatten(own)
        nodes += own
        structures.append(structure)

    def rebuild(flows: list[Value]) -> Any:
        flows = list(flows)
        trees = [s.unflatten([flows.pop(0) for _ in range(s.num_leaves)]) for s in structures]
        return trees[0] if isinstance(argnums, int) else tuple(trees)

    return nodes, replaced, rebuild


def _check_argnums(numbers: tuple[Any, ...], args: tuple[Any, ...]) -> None:
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int):
            raise ArgumentError(f"argnums={number!r} is not the number of an argument",
                                try_="argnums=0 for the first positional argument, (0, 1) for the first two")
        if not -len(args) <= number < len(args):
            raise ArgumentError(f"argnums={number}, but the call has {len(args)} positional argument(s)",
                                try_="pass the arguments to differentiate by position")
    if len({number % len(args) for number in numbers}) < len(numbers):
        raise ArgumentError(f"argnums={numbers} names an argument twice", try_="each argument once")


def structured(tree: PyTree, structure: optree.PyTreeSpec, what: str, like: str) -> list[Any]:
    """The leaves of ``tree``, which must have the given structure."""
    try:
        return structure.flatten_up_to(tree)
    except ValueError as error:
        raise ShapeError(f"{what} has another structure than {like}", why=str(error).partition("\n")[0],
                         try_=f"a pytree of the form {structure}") from error


def changes_like(given: Any, like: Value, what: str) -> Value:
    """A gradient or a change that was given, in the dtype of the value it belongs to."""
    if isinstance(given, Node):
        return given
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ShapeError(f"{what} is not an array: its rows differ in length") from error
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{what} is of {array.dtype}, not of real numbers", try_="an array like its value")
    return array.astype(getattr(like, "dtype", None) or float, copy=False)


def owned(flows: list[Value], others: Sequence[Value] = ()) -> list[Value]:
    """The same gradients, each in memory that is the caller's alone: what arrived may be shared or read-only."""
    taken = {id(_owner(x)) for x in others}
    result = []
    for flow in flows:
        if isinstance(flow, np.ndarray):
            owner = id(_owner(flow))
            if owner in taken or not flow.flags.writeable:
                flow = flow.copy()
            taken.add(owner)
        result.append(flow)
    return result


def _owner(x: Value) -> Value:
    """The array whose memory ``x`` looks at."""
    while isinstance(getattr(x, "base", None), np.ndarray):
        x = x.base
    return x


def differentiable(x: Any, what: str) -> Value:
    """``x`` as a floating-point array or traced node; anything else is refused, named as ``what``."""
    if isinstance(x, Node):
        return x
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return np.asarray(float(x))  # a plain Python number has no fixed dtype: 3 means 3.0
    if not isinstance(x, (np.ndarray, np.generic)):
        register = "; optree.register_pytree_node(...) makes your own class a pytree" if hasattr(x, "__dict__") else ""
        raise DtypeError(f"{what} is a {type(x).__name__}, not an array of numbers",
                         try_=f"a NumPy array, or dicts, lists and tuples of them{register}")
    if isinstance(x, (np.ma.MaskedArray, np.matrix)):
        raise DtypeError(f"{what} is a {type(x).__name__}, whose arithmetic is not that of arrays",
                         why="its gradient would be that of a plain array: without mask, or with * number by number",
                         try_="np.where(mask, 0.0, x) and a mask of your own" if isinstance(x, np.ma.MaskedArray) else
                              "np.asarray(x), and @ for matrix products")
    if x.dtype.kind == "c":
        raise DtypeError(f"{what} is complex ({x.dtype})",
                         why="whygrad computes derivatives of real functions",
                         try_="differentiate by the real and imaginary parts as two arrays")
    if x.dtype.kind != "f":
        raise DtypeError(f"{what} is an array of {x.dtype}",
                         why="a derivative needs numbers that can change by a little", try_="x.astype(float)")
    return np.asarray(x)


def spelled(path: tuple[Any, ...]) -> str:
    """Where in a pytree: ``['layers'][0]``."""
    return "".join(f"[{key!r}]" for key in path)
