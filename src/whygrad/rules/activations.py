"""Squishing functions of neural networks, safe at any input."""

from __future__ import annotations

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.choices import where
from whygrad.rules.define import Value, define


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
