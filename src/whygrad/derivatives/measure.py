"""Derivatives by measurement: move the input a little, see how far the output moves. No calculus; honest error bars.

A difference quotient errs twice: a large step sees the curve (error ~ h⁴ here), a small one sees rounding (~ 1e-16/h).
So several steps are tried; where two neighbours agree best the slope is read off, and their disagreement is its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STEPS = tuple(2.0 ** -k for k in (6, 9, 12, 15, 18, 21))  # 1.6e-2 down to 4.8e-7
FLOAT64, FLOAT32 = 2.0 ** -52, 2.0 ** -23  # relative rounding of one number


@dataclass(frozen=True)
class Measured:
    """A slope, ``value`` ± ``error``, and the slopes ``left`` and ``right`` seen from either side alone.

    ``kink``: the sides disagree by an amount that does not shrink with the step, or one of them does not exist.
    """

    value: float
    error: float
    left: float
    right: float
    kink: bool


def slope(f: Callable[[float], float], rounding: float = FLOAT64) -> Measured:
    """The slope of ``f`` at 0. ``rounding``: the relative rounding of its values.

    Where a step leaves the domain of ``f`` (log of a negative number) the quotient is NaN, and smaller steps decide.
    """
    steps = tuple(h for h in STEPS if h > 8 * rounding ** 0.5) if rounding > FLOAT64 else STEPS
    with np.errstate(all="ignore"):
        seen = [tuple(float(f(k * h)) for k in (-2, -1, 0, 1, 2)) for h in steps]
    scale = max((abs(y) for row in seen for y in row if math.isfinite(y)), default=0.0)
    noise = [4 * rounding * scale / h for h in steps]
    value, error = _steadiest([_central(row, h) for row, h in zip(seen, steps, strict=True)], noise)
    left, left_error = _steadiest([-_forward(row[2::-1], h) for row, h in zip(seen, steps, strict=True)], noise)
    right, right_error = _steadiest([_forward(row[2:], h) for row, h in zip(seen, steps, strict=True)], noise)
    gap = abs(right - left)
    # not "> ...": a side that does not exist is NaN, and counts as a kink
    smooth = gap <= 20 * (left_error + right_error) + 1e-6 * max(abs(left), abs(right))
    return Measured(value, error, left, right, not smooth)


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
