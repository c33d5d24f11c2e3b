"""From a function and example arguments to a program: trace it once, and refuse whatever would not hold for others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np
import optree

from whygrad.derivatives.arguments import spelled
from whygrad.errors import DtypeError, TracedValueError, UnsupportedError
from whygrad.graph.misuse import describe
from whygrad.graph.node import Node, Trace
from whygrad.jit.program import Note, Number, Op, Program, Ref, Var
from whygrad.rules.define import Value

# The shape of what these return depends on the numbers they are given.
SHAPE_FROM_NUMBERS = frozenset({"argwhere", "flatnonzero", "_first_of_each", "_inverse_of_each", "_count_of_each"})


@dataclass(frozen=True)
class Captured:
    """A traced function: its program, how its result is put together, and which leaves of the arguments it takes."""

    program: Program
    result: optree.PyTreeSpec
    plain: tuple[Any, ...]  # leaves of the result that are no numbers: None for those the program computes


class Held(Node):
    """A value of a function that is being compiled: its numbers are one example, and nothing may depend on them."""

    __slots__ = ()

    def __bool__(self) -> bool:  # noqa: PLE0304  # it always raises
        self._refuse(
            "`if`, `while`, `and`, `or` and `not` choose one way for this example only",
            "np.where(condition, x, y) chooses number by number, also when compiled",
        )

    def __float__(self) -> float:
        self._refuse(
            "float() would keep this example's number",
            "the value itself, or pass the number as a plain int or str, for which the program is made anew",
        )

    def __int__(self) -> int:
        self._refuse("int() would keep this example's number", "x.astype(int), or a plain Python int as the argument")

    def __index__(self) -> int:  # noqa: PLE0305  # it always raises
        self._refuse(
            "a count or a slice would keep this example's number",
            "a plain Python int as the argument: the program is made anew for each",
        )

    def __round__(self, digits: int | None = None) -> Any:
        self._refuse("round() would keep this example's number", "np.round(x)")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._refuse(
            "a plain array would keep this example's numbers",
            "np functions on the value itself; wg.array([...]) to build an array from traced values",
        )

    def _refuse(self, why: str, try_: str) -> NoReturn:
        raise TracedValueError(
            f"wg.jit can not look at the numbers of the traced value {describe(self)}", why=why, try_=try_
        )


def capture(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Captured:
    """The program of ``function`` for arguments of these shapes and dtypes; whole numbers, texts and None are
    built in.
    """
    with Trace(everything=True) as trace, np.errstate(all="ignore"):  # compiled programs do not warn, and this is one
        trace.node_type = Held
        trace.inlines = True
        leaves: list[Held] = []
        given = cast("optree.PyTree[Any]", (args, kwargs))
        dtype = _precision(given)
        names = _names(function, args)

        def leaf(path: tuple[Any, ...], x: Any) -> Any:
            if not is_traced(x):
                return x
            name = _spelled(names, path)
            if isinstance(x, Node):
                raise TracedValueError(
                    f"{name} is a traced value",
                    why="a compiled function runs on plain numbers",
                    try_="jit the whole: wg.jit(wg.grad(f)), not wg.grad(wg.jit(f))",
                )
            leaves.append(Held(as_leaf(x, dtype, name), None, (), {}, (), trace, None, name))
            return leaves[-1]

        traced_args, traced_kwargs = optree.tree_map_with_path(leaf, given)
        result = function(*traced_args, **traced_kwargs)
    outputs, structure = optree.tree_flatten(result)
    return _captured(function, trace, leaves, outputs, structure)


def is_traced(x: Any) -> bool:
    """Arrays, NumPy's numbers and Python's floats are given at each call; everything else is part of the program."""
    return isinstance(x, (np.ndarray, np.generic, float, Node))


def as_leaf(x: Any, dtype: np.dtype[Any], name: str) -> Value:
    """An array or number as the program takes it; Python's floats in the precision of the arrays beside them."""
    array = np.asarray(x, dtype) if isinstance(x, float) and not isinstance(x, np.generic) else np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{name} is of {array.dtype}, not of real numbers", try_="an array of floating point")
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        raise DtypeError(
            f"{name} is of {array.dtype}",
            why="compiled programs compute in float32 or float64",
            try_="x.astype(np.float32)",
        )
    return array if array.ndim else array[()]


def precision(leaves: Sequence[Any]) -> np.dtype[Any]:
    """What plain Python floats become: the precision of the arrays beside them."""
    dtypes = [x.dtype for x in leaves if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f"]
    return np.result_type(*dtypes) if dtypes else np.dtype(float)


def _precision(tree: Any) -> np.dtype[Any]:
    return precision(optree.tree_leaves(cast("optree.PyTree[Any]", tree)))


def _names(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """What the user calls the positional arguments."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"argument{i}" for i in range(len(args))]


def _spelled(names: list[str], path: tuple[Any, ...]) -> str:
    where, key, *rest = path
    return (names[key] if where == 0 else str(key)) + spelled(tuple(rest))


def _captured(
    function: Any, trace: Trace, leaves: list[Held], outputs: list[Any], structure: optree.PyTreeSpec
) -> Captured:
    variables: dict[Node, Var] = {leaf: _var(leaf, leaf.name or "") for leaf in leaves}
    inputs = tuple(variables[leaf] for leaf in leaves)
    constants: dict[Var, np.ndarray] = {}
    by_identity: dict[int, tuple[Any, Var]] = {}

    def ref(x: Any) -> Ref:
        if isinstance(x, Node):
            return variables[x]
        if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
            return x
        if id(x) not in by_identity:
            array = np.asarray(x)
            var = Var(array.shape, array.dtype)
            constants[var] = array
            by_identity[id(x)] = (x, var)
        return by_identity[id(x)][1]

    ops = []
    for node in trace.tape:
        assert node.rule is not None
        _check_shape_is_known(node)
        variables[node] = _var(node, _name(node))
        ops.append(Op(variables[node], node.rule, tuple(ref(x) for x in node.inputs), node.params, _note(node)))
    results, plain = [], []
    for x in outputs:
        number = isinstance(x, (Node, np.ndarray, np.generic, bool, int, float))
        results += [ref(np.asarray(x) if not isinstance(x, Node) else x)] if number else []
        plain.append(None if number else x)
    name = getattr(function, "__name__", "program")
    return Captured(
        Program(name if name.isidentifier() else "program", inputs, constants, tuple(ops), tuple(results)),
        structure,
        tuple(plain),
    )


def _var(node: Node, name: str) -> Var:
    return Var(node.shape, node.dtype, name)


def _name(node: Node) -> str:
    if node.name is not None:
        return node.name
    return node.site.names[0] if node.site and len(node.site.names) == 1 and node.derivative_of is None else ""


def _note(node: Node) -> Note:
    of = node.derivative_of
    return Note(
        node.site if of is None else of.site, "" if of is None else _name(of) or (of.rule.name if of.rule else "")
    )


def _check_shape_is_known(node: Node) -> None:
    assert node.rule is not None
    masks = [x for x in node.inputs[1:] if getattr(x, "dtype", np.dtype(float)).kind == "b"]
    by_mask = node.rule.name in ("pick", "place") and any(np.ndim(x.value if isinstance(x, Node) else x) for x in masks)
    if node.rule.name in SHAPE_FROM_NUMBERS or by_mask:
        what = "an index of yes and no" if by_mask else f"np.{node.rule.name.strip('_')}"
        raise UnsupportedError(
            f"wg.jit can not compile {what}",
            where=str(node.site) if node.site else None,
            why="how many numbers it returns depends on the numbers it is given, and a program has fixed shapes",
            try_="np.where(mask, x, 0.0), which keeps the shape",
        )


__all__ = ["Captured", "Number", "as_leaf", "capture", "is_traced", "precision"]
