"""NumPy's functions that select: take, compress, choose, select, piecewise, sort, partition, unique; written with indexing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from whygrad.rules import choices
from whygrad.rules.arrangement import broadcast_arrays, ravel
from whygrad.rules.define import At, Value, at, refuse, spells
from whygrad.rules.indexing import item, place, settled
from whygrad.rules.queries import argpartition, argsort, flatnonzero, is_traced, nonzero, plain, question
from whygrad.rules.shapes import array, stack
from whygrad.rules.sums import shape as shape_of
from whygrad.rules.updates import at as changed_at

ORDER = "the order is held while the numbers move; equal numbers keep the order in which the sort left them"


def _whole_numbers(indices: Any) -> Value:
    """Indices as an array; an empty list counts as whole numbers too."""
    indices = array(indices)
    return indices if is_traced(indices) or indices.size else indices.astype(np.intp)


def _in_range(indices: Value, n: int, mode: str) -> Value:
    """What ``mode`` makes of indices beyond the ends: "raise" leaves them to fail."""
    return np.remainder(indices, n) if mode == "wrap" else np.clip(indices, 0, n - 1) if mode == "clip" else indices


@spells(np.take, tested_at=(at((2, 3), indices=[5, 0, -1]), at((2, 3), indices=[[0, 1], [1, 2]], axis=1), at((2, 3), indices=1, axis=-1),
                            at((2, 3), indices=[4, -3], axis=1, mode="wrap"), at((2, 3), indices=[7, -3], axis=1, mode="clip")))
def take(a: Value, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Value:
    """``numpy.take``; ``out=`` is refused."""
    refuse("take", out=out)
    if axis is None:
        a, axis = ravel(a), 0
    axis %= max(len(shape_of(a)), 1)
    return item(a, (*(slice(None),) * axis, _in_range(_whole_numbers(indices), shape_of(a)[axis], mode)))


@spells(np.take_along_axis, tested_at=(at((2, 3), indices=np.array([[2, 0], [1, 1]]), axis=1), at((2, 3), indices=np.array([[1, 0, -1]]), axis=0),
                                       at((2, 3), indices=np.array([5, 1, 1]), axis=None)))
def take_along_axis(arr: Value, indices: Any, axis: int | None = -1) -> Value:
    """``numpy.take_along_axis``."""
    indices = _whole_numbers(indices)
    if axis is None:
        return item(ravel(arr), indices)
    n = len(shape_of(arr))
    axis %= n
    return item(arr, tuple(indices if i == axis else _counting(shape_of(arr)[i], i, n) for i in range(n)))


def _counting(size: int, axis: int, ndim: int) -> Value:
    """0, 1, 2, ... along one axis."""
    return np.arange(size).reshape([-1 if i == axis else 1 for i in range(ndim)])


@spells(np.compress, tested_at=(At(given=lambda rng: [[True, False, True], rng.normal(size=(2, 3))], params=dict(axis=1)),
                                At(given=lambda rng: [[False, True, True], rng.normal(size=(2, 3))])))
def compress(condition: Any, a: Value, axis: int | None = None, out: None = None) -> Value:
    """``numpy.compress``; ``out=`` is refused."""
    refuse("compress", out=out)
    return take(a, flatnonzero(condition), axis)


@spells(np.extract, tested_at=(At(given=lambda rng: [np.array([[True, False, True]] * 2), rng.normal(size=(2, 3))]),))
def extract(condition: Any, arr: Value) -> Value:
    """``numpy.extract``."""
    return item(ravel(arr), flatnonzero(condition))


@spells(np.choose, tested_at=(At(given=lambda rng: [np.array([1, 0, 1]), [rng.normal(size=3), rng.normal(size=(2, 3))]]),
                              At(given=lambda rng: [np.array([3, -1]), rng.normal(size=(2, 2))], params=dict(mode="wrap"))))
def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Value:
    """``numpy.choose``; ``out=`` is refused."""
    refuse("choose", out=out)
    a, *options = broadcast_arrays(_whole_numbers(a), *choices)
    n = len(shape_of(a))
    return item(stack(*options, axis=0), (_in_range(a, len(options), mode), *(_counting(shape_of(a)[i], i, n) for i in range(n))))


@spells(np.where, tested_at=(At(given=choices.chosen),))
def where(condition: Any, /, *either: Value) -> Any:
    """``numpy.where``: with one argument, the indices where it holds."""
    # lists become arrays; Python's own numbers stay as they are, or a float32 array would become a float64 one
    numbers = [x if isinstance(x, (bool, int, float)) else array(x) for x in either]
    return choices.where(condition, *numbers) if either else nonzero(condition)


@spells(np.select, tested_at=(At(given=lambda rng: [[np.array([True, False, False]), np.array([True, True, False])],
                                                    [rng.normal(size=3), rng.normal(size=3)], 0.5]),))
def select(condlist: Sequence[Any], choicelist: Sequence[Value], default: Value = 0) -> Value:
    """``numpy.select``: the first choice whose condition holds."""
    out = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        out = choices.where(condition, choice, out)
    return out


@spells(np.piecewise)
def piecewise(x: Value, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Value:
    """``numpy.piecewise``: each function sees the numbers for which its condition holds; later conditions win."""
    single = np.ndim(condlist) == 0 or (np.ndim(condlist[0]) == 0 and len(shape_of(x)) > 0)
    conditions = [c if is_traced(c) else np.asarray(c) for c in ([condlist] if single else condlist)]
    out = np.zeros(shape_of(x), x.dtype)
    if len(funclist) == len(conditions) + 1:  # the last function is for the rest
        conditions, funclist = [np.ones(shape_of(x), bool), *conditions], [funclist[-1], *funclist[:-1]]
    for condition, function in zip(conditions, funclist, strict=True):
        out = changed_at(out)[condition].set(function(item(x, condition), *args, **kw) if callable(function) else function)
    return out


@spells(np.bincount)
def bincount(x: Any, /, weights: Value = None, minlength: int = 0) -> Value:
    """``numpy.bincount``: counts have no slope, weights do."""
    if weights is None:
        return _counts(x, minlength=minlength)
    pattern, found = settled(weights, array(x))
    return place(weights, *found, pattern=pattern, shape=(max(minlength, int(np.max(plain(x), initial=-1)) + 1),))


_counts = question(np.bincount, "_bincount")


# ---- sorting ----------------------------------------------------------------------------------------------------------------


@spells(np.sort, tested_at=(at((2, 3)), at((2, 3), axis=0), at((2, 3), axis=None), at((5,))), convention=ORDER)
def sort(a: Value, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> Value:
    """``numpy.sort``."""
    refuse("sort", order=order)
    if axis is None:
        a, axis = ravel(a), -1
    return take_along_axis(a, argsort(a, axis=axis, kind=kind, stable=stable), axis)


@spells(np.partition, tested_at=(at((5,), kth=2), at((2, 4), kth=1, axis=0)), convention=ORDER)
def partition(a: Value, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Value:
    """``numpy.partition``."""
    refuse("partition", order=order)
    if axis is None:
        a, axis = ravel(a), -1
    return take_along_axis(a, argpartition(a, kth, axis=axis, kind=kind), axis)


_first_of_each = question(lambda ar, axis, equal_nan: np.unique(ar, return_index=True, axis=axis, equal_nan=equal_nan)[1], "_first_of_each")
_inverse_of_each = question(lambda ar, axis, equal_nan: np.unique(ar, return_inverse=True, axis=axis, equal_nan=equal_nan)[1], "_inverse_of_each")
_count_of_each = question(lambda ar, axis, equal_nan: np.unique(ar, return_counts=True, axis=axis, equal_nan=equal_nan)[1], "_count_of_each")


@spells(np.unique, tested_at=(at((5,)), at((2, 3))), convention="of equal numbers, the first one counts")
def unique(ar: Value, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None,
           *, equal_nan: bool = True, sorted: bool = True) -> Any:
    """``numpy.unique``; the numbers are sorted."""
    how = {"axis": axis, "equal_nan": equal_nan}
    first = _first_of_each(ar, **how)
    values = item(ravel(ar), first) if axis is None else take(ar, first, axis)
    more = [ask(ar, **how) for ask, asked in ((_first_of_each, return_index), (_inverse_of_each, return_inverse),
                                              (_count_of_each, return_counts)) if asked]
    return (values, *more) if more else values
