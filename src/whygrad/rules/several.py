"""Several variables at once: covariance and correlation; and polynomials of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.rules.define import Value, at, refuse, spells
from whygrad.rules.functions import sqrt
from whygrad.rules.linear import flipped, given
from whygrad.rules.shapes import join, reshape
from whygrad.rules.sums import mean_, shape


@spells(np.cov, tested_at=(at((2, 5)), at((5,)), at((2, 4), (2, 4)), at((5, 2), rowvar=False), at((2, 5), ddof=0)))
def cov(m: Value, y: Value | None = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
        fweights: None = None, aweights: None = None, *, dtype: None = None) -> Value:
    """``numpy.cov``: the covariance matrix of variables in rows; weights and ``dtype=`` are refused."""
    refuse("cov", fweights=fweights, aweights=aweights, dtype=dtype)
    rows = _variables(m, rowvar)
    rows = rows if y is None else join(rows, _variables(y, rowvar), axis=0)
    away = rows - mean_(rows, axis=1, keepdims=True)
    examples = shape(rows)[1] - (ddof if ddof is not None else 0 if bias else 1)
    table = away @ flipped(away) / float(max(examples, 0))
    return table if shape(table) != (1, 1) else reshape(table, shape=())


@spells(np.corrcoef, tested_at=(at((2, 5)), at((2, 4), (2, 4)), at((5, 2), rowvar=False)))
def corrcoef(x: Value, y: Value | None = None, rowvar: bool = True, *, dtype: None = None) -> Value:
    """``numpy.corrcoef``: the correlation matrix of variables in rows."""
    table = cov(x, y, rowvar, dtype=dtype)
    if not shape(table):
        return table / table
    spread = sqrt(np.diagonal(table))
    return table / reshape(spread, shape=(-1, 1)) / spread


def _variables(m: Value, rowvar: bool) -> Value:
    """The variables in rows; a single one is one row."""
    m = given(m)
    if len(shape(m)) < 2:
        return reshape(m, shape=(1, -1))
    return m if rowvar or shape(m)[0] == 1 else flipped(m)


@spells(np.polyval, tested_at=(at((3,), (2,)), at((4,), ()), at((1,), (2,))))
def polyval(p: Any, x: Value) -> Value:
    """``numpy.polyval``, by Horner's scheme: the coefficient of the highest power comes first."""
    p, x = given(p), given(x)
    value = 0.0 * x
    for i in range(len(p)):
        value = value * x + p[i]
    return value


@spells(np.vander, tested_at=(at((3,)), at((3,), N=2), at((2,), N=3, increasing=True)))
def vander(x: Value, N: int | None = None, increasing: bool = False) -> Value:
    """``numpy.vander``: each number's powers in one row."""
    x = given(x)
    powers = [x**k for k in range(shape(x)[0] if N is None else N)]
    return np.stack(powers if increasing else powers[::-1], axis=1)
