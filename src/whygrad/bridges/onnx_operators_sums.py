"""ONNX operators that combine many numbers: matrix products, sums and other reductions, softmax, running sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.bridges.onnx_operators import operator
from whygrad.bridges.onnx_operators_arrays import given_axes
from whygrad.rules import softmax
from whygrad.rules.define import Value

# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("MatMul", 1, 13)
def matmul(x: Value, y: Value) -> Value:
    """``x @ y``, stacks of matrices included."""
    return x @ y


@operator("Gemm", 7, 13)
def gemm(a: Value, b: Value, c: Value | None = None, *, alpha: float, beta: float, transA: int = 0,
         transB: int = 0) -> Value:  # fmt: skip
    """alpha a b + beta c, with a and b transposed where asked."""
    out = (a.T if transA else a) @ (b.T if transB else b)
    out = out if alpha == 1.0 else _scaled(alpha, out)
    return out if c is None else out + (c if beta == 1.0 else _scaled(beta, c))


def _scaled(factor: float, x: Value) -> Value:
    return factor * x if x.dtype.kind == "f" else (factor * x).astype(x.dtype)


@operator("Einsum", 12, 28)
def einsum(*xs: Value, equation: str) -> Value:
    """As NumPy's."""
    return np.einsum(equation, *xs)


@operator("Det", 11, 22)
def determinant(x: Value) -> Value:
    """Of each of a stack of matrices."""
    return np.linalg.det(x)


# ── reductions ───────────────────────────────────────────────────────────────────────────────────────────────────────

Reduction = Callable[[Value, tuple[int, ...], bool], Value]


def _reduced(name: str, reduce: Reduction) -> None:
    """Axes are an attribute up to version 13 (of ReduceSum: 11), an input from then on."""

    def call(x: Value, array: Value | None = None, *, axes: Any = None, keepdims: int,
             noop_with_empty_axes: int = 0) -> Value:  # fmt: skip
        chosen = given_axes(axes, array)
        if not chosen and noop_with_empty_axes:
            return reduce(x, (), True)
        n = len(x.shape)
        return reduce(x, tuple(range(n)) if not chosen else tuple(i % n for i in chosen), bool(keepdims))

    call.__doc__ = reduce.__doc__
    operator(name, 1, 28, constants=(1,))(call)


def _sum(x: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
    """The sum, in x's dtype."""
    total = np.sum(x, axis=axis, keepdims=keepdims) if axis else +x
    return total if total.dtype == x.dtype else total.astype(x.dtype)


def _mean(x: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
    """The sum divided by how many there are."""
    total, n = _sum(x, axis, keepdims), math.prod(x.shape[i] for i in axis)
    return total / float(n) if x.dtype.kind == "f" else total // n


def _extreme(function: Any, empty: float) -> Reduction:
    def extreme(x: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
        """The largest (or smallest); of no numbers, the dtype's least (or greatest)."""
        if not axis:
            return x
        if math.prod(x.shape[i] for i in axis) == 0:
            kept = np.sum(np.zeros(x.shape, np.int8), axis=axis, keepdims=keepdims).shape
            if x.dtype.kind == "f":
                return np.full(kept, empty, x.dtype)
            if x.dtype.kind == "b":
                return np.full(kept, empty > 0)
            return np.full(kept, getattr(np.iinfo(x.dtype), "max" if empty > 0 else "min"), x.dtype)
        return function(x, axis=axis, keepdims=keepdims)

    return extreme


def _log_sum_exp(x: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
    """log Σ exp(x), safe at any x; of no numbers, -inf."""
    if math.prod(x.shape[i] for i in axis) == 0:
        return np.log(_sum(x, axis, keepdims))
    return softmax.logsumexp_(x, axis=axis, keepdims=keepdims) if axis else +x


def _product(x: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
    """The product, one axis after the other."""
    for i in axis:
        x = np.prod(x, axis=i, keepdims=True).astype(x.dtype)
    return x if keepdims or not axis else np.squeeze(x, axis)


_reduced("ReduceSum", _sum)
_reduced("ReduceMean", _mean)
_reduced("ReduceMax", _extreme(np.max, -math.inf))
_reduced("ReduceMin", _extreme(np.min, math.inf))
_reduced("ReduceProd", _product)
_reduced("ReduceL1", lambda x, axis, keepdims: _sum(np.abs(x), axis, keepdims))
_reduced(
    "ReduceL2", lambda x, axis, keepdims: np.linalg.vector_norm(x, axis=axis, keepdims=keepdims) if axis else np.abs(x)
)
_reduced("ReduceSumSquare", lambda x, axis, keepdims: _sum(x * x, axis, keepdims))
_reduced("ReduceLogSum", lambda x, axis, keepdims: np.log(_sum(x, axis, keepdims)))
_reduced("ReduceLogSumExp", _log_sum_exp)


# ── shares ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _shares(name: str, function: Callable[[Value, int], Value]) -> None:
    """Before version 13, over all axes from ``axis`` on together; since then over that axis alone."""

    def over_one(x: Value, *, axis: int) -> Value:
        return function(x, axis)

    def over_rest(x: Value, *, axis: int) -> Value:
        rows = np.reshape(x, (math.prod(x.shape[: axis % max(len(x.shape), 1)]), -1))
        return np.reshape(function(rows, -1), x.shape)

    operator(name, 13, 13)(over_one)
    operator(name, 1, 11)(over_rest)


def _hardmax(x: Value, axis: int) -> Value:
    """1 at the first largest number, 0 elsewhere."""
    places = np.expand_dims(np.asarray(np.argmax(x, axis=axis)), axis)
    axis %= len(x.shape)
    counting = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(x.shape))])
    return (places == counting).astype(x.dtype)


_shares("Softmax", softmax.softmax)
_shares("LogSoftmax", softmax.log_softmax)
_shares("Hardmax", _hardmax)


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _running(name: str, first: int, last: int, function: Any, empty: float) -> None:
    def call(x: Value, axis: Value, *, exclusive: int = 0, reverse: int = 0) -> Value:
        along = int(np.asarray(axis).reshape(-1)[0]) % len(x.shape)
        x = np.flip(x, along) if reverse else x
        if exclusive:  # each number stands for those before it
            before = (slice(None),) * along
            start = np.full(x[(*before, slice(0, 1))].shape, empty, x.dtype)
            x = np.concatenate([start, x[(*before, slice(0, -1))]], axis=along)
        out = function(x, axis=along).astype(x.dtype)
        return np.flip(out, along) if reverse else out

    operator(name, first, last, constants=(1,))(call)


_running("CumSum", 11, 14, np.cumsum, 0.0)
_running("CumProd", 26, 26, np.cumprod, 1.0)
