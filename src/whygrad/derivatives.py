"""Derivatives of functions of pytrees of arrays: thin folds over the two sweeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from whygrad.backward import gradients
from whygrad.errors import ArgumentError, DtypeError, NotScalarError, ShapeError, TracedValueError, public
from whygrad.forward import tangents
from whygrad.graph.node import Node, Trace, plain
from whygrad.rules.define import Value, at, make
from whygrad.rules.shapes import cast, join, reshape

Argnums = int | Sequence[int]
PyTree = Any


@public
def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes the gradient of ``f``, a scalar function of arrays or pytrees of arrays.

    ``argnums``: which positional argument, or arguments, to differentiate with respect to. The gradient has the structure,
    shapes and dtypes of those arguments. With ``has_aux``, ``f`` returns (cost, anything) and the result is (gradient, anything).

    >>> import numpy as np
    >>> grad(lambda x: np.sum(x ** 2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums, has_aux)

    @public
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


@public
def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes ``(f(...), gradient)`` in one forward and one backward pass. See ``grad``."""

    @public
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        with Trace() as trace:
            chosen, replaced, rebuild = _leaves(trace, args, argnums)
            result = f(*replaced, **kwargs)
            cost, aux = result if has_aux else (result, None)
            value = _value_of(cost, trace)
            _check_scalar(value, f)
        flows = gradients({cost: np.ones((), value.dtype)}, chosen) if _is_traced(cost, trace) else [_zeros(x) for x in chosen]
        result = (value, optree.tree_map(lambda x: _value_of(x, trace), aux)) if has_aux else value
        return result, rebuild(flows)

    return value_and_gradient


@public
def vjp(f: Callable[..., Any], *primals: PyTree) -> tuple[PyTree, Callable[[PyTree], tuple[PyTree, ...]]]:
    """``f(*primals)``, and the function that pulls a change of the result back: ``pull(g)`` is ``g @ Jacobian``, one per primal.

    ``g`` has the structure and shapes of the result; ``pull`` may be called any number of times.
    """
    with Trace() as trace:
        chosen, replaced, rebuild = _leaves(trace, primals, tuple(range(len(primals))))
        outputs, structure = optree.tree_flatten(f(*replaced))
        values = [_value_of(x, trace) for x in outputs]

    @public
    def pull(g: PyTree) -> tuple[PyTree, ...]:
        parts = structure.flatten_up_to(g)
        seeds: dict[Node, Value] = {}
        for output, value, part in zip(outputs, values, parts, strict=True):
            part = part if isinstance(part, Node) else np.asarray(part, getattr(value, "dtype", None))
            if part.shape != np.shape(plain(value)):
                raise ShapeError(f"the gradient given to pull has shape {part.shape}, the function's result {np.shape(plain(value))}")
            if _is_traced(output, trace):
                seeds[output] = seeds[output] + part if output in seeds else part
        return tuple(rebuild(gradients(seeds, chosen)))

    return structure.unflatten(values), pull


@public
def jvp(f: Callable[..., Any], primals: Sequence[PyTree], tangents_: Sequence[PyTree]) -> tuple[PyTree, PyTree]:
    """``f(*primals)`` and its change per unit step along ``tangents`` (forward mode): ``Jacobian @ tangents``."""
    with Trace() as trace:
        chosen, replaced, _ = _leaves(trace, tuple(primals), tuple(range(len(primals))))
        outputs, structure = optree.tree_flatten(f(*replaced))
        values = [_value_of(x, trace) for x in outputs]
    moved = [t if isinstance(t, Node) else np.asarray(t) for t in optree.tree_leaves(tuple(tangents_))]
    for leaf, t in zip(chosen, moved, strict=True):
        if leaf.shape != t.shape:
            raise ShapeError(f"a tangent has shape {t.shape}, its primal {leaf.shape}")
    seeds = dict(zip(chosen, moved, strict=True))
    changes = [tangents(x, seeds) if _is_traced(x, trace) else _zeros(x) for x in outputs]
    return structure.unflatten(values), structure.unflatten(changes)


@public
def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes ∂result/∂argument: for each array of the result and of the argument, shape (*result, *argument).

    Rows by reverse mode where the result has fewer numbers than the arguments, columns by forward mode otherwise.
    """

    @public
    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        with Trace() as trace:
            chosen, replaced, rebuild = _leaves(trace, args, argnums)
            outputs, structure = optree.tree_flatten(f(*replaced, **kwargs))
        by_rows = sum(_size(x) for x in outputs) <= sum(x.size for x in chosen)
        table = (_rows if by_rows else _columns)(outputs, chosen, trace)
        return structure.unflatten([rebuild(row) for row in table])

    return jacobian_of_f


@public
def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes the second derivatives of a scalar function: shape (*argument, *argument)."""
    return jacobian(grad(f, argnums), argnums)


@public
def hvp(f: Callable[..., Any], primals: Sequence[PyTree], tangents_: Sequence[PyTree]) -> PyTree:
    """The Hessian of a scalar function of one or more arguments times a direction, without building it (forward over reverse).

    Returns one product per primal; for a single primal, the product itself.
    """
    everything = tuple(range(len(primals)))
    _, product = jvp(grad(f, everything), primals, tangents_)
    return product[0] if len(primals) == 1 else product


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

        rule = make("checkpoint", "x", packed, pulls=(lambda g, out, x: vjp(packed, x)[1](g)[0],),
                    written=r"f({x})", because=("computed again on the way back",), tested_at=(at((1,)),))
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


# ---- from arguments to leaves, and back -----------------------------------------------------------------------------------


def _leaves(trace: Trace, args: tuple[Any, ...], argnums: Argnums) -> tuple[list[Node], list[Any], Callable[[list[Value]], Any]]:
    """The nodes to differentiate by, the arguments with those nodes in place, and how to shape gradients like the arguments."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    replaced, leaves, structures = list(args), [], []
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise ArgumentError(f"argnums={number}, but the function was called with {len(args)} positional argument(s)",
                                try_="pass the arguments to differentiate by position")
        paths, values, structure = optree.tree_flatten_with_path(args[number])
        nodes = [trace.leaf(differentiable(x, f"argument {number}{_spelled(path)}")) for path, x in zip(paths, values, strict=True)]
        replaced[number] = structure.unflatten(nodes)
        leaves += nodes
        structures.append(structure)

    def rebuild(flows: list[Value]) -> Any:
        flows = list(flows)
        trees = [s.unflatten([flows.pop(0) for _ in range(s.num_leaves)]) for s in structures]
        return trees[0] if isinstance(argnums, int) else tuple(trees)

    return leaves, replaced, rebuild


def differentiable(x: Any, what: str) -> Value:
    """``x`` as a floating-point array or traced node; anything else is refused, named as ``what``."""
    if isinstance(x, Node):
        return x
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return np.asarray(float(x))  # a plain Python number has no fixed dtype: 3 means 3.0
    if not isinstance(x, (np.ndarray, np.generic)):
        raise DtypeError(f"{what} is a {type(x).__name__}, not an array of numbers", try_="a NumPy array, or a pytree of them")
    if x.dtype.kind == "c":
        raise DtypeError(f"{what} is complex ({x.dtype})", why="whygrad computes derivatives of real functions",
                         try_="differentiate by the real and imaginary parts as two arrays")
    if x.dtype.kind != "f":
        raise DtypeError(f"{what} is an array of {x.dtype}", why="a derivative needs numbers that can change by a little",
                         try_="x.astype(float)")
    return np.asarray(x)


def _spelled(path: tuple[Any, ...]) -> str:
    return "".join(f"[{key!r}]" for key in path)


def _is_traced(x: Any, trace: Trace) -> bool:
    return isinstance(x, Node) and x.trace is trace


def _value_of(x: Any, trace: Trace) -> Value:
    return x.value if _is_traced(x, trace) else x


def _zeros(x: Any) -> Value:
    return np.zeros(getattr(x, "shape", ()), getattr(x, "dtype", float))[()]


def _size(x: Any) -> int:
    return math.prod(getattr(x, "shape", ()))


def _check_scalar(value: Value, f: Callable[..., Any]) -> None:
    shape, name = getattr(value, "shape", None), getattr(f, "__name__", "the function")
    if shape is None and isinstance(value, (int, float)):
        return
    if shape is None:
        raise NotScalarError(f"{name} returned a {type(value).__name__}, not a single number", try_="return the cost alone, or has_aux=True")
    if shape != ():
        raise NotScalarError(f"{name} returned an array of shape {shape}, not a single number",
                             why="a gradient is the slope of one number",
                             try_="np.sum(...) or np.mean(...) of it; wg.jacobian for all its slopes")
    if value.dtype.kind != "f":
        raise DtypeError(f"{name} returned {value.dtype}, which has no slope", try_="a cost in floating point")


def _rows(outputs: list[Any], leaves: list[Node], trace: Trace) -> list[list[Value]]:
    """Jacobians by reverse mode: one sweep per number of the result."""
    table = []
    for x in outputs:
        shape, rows = getattr(x, "shape", ()), []
        for i in range(_size(x)):
            if _is_traced(x, trace):
                one = np.zeros(_size(x), x.dtype)
                one[i] = 1
                rows.append(gradients({x: one.reshape(shape)}, leaves))
            else:
                rows.append([_zeros(leaf) for leaf in leaves])
        table.append([_stacked([row[k] for row in rows], 0, (*shape, *leaf.shape), leaf.dtype) for k, leaf in enumerate(leaves)])
    return table


def _columns(outputs: list[Any], leaves: list[Node], trace: Trace) -> list[list[Value]]:
    """Jacobians by forward mode: one sweep per number of the arguments."""
    table: list[list[Value]] = [[] for _ in outputs]
    for leaf in leaves:
        columns: list[list[Value]] = [[] for _ in outputs]
        for i in range(leaf.size):
            one = np.zeros(leaf.size, leaf.dtype)
            one[i] = 1
            for k, x in enumerate(outputs):
                columns[k].append(tangents(x, {leaf: one.reshape(leaf.shape)}) if _is_traced(x, trace) else _zeros(x))
        for k, x in enumerate(outputs):
            shape = getattr(x, "shape", ())
            table[k].append(_stacked(columns[k], len(shape), (*shape, *leaf.shape), leaf.dtype))
    return table


def _stacked(parts: list[Value], axis: int, shape: tuple[int, ...], dtype: Any) -> Value:
    """Slices laid side by side along a new axis, in ``shape``."""
    if not parts:
        return np.zeros(shape, dtype)
    grown = [reshape(p, shape=(*np.shape(plain(p))[:axis], 1, *np.shape(plain(p))[axis:])) for p in parts]
    return reshape(join(*grown, axis=axis), shape=shape)
