"""NumPy's functions that reshape, reorder axes, broadcast, join and split: written with the rules of shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from whygrad.errors import UnsupportedError
from whygrad.rules.define import At, Value, at, refuse, spells
from whygrad.rules.queries import is_traced
from whygrad.rules.shapes import array, as_dtype, broadcast, join, reshape, stack, transpose
from whygrad.rules.sums import shape as shape_of


def arrays(values: Any) -> list[Value]:
    """Traced values as they are, everything else as arrays."""
    return [x if is_traced(x) else array(x) for x in values]


def _reshaping(function: Callable[..., Any], *tested_at: At) -> Callable[..., Value]:
    """A function that only changes the shape: the shape it gives to an array without numbers says to which."""

    def ours(x: Value, *args: Any, **kwargs: Any) -> Value:
        return reshape(x, shape=function(np.broadcast_to(0.0, shape_of(x)), *args, **kwargs).shape)

    ours.__name__ = function.__name__
    registered: Callable[..., Value] = spells(function, tested_at=tested_at)(ours)
    return registered


def _reordering(function: Callable[..., Any], *tested_at: At) -> Callable[..., Value]:
    """A function that only reorders axes: an array of shape (0, 1, 2, ...) comes back with its axes' numbers for a shape."""

    def ours(x: Value, *args: Any, **kwargs: Any) -> Value:
        axes = function(np.empty(range(len(shape_of(x)))), *args, **kwargs).shape
        return transpose(x) if len(axes) == 2 and axes == (1, 0) else transpose(x, axes=axes)

    ours.__name__ = function.__name__
    registered: Callable[..., Value] = spells(function, tested_at=tested_at)(ours)
    return registered


expand_dims = _reshaping(np.expand_dims, at((2, 3), axis=1), at((2, 3), axis=(0, -1)), at((), axis=0))
squeeze = _reshaping(np.squeeze, at((2, 1, 3, 1)), at((2, 1, 3, 1), axis=1), at((1, 2), axis=-2))

transposed = _reordering(np.transpose, at((2, 3)), at((2, 3, 4), axes=(1, -1, 0)), at((3,)))
swapaxes = _reordering(np.swapaxes, at((2, 3, 4), axis1=0, axis2=-1))
moveaxis = _reordering(np.moveaxis, at((2, 3, 4), source=0, destination=-1), at((2, 3, 4), source=(0, 1), destination=(-1, 0)))
rollaxis = _reordering(np.rollaxis, at((2, 3, 4), axis=2), at((2, 3, 4), axis=0, start=2))
matrix_transpose = _reordering(np.matrix_transpose, at((2, 3)), at((2, 3, 4)))


@spells(np.reshape, tested_at=(at((2, 3), shape=(3, -1)), at((2, 3, 2), shape=(4, 3), order="F"), at((), shape=(1, 1))))
def reshaped(a: Value, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: bool | None = None) -> Value:
    """``numpy.reshape``; ``order`` is "C" (rows first) or "F" (columns first)."""
    shape = newshape if shape is None else shape
    shape = tuple(map(index, shape)) if np.iterable(shape) else (index(shape),)
    _check_order("reshape", order)
    return transpose(reshape(transpose(a), shape=shape[::-1])) if order == "F" else reshape(a, shape=shape)


@spells(np.ravel, tested_at=(at((2, 3)), at((2, 3), order="F"), at(())))
def ravel(a: Value, order: str = "C") -> Value:
    """``numpy.ravel``; ``order`` is "C" (rows first) or "F" (columns first)."""
    _check_order("ravel", order)
    return reshape(transpose(a) if order == "F" else a, shape=(-1,))


def _check_order(name: str, order: str) -> None:
    if order not in ("C", "F"):
        raise UnsupportedError(f"np.{name}(..., order={order!r}) of a traced value",
                               why="that order depends on how the array happens to lie in memory", try_='order="C" or order="F"')


def _at_least(function: Callable[..., Any], *tested_at: At) -> Callable[..., Value]:
    def ours(*arys: Value) -> Value:
        grown = tuple(reshape(x, shape=function(np.broadcast_to(0.0, shape_of(x))).shape) for x in arrays(arys))
        return grown[0] if len(grown) == 1 else grown

    ours.__name__ = function.__name__
    registered: Callable[..., Value] = spells(function, tested_at=tested_at)(ours)
    return registered


atleast_1d = _at_least(np.atleast_1d, at(()), at((2, 3)))
atleast_2d = _at_least(np.atleast_2d, at(()), at((3,)), at((2, 3, 2)))
atleast_3d = _at_least(np.atleast_3d, at(()), at((3,)), at((2, 3)))


@spells(np.broadcast_to, tested_at=(at((3,), shape=(2, 3)), at((2, 1), shape=(2, 3)), at((), shape=4)))
def broadcast_to(array: Value, shape: int | Sequence[int], subok: bool = False) -> Value:
    """``numpy.broadcast_to``."""
    return broadcast(array, shape=(shape,) if isinstance(shape, int) else tuple(shape))


@spells(np.broadcast_arrays)
def broadcast_arrays(*args: Value, subok: bool = False) -> tuple[Value, ...]:
    """``numpy.broadcast_arrays``."""
    given = arrays(args)
    shape = np.broadcast_shapes(*map(shape_of, given))
    return tuple(x if shape_of(x) == shape else broadcast(x, shape=shape) for x in given)


@spells(np.meshgrid)
def meshgrid(*xi: Value, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Value, ...]:
    """``numpy.meshgrid``."""
    n, swapped = len(xi), indexing == "xy" and len(xi) > 1
    axes = [1, 0, *range(2, n)] if swapped else range(n)
    grids = tuple(reshape(x, shape=tuple(-1 if axis == a else 1 for a in range(n))) for x, axis in zip(arrays(xi), axes, strict=True))
    return grids if sparse else broadcast_arrays(*grids)


# ---- joining --------------------------------------------------------------------------------------------------------------

SIDE_BY_SIDE = (At(given=lambda rng: [[rng.normal(size=(2, 3)), rng.normal(size=(2, 3))]]),)
IN_A_ROW = (At(given=lambda rng: [[rng.normal(size=3), rng.normal(size=3)]]),)
ALONG_1 = (At(given=lambda rng: [[rng.normal(size=(2, 3)), rng.normal(size=(2, 2))]], params=dict(axis=1)),)


@spells(np.concatenate, tested_at=(*SIDE_BY_SIDE, *ALONG_1, At(given=lambda rng: [[rng.normal(size=(2, 3)), rng.normal(size=3)]],
                                                               params=dict(axis=None))))
def concatenate(arrays_: Any, /, axis: int | None = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """``numpy.concatenate``; ``out=`` is refused."""
    refuse("concatenate", out=out)
    parts = arrays(arrays_)
    joined = join(*(reshape(x, shape=(-1,)) for x in parts), axis=0) if axis is None else join(*parts, axis=axis)
    return joined if dtype is None else as_dtype(joined, dtype)


@spells(np.stack, tested_at=(*SIDE_BY_SIDE, At(given=SIDE_BY_SIDE[0].given, params=dict(axis=-1))))
def stacked(arrays_: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    """``numpy.stack``; ``out=`` is refused."""
    refuse("stack", out=out)
    together = stack(*arrays(arrays_), axis=axis)
    return together if dtype is None else as_dtype(together, dtype)


def _joining(function: Callable[..., Any], at_least: Callable[..., Value], axis: Callable[[int], int], *tested_at: At) -> None:
    """vstack and its kin: parts with at least so many axes, joined along one of them."""

    def ours(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
        parts = [at_least(x) for x in arrays(tup)]
        joined = join(*parts, axis=axis(len(shape_of(parts[0]))))
        return joined if dtype is None else as_dtype(joined, dtype)

    ours.__name__ = function.__name__
    spells(function, tested_at=tested_at)(ours)


def _as_column(x: Value) -> Value:
    return reshape(x, shape=(-1, 1)) if len(shape_of(x)) < 2 else x


_joining(np.vstack, atleast_2d, lambda n: 0, *SIDE_BY_SIDE, *IN_A_ROW)
_joining(np.hstack, atleast_1d, lambda n: 0 if n == 1 else 1, *SIDE_BY_SIDE, *IN_A_ROW)
_joining(np.dstack, atleast_3d, lambda n: 2, *SIDE_BY_SIDE, *IN_A_ROW)


@spells(np.column_stack, tested_at=(*SIDE_BY_SIDE, *IN_A_ROW))
def column_stack(tup: Any) -> Value:
    """``numpy.column_stack``."""
    return join(*map(_as_column, arrays(tup)), axis=1)


@spells(np.append, tested_at=(at((2, 3), (3,)), at((2, 3), (1, 3), axis=0)))
def append(arr: Value, values: Value, axis: int | None = None) -> Value:
    """``numpy.append``."""
    return concatenate((arr, values), axis=axis)


# ---- splitting ------------------------------------------------------------------------------------------------------------


def _pieces(function: Callable[..., Any], x: Value, sections: Any, axis: int) -> list[Value]:
    """The pieces that ``function`` cuts a row of numbers into, as slices of ``x``."""
    rows = function(np.arange(shape_of(x)[axis]), sections)
    before = (slice(None),) * (axis % len(shape_of(x)))
    return [x[(*before, slice(int(row[0]), int(row[-1]) + 1) if len(row) else slice(0, 0))] for row in rows]


@spells(np.split)
def split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """``numpy.split``."""
    return _pieces(np.split, ary, indices_or_sections, axis)


@spells(np.array_split)
def array_split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    """``numpy.array_split``."""
    return _pieces(np.array_split, ary, indices_or_sections, axis)


@spells(np.vsplit)
def vsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    """``numpy.vsplit``."""
    return _pieces(np.split, ary, indices_or_sections, 0)


@spells(np.hsplit)
def hsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    """``numpy.hsplit``."""
    return _pieces(np.split, ary, indices_or_sections, 0 if len(shape_of(ary)) == 1 else 1)


@spells(np.dsplit)
def dsplit(ary: Value, indices_or_sections: Any) -> list[Value]:
    """``numpy.dsplit``."""
    return _pieces(np.split, ary, indices_or_sections, 2)


def unstack(x: Value, /, *, axis: int = 0) -> tuple[Value, ...]:
    """``numpy.unstack``."""
    before = (slice(None),) * (axis % len(shape_of(x)))
    return tuple(x[(*before, i)] for i in range(shape_of(x)[axis]))


@spells(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Value], axis: int, arr: Value, *args: Any, **kwargs: Any) -> Value:
    """``numpy.apply_along_axis``: each row on its own, so slow; most functions take ``axis=``."""
    last = moveaxis(arr, axis, -1)
    before = shape_of(last)[:-1]
    rows = reshape(last, shape=(-1, shape_of(last)[-1]))
    results = stack(*arrays(func1d(row, *args, **kwargs) for row in rows), axis=0)
    inner = shape_of(results)[1:]
    out = reshape(results, shape=(*before, *inner))
    axis %= len(before) + 1
    return moveaxis(out, tuple(range(len(before), len(before) + len(inner))), tuple(range(axis, axis + len(inner))))


if hasattr(np, "unstack"):  # from NumPy 2.1 on
    spells(np.unstack)(unstack)
