"""Angles: trigonometric and hyperbolic functions, their inverses, degrees and radians."""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.arithmetic import ONE, nonzero, nonzero_pair
from whygrad.rules.choices import where
from whygrad.rules.define import At, Rule, Value, at, define, spells
from whygrad.rules.functions import sqrt

INSIDE = at((2, 3), between=(-0.9, 0.9))
AT_THE_END = "at x = -1 and x = 1 the slope is infinite, and is returned as such"

sin = define("sin", "x", np.sin,
    slopes=(lambda out, x: cos(x),),
    written=r"\sin({x})",
    because=("steepest where it crosses 0, flat on its crests",),
    tested_at=(ONE,))

cos: Rule = define("cos", "x", np.cos,
    slopes=(lambda out, x: -sin(x),),
    written=r"\cos({x})",
    because=("flat on its crests, steepest where it crosses 0",),
    tested_at=(ONE,))

tan = define("tan", "x", np.tan,
    slopes=(lambda out, x: 1.0 + out ** 2,),
    written=r"\tan({x})",
    because=("slope 1 at 0, and without bound towards a quarter turn",),
    tested_at=(at((2, 3), between=(-1.2, 1.2)),))

arcsin = define("arcsin", "x", np.arcsin,
    slopes=(lambda out, x: 1.0 / sqrt((1.0 - x) * (1.0 + x)),),  # 1 - x**2 loses digits near 1
    singular=True,
    written=r"\arcsin({x})",
    because=("slope 1 at 0, and without bound towards the ends of [-1, 1]",),
    convention=AT_THE_END,
    tested_at=(INSIDE,))

arccos = define("arccos", "x", np.arccos,
    slopes=(lambda out, x: -1.0 / sqrt((1.0 - x) * (1.0 + x)),),
    singular=True,
    written=r"\arccos({x})",
    because=("slope -1 at 0, and without bound towards the ends of [-1, 1]",),
    convention=AT_THE_END,
    tested_at=(INSIDE,))

arctan = define("arctan", "x", np.arctan,
    slopes=(lambda out, x: 1.0 / (1.0 + x ** 2),),
    written=r"\arctan({x})",
    because=("slope 1 at 0, flat once |x| is large",),
    tested_at=(ONE,))

arctan2 = define("arctan2", "y x", np.arctan2,
    slopes=(lambda out, y, x: x / (x ** 2 + y ** 2),
            lambda out, y, x: -y / (x ** 2 + y ** 2)),
    singular=True,
    written=r"\mathrm{{arctan2}}({y}, {x})",
    because=("a step across the line of sight turns it, the more the nearer the point",) * 2,
    convention="at the origin there is no angle: the slope is NaN; on the cut (y = 0, x < 0) the jump is not counted",
    tested_at=(At(given=nonzero_pair),))

sinh = define("sinh", "x", np.sinh,
    slopes=(lambda out, x: cosh(x),),
    written=r"\sinh({x})",
    because=("slope 1 at 0, and growing as fast as itself beyond",),
    tested_at=(ONE,))

cosh: Rule = define("cosh", "x", np.cosh,
    slopes=(lambda out, x: sinh(x),),
    written=r"\cosh({x})",
    because=("flat at 0, and growing as fast as itself beyond",),
    tested_at=(ONE,))

tanh = define("tanh", "x", np.tanh,
    slopes=(lambda out, x: 1.0 - out ** 2,),
    written=r"\tanh({x})",
    because=("steepest at 0 with slope 1, flat once |x| is large: here gradients fade",),
    tested_at=(ONE,))

arcsinh = define("arcsinh", "x", np.arcsinh,
    slopes=(lambda out, x: 1.0 / sqrt(x ** 2 + 1.0),),
    written=r"\mathrm{{arcsinh}}({x})",
    because=("slope 1 at 0, and like a logarithm far out",),
    tested_at=(ONE,))

arccosh = define("arccosh", "x", np.arccosh,
    slopes=(lambda out, x: 1.0 / sqrt((x - 1.0) * (x + 1.0)),),
    singular=True,
    written=r"\mathrm{{arccosh}}({x})",
    because=("without bound at 1, and like a logarithm far out",),
    convention="at x = 1 the slope is inf, and is returned as inf",
    tested_at=(at((2, 3), between=(1.3, 3.0)),))

arctanh = define("arctanh", "x", np.arctanh,
    slopes=(lambda out, x: 1.0 / ((1.0 - x) * (1.0 + x)),),
    singular=True,
    written=r"\mathrm{{arctanh}}({x})",
    because=("slope 1 at 0, and without bound towards the ends of [-1, 1]",),
    convention=AT_THE_END,
    tested_at=(INSIDE,))


def _share(x: Value, out: Value) -> Value:
    """x / out, and 0 where out is 0."""
    return where(out == 0.0, 0.0, x / where(out == 0.0, 1.0, out))


hypot = define("hypot", "x y", np.hypot,
    slopes=(lambda out, x, y: _share(x, out),
            lambda out, x, y: _share(y, out)),
    written=r"\sqrt{{{x}^2 + {y}^2}}",
    because=("counts by its share of the distance",) * 2,
    convention="at the origin both slopes are 0",
    tested_at=(At(given=nonzero_pair),))

degrees = define("degrees", "x", np.degrees,
    slopes=(180.0 / math.pi,),
    written=r"\frac{{180}}{{\pi}} {x}",
    because=("a change of unit: 57.3 degrees to the radian",),
    tested_at=(ONE,))

rad2deg = define("rad2deg", "x", np.rad2deg,
    slopes=(180.0 / math.pi,),
    written=r"\frac{{180}}{{\pi}} {x}",
    because=("a change of unit: 57.3 degrees to the radian",),
    tested_at=(ONE,))

radians = define("radians", "x", np.radians,
    slopes=(math.pi / 180.0,),
    written=r"\frac{{\pi}}{{180}} {x}",
    because=("a change of unit: 57.3 degrees to the radian",),
    tested_at=(ONE,))

deg2rad = define("deg2rad", "x", np.deg2rad,
    slopes=(math.pi / 180.0,),
    written=r"\frac{{\pi}}{{180}} {x}",
    because=("a change of unit: 57.3 degrees to the radian",),
    tested_at=(ONE,))


def _sinc(x: Value, *, order: int = 0) -> Value:
    """The derivative of sinc of that order, safe at 0: with z = πx, s⁽ᵏ⁾ by its power series while z < k + 2, and beyond by
    s⁽ᵏ⁾ = (sin(z + kπ/2) - k s⁽ᵏ⁻¹⁾) / z, which is z s(z) = sin z differentiated k times.
    """
    if order == 0:
        return np.sinc(x)
    z = np.multiply(math.pi, x)
    near = np.abs(z) < order + 2
    far, z = np.where(near, 1.0, z), np.where(near, z, 0.0)
    beyond = np.sin(far) / far
    for k in range(1, order + 1):
        beyond = (np.sin(far + k * math.pi / 2) - k * beyond) / far
    first, series = (order + 1) // 2, 0.0 * z
    for n in reversed(range(first, first + 20 + order)):
        series = series * z * z + (-1) ** n / ((2 * n + 1) * math.factorial(2 * n - order))
    return math.pi ** order * np.where(near, series * z ** (2 * first - order), beyond)


sinc_: Rule = define("sinc", "x", _sinc,
    slopes=(lambda out, x, *, order=0: sinc_(x, order=order + 1),),
    written=r"\mathrm{{sinc}}({x})",
    because=("flat at its peak at 0, and waves that die out to either side",),
    tested_at=(ONE, At(given=nonzero), At(given=lambda rng: [np.array([0.0, 1e-9, -1e-4, 0.01])]), at((2, 3), between=(-2.0, 2.0), order=2)))


@spells(np.sinc, tested_at=(ONE,))
def sinc(x: Value) -> Value:
    """``numpy.sinc``: sin(πx) / (πx), and 1 at 0."""
    return sinc_(x)
