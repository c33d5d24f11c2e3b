"""Functions of one number: powers and roots, exponentials and logarithms."""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.arithmetic import ONE, POSITIVE, nonzero
from whygrad.rules.choices import where
from whygrad.rules.define import NUMPY, At, Rule, Value, at, define

LN_2, LN_10 = math.log(2), math.log(10)
INF_AT_0 = "at x = 0 the slope is inf, and is returned as inf"


def _power_slope_in_base(out: Value, x: Value, y: Value) -> Value:
    if isinstance(y, (int, float)):  # a plain exponent: the formula people know
        return 0.0 if y == 0 else 1.0 if y == 1 else y * x if y == 2 else y * x ** (y - 1)
    flat = y == 0  # x**0 is 1 everywhere, also at x = 0, where y * x**(y-1) would be 0 * inf
    return where(flat, 0.0, y * x ** where(flat, 1.0, y - 1.0))


def _with_exponent(n: float) -> At:
    """Positive numbers under a plain number."""
    return At(given=lambda rng: [rng.uniform(0.3, 2.0, (2, 3)), n])


power: Rule = define("power", "x y", np.power,
    slopes=(_power_slope_in_base,
            lambda out, x, y: out * log(where(x == 0.0, 1.0, x))),
    singular=True,
    written="{x}^{{{y}}}",
    because=("bring the exponent down and lower it by one", "the larger the base, the more the exponent counts"),
    convention="x**0 has slope 0, also at x = 0; the slope in y is 0 at x = 0 and NaN for x < 0",
    tested_at=(at((2, 3), (2, 3), between=(0.3, 2.0)), at((2, 3), (), between=(0.3, 2.0)),
               *map(_with_exponent, (0, 1, 2, 3, -0.5))))

exp = define("exp", "x", np.exp,
    slopes=(lambda out, x: out,),
    written="e^{{{x}}}",
    because=("grows exactly as fast as it is large",),
    tested_at=(ONE,))

exp2 = define("exp2", "x", np.exp2,
    slopes=(lambda out, x: LN_2 * out,),
    written="2^{{{x}}}",
    because=("grows in proportion to its size: it doubles with every step of 1",),
    tested_at=(ONE,))

expm1 = define("expm1", "x", np.expm1,
    slopes=(lambda out, x: exp(x),),  # out + 1 would round to 0 below x = -37
    written="e^{{{x}}} - 1",
    because=("grows exactly as fast as the exponential itself",),
    tested_at=(ONE,))

log: Rule = define("log", "x", np.log,
    slopes=(lambda out, x: 1.0 / x,),
    singular=True,
    written=r"\log({x})",
    because=("the same step matters more where x is small",),
    convention=INF_AT_0,
    tested_at=(POSITIVE,))

log2 = define("log2", "x", np.log2,
    slopes=(lambda out, x: 1.0 / (LN_2 * x),),
    singular=True,
    written=r"\log_2({x})",
    because=("the same step matters more where x is small",),
    convention=INF_AT_0,
    tested_at=(POSITIVE,))

log10 = define("log10", "x", np.log10,
    slopes=(lambda out, x: 1.0 / (LN_10 * x),),
    singular=True,
    written=r"\log_{{10}}({x})",
    because=("the same step matters more where x is small",),
    convention=INF_AT_0,
    tested_at=(POSITIVE,))

log1p = define("log1p", "x", np.log1p,
    slopes=(lambda out, x: 1.0 / (1.0 + x),),
    singular=True,
    written=r"\log(1 + {x})",
    because=("the same step matters more the nearer x is to -1",),
    convention="at x = -1 the slope is inf, and is returned as inf",
    tested_at=(at((2, 3), between=(-0.6, 2.0)),))

sqrt = define("sqrt", "x", np.sqrt,
    slopes=(lambda out, x: 0.5 / out,),
    singular=True,
    written=r"\sqrt{{{x}}}",
    because=("steepest near 0, flatter and flatter beyond",),
    convention=INF_AT_0,
    tested_at=(POSITIVE,))

cbrt = define("cbrt", "x", np.cbrt,
    slopes=(lambda out, x: 1.0 / (3.0 * out ** 2),),
    singular=True,
    written=r"\sqrt[3]{{{x}}}",
    because=("steepest near 0, flatter and flatter to either side",),
    convention=INF_AT_0,
    tested_at=(At(given=nonzero),))

logaddexp: Rule = define("logaddexp", "x y", np.logaddexp,
    slopes=(lambda out, x, y: exp(-logaddexp(0.0, y - x)),  # exp(x - out) would be off by the rounding of out: 1, not 1/2, at 1e16
            lambda out, x, y: exp(-logaddexp(0.0, x - y))),
    written=r"\log(e^{{{x}}} + e^{{{y}}})",
    because=("counts by its share of the sum under the logarithm",) * 2,
    tested_at=(at((2, 3), (2, 3)), at((2, 3), ())))

logaddexp2: Rule = define("logaddexp2", "x y", np.logaddexp2,
    slopes=(lambda out, x, y: exp2(-logaddexp2(0.0, y - x)),
            lambda out, x, y: exp2(-logaddexp2(0.0, x - y))),
    written=r"\log_2(2^{{{x}}} + 2^{{{y}}})",
    because=("counts by its share of the sum under the logarithm",) * 2,
    tested_at=(at((2, 3), (2, 3)), at((2, 3), ())))


def float_power(x: Value, y: Value) -> Value:
    """``numpy.float_power``: a power that is float64 whatever its inputs are."""
    return power(x * np.ones((), np.float64), y)


NUMPY[np.float_power] = float_power
