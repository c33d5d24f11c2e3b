"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import numpy as np

from whygrad.rules.define import Value, at, define
from whygrad.rules.shapes import reshape, transpose
from whygrad.rules.sums import shape


def flipped(x: Value) -> Value:
    """The matrix (or stack of matrices) with its last two axes exchanged."""
    n = len(shape(x))
    return transpose(x) if n <= 2 else transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def column(x: Value) -> Value:
    return reshape(x, shape=(*shape(x), 1))


def row(x: Value) -> Value:
    return reshape(x, shape=(*shape(x)[:-1], 1, shape(x)[-1]))


def _pull_left(g: Value, out: Value, x: Value, y: Value) -> Value:
    if len(shape(y)) == 1:  # out has lost y's axis: g[..., None] * y spreads it again
        return g * y if len(shape(x)) == 1 else column(g) * y
    if len(shape(x)) == 1:
        return reshape(y @ column(g), shape=shape(y)[:-1])
    return g @ flipped(y)


def _pull_right(g: Value, out: Value, x: Value, y: Value) -> Value:
    if len(shape(x)) == 1:
        return g * x if len(shape(y)) == 1 else column(x) * row(g)
    if len(shape(y)) == 1:
        return reshape(flipped(x) @ column(g), shape=(*shape(x)[:-2], shape(x)[-1]))
    return flipped(x) @ g


matmul = define("matmul", "x y", np.matmul,
    pulls=(_pull_left, _pull_right),
    linear="each",
    written=r"{x}\,{y}",
    because=("x[i,k] reaches out[i,j] through y[k,j]: collect g over j",
             "y[k,j] is reached by every row i of x: collect g over i"),
    tested_at=(at((2, 3), (3, 4)), at((3,), (3,)), at((2, 3), (3,)), at((3,), (3, 2)), at((2, 2, 3), (3, 4)),
               at((2, 3), (2, 3, 2)), at((3,), (2, 3, 4)), at((2, 1, 2, 3), (3, 3, 2)), at((2, 2, 3), (3,))))
