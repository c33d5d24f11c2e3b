"""Shares of a whole: logsumexp, softmax and its logarithm, safe at any input."""

from __future__ import annotations

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.choices import equal, where
from whygrad.rules.define import Value, at, define
from whygrad.rules.functions import exp
from whygrad.rules.sums import Axis, copies, shape, sum_


def _lowered(x: Value, axis: Axis) -> tuple[Value, Value]:
    """x with its largest number moved to 0, so that exp can not overflow, and what was taken off."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros((), top.dtype))
    return x - top, top


def _logsumexp(x: Value, *, axis: Axis = None, keepdims: bool = False) -> Value:
    low, top = _lowered(np.asarray(x), axis)
    with np.errstate(divide="ignore", over="ignore"):  # the logarithm of nothing but -inf is -inf
        out = np.log(np.sum(np.exp(low), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis)[()]


def _softmax(x: Value, *, axis: Axis = -1) -> Value:
    parts = np.exp(_lowered(np.asarray(x), axis)[0])
    with np.errstate(invalid="ignore"):  # shares of nothing but -inf are NaN
        return parts / np.sum(parts, axis=axis, keepdims=True)


def _log_softmax(x: Value, *, axis: Axis = -1) -> Value:
    low, _ = _lowered(np.asarray(x), axis)
    return low - np.log(np.sum(np.exp(low), axis=axis, keepdims=True))


def _pull_logsumexp(g: Value, out: Value, x: Value, *, axis: Axis = None, keepdims: bool = False) -> Value:
    empty = copies(equal(out, -np.inf), shape=shape(x), axis=axis, keepdims=keepdims)
    share = where(empty, 0.0, softmax_(x, axis=axis))  # exp(x - out) would be off by the rounding of out: 3e-5 at x = 1000 in float32
    return copies(g, shape=shape(x), axis=axis, keepdims=keepdims) * share


logsumexp_ = define("logsumexp", "x", _logsumexp,
    pulls=(_pull_logsumexp,),
    written=r"\log \sum e^{{{x}}}",
    because=("each number counts by its softmax: its share of the sum under the logarithm",),
    convention="where every number is -inf the slopes are 0",
    tested_at=(ONE, at((2, 3), axis=0), at((2, 3, 2), axis=(0, -1), keepdims=True)))

softmax_ = define("softmax", "x", _softmax,
    pulls=(lambda g, out, x, *, axis=-1: out * (g - sum_(g * out, axis=axis, keepdims=True)),),
    written=r"\mathrm{{softmax}}({x})",
    because=("raises its own share, and lowers all the others in proportion to theirs",),
    tested_at=(ONE, at((2, 3), axis=0), at((2, 3, 2), axis=(0, 2))))

log_softmax_ = define("log_softmax", "x", _log_softmax,
    pulls=(lambda g, out, x, *, axis=-1: g - exp(out) * sum_(g, axis=axis, keepdims=True),),
    written=r"\log\,\mathrm{{softmax}}({x})",
    because=("raises its own logarithm, and lowers all of them by its share",),
    tested_at=(ONE, at((2, 3), axis=0), at((2, 3, 2), axis=(0, 2))))


def logsumexp(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The logarithm of the sum of exponentials over ``axis`` (None: over all numbers)."""
    return logsumexp_(x, axis=axis, keepdims=keepdims)


def softmax(x: Value, axis: Axis = -1) -> Value:
    """Exponentials divided by their sum over ``axis``: positive shares that add up to 1; same shape as x."""
    return softmax_(x, axis=axis)


def log_softmax(x: Value, axis: Axis = -1) -> Value:
    """The logarithm of ``softmax``, without its underflow: finite wherever x is."""
    return log_softmax_(x, axis=axis)
