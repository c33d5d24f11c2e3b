"""Many numbers into few: sums, means, and the counterpart of a sum: copies."""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.choices import where
from whygrad.rules.define import Rule, Value, at, define, refuse, spells
from whygrad.rules.no_slope import isnan

Axis = int | tuple[int, ...] | None

REDUCED = (ONE, at((2, 3), axis=0), at((2, 3, 2), axis=(1, -1), keepdims=True))


def shape(x: Value) -> tuple[int, ...]:
    """The shape of an array, a traced node or a plain number."""
    return getattr(x, "shape", ())


def span(x: Value, axis: int, start: int | None, stop: int | None) -> Value:
    """The part of x from ``start`` up to ``stop`` along one axis."""
    return x[(slice(None),) * (axis % len(shape(x))) + (slice(start, stop),)]


def count(x: Value, axis: Axis) -> int:
    """How many numbers of x go into one number of a reduction over ``axis``."""
    axes = range(len(shape(x))) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod(shape(x)[a] for a in axes)


def _copies(x: Value, *, shape: tuple[int, ...], axis: Axis = None, keepdims: bool = False) -> Value:
    if axis is not None and not keepdims:
        x = np.expand_dims(x, axis)
    return np.broadcast_to(x, shape)


sum_ = define("sum", "x", lambda x, *, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims),
    pulls=(lambda g, out, x, **how: copies(g, shape=shape(x), **how),),
    linear="each",
    written=r"\sum {x}",
    because=("every summand moves the total by exactly its own change",),
    tested_at=REDUCED)

copies: Rule = define("copies", "x", _copies,
    pulls=(lambda g, out, x, *, shape, axis=None, keepdims=False: sum_(g, axis=axis, keepdims=keepdims),),
    linear="each",
    written=r"\mathbf{{1}}\,{x}",
    because=("a copied value answers for all its copies: add them",),
    tested_at=(at((), shape=(2, 3)), at((3,), shape=(2, 3), axis=0)))

mean_ = define("mean", "x", lambda x, *, axis=None, keepdims=False: np.mean(x, axis=axis, keepdims=keepdims),
    pulls=(lambda g, out, x, *, axis=None, keepdims=False: copies(g / count(x, axis), shape=shape(x), axis=axis, keepdims=keepdims),),
    linear="each",
    written=r"\overline{{{x}}}",
    because=("each of n numbers moves their mean by 1/n of its own change",),
    tested_at=REDUCED)


@spells(np.sum, tested_at=REDUCED)
def sum(x: Value, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False,
        initial: None = None, where: None = None) -> Value:
    """``numpy.sum``; ``dtype=``, ``out=``, ``initial=`` and ``where=`` are refused."""
    refuse("sum", dtype=dtype, out=out, initial=initial, where=where)
    return sum_(x, axis=axis, keepdims=keepdims)


@spells(np.mean, tested_at=REDUCED)
def mean(a: Value, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False, *, where: None = None) -> Value:
    """``numpy.mean``; ``dtype=``, ``out=`` and ``where=`` are refused."""
    refuse("mean", dtype=dtype, out=out, where=where)
    return mean_(a, axis=axis, keepdims=keepdims)


def _without_nan(a: Value) -> Value:
    return where(isnan(a), 0.0, a)


def _numbers(a: Value, axis: Axis, keepdims: bool) -> Value:
    """How many are not NaN."""
    return sum_(where(isnan(a), *np.array([0, 1], a.dtype)), axis=axis, keepdims=keepdims)


@spells(np.nansum, tested_at=REDUCED)
def nansum(a: Value, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False,
           initial: None = None, where: None = None) -> Value:
    """``numpy.nansum``: NaN counts as 0, and gets slope 0."""
    refuse("nansum", dtype=dtype, out=out, initial=initial, where=where)
    return sum_(_without_nan(a), axis=axis, keepdims=keepdims)


@spells(np.nanmean, tested_at=REDUCED)
def nanmean(a: Value, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False, *, where: None = None) -> Value:
    """``numpy.nanmean``: the mean of the numbers that are not NaN; NaN gets slope 0."""
    refuse("nanmean", dtype=dtype, out=out, where=where)
    return sum_(_without_nan(a), axis=axis, keepdims=keepdims) / _numbers(a, axis, keepdims)
