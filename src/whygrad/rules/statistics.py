"""Statistics: variance, weighted averages, quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, ShapeError, UnsupportedError
from whygrad.rules.choices import where
from whygrad.rules.define import At, Value, at, refuse, spells
from whygrad.rules.functions import sqrt
from whygrad.rules.no_slope import isnan
from whygrad.rules.queries import argsort
from whygrad.rules.shapes import reshape, transpose
from whygrad.rules.sums import REDUCED, Axis, copies, count, mean_, shape, sum_

SPREAD = (*REDUCED, at((3, 4), axis=0, ddof=1), at((3, 4), axis=1, keepdims=True))


@spells(np.var, tested_at=SPREAD)
def var(a: Value, axis: Axis = None, dtype: None = None, out: None = None, ddof: float = 0, keepdims: bool = False,
        *, where: None = None, mean: None = None, correction: float | None = None) -> Value:
    """``numpy.var``; ``dtype=``, ``out=``, ``where=`` and ``mean=`` are refused."""
    refuse("var", dtype=dtype, out=out, where=where, mean=mean)
    away = a - mean_(a, axis=axis, keepdims=True)
    n = count(a, axis)
    total = sum_(away * away, axis=axis, keepdims=keepdims)
    return total / np.maximum(n - (ddof if correction is None else correction), 0).item()


@spells(np.std, tested_at=SPREAD, convention="where all numbers are equal the slopes are 0")
def std(a: Value, axis: Axis = None, dtype: None = None, out: None = None, ddof: float = 0, keepdims: bool = False,
        *, where: None = None, mean: None = None, correction: float | None = None) -> Value:
    """``numpy.std``; ``dtype=``, ``out=``, ``where=`` and ``mean=`` are refused."""
    refuse("std", dtype=dtype, out=out, where=where, mean=mean)
    return _root(var(a, axis, ddof=ddof, keepdims=keepdims, correction=correction))


def _root(x: Value) -> Value:
    """The square root, with slope 0 at 0, where its own slope is infinite."""
    return where(x == 0.0, 0.0, sqrt(where(x == 0.0, 1.0, x)))


def values_and_weights(rng: np.random.Generator) -> list[Value]:
    """Numbers and positive weights for them."""
    return [rng.uniform(-2, 2, (2, 3)), rng.uniform(0.5, 2.0, (2, 3))]


@spells(np.average, tested_at=(*REDUCED, At(given=lambda rng: [values_and_weights(rng)[0]]),
                               At(given=lambda rng: [rng.normal(size=(2, 3)), 1, rng.uniform(0.5, 2.0, 3)]),
                               At(given=lambda rng: [values_and_weights(rng)[0], None, values_and_weights(rng)[1]])))
def average(a: Value, axis: Axis = None, weights: Value = None, returned: bool = False, *, keepdims: bool = False) -> Value:
    """``numpy.average``; differentiable in the weights too. Raises ShapeError where the weights do not fit."""
    if weights is None:
        mean = mean_(a, axis=axis, keepdims=keepdims)
        return (mean, np.full(shape(mean), float(count(a, axis)), mean.dtype)[()]) if returned else mean
    weights = np.asarray(weights) if isinstance(weights, (list, tuple)) else weights
    if shape(weights) != shape(a):
        if not isinstance(axis, int) or shape(weights) != (shape(a)[axis],):
            raise ShapeError(f"np.average of an array of shape {shape(a)} over axis {axis} with weights of shape {shape(weights)}",
                             try_="weights of the array's shape, or one for each place along the axis")
        weights = copies(weights, shape=shape(a), axis=tuple(i for i in range(len(shape(a))) if i != axis % len(shape(a))))
    total = sum_(weights, axis=axis, keepdims=keepdims)
    out = sum_(a * weights, axis=axis, keepdims=keepdims) / total
    return (out, total) if returned else out


# ---- quantiles ------------------------------------------------------------------------------------------------------------

# Between which two ranks a quantile lies is a position p = q (n - 1); how much the upper one counts depends on the method.
METHODS: dict[str, Callable[[float], float]] = {
    "linear": lambda p: p - math.floor(p),
    "lower": lambda p: 0.0,
    "higher": lambda p: float(p > math.floor(p)),
    "midpoint": lambda p: 0.5 * (p > math.floor(p)),
}
ORDERED = (at((5,)), at((4, 3), axis=0), at((2, 3, 3), axis=(0, -1), keepdims=True))
TIED = "of numbers that tie, the one that stands first counts as the smaller"


def _quantile(name: str, a: Value, q: Any, axis: Axis, method: str, keepdims: bool) -> Value:
    if method not in METHODS:
        raise UnsupportedError(f"np.{name}(..., method={method!r}) has no gradient rule", try_="one of " + ", ".join(METHODS))
    q = np.asarray(q)
    if not np.all((q >= 0) & (q <= 1)):
        raise ArgumentError(f"np.{name} was asked for {q} of the way through the numbers", try_="quantiles from 0 to 1, percentiles from 0 to 100")
    rows, kept = _rows(a, axis)
    order = argsort(rows, axis=-1)
    ranks = q.reshape(-1) * (shape(rows)[-1] - 1)
    lower = np.floor(ranks).astype(int)
    upper = np.minimum(lower + 1, shape(rows)[-1] - 1)
    share = np.array([METHODS[method](p) for p in ranks.tolist()]).astype(a.dtype)
    grid = tuple(np.ogrid[tuple(slice(n) for n in (*kept, 1))][:-1])
    low, high, last = (rows[(*grid, order[..., i])] for i in (lower, upper, np.array([-1])))
    out = low * (1.0 - share) + high * share
    out = where(isnan(last), last, out)  # NaN is sorted to the end: one among the numbers makes the result NaN
    out = transpose(out, axes=(len(kept), *range(len(kept))))
    if keepdims:
        axes = range(len(shape(a))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        kept = tuple(1 if i in {k % len(shape(a)) for k in axes} else n for i, n in enumerate(shape(a)))
    return reshape(out, shape=(*q.shape, *kept))


def _rows(a: Value, axis: Axis) -> tuple[Value, tuple[int, ...]]:
    """The numbers that go into one result side by side along the last axis, and the shape of what is kept."""
    if axis is None:
        return reshape(a, shape=(-1,)), ()
    n = len(shape(a))
    axes = [i % n for i in (axis if isinstance(axis, tuple) else (axis,))]
    others = [i for i in range(n) if i not in axes]
    kept = tuple(shape(a)[i] for i in others)
    return reshape(transpose(a, axes=(*others, *axes)), shape=(*kept, count(a, tuple(axes)))), kept


@spells(np.quantile, convention=TIED, tested_at=(at((5,), q=0.3), at((4, 3), q=[[0.1, 0.75], [1.0, 0.0]], axis=0),
    at((2, 3, 3), q=[0.4], axis=(0, -1), keepdims=True), *(at((4, 3), q=[0.2, 0.5], axis=1, method=method) for method in METHODS)))
def quantile(a: Value, q: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False, method: str = "linear",
             keepdims: bool = False, *, weights: None = None) -> Value:
    """``numpy.quantile`` for the methods linear, lower, higher and midpoint; q is a constant; ``weights=`` is refused."""
    refuse("quantile", out=out, weights=weights)
    return _quantile("quantile", a, q, axis, method, keepdims)


@spells(np.percentile, convention=TIED, tested_at=(at((5,), q=30), at((4, 3), q=[10, 75.0], axis=0)))
def percentile(a: Value, q: Any, axis: Axis = None, out: None = None, overwrite_input: bool = False, method: str = "linear",
               keepdims: bool = False, *, weights: None = None) -> Value:
    """``numpy.percentile``: see ``quantile``."""
    refuse("percentile", out=out, weights=weights)
    return _quantile("percentile", a, np.true_divide(q, 100), axis, method, keepdims)


@spells(np.median, convention=TIED, tested_at=ORDERED)
def median(a: Value, axis: Axis = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Value:
    """``numpy.median``; ``out=`` is refused."""
    refuse("median", out=out)
    return _quantile("median", a, 0.5, axis, "linear", keepdims)
