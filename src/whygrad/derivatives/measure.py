"""Derivatives by measurement: move the input a little, see how far the output moves. No calculus; honest error bars.

A difference quotient errs twice: a large step sees the curve (error ~ h⁴ here), a small one sees rounding (~ 1e-16/h).
So several steps are tried; where two neighbours agree best the slope is read off, and their disagreement is its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FLOAT64, FLOAT32 = 2.0**-52, 2.0**-23  # relative rounding of one number
STEPS = {FLOAT64: tuple(2.0**-k for k in (6, 9, 12, 15, 18, 21)),  # 1.6e-2 down to 4.8e-7
         FLOAT32: tuple(2.0**-k for k in (3, 5, 7, 9))}


@dataclass(frozen=True)
class Measured:
    """A slope, ``value`` ± ``error``, and the slopes ``left`` and ``right`` seen from either side alone.

    ``kink``: the sides disagree by an amount that does not shrink with the step, or one of them does not exist.
    ``coarse``: the slope at the largest step.  ``size``: the largest value the function took on the way.
    """

    value: float
    error: float
    left: float
    right: float
    kink: bool
    coarse: float
    size: float


def slope(f: Callable[[float], float], rounding: float = FLOAT64) -> Measured:
    """The slope of ``f`` at 0. ``rounding``: the relative rounding of its values, FLOAT64 or FLOAT32.

    Where a step leaves the domain of ``f`` (log of a negative number) the quotient is NaN, and smaller steps decide.
    """
    steps = STEPS[rounding]
    with np.errstate(all="ignore"):
        here = float(f(0.0))
        seen = [(_value(f, -2 * h), _value(f, -h), here, _value(f, h), _value(f, 2 * h)) for h in steps]
    scale = max((abs(y) for row in seen for y in row if math.isfinite(y)), default=0.0)
    noise = [4 * rounding * scale / h for h in steps]
    central = [_central(row, h) for row, h in zip(seen, steps, strict=True)]
    lefts = [-_forward(row[2::-1], h) for row, h in zip(seen, steps, strict=True)]
    rights = [_forward(row[2:], h) for row, h in zip(seen, steps, strict=True)]
    value, error = _steadiest(central, noise)
    left, left_error = _steadiest(lefts, noise)
    right, right_error = _steadiest(rights, noise)
    # not "> ...": a side that does not exist is NaN, and counts as a kink
    smooth = abs(right - left) <= 20 * (left_error + right_error) + 1e-6 * max(abs(left), abs(right))
    jump = _jumps(lefts, steps, scale) or _jumps(rights, steps, scale)
    return Measured(value, error, left, right, jump or not smooth, central[0], scale)


def _value(f: Callable[[float], float], t: float) -> float:
    """NaN where ``f`` raises: it does not exist there (the logarithm, or the decomposition, of something broken)."""
    try:
        return float(f(t))
    except (ArithmeticError, ValueError):
        return math.nan


def _jumps(tried: list[float], steps: tuple[float, ...], scale: float) -> bool:
    """A jump looks like a slope of (its height / step): the product stays the same as the step shrinks."""
    heights = [estimate * h for estimate, h in zip(tried[-3:], steps[-3:], strict=True)]
    middle = sum(heights) / 3
    return abs(middle) > 1e-9 * scale and max(heights) - min(heights) <= 0.01 * abs(middle)


def _steadiest(tried: list[float], noise: list[float]) -> tuple[float, float]:
    """The estimate that agrees best with the one of the next larger step, and how well it agrees."""
    best, error = math.nan, math.inf
    for coarse, fine, floor in zip(tried, tried[1:], noise[1:], strict=False):
        disagreement = abs(coarse - fine) + floor
        if disagreement < error:
            best, error = fine, disagreement
    return best, error


def _central(row: tuple[float, ...], h: float) -> float:
    """Fourth order: the errors of h and 2h cancel up to h⁴."""
    low2, low, _, high, high2 = row
    return (8 * (high - low) - (high2 - low2)) / (12 * h)


def _forward(row: tuple[float, ...], h: float) -> float:
    """Second order, from one side only."""
    here, near, far = row
    return (4 * near - 3 * here - far) / (2 * h)
