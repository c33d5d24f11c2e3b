"""Products of vectors, matrices and tensors: matmul, and everything that is a matmul after some rearranging."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from whygrad.errors import ShapeError
from whygrad.rules.define import NUMPY, At, Value, at, define, refuse, spells
from whygrad.rules.shapes import array, join, reshape, transpose
from whygrad.rules.sums import shape

Axes = int | Sequence[Any]


def given(x: Any) -> Value:
    """What a user passed where NumPy takes anything array-like: lists become arrays, traced values stay."""
    return x if hasattr(x, "apply_rule") or isinstance(x, np.ndarray) else array(x)


def flipped(x: Value) -> Value:
    """The matrix (or stack of matrices) with its last two axes exchanged."""
    n = len(shape(x))
    return transpose(x) if n <= 2 else transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def column(x: Value) -> Value:
    """Vectors as matrices of one column."""
    return reshape(x, shape=(*shape(x), 1))


def row(x: Value) -> Value:
    """Vectors as matrices of one row."""
    return reshape(x, shape=(*shape(x)[:-1], 1, shape(x)[-1]))


def arranged(x: Value, axes: Sequence[int]) -> Value:
    """The axes of x in this order."""
    return x if list(axes) == list(range(len(axes))) else transpose(x, axes=tuple(axes))


def moved(x: Value, source: int, to: int) -> Value:
    """Axis number ``source`` of x becomes axis number ``to``; the others keep their order."""
    n = len(shape(x))
    order = [i for i in range(n) if i != source % n]
    order.insert(to % n, source % n)
    return arranged(x, order)


def _pull_left(g: Value, out: Value, x: Value, y: Value) -> Value:
    y = given(y)
    if len(shape(y)) == 1:  # out has lost y's axis: g[..., None] * y spreads it again
        return g * y if len(shape(x)) == 1 else column(g) * y
    if len(shape(x)) == 1:
        return reshape(y @ column(g), shape=shape(y)[:-1])
    return g @ flipped(y)


def _pull_right(g: Value, out: Value, x: Value, y: Value) -> Value:
    x = given(x)
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
NUMPY[np.linalg.matmul] = matmul
NUMPY[np.linalg.matrix_transpose] = lambda x, /: flipped(given(x))


@spells(np.tensordot, np.linalg.tensordot,
        tested_at=(at((2, 3, 4), (3, 4, 2)), at((2, 3, 4), (4, 2), axes=([0, 2], [1, 0])), at((2, 3), (3,), axes=1),
                   at((2,), (3,), axes=0), at((2, 3), (4, 3), axes=(-1, -1))))
def tensordot(a: Value, b: Value, axes: Axes = 2) -> Value:
    """``numpy.tensordot``: both sides become matrices, so that one matmul does the work."""
    a, b = given(a), given(b)
    m, n = len(shape(a)), len(shape(b))
    if isinstance(axes, int):
        left, right = list(range(m - axes, m)), list(range(axes))
    else:
        left, right = ([i % size for i in np.atleast_1d(part).tolist()] for part, size in zip(axes, (m, n), strict=True))
    contracted = tuple(shape(a)[i] for i in left)
    if contracted != tuple(shape(b)[i] for i in right):
        raise ShapeError(f"np.tensordot can not sum over axes {left} of an array of shape {shape(a)} "
                         f"together with axes {right} of one of shape {shape(b)}",
                         why="axes that are summed together have the same length")
    rows, columns = [i for i in range(m) if i not in left], [i for i in range(n) if i not in right]
    kept = (*(shape(a)[i] for i in rows), *(shape(b)[i] for i in columns))
    x = reshape(arranged(a, rows + left), shape=(math.prod(kept[:len(rows)]), math.prod(contracted)))
    y = reshape(arranged(b, right + columns), shape=(math.prod(contracted), math.prod(kept[len(rows):])))
    return reshape(x @ y, shape=kept)


@spells(np.dot, tested_at=(at((3,), (3,)), at((2, 3), (3, 2)), at((2, 3), (3,)), at((), (2, 3)), at((2, 3), (2, 3, 4))))
def dot(a: Value, b: Value, out: None = None) -> Value:
    """``numpy.dot``: numbers scale, vectors and matrices multiply, higher ranks contract the last axis with the last but one."""
    refuse("dot", out=out)
    a, b = given(a), given(b)
    if not shape(a) or not shape(b):
        return a * b
    return matmul(a, b) if len(shape(b)) <= 2 else tensordot(a, b, axes=(-1, -2))


@spells(np.inner, tested_at=(at((3,), (3,)), at((2, 3), (4, 3)), at((2, 3), ()), at((3,), (2, 2, 3))))
def inner(a: Value, b: Value) -> Value:
    """``numpy.inner``: products summed over the last axis of both."""
    a, b = given(a), given(b)
    if not shape(a) or not shape(b):
        return a * b
    return matmul(a, b) if len(shape(a)) == len(shape(b)) == 1 else tensordot(a, b, axes=(-1, -1))


@spells(np.vdot, tested_at=(at((3,), (3,)), at((2, 3), (3, 2))))
def vdot(a: Value, b: Value) -> Value:
    """``numpy.vdot``: both laid out as vectors, multiplied and summed."""
    return matmul(reshape(given(a), shape=(-1,)), reshape(given(b), shape=(-1,)))


@spells(np.outer, np.linalg.outer, tested_at=(at((2,), (3,)), at((2, 2), (3,))))
def outer(a: Value, b: Value, out: None = None) -> Value:
    """``numpy.outer``: every number of ``a`` times every number of ``b``."""
    refuse("outer", out=out)
    return reshape(given(a), shape=(-1, 1)) * reshape(given(b), shape=(1, -1))


@spells(np.vecdot, np.linalg.vecdot, tested_at=(at((3,), (3,)), at((2, 3), (3,)), at((2, 1, 3), (4, 3)), at((3, 2), (3, 2), axis=0)))
def vecdot(x1: Value, x2: Value, out: None = None, *, axis: int = -1) -> Value:
    """``numpy.vecdot``: the dot product of each vector along ``axis`` with its counterpart."""
    refuse("vecdot", out=out)
    x, y = moved(given(x1), axis, -1), moved(given(x2), axis, -1)
    return matmul(row(x), column(y))[..., 0, 0]


# np.matvec and np.vecmat came with NumPy 2.2
@spells(*filter(None, [getattr(np, "matvec", None)]), tested_at=(at((2, 3), (3,)), at((2, 3), (4, 3)), at((4, 2, 3), (4, 3))))
def matvec(x1: Value, x2: Value, out: None = None) -> Value:
    """``numpy.matvec``: each matrix times its vector."""
    refuse("matvec", out=out)
    return matmul(given(x1), column(given(x2)))[..., 0]


@spells(*filter(None, [getattr(np, "vecmat", None)]), tested_at=(at((2,), (2, 3)), at((4, 2), (2, 3)), at((4, 2), (4, 2, 3))))
def vecmat(x1: Value, x2: Value, out: None = None) -> Value:
    """``numpy.vecmat``: each vector times its matrix."""
    refuse("vecmat", out=out)
    return matmul(row(given(x1)), given(x2))[..., 0, :]


@spells(np.kron, tested_at=(at((2, 3), (3, 2)), at((2,), (2, 3)), at((), (2, 3))))
def kron(a: Value, b: Value) -> Value:
    """``numpy.kron``: every number of ``a``, each times a whole copy of ``b``."""
    a, b = given(a), given(b)
    n = max(len(shape(a)), len(shape(b)))
    m_a, m_b = ((1,) * (n - len(shape(x))) + shape(x) for x in (a, b))
    blocks = reshape(a, shape=sum(((i, 1) for i in m_a), ())) * reshape(b, shape=sum(((1, i) for i in m_b), ()))
    return reshape(blocks, shape=tuple(i * j for i, j in zip(m_a, m_b, strict=True)))


@spells(np.cross, np.linalg.cross, tested_at=(at((3,), (3,)), at((2, 3), (3,)), at((3, 2), (4, 2, 3), axisa=0, axisc=1), at((3, 2), (3, 2), axis=0)))
def cross(a: Value, b: Value, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Value:
    """``numpy.cross`` of vectors with three components; plane vectors are refused, as NumPy itself no longer wants them."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = given(a), given(b)
    if shape(a)[axisa] != 3 or shape(b)[axisb] != 3:
        raise ShapeError(f"np.cross of arrays of shapes {shape(a)} and {shape(b)}",
                         why="a cross product takes vectors of three components, along the axes given",
                         try_="x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0] for vectors in the plane")
    x, y = moved(a, axisa, -1), moved(b, axisb, -1)
    (x1, x2, x3), (y1, y2, y3) = ([v[..., i:i + 1] for i in range(3)] for v in (x, y))
    return moved(join(x2 * y3 - x3 * y2, x3 * y1 - x1 * y3, x1 * y2 - x2 * y1, axis=-1), -1, axisc)


def _chain(rng: np.random.Generator) -> list[Value]:
    """A row vector, two matrices and a column vector."""
    return [[rng.uniform(-1, 1, size) for size in ((3,), (3, 4), (4, 2), (2,))]]


def _matrices(rng: np.random.Generator) -> list[Value]:
    return [[rng.uniform(-1, 1, size) for size in ((2, 3), (3, 4), (4, 1), (1, 5))]]


@spells(np.linalg.multi_dot, tested_at=(At(given=_chain), At(given=_matrices)))
def multi_dot(arrays: Sequence[Value], *, out: None = None) -> Value:
    """``numpy.linalg.multi_dot``: a chain of products, multiplied in the order that takes the fewest multiplications."""
    refuse("linalg.multi_dot", out=out)
    xs = [given(x) for x in arrays]
    first = (1, *shape(xs[0])) if len(shape(xs[0])) == 1 else shape(xs[0])
    sizes = [*first, *((*shape(x), 1)[1] for x in xs[1:])]

    @functools.cache
    def cheapest(i: int, j: int) -> tuple[int, int]:
        """Multiplications for the product of numbers i to j-1, and where to split it."""
        return min(((cheapest(i, k)[0] + cheapest(k, j)[0] + sizes[i] * sizes[k] * sizes[j], k) for k in range(i + 1, j)), default=(0, i))

    def product(i: int, j: int) -> Value:
        split = cheapest(i, j)[1]
        return xs[i] if j == i + 1 else matmul(product(i, split), product(split, j))

    return product(0, len(xs))
