"""Choices: comparisons (no slope), where, the larger and the smaller of two, sizes and signs."""

from __future__ import annotations

import numpy as np

from whygrad.rules.arithmetic import ONE, nonzero
from whygrad.rules.define import At, Rule, Value, at, define, refuse, spells
from whygrad.rules.no_slope import YES_NO, isnan, sign

TIE = "at a tie each input gets one half"
SAME, ROW = at((2, 3), (2, 3)), at((2, 3), (3,))


def _comparison(ufunc: np.ufunc, sign: str) -> Rule:
    return define(ufunc.__name__, "x y", ufunc,
        pulls=(None, None), written=f"{{x}} {sign} {{y}}", because=(YES_NO,) * 2)


greater = _comparison(np.greater, ">")
greater_equal = _comparison(np.greater_equal, r"\ge")
less = _comparison(np.less, "<")
less_equal = _comparison(np.less_equal, r"\le")
equal = _comparison(np.equal, "=")
not_equal = _comparison(np.not_equal, r"\ne")


def chosen(rng: np.random.Generator) -> list[Value]:
    """A mask, a table, and a row to broadcast."""
    return [rng.uniform(size=(2, 3)) > 0.5, rng.normal(size=(2, 3)), rng.normal(size=3)]


where: Rule = define("where", "c x y", np.where,
    pulls=(None,
           lambda g, out, c, x, y: where(c, g, 0.0),
           lambda g, out, c, x, y: where(c, 0.0, g)),
    written=r"\begin{{cases}} {x} & \text{{if }} {c} \\ {y} & \text{{otherwise}} \end{{cases}}",
    because=(YES_NO, "counts only where it was chosen", "counts only where it was not"),
    tested_at=(At(given=chosen),))

maximum = define("maximum", "x y", np.maximum,
    slopes=(lambda out, x, y: where(x > y, 1.0, where(y > x, 0.0, 0.5)),
            lambda out, x, y: where(y > x, 1.0, where(x > y, 0.0, 0.5))),
    written=r"\max({x}, {y})",
    because=("only the larger input moves the output",) * 2,
    convention=TIE,
    tested_at=(SAME, ROW))

minimum = define("minimum", "x y", np.minimum,
    slopes=(lambda out, x, y: where(x < y, 1.0, where(y < x, 0.0, 0.5)),
            lambda out, x, y: where(y < x, 1.0, where(x < y, 0.0, 0.5))),
    written=r"\min({x}, {y})",
    because=("only the smaller input moves the output",) * 2,
    convention=TIE,
    tested_at=(SAME, ROW))


def _wins(ahead: Value, x: Value, y: Value) -> Value:
    """1 where x was taken for being ``ahead`` or for y being NaN, 0 where y was, one half at a tie."""
    return where(ahead, 1.0, where(isnan(y), 1.0, where(equal(x, y), 0.5, 0.0)))


fmax = define("fmax", "x y", np.fmax,
    slopes=(lambda out, x, y: _wins(x > y, x, y),
            lambda out, x, y: _wins(y > x, y, x)),
    written=r"\max({x}, {y})",
    because=("only the larger input moves the output",) * 2,
    convention=TIE + "; a number beats NaN",
    tested_at=(SAME, ROW))

fmin = define("fmin", "x y", np.fmin,
    slopes=(lambda out, x, y: _wins(x < y, x, y),
            lambda out, x, y: _wins(y < x, y, x)),
    written=r"\min({x}, {y})",
    because=("only the smaller input moves the output",) * 2,
    convention=TIE + "; a number beats NaN",
    tested_at=(SAME, ROW))

absolute = define("absolute", "x", np.absolute,
    slopes=(lambda out, x: sign(x),),
    written=r"|{x}|",
    because=("the distance from 0 grows with slope 1 on either side",),
    convention="at x = 0 the slope is 0",
    tested_at=(At(given=nonzero),))

fabs = define("fabs", "x", np.fabs,
    slopes=(lambda out, x: sign(x),),
    written=r"|{x}|",
    because=("the distance from 0 grows with slope 1 on either side",),
    convention="at x = 0 the slope is 0",
    tested_at=(At(given=nonzero),))

copysign: Rule = define("copysign", "x y", np.copysign,
    slopes=(lambda out, x, y: sign(x) * copysign(1.0, y), None),
    written=r"|{x}| \, \mathrm{{sign}}({y})",
    because=("the size of x, under the sign of y", "only the sign of y counts, and a sign jumps"),
    convention="at x = 0 the slope is 0",
    tested_at=(At(given=lambda rng: [*nonzero(rng), rng.uniform(-1, 1, 3)]),))

heaviside = define("heaviside", "x h", np.heaviside,
    slopes=(None, lambda out, x, h: where(equal(x, 0.0), 1.0, 0.0)),
    written=r"\Theta({x})",
    because=("a step is flat on both sides of 0", "h is the value at exactly 0, and counts only there"),
    convention="the step itself, at x = 0, counts as flat",
    tested_at=(At(given=lambda rng: [np.array([[-1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]), rng.uniform(size=3)]),))


@spells(np.clip, convention=TIE + ": one half exactly at a bound", tested_at=(at((2, 3), a_min=-0.5, a_max=0.6), at((2, 3), a_min=0.1, a_max=None)))
def clip(a: Value, a_min: Value = None, a_max: Value = None, out: None = None, *, min: Value = None, max: Value = None) -> Value:
    """``numpy.clip``; ``out=`` is refused."""
    refuse("clip", out=out)
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    if low is not None:
        a = maximum(a, low)
    return a if high is None else minimum(a, high)


@spells(np.nan_to_num, tested_at=(ONE,))
def nan_to_num(x: Value, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Value:
    """``numpy.nan_to_num``: the numbers put in the place of NaN and infinity are constants."""
    limits = np.finfo(x.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    return where(isnan(x), nan, where(equal(x, np.inf), high, where(equal(x, -np.inf), low, x)))
