"""Running sums and products, and the product of many numbers: exact also where some of the numbers are 0."""

from __future__ import annotations

import itertools

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.define import At, Rule, Value, at, define, refuse, spells
from whygrad.rules.shapes import join, reshape
from whygrad.rules.sums import REDUCED, Axis, copies, shape, span

ROWS = (at((4,), axis=0), at((2, 3), axis=-1, reverse=True), at((2, 3, 2), axis=1))


def with_zeros(rng: np.random.Generator) -> list[Value]:
    """Rows with no, one and two zeros: dividing the product by a number would not do."""
    x = rng.uniform(0.5, 2.0, (3, 4))
    x[1, 2] = x[2, 0] = x[2, 3] = 0.0
    return [x]


def shifted(x: Value, axis: int, first: float, backwards: bool = False) -> Value:
    """Every number one place further along ``axis`` (or one place back); ``first`` fills the place that becomes free."""
    n = shape(x)[axis]
    free = np.full((*shape(x)[:axis % len(shape(x))], min(n, 1), *shape(x)[axis % len(shape(x)) + 1:]), first, x.dtype)
    return join(span(x, axis, 1, None), free, axis=axis) if backwards else join(free, span(x, axis, 0, max(n - 1, 0)), axis=axis)


def _running(accumulate: np.ufunc, x: Value, axis: int, reverse: bool) -> Value:
    return np.flip(accumulate.accumulate(np.flip(x, axis), axis), axis) if reverse else accumulate.accumulate(x, axis)


cumsum_: Rule = define("cumsum", "x", lambda x, *, axis, reverse=False: _running(np.add, x, axis, reverse),
    pulls=(lambda g, out, x, *, axis, reverse=False: cumsum_(g, axis=axis, reverse=not reverse),),
    linear="each",
    written=r"\mathrm{{cumsum}}({x})",
    because=("a number moves its own running total, and every later one",),
    tested_at=ROWS)


def _recurrence(a: Value, b: Value, *, axis: int, reverse: bool = False) -> Value:
    a, b = np.broadcast_arrays(np.moveaxis(np.asarray(a), axis, 0), np.moveaxis(np.asarray(b), axis, 0))
    out = np.array(b, np.result_type(a, b))
    places = range(len(out))[::-1] if reverse else range(len(out))
    for before, i in itertools.pairwise(places):
        out[i] += a[i] * out[before]
    return np.moveaxis(out, 0, axis)


def _pull_recurrence(g: Value, a: Value, axis: int, reverse: bool) -> Value:
    """What arrives at out[i] comes from g[i], and from out[i+1] by way of a[i+1]: the same recurrence, the other way round."""
    return recurrence(shifted(a, axis, 0.0, backwards=not reverse), g, axis=axis, reverse=not reverse)


recurrence = define("recurrence", "a b", _recurrence,
    pulls=(lambda g, out, a, b, *, axis, reverse=False:
               _pull_recurrence(g, a, axis, reverse) * shifted(out, axis, 0.0, backwards=reverse),
           lambda g, out, a, b, *, axis, reverse=False: _pull_recurrence(g, a, axis, reverse)),
    written=r"s_i = {a}_i s_{{i-1}} + {b}_i",
    because=("scales what came before it, and so everything after", "enters here, and is carried on by the factors that follow"),
    tested_at=tuple(At(2 * place.shapes, params=place.params) for place in ROWS))


def _pull_cumprod(g: Value, out: Value, x: Value, *, axis: int, reverse: bool = False) -> Value:
    """x[i] reaches out[k], k ≥ i, through the product of the others up to k: those before i, times those from i+1 to k.

    The sum over k of g[k] times the second part is what a recurrence with factors x collects; nothing is divided.
    """
    before = shifted(out, axis, 1.0, backwards=reverse)
    return before * _pull_recurrence(g, x, axis, reverse)


cumprod_ = define("cumprod", "x", lambda x, *, axis, reverse=False: _running(np.multiply, x, axis, reverse),
    pulls=(_pull_cumprod,),
    written=r"\mathrm{{cumprod}}({x})",
    because=("a number scales its own running product, and every later one",),
    tested_at=(*ROWS, At(given=with_zeros, params=dict(axis=1))))


def _pull_prod(g: Value, out: Value, x: Value, *, axis: int, keepdims: bool = False) -> Value:
    """The slope is the product of the others: of those before, times of those after."""
    before = shifted(cumprod_(x, axis=axis), axis, 1.0)
    after = shifted(cumprod_(x, axis=axis, reverse=True), axis, 1.0, backwards=True)
    return copies(g, shape=shape(x), axis=axis, keepdims=keepdims) * before * after


prod_ = define("prod", "x", lambda x, *, axis, keepdims=False: np.prod(x, axis=axis, keepdims=keepdims),
    pulls=(_pull_prod,),
    written=r"\prod {x}",
    because=("the slope of one factor is the product of all the others",),
    tested_at=(at((4,), axis=0), at((2, 3), axis=-1, keepdims=True), At(given=with_zeros, params=dict(axis=1))))


@spells(np.cumsum, tested_at=(ONE, at((2, 3), axis=1)))
def cumsum(a: Value, axis: int | None = None, dtype: None = None, out: None = None) -> Value:
    """``numpy.cumsum``; ``dtype=`` and ``out=`` are refused."""
    refuse("cumsum", dtype=dtype, out=out)
    return cumsum_(reshape(a, shape=(-1,)), axis=0) if axis is None else cumsum_(a, axis=axis)


@spells(np.cumprod, tested_at=(ONE, at((2, 3), axis=1)))
def cumprod(a: Value, axis: int | None = None, dtype: None = None, out: None = None) -> Value:
    """``numpy.cumprod``; ``dtype=`` and ``out=`` are refused."""
    refuse("cumprod", dtype=dtype, out=out)
    return cumprod_(reshape(a, shape=(-1,)), axis=0) if axis is None else cumprod_(a, axis=axis)


@spells(np.prod, tested_at=(*REDUCED, At(given=with_zeros, params=dict(axis=(1,))), At(given=lambda rng: [with_zeros(rng)[0][:2]])))
def prod(a: Value, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False,
         initial: None = None, where: None = None) -> Value:
    """``numpy.prod``; ``dtype=``, ``out=``, ``initial=`` and ``where=`` are refused."""
    refuse("prod", dtype=dtype, out=out, initial=initial, where=where)
    n = len(shape(a))
    if axis is None:
        product = prod_(reshape(a, shape=(-1,)), axis=0)
        return reshape(product, shape=(1,) * n) if keepdims else product
    axes = sorted({i % n for i in (axis if isinstance(axis, tuple) else (axis,))}, reverse=True)
    for i in axes:  # the last axis first: the numbers of the others do not change
        a = prod_(a, axis=i, keepdims=keepdims)
    return a
