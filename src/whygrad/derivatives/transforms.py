"""Derivatives of functions of pytrees of arrays: thin folds over the two sweeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from whygrad.backward import gradients
from whygrad.derivatives.arguments import Argnums, PyTree, changes_like, leaves, owned, structured
from whygrad.errors import ArgumentError, DtypeError, NotScalarError, ShapeError, public
from whygrad.forward import tangents
from whygrad.graph.node import Node, Trace, plain
from whygrad.rules.define import Value
from whygrad.rules.shapes import join, reshape


@public
def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes the gradient of ``f``, a scalar function of arrays or pytrees of arrays.

    ``argnums``: which positional argument, or arguments, to differentiate with respect to. The gradient has the
    structure, shapes and dtypes of those arguments. With ``has_aux``, ``f`` returns (cost, anything) and the result is
    (gradient, anything).

    >>> import numpy as np
    >>> grad(lambda x: np.sum(x ** 2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums, has_aux)

    @public
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return _with_signature_of(f, gradient)


@public
def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes ``(f(...), gradient)`` in one forward and one backward pass. See ``grad``."""
    _check_callable(f, "value_and_grad")

    @public
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        with Trace() as trace:
            chosen, replaced, rebuild = leaves(trace, args, argnums)
            cost, aux = _cost_and_aux(f(*replaced, **kwargs), has_aux)
            value = _value_of(cost, trace)
            _check_scalar(value, f)
        seeds = {cost: np.ones((), value.dtype)} if _is_traced(cost, trace) else {}
        result = (value, optree.tree_map(lambda x: _value_of(x, trace), aux)) if has_aux else value
        return result, rebuild(owned(gradients(seeds, chosen)))

    return _with_signature_of(f, value_and_gradient)


@public
def vjp(f: Callable[..., Any], *primals: PyTree) -> tuple[PyTree, Callable[[PyTree], tuple[PyTree, ...]]]:
    """``f(*primals)``, and the function ``pull`` that carries a change of the result back: ``g @ Jacobian``.

    ``g`` has the structure and shapes of the result; ``pull(g)`` gives one gradient per primal, and may be called any
    number of times.
    """
    _check_callable(f, "vjp")
    with Trace() as trace:
        kept = tuple([_copied(x) for x in primals])  # the caller's arrays may change before ``pull`` is called
        chosen, replaced, rebuild = leaves(trace, kept, tuple(range(len(primals))))
        outputs, structure = numbers_of(f, f(*replaced))
        values = [_value_of(x, trace) for x in outputs]

    @public
    def pull(g: PyTree) -> tuple[PyTree, ...]:
        parts = structured(g, structure, "the gradient given to pull", "the function's result")
        seeds: dict[Node, Value] = {}
        for output, value, part in zip(outputs, values, parts, strict=True):
            part = changes_like(part, value, "the gradient given to pull")
            if part.shape != np.shape(plain(value)):
                raise ShapeError(f"the gradient given to pull has shape {part.shape}, "
                                 f"the function's result {np.shape(plain(value))}")
            if _is_traced(output, trace):
                seeds[output] = seeds[output] + part if output in seeds else part
        return tuple(rebuild(owned(gradients(seeds, chosen), list(seeds.values()))))

    return structure.unflatten(values), pull


@public
def jvp(f: Callable[..., Any], primals: Sequence[PyTree], changes: Sequence[PyTree]) -> tuple[PyTree, PyTree]:
    """``f(*primals)`` and its change per unit step along ``changes`` (forward mode): ``Jacobian @ changes``."""
    _check_callable(f, "jvp")
    _check_sequences(primals, changes)
    with Trace() as trace:
        chosen, replaced, _ = leaves(trace, tuple(primals), tuple(range(len(primals))))
        outputs, structure = numbers_of(f, f(*replaced))
        values = [_value_of(x, trace) for x in outputs]
    seeds: dict[Node, Value] = {}
    form: optree.PyTreeSpec = optree.tree_structure(tuple(primals))  # type: ignore[arg-type]  # optree's PyTree is invariant
    parts = structured(tuple(changes), form, "the change given to jvp", "the primals")
    for leaf, part in zip(chosen, parts, strict=True):
        part = changes_like(part, leaf, "a change given to jvp")
        if part.shape != leaf.shape:
            raise ShapeError(f"a change given to jvp has shape {part.shape}, its primal {leaf.shape}")
        seeds[leaf] = part
    moved = [tangents(x, seeds) if _is_traced(x, trace) else _zeros(x) for x in outputs]
    return structure.unflatten(values), structure.unflatten(moved)


@public
def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes ∂result/∂argument, of shape (*result, *argument) for each array of either.

    Rows by reverse mode where the result has fewer numbers than the arguments, columns by forward mode otherwise.
    """
    _check_callable(f, "jacobian")

    @public
    def jacobian_of_f(*args: Any, **kwargs: Any) -> Any:
        with Trace() as trace:
            chosen, replaced, rebuild = leaves(trace, args, argnums)
            outputs, structure = numbers_of(f, f(*replaced, **kwargs))
        by_rows = sum(_size(x) for x in outputs) <= sum(x.size for x in chosen)
        table = (_rows if by_rows else _columns)(outputs, chosen, trace)
        return structure.unflatten([rebuild(row) for row in table])

    return jacobian_of_f


@public
def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes the second derivatives of a scalar function: shape (*argument, *argument)."""
    return jacobian(grad(f, argnums), argnums)


@public
def hvp(f: Callable[..., Any], primals: Sequence[PyTree], changes: Sequence[PyTree]) -> PyTree:
    """The Hessian of a scalar function times a direction, without building the Hessian (forward over reverse).

    Returns one product per primal; for a single primal, the product itself.
    """
    _check_callable(f, "hvp")
    _check_sequences(primals, changes)
    _, product = jvp(grad(f, tuple(range(len(primals)))), primals, changes)
    return product[0] if len(primals) == 1 else product


def numbers_of(f: Callable[..., Any], result: PyTree) -> tuple[list[Any], optree.PyTreeSpec]:
    """What a function returned, flat; refused unless it is numbers, and at least one."""
    outputs, structure = optree.tree_flatten(result)
    odd = [x for x in outputs if (x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype).kind not in "fiub"]
    if odd or not outputs:
        what = f"a {type(odd[0]).__name__}, which is no number" if odd else "nothing"
        raise DtypeError(f"{getattr(f, '__name__', 'the function')} returned {what}, and that has no slope",
                         try_="return numbers, arrays, or structures of them")
    return outputs, structure


def _with_signature_of(f: Callable[..., Any], derivative: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative, whose arguments are called what f calls them: inspect.signature follows ``__wrapped__``."""
    derivative.__wrapped__ = f  # type: ignore[attr-defined]  # functions take attributes
    return derivative


def _copied(tree: Any) -> Any:
    return optree.tree_map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, tree)


def _is_traced(x: Any, trace: Trace) -> bool:
    return isinstance(x, Node) and x.within is trace


def _value_of(x: Any, trace: Trace) -> Value:
    return x.value if _is_traced(x, trace) else x


def _zeros(x: Any) -> Value:
    return np.zeros(getattr(x, "shape", ()), getattr(x, "dtype", float))[()]


def _size(x: Any) -> int:
    return math.prod(getattr(x, "shape", ()))


def _check_callable(f: Any, name: str) -> None:
    if not callable(f):
        raise ArgumentError(f"wg.{name} needs a function, not a {type(f).__name__}",
                            try_=f"wg.{name}(f, ...), where f(x) computes the result from its arguments")


def _check_sequences(primals: Any, changes: Any) -> None:
    if not (isinstance(primals, (tuple, list)) and isinstance(changes, (tuple, list))):
        raise ArgumentError("the primals and their changes come in tuples, one of each for each argument",
                            try_="wg.jvp(f, (x,), (v,))")


def _cost_and_aux(result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError(f"has_aux=True, but the function returned a {type(result).__name__}",
                            try_="return (cost, anything else)")
    return result


def _check_scalar(value: Value, f: Callable[..., Any]) -> None:
    name = getattr(f, "__name__", "the function")
    if isinstance(value, (int, float)) and not isinstance(value, (bool, np.generic)):
        return
    if not hasattr(value, "shape"):
        hint = "end it with `return cost`" if value is None else "return the cost alone, or has_aux=True"
        raise NotScalarError(f"{name} returned a {type(value).__name__}, not a single number", try_=hint)
    if value.shape != ():
        raise NotScalarError(f"{name} returned an array of shape {value.shape}, not a single number",
                             why="a gradient is the slope of one number",
                             try_="np.sum(...) or np.mean(...) of it; wg.jacobian for all its slopes")
    if value.dtype.kind != "f":
        raise DtypeError(f"{name} returned {value.dtype}, which has no slope", try_="a cost in floating point")


def _rows(outputs: list[Any], chosen: list[Node], trace: Trace) -> list[list[Value]]:
    """Jacobians by reverse mode: one sweep per number of the result."""
    table = []
    for x in outputs:
        shape = getattr(x, "shape", ())
        if _is_traced(x, trace):
            rows = [gradients({x: one}, chosen) for one in _one_hot(x)]
        else:
            rows = [[_zeros(leaf) for leaf in chosen]] * _size(x)
        table.append([_stacked([row[k] for row in rows], 0, (*shape, *leaf.shape), leaf.dtype)
                      for k, leaf in enumerate(chosen)])
    return table


def _columns(outputs: list[Any], chosen: list[Node], trace: Trace) -> list[list[Value]]:
    """Jacobians by forward mode: one sweep per number of the arguments."""
    table: list[list[Value]] = [[] for _ in outputs]
    for leaf in chosen:
        for x, row in zip(outputs, table, strict=True):
            shape = getattr(x, "shape", ())
            columns = [tangents(x, {leaf: one}) if _is_traced(x, trace) else _zeros(x) for one in _one_hot(leaf)]
            row.append(_stacked(columns, len(shape), (*shape, *leaf.shape), leaf.dtype))
    return table


def _one_hot(x: Node) -> list[Value]:
    """For each number of ``x``, an array like it that is 1 there and 0 elsewhere."""
    return list(np.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape))


def _stacked(parts: list[Value], axis: int, shape: tuple[int, ...], dtype: Any) -> Value:
    """Slices laid side by side along a new axis, in ``shape``."""
    if not parts:
        return np.zeros(shape, dtype)
    own = np.shape(plain(parts[0]))
    grown = [reshape(part, shape=(*own[:axis], 1, *own[axis:])) for part in parts]
    return reshape(join(*grown, axis=axis), shape=shape)
