"""Squishing functions of neural networks, safe at any input."""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.choices import where
from whygrad.rules.define import Value, at, define
from whygrad.rules.functions import exp
from whygrad.rules.special import erf

ROOT_HALF = math.sqrt(0.5)
BELL_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)


def _sigmoid(x: Value) -> Value:
    # exp of a number that is never positive: no overflow at any x
    small = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1.0, small) / (1.0 + small)


sigmoid = define("sigmoid", "x", _sigmoid,
    slopes=(lambda out, x: out * (1.0 - out),),
    written=r"\sigma({x})",
    because=("at most 1/4, and nearly 0 once |x| is large: a saturated neuron hardly responds",),
    tested_at=(ONE,))

relu = define("relu", "x", lambda x: np.maximum(x, 0),
    slopes=(lambda out, x: where(x > 0.0, 1.0, 0.0),),
    written=r"\mathrm{{relu}}({x})",
    because=("passes every change on while x is positive, none while it is negative",),
    convention="at x = 0 the slope is 0",
    tested_at=(ONE,))

leaky_relu_ = define("leaky_relu", "x", lambda x, *, slope=0.01: np.where(np.greater(x, 0), x, np.multiply(slope, x)),
    slopes=(lambda out, x, *, slope=0.01: where(x > 0.0, 1.0, slope),),
    written=r"\mathrm{{leaky\ relu}}({x})",
    because=("passes every change on while x is positive, a small part of it while x is negative",),
    convention="at x = 0 the slope is that of the negative side",
    tested_at=(ONE, at((2, 3), slope=0.3)))

elu_ = define("elu", "x", lambda x, *, alpha=1.0: np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0))),
    slopes=(lambda out, x, *, alpha=1.0: where(x > 0.0, 1.0, out + alpha),),
    written=r"\mathrm{{elu}}({x})",
    because=("passes every change on while x is positive, less and less the more negative x is",),
    convention="at x = 0 the slope is that of the negative side, alpha",
    tested_at=(ONE, at((2, 3), alpha=0.4)))

gelu = define("gelu", "x", lambda x: np.multiply(x, 0.5) * (1.0 + erf.forward(np.multiply(x, ROOT_HALF))),
    slopes=(lambda out, x: 0.5 * (1.0 + erf(ROOT_HALF * x)) + BELL_AT_0 * (x * exp(-0.5 * x ** 2)),),
    written=r"\mathrm{{gelu}}({x})",
    because=("x times the chance that a standard normal number lies below x",),
    tested_at=(ONE,))

silu = define("silu", "x", lambda x: x * _sigmoid(x),
    slopes=(lambda out, x: sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))),),
    written=r"\mathrm{{silu}}({x})",
    because=("x times its own sigmoid: nearly x when positive, nearly 0 when negative",),
    tested_at=(ONE,))

softplus = define("softplus", "x", lambda x: np.logaddexp(x, 0.0),
    slopes=(lambda out, x: sigmoid(x),),
    written=r"\mathrm{{softplus}}({x})",
    because=("a relu with a rounded corner: its slope is the sigmoid",),
    tested_at=(ONE,))


def leaky_relu(x: Value, slope: float = 0.01) -> Value:
    """x where it is positive, ``slope`` times x elsewhere."""
    return leaky_relu_(x, slope=slope)


def elu(x: Value, alpha: float = 1.0) -> Value:
    """x where it is positive, ``alpha * (exp(x) - 1)`` elsewhere."""
    return elu_(x, alpha=alpha)
