"""Rules that are made of other rules, spelled out before kernels are made of them: softmax, norms, einsum.

A rule's own value is traced again, on values of its shapes, so nothing is stated twice; where a rule computes in
plain NumPy
what the table can say, its words in the table's own primitives stand here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from whygrad.graph.node import Node, Trace
from whygrad.jit.program import Loop, Op, Program, Ref, Var
from whygrad.rules.choices import absolute, equal, greater_equal, less, maximum, where
from whygrad.rules.define import Value
from whygrad.rules.extremes import max_
from whygrad.rules.functions import exp, log, log1p
from whygrad.rules.indexing import getitem, pick, place, put
from whygrad.rules.linear import matmul
from whygrad.rules.no_slope import isfinite, logical_or
from whygrad.rules.queries import Hole
from whygrad.rules.shapes import as_dtype, broadcast, reshape, transpose
from whygrad.rules.sums import shape as shape_of
from whygrad.rules.sums import sum_


def expanded(program: Program) -> Program:
    """The program with composite rules spelled out."""
    ops: list[Any] = []
    constants = dict(program.constants)
    makers = program.makers()
    for op in program.ops:
        if isinstance(op, Loop):
            raise AssertionError("loops are found after rules have been spelled out")
        if op.rule is matmul and (thin := _thin(op, makers)) is not None:
            ops += spelled_out(*thin, constants)
        else:
            ops += spelled_out(op, SPELLED_OUT[op.rule.name], constants) if _is_composite(op) else [op]
    return replace(program, ops=tuple(ops), constants=constants)


def _thin(op: Op, makers: Mapping[Var, Op]) -> tuple[Op, Callable[..., Value]] | None:
    """A product with a single column, or of a column and a row, is no work for tiles of 16 columns.

    A matrix that was transposed is taken as it lies, so that its rows are run through.
    """
    x, y = op.inputs
    if not (isinstance(x, Var) and isinstance(y, Var) and len(x.shape) == 2 and x.size and y.size):
        return None
    if len(y.shape) == 2 and y.shape[0] == 1:
        return op, lambda x, y: x * y
    if math.prod(y.shape[1:]) != 1:
        return None
    made = makers.get(x)
    if made is not None and made.rule is transpose and isinstance(made.inputs[0], Var):
        column, axis = (x.shape[1], 1), 0
        op = replace(op, inputs=(made.inputs[0], y))
    else:
        column, axis = (1, x.shape[1]), 1
    shape = op.out.shape
    return op, lambda x, y: reshape(sum_(x * reshape(y, shape=column), axis=axis), shape=shape)


def _is_composite(op: Op) -> bool:
    if op.rule.name in ("pick", "place"):
        return op.params["pattern"] != Hole(0) and _rows_and_rest(op.params["pattern"]) is not None
    return op.rule.name in SPELLED_OUT


def spelled_out(op: Op, function: Callable[..., Value], constants: dict[Var, np.ndarray]) -> list[Op]:
    """One step as several: those of a function that computes the same."""
    with Trace(everything=True) as trace, np.errstate(all="ignore"):
        refs: dict[Node, Ref] = {}
        args: list[Value] = []
        for x in op.inputs:
            if isinstance(x, Var):
                leaf = trace.leaf(np.ones(x.shape, x.dtype)[()])
                refs[leaf] = x
                args.append(leaf)
            else:
                args.append(x)
        result = function(*args, **op.params)
    assert isinstance(result, Node)
    parts = []
    for node in trace.tape:
        assert node.rule is not None
        out = op.out if node is result else Var(node.shape, node.dtype)
        refs[node] = out
        parts.append(Op(out, node.rule, tuple([_ref(x, refs, constants) for x in node.inputs]), node.params, op.note))
    return parts


def _ref(x: Value, refs: Mapping[Node, Ref], constants: dict[Var, np.ndarray]) -> Ref:
    if isinstance(x, Node):
        return refs[x]
    if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
        return x
    array = np.asarray(x)
    var = Var(array.shape, array.dtype)
    constants[var] = array
    return var


# ── what each is made of ─────────────────────────────────────────────────────────────────────────────────────────────


def _lowered(x: Value, axis: Any) -> tuple[Value, Value]:
    """x with its largest number moved to 0, so that exp can not overflow, and what was taken off."""
    top = max_(x, axis=axis, keepdims=True)
    top = where(isfinite(top), top, np.zeros((), x.dtype))
    return x - top, top


def _logsumexp(x: Value, *, axis: Any = None, keepdims: bool = False) -> Value:
    low, top = _lowered(x, axis)
    out = log(sum_(exp(low), axis=axis, keepdims=True)) + top
    return out if keepdims else reshape(out, shape=_without(shape_of(x), axis))


def _without(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    dropped = {a % len(shape) for a in axes}
    return tuple(n for d, n in enumerate(shape) if d not in dropped)


def _softmax(x: Value, *, axis: Any = -1) -> Value:
    parts = exp(_lowered(x, axis)[0])
    return parts / sum_(parts, axis=axis, keepdims=True)


def _log_softmax(x: Value, *, axis: Any = -1) -> Value:
    low, _ = _lowered(x, axis)
    return low - log(sum_(exp(low), axis=axis, keepdims=True))


def _logaddexp(x: Value, y: Value) -> Value:
    return where(equal(x, y), x + math.log(2), maximum(x, y) + log1p(exp(-absolute(x - y))))


def _einsum(*xs: Value, subscripts: str, optimize: Any = None) -> Value:
    """Two factors at a time, each as a product of matrices."""
    inputs, _, output = subscripts.partition("->")
    terms = inputs.split(",")
    x, term = xs[0], terms[0]
    x, term = _diagonals(x, term)
    for y, other in zip(xs[1:], terms[1:], strict=True):
        y, other = _diagonals(y, other)
        later = set("".join(terms[terms.index(other) + 1 :])) | set(output)
        x, term = _pair(x, term, y, other, later)
    gone = tuple(i for i, label in enumerate(term) if label not in output)
    if gone:
        x, term = sum_(x, axis=gone), "".join(label for label in term if label in output)
    return _arranged(x, tuple(term.index(label) for label in output))


def _diagonals(x: Value, term: str) -> tuple[Value, str]:
    while len(set(term)) < len(term):
        label = next(label for label in term if term.count(label) > 1)
        i, j = [k for k, one in enumerate(term) if one == label][:2]
        x = np.diagonal(x, axis1=i, axis2=j)
        term = "".join(one for k, one in enumerate(term) if k not in (i, j)) + label
    return x, term


def _pair(x: Value, a: str, y: Value, b: str, needed: set[str]) -> tuple[Value, str]:
    """x and y multiplied, summed over the indices that nothing later needs."""
    only_a = tuple(i for i, label in enumerate(a) if label not in b and label not in needed)
    only_b = tuple(i for i, label in enumerate(b) if label not in a and label not in needed)
    x, a = (sum_(x, axis=only_a), "".join(c for i, c in enumerate(a) if i not in only_a)) if only_a else (x, a)
    y, b = (sum_(y, axis=only_b), "".join(c for i, c in enumerate(b) if i not in only_b)) if only_b else (y, b)
    both = [c for c in a if c in b and c in needed]
    inner = [c for c in a if c in b and c not in needed]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    sizes = {c: max(n, m) for c, n, m in _lengths(a, shape_of(x), b, shape_of(y))}
    x = _as_matrices(x, a, both, left, inner, sizes)
    y = _as_matrices(y, b, both, inner, right, sizes)
    out = matmul(x, y)
    labels = [*both, *left, *right]
    return reshape(out, shape=tuple(sizes[c] for c in labels)), "".join(labels)


def _lengths(a: str, m: tuple[int, ...], b: str, n: tuple[int, ...]) -> list[tuple[str, int, int]]:
    first, second = dict(zip(a, m, strict=True)), dict(zip(b, n, strict=True))
    return [(c, first.get(c, 1), second.get(c, 1)) for c in dict.fromkeys(a + b)]


def _as_matrices(
    x: Value, term: str, both: list[str], rows: list[str], columns: list[str], sizes: Mapping[str, int]
) -> Value:
    """Axes in the order (stack, rows, columns), each group one axis."""
    labels = [*both, *rows, *columns]
    x = _arranged(x, tuple(term.index(c) for c in labels))
    full = tuple(sizes[c] for c in labels)
    x = x if shape_of(x) == full else broadcast(x, shape=full)

    def product(group: list[str]) -> int:
        return int(np.prod([sizes[c] for c in group], dtype=int))

    stack = tuple(sizes[c] for c in both)
    return reshape(x, shape=(*stack, product(rows), product(columns)))


def _arranged(x: Value, axes: tuple[int, ...]) -> Value:
    return x if axes == tuple(range(len(axes))) else transpose(x, axes=axes)


def _rows_and_rest(pattern: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """An index of whole-number arrays for the first axes, then slices; None for any other."""
    parts = pattern if isinstance(pattern, tuple) else (pattern,)
    n = next((i for i, part in enumerate(parts) if isinstance(part, (slice, type(Ellipsis)))), len(parts))
    whole = all(
        isinstance(part, (Hole, int, np.integer)) or (isinstance(part, np.ndarray) and part.dtype.kind in "iu")
        for part in parts[:n]
    )
    return (parts[:n], parts[n:]) if whole and all(isinstance(part, slice) for part in parts[n:]) else None


def _one_place(rows: tuple[Any, ...], found: tuple[Value, ...], shape: tuple[int, ...]) -> Value:
    """The places along several axes as places along their product; outside on any axis is outside of that as well."""
    total: Any = 0
    outside: Any = False
    for part, n in zip(rows, shape, strict=False):
        i = as_dtype(found[part.number] if isinstance(part, Hole) else np.asarray(part), np.dtype(np.int64))
        outside = logical_or(outside, logical_or(less(i, -n), greater_equal(i, n)))
        total = total * n + where(less(i, 0), i + n, i)
    return where(outside, math.prod(shape), total)


def _pick(x: Value, *found: Value, pattern: Any) -> Value:
    rows, rest = _rows_and_rest(pattern) or ((), ())
    shape = shape_of(x)
    place = _one_place(rows, found, shape[: len(rows)])
    picked = pick(reshape(x, shape=(math.prod(shape[: len(rows)]), *shape[len(rows) :])), place, pattern=Hole(0))
    return getitem(picked, index=(slice(None),) * len(shape_of(place)) + rest) if rest else picked


def _place(x: Value, *found: Value, pattern: Any, shape: tuple[int, ...]) -> Value:
    rows, rest = _rows_and_rest(pattern) or ((), ())
    at = _one_place(rows, found, shape[: len(rows)])
    inner = shape[len(rows) :]
    if rest:
        x = put(x, index=(slice(None),) * len(shape_of(at)) + rest, shape=(*shape_of(at), *inner))
    long = place(x, at, pattern=Hole(0), shape=(math.prod(shape[: len(rows)]), *inner))
    return reshape(long, shape=shape)


SPELLED_OUT: dict[str, Callable[..., Value]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "einsum": _einsum,
    "logaddexp": _logaddexp,
    "pick": _pick,
    "place": _place,
}
