"""How large an array is: norms of vectors and matrices, and the condition number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whygrad.errors import ArgumentError
from whygrad.rules.choices import where
from whygrad.rules.decompositions import svdvals
from whygrad.rules.define import At, Value, at, define, spells
from whygrad.rules.linalg import inv, tall, well_conditioned
from whygrad.rules.linear import arranged, given
from whygrad.rules.shapes import reshape
from whygrad.rules.sums import shape, sum_

Order = float | str | None
AT_ZERO = "the zero vector has slope 0, and so has every number that is exactly 0 where p is not 2"


def _forward(x: Value, *, p: float, axis: tuple[int, ...], keepdims: bool = False) -> Value:
    if p == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    if p == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    with np.errstate(divide="ignore"):  # a zero under a negative power: its norm is 0
        return np.sum(np.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1 / p)


def _pull(g: Value, out: Value, x: Value, *, p: float, axis: tuple[int, ...], keepdims: bool = False) -> Value:
    if not keepdims:
        kept = tuple(1 if i in axis else n for i, n in enumerate(shape(x)))
        g, out = reshape(g, shape=kept), reshape(out, shape=kept)
    nothing = out == 0.0
    size = where(nothing, 1.0, out)
    if p == 2:
        return x * (where(nothing, 0.0, g) / size)
    sign = where(x > 0.0, 1.0, where(x < 0.0, -1.0, 0.0))
    share = where(x == 0.0, 1.0, x * sign / size)
    return where(nothing, 0.0, g) * sign * share ** (p - 1.0)


norm_rule = define("norm", "x", _forward,
    pulls=(_pull,),
    written=r"\lVert {x} \rVert",
    because=("each number counts by its share of the whole length",),
    convention=AT_ZERO,
    tested_at=(at((2, 3), p=2, axis=(0, 1)), at((2, 3), p=2, axis=(1,), keepdims=True), at((2, 3), p=1, axis=(0,)),
               at((2, 3), p=3.0, axis=(1,)), at((3,), p=0.5, axis=(0,), between=(0.5, 2.0)), at((4,), p=-1.5, axis=(0,), between=(0.5, 2.0))))

_nonzero = define("count_of_nonzero", "x", lambda x, *, axis: np.sum(x != 0, axis=axis, dtype=x.dtype),
    pulls=(None,),
    written=r"\lVert {x} \rVert_0",
    because=("a count jumps, it has no slope",))


def _of_vectors(x: Value, ord: Order, axes: tuple[int, ...], keepdims: bool) -> Value:
    """All numbers along ``axes`` taken as one vector."""
    if isinstance(ord, str):
        raise ArgumentError(f"np.linalg.norm: order {ord!r} is for matrices", try_="axis= with two axes, or a number as order")
    if ord is None or ord not in (0, np.inf, -np.inf):
        return norm_rule(x, p=2 if ord is None else ord, axis=axes, keepdims=keepdims)
    if ord == 0:
        out = _nonzero(x, axis=axes)
        return reshape(out, shape=_kept(x, axes)) if keepdims else out
    return (np.max if ord > 0 else np.min)(np.abs(x), axis=axes, keepdims=keepdims)


def _of_matrices(x: Value, ord: Order, axes: tuple[int, ...], keepdims: bool) -> Value:
    """The two ``axes`` taken as the rows and columns of matrices."""
    if ord in (None, "fro", "f"):
        return norm_rule(x, p=2, axis=axes, keepdims=keepdims)
    matrices = arranged(x, [i for i in range(len(shape(x))) if i not in axes] + list(axes))
    if ord in (2, -2, "nuc"):
        s = svdvals(matrices)
        out = sum_(s, axis=-1) if ord == "nuc" else s[..., 0 if ord == 2 else -1]
    elif ord in (1, -1, np.inf, -np.inf):
        assert isinstance(ord, (int, float))
        out = (np.max if ord > 0 else np.min)(sum_(np.abs(matrices), axis=-2 if abs(ord) == 1 else -1), axis=-1)
    else:
        raise ArgumentError(f"np.linalg.norm: matrices have no norm of order {ord!r}", try_="'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    return reshape(out, shape=_kept(x, axes)) if keepdims else out


def _kept(x: Value, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape(x)))


def _axes(x: Value, axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """Axis numbers from 0, in the order given."""
    n = len(shape(x))
    given_axes = range(n) if axis is None else (axis,) if isinstance(axis, int) else axis
    if any(not -n <= i < n for i in given_axes):
        raise ArgumentError(f"np.linalg.norm: axis {axis} of an array of shape {shape(x)}")
    return tuple(i % n for i in given_axes)


@spells(np.linalg.norm,
        tested_at=(at((2, 3)), at((3,), ord=1), at((2, 3), ord=np.inf, axis=1), at((2, 3), ord=-np.inf, axis=0, keepdims=True),
                   at((2, 3), ord="fro"), at((2, 3), ord=1), at((2, 3), ord=-1), at((2, 3), ord=np.inf), at((3, 2, 2), axis=(0, 1)),
                   At(given=tall(2, 3).given, params={"ord": "nuc"}), At(given=tall(4, 3).given, params={"ord": 2}),
                   At(given=tall(2, 4, 3).given, params={"ord": -2, "axis": (2, 1), "keepdims": True}), at((2, 3, 2), keepdims=True)),
        convention=AT_ZERO)
def norm(x: Value, ord: Order = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
    """``numpy.linalg.norm``, of every order; order 0 (a count) has no slope."""
    x = given(x)
    axes = _axes(x, axis)
    if axis is None and ord is None:
        return norm_rule(x, p=2, axis=axes, keepdims=keepdims)
    if len(axes) == 1:
        return _of_vectors(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _of_matrices(x, ord, axes, keepdims)
    raise ArgumentError(f"np.linalg.norm of order {ord} over {len(axes)} axes of an array of shape {shape(x)}",
                        try_="axis= with one axis (vectors) or two (matrices)")


@spells(np.linalg.vector_norm, tested_at=(at((2, 3)), at((2, 3), ord=3, axis=1), at((2, 3, 2), axis=(0, 2), keepdims=True)), convention=AT_ZERO)
def vector_norm(x: Value, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False, ord: Order = 2) -> Value:
    """``numpy.linalg.vector_norm``: the numbers along all axes given count as one vector."""
    x = given(x)
    return _of_vectors(x, ord, _axes(x, axis), keepdims)


@spells(np.linalg.matrix_norm, tested_at=(at((2, 3)), at((2, 2, 3), ord=1, keepdims=True), At(given=tall(2, 3).given, params={"ord": 2})))
def matrix_norm(x: Value, /, *, keepdims: bool = False, ord: Order = "fro") -> Value:
    """``numpy.linalg.matrix_norm``: of the last two axes."""
    x = given(x)
    return _of_matrices(x, ord, _axes(x, (-2, -1)), keepdims)


@spells(np.linalg.cond, tested_at=(tall(4, 3), At(given=well_conditioned(2, 3).given, params={"p": 1}), At(given=tall(3, 3).given, params={"p": -2})))
def cond(x: Value, p: Order = None) -> Value:
    """``numpy.linalg.cond``: the largest singular value over the smallest, or with an order p, ‖x‖·‖x⁻¹‖."""
    x = given(x)
    if p not in (None, 2, -2):
        return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)
    s = svdvals(x)
    return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
