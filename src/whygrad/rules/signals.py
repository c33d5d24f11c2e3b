"""One-dimensional signals: convolution, correlation, interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, ShapeError
from whygrad.rules.choices import where
from whygrad.rules.define import At, Rule, Value, at, define, refuse, spells
from whygrad.rules.linear import given
from whygrad.rules.queries import question
from whygrad.rules.sums import shape

PLACES = tuple(at((n,), (m,), mode=mode) for mode in ("full", "same", "valid") for n, m in ((5, 3), (4, 2), (2, 5)))


def _part_of(full: Value, start: int, length: int) -> Value:
    return full[start:start + length]


convolve_rule: Rule = define("convolve", "x y", np.convolve,
    pulls=(lambda g, out, x, y: _part_of(convolve_rule(g, y[::-1]), y.shape[0] - 1, x.shape[0]),
           lambda g, out, x, y: _part_of(convolve_rule(g, x[::-1]), x.shape[0] - 1, y.shape[0])),
    linear="each",
    written=r"{x} * {y}",
    because=("each number is spread over the output by the other signal: collect with that signal reversed",) * 2,
    tested_at=(at((5,), (3,)), at((2,), (4,)), at((1,), (3,))))


def _convolved(name: str, a: Value, v: Value, mode: str, late: bool) -> Value:
    """The part of the full convolution that ``mode`` asks for; ``late``: of two possible middles the later one."""
    if len(shape(a)) != 1 or len(shape(v)) != 1 or 0 in (*shape(a), *shape(v)):
        raise ShapeError(f"np.{name} of shapes {shape(a)} and {shape(v)}", why="it takes two vectors, neither of them empty")
    long, short = sorted((shape(a)[0], shape(v)[0]), reverse=True)
    full = convolve_rule(a, v)
    if mode == "full":
        return full
    if mode == "same":
        return _part_of(full, short // 2 if late else (short - 1) // 2, long)
    if mode == "valid":
        return _part_of(full, short - 1, long - short + 1)
    raise ArgumentError(f"np.{name}(..., mode={mode!r})", try_='"full", "same" or "valid"')


@spells(np.convolve, tested_at=PLACES)
def convolve(a: Value, v: Value, mode: str = "full") -> Value:
    """``numpy.convolve``."""
    return _convolved("convolve", given(a), given(v), mode, late=False)


@spells(np.correlate, tested_at=PLACES)
def correlate(a: Value, v: Value, mode: str = "valid") -> Value:
    """``numpy.correlate``: convolution with the second signal reversed."""
    a, v = given(a), given(v)
    return _convolved("correlate", a, v[::-1], mode, late=shape(a) < shape(v))


def _segment(x: Any, xp: Any) -> Any:
    return np.clip(np.searchsorted(xp, x, side="right") - 1, 0, max(len(xp) - 2, 0))


segment = question(_segment, "_segment")  # which two knots enclose x


def _between_knots(rng: np.random.Generator) -> list[Value]:
    """Numbers inside and outside of the knots, none on a knot; the knots, and the heights there."""
    return [rng.uniform(-1.4, 1.4, (2, 4)), np.array([-1.0, -0.35, 0.2, 1.1]), rng.uniform(-1, 1, 4)]


@spells(np.interp, tested_at=(At(given=_between_knots), At(given=_between_knots, params={"left": 0.5, "right": -1.0})),
        convention="at a knot the slope is that of the segment to its right, at the last knot to its left")
def interp(x: Value, xp: Value, fp: Value, left: Value | None = None, right: Value | None = None, period: None = None) -> Value:
    """``numpy.interp``: straight lines from knot to knot; ``left`` and ``right`` of the knots, constants."""
    refuse("interp", period=period)
    x, xp, fp = given(x), given(xp), given(fp)
    if len(shape(xp)) != 1 or shape(xp) != shape(fp) or shape(xp) == (0,):
        raise ShapeError(f"np.interp: knots of shape {shape(xp)}, heights of shape {shape(fp)}", why="one height belongs to each knot")
    line = fp[0]
    if shape(xp)[0] > 1:
        i = segment(x, xp)
        start, rise, run = fp[i], fp[i + 1] - fp[i], xp[i + 1] - xp[i]
        line = start + rise * ((x - xp[i]) / run)
    low, high = fp[0] if left is None else left, fp[-1] if right is None else right
    return where(x < xp[0], low, where(x > xp[-1], high, line))
