"""The error function, which NumPy does not have."""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.define import Value, at, define
from whygrad.rules.functions import exp

PER_UNIT, END = 32, 6  # erf(6) differs from 1 by 2e-17
SLOPE_AT_0 = 2.0 / math.sqrt(math.pi)


def _taylor_coefficients(degree: int) -> np.ndarray:
    """Row n: the n-th Taylor coefficient of erf at 0, 1/32, 2/32, ..., 6. Its derivatives are Hermite polynomials times exp(-x²)."""
    x = np.arange(END * PER_UNIT + 1) / PER_UNIT
    rows = [np.array([math.erf(a) for a in x])]
    before, hermite = np.zeros_like(x), SLOPE_AT_0 * np.exp(-x * x)
    for n in range(1, degree + 1):
        rows.append((-1) ** (n - 1) * hermite / math.factorial(n))
        before, hermite = hermite, 2.0 * x * hermite - 2.0 * (n - 1) * before
    return np.array(rows)


# At most 1/64 from an expansion point, degree 3 is accurate to 7e-8 (all of float32), degree 8 to 3e-16 of the value.
# Beside a Python loop over math.erf it takes half the time in float64 and an eighth in float32, and its coefficients
# follow from the definition: none are copied from a table.
_COEFFICIENTS = _taylor_coefficients(8)
_COEFFICIENTS_32 = _COEFFICIENTS[:4].astype(np.float32)


def _erf(x: Value) -> Value:
    x = np.asarray(x, np.result_type(x, np.float16))
    table = _COEFFICIENTS_32 if x.dtype.itemsize <= 4 else _COEFFICIENTS
    size = np.fmin(np.abs(x), END).astype(table.dtype)  # fmin: NaN must not index the table
    nearest = (size * PER_UNIT + 0.5).astype(np.intp)
    h = size - nearest.astype(table.dtype) / PER_UNIT
    out = table[-1][nearest]
    for row in table[-2::-1]:
        out = out * h + row[nearest]
    out = np.copysign(out, x).astype(x.dtype)
    return np.where(np.isnan(x), x, out)[()]


erf = define("erf", "x", _erf,
    slopes=(lambda out, x: SLOPE_AT_0 * exp(-x ** 2),),
    written=r"\mathrm{{erf}}({x})",
    because=("a bell curve: steepest at 0, flat once |x| is large",),
    tested_at=(ONE, at((2, 3), between=(-0.1, 0.1))))
