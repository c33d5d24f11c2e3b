"""Numbers taken apart: quotient and remainder, whole part and fraction, mantissa and exponent."""

from __future__ import annotations

import numpy as np

from whygrad.rules.arithmetic import ONE, nonzero_pair
from whygrad.rules.define import NUMPY, At, Rule, Value, define
from whygrad.rules.no_slope import STEP, floor_divide, rint, trunc

JUMP = "at a jump the slope is that of either side, and the jump itself is not counted"

# (out - x) / y is minus the whole quotient up to rounding; rint makes it exact, and constant
remainder = define("remainder", "x y", np.remainder,
    slopes=(1.0, lambda out, x, y: rint((out - x) / y)),
    written=r"{x} \bmod {y}",
    because=("what is left over moves with x", "each whole y that is taken away moves it back"),
    convention=JUMP,
    tested_at=(At(given=nonzero_pair),))

fmod = define("fmod", "x y", np.fmod,
    slopes=(1.0, lambda out, x, y: rint((out - x) / y)),
    written=r"\mathrm{{fmod}}({x}, {y})",
    because=("what is left over moves with x", "each whole y that is taken away moves it back"),
    convention=JUMP,
    tested_at=(At(given=lambda rng: [3.0 * x for x in nonzero_pair(rng)[:1]] + nonzero_pair(rng)[1:]),))

fraction = define("fraction", "x", lambda x: np.modf(x)[0],
    slopes=(1.0,),
    written=r"\mathrm{{fraction}}({x})",
    because=("between whole numbers the fraction moves with x",),
    convention=JUMP,
    tested_at=(ONE,))

exponent = define("exponent", "x", lambda x: np.frexp(x)[1],
    pulls=(None,),
    written=r"\lfloor \log_2 |{x}| \rfloor + 1",
    because=(STEP,))

ldexp: Rule = define("ldexp", "x n", np.ldexp,
    slopes=(lambda out, x, n: ldexp(1.0, n), None),
    written=r"{x} \cdot 2^{{{n}}}",
    because=("doubled or halved n times", "n counts in whole steps"),
    tested_at=(At(given=lambda rng: [rng.uniform(-2, 2, (2, 3)), 3]),))

mantissa = define("mantissa", "x", lambda x: np.frexp(x)[0],
    slopes=(lambda out, x: ldexp(1.0, -exponent(x)),),
    written=r"\mathrm{{mantissa}}({x})",
    because=("between powers of 2 the mantissa moves with x, scaled",),
    convention=JUMP,
    tested_at=(ONE,))


def divmod(x: Value, y: Value) -> tuple[Value, Value]:
    """``numpy.divmod``."""
    return floor_divide(x, y), remainder(x, y)


def modf(x: Value) -> tuple[Value, Value]:
    """``numpy.modf``: fraction and whole part."""
    return fraction(x), trunc(x)


def frexp(x: Value) -> tuple[Value, Value]:
    """``numpy.frexp``: mantissa and exponent."""
    return mantissa(x), exponent(x)


NUMPY.update({np.divmod: divmod, np.modf: modf, np.frexp: frexp})
