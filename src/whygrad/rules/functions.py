"""Functions of one number: powers and roots, exponentials and logarithms, trigonometric and hyperbolic functions."""

from __future__ import annotations

import numpy as np

from whygrad.rules.arithmetic import ONE, POSITIVE
from whygrad.rules.choices import where
from whygrad.rules.define import Value, at, define


def _power_slope_in_base(out: Value, x: Value, y: Value) -> Value:
    if isinstance(y, (int, float)):  # a plain exponent: the formula people know
        return 0.0 * x if y == 0 else 1.0 if y == 1 else y * x if y == 2 else y * x ** (y - 1)
    flat = y == 0  # x**0 is 1 everywhere, also at x = 0, where y * x**(y-1) would be 0 * inf
    return where(flat, 0.0, y * x ** where(flat, 1.0, y - 1.0))


power = define("power", "x y", np.power,
    slopes=(_power_slope_in_base,
            lambda out, x, y: out * log(where(x == 0.0, 1.0, x))),
    singular=True,
    written="{x}^{{{y}}}",
    because=("bring the exponent down and lower it by one", "the larger the base, the more the exponent counts"),
    convention="x**0 has slope 0, also at x = 0; the slope in y is 0 at x = 0 and NaN for x < 0",
    tested_at=(at((2, 3), (2, 3), between=(0.3, 2.0)), at((2, 3), (), between=(0.3, 2.0))))

exp = define("exp", "x", np.exp,
    slopes=(lambda out, x: out,),
    written="e^{{{x}}}",
    because=("grows exactly as fast as it is large",),
    tested_at=(ONE,))

log = define("log", "x", np.log,
    slopes=(lambda out, x: 1.0 / x,),
    singular=True,
    written=r"\log({x})",
    because=("the same step matters more where x is small",),
    convention="at x = 0 the slope is inf, and is returned as inf",
    tested_at=(POSITIVE,))

sqrt = define("sqrt", "x", np.sqrt,
    slopes=(lambda out, x: 0.5 / out,),
    singular=True,
    written=r"\sqrt{{{x}}}",
    because=("steepest near 0, flatter and flatter beyond",),
    convention="at x = 0 the slope is inf, and is returned as inf",
    tested_at=(POSITIVE,))

tanh = define("tanh", "x", np.tanh,
    slopes=(lambda out, x: 1.0 - out ** 2,),
    written=r"\tanh({x})",
    because=("steepest at 0 with slope 1, flat once |x| is large: here gradients fade",),
    tested_at=(ONE,))

sin = define("sin", "x", np.sin,
    slopes=(lambda out, x: cos(x),),
    written=r"\sin({x})",
    because=("steepest where it crosses 0, flat on its crests",),
    tested_at=(ONE,))

cos = define("cos", "x", np.cos,
    slopes=(lambda out, x: -sin(x),),
    written=r"\cos({x})",
    because=("flat on its crests, steepest where it crosses 0",),
    tested_at=(ONE,))
