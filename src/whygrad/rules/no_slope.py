"""What has no slope, number by number: rounding, signs, yes/no answers. Nothing flows back through these.

They are rules all the same: an explanation shows them, and ordinary traces get their plain value.
"""

from __future__ import annotations

import numpy as np

from whygrad.rules.define import Rule, Value, define, refuse, spells

YES_NO = "a yes/no answer has no slope"
STEP = "flat between its steps, and at a step it jumps"


def _elementwise(ufunc: np.ufunc, written: str, why: str) -> Rule:
    inputs = ("x", "y")[:ufunc.nin]
    return define(ufunc.__name__, " ".join(inputs), ufunc, pulls=(None,) * ufunc.nin, written=written, because=(why,) * ufunc.nin)


floor = _elementwise(np.floor, r"\lfloor {x} \rfloor", STEP)
ceil = _elementwise(np.ceil, r"\lceil {x} \rceil", STEP)
rint = _elementwise(np.rint, r"\mathrm{{round}}({x})", STEP)
trunc = _elementwise(np.trunc, r"\mathrm{{trunc}}({x})", STEP)
sign = _elementwise(np.sign, r"\mathrm{{sign}}({x})", STEP)
floor_divide = _elementwise(np.floor_divide, r"\lfloor {x} / {y} \rfloor", STEP)

signbit = _elementwise(np.signbit, "{x} < 0", YES_NO)
isnan = _elementwise(np.isnan, r"\mathrm{{isnan}}({x})", YES_NO)
isinf = _elementwise(np.isinf, r"|{x}| = \infty", YES_NO)
isfinite = _elementwise(np.isfinite, r"|{x}| < \infty", YES_NO)
logical_not = _elementwise(np.logical_not, r"\neg {x}", YES_NO)
logical_and = _elementwise(np.logical_and, r"{x} \wedge {y}", YES_NO)
logical_or = _elementwise(np.logical_or, r"{x} \vee {y}", YES_NO)
logical_xor = _elementwise(np.logical_xor, r"{x} \oplus {y}", YES_NO)
bitwise_and = _elementwise(np.bitwise_and, r"{x} \wedge {y}", YES_NO)  # & | ^ ~ of masks
bitwise_or = _elementwise(np.bitwise_or, r"{x} \vee {y}", YES_NO)
bitwise_xor = _elementwise(np.bitwise_xor, r"{x} \oplus {y}", YES_NO)
invert = _elementwise(np.invert, r"\neg {x}", YES_NO)


round_ = define("round", "x", lambda x, *, decimals=0: np.round(x, decimals),
    pulls=(None,), written=r"\mathrm{{round}}({x})", because=(STEP,))


@spells(np.round, np.around)
def round(a: Value, decimals: int = 0, out: None = None) -> Value:
    """``numpy.round``; ``out=`` is refused."""
    refuse("round", out=out)
    return round_(a, decimals=decimals)


@spells(np.fix)
def fix(x: Value, out: None = None) -> Value:
    """``numpy.fix``; ``out=`` is refused."""
    refuse("fix", out=out)
    return trunc(x)
