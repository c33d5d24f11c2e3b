"""Numbers that move, are copied or left out: flip, roll, rot90, tile, repeat, pad, delete, diagonals, triangles.

One mechanism for all: to know where every number of the result came from, run the same NumPy function on the numbers'
positions. Where the way back has a name of its own (a roll the other way), it is given, because it is faster.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.errors import TracedValueError, UnsupportedError
from whygrad.rules.arrangement import arrays
from whygrad.rules.define import At, Rule, Value, at, define, refuse, spells
from whygrad.rules.indexing import getitem, put
from whygrad.rules.queries import is_traced, with_holes
from whygrad.rules.shapes import MOVES, join, reshape
from whygrad.rules.sums import shape as shape_of
from whygrad.rules.sums import sum_

COPIED = "a copied value answers for all its copies: add them"
KEPT = "a number that was kept passes its change on; the others do not move the result"

Move = Callable[..., Value]


def positions(shape: tuple[int, ...], start: int = 0) -> Value:
    """An array of that shape that counts its own numbers from ``start``."""
    return np.arange(start, start + int(np.prod(shape))).reshape(shape)


def untraced(name: str, how: Any) -> Any:
    """What tells a function how to move numbers: it has to be plain, and is copied, so that nobody can change it later."""
    found: list[Value] = []
    how = with_holes(how, found)
    if found:
        raise TracedValueError(f"np.{name} was told how to move numbers by a traced value", try_="a plain number, shape or index")
    return how


def _traced_back(function: Callable[..., Any]) -> Callable[..., Value]:
    """The pull of any function that moves, copies or drops numbers, and fills up with zeros."""

    def pull(g: Value, out: Value, x: Value, **how: Any) -> Value:
        came_from = function(positions(shape_of(x), start=1), **how) - 1  # zeros that were filled in came from nowhere: -1
        size = int(np.prod(shape_of(x)))
        return reshape(put(g, index=came_from, shape=(size + 1,))[:size], shape=shape_of(x))  # -1 is the place that is cut off

    return pull


def moves(
    function: Callable[..., Any], because: str, *tested_at: At, back: Callable[..., Value] | None = None,
) -> Move:
    """A rule for one of NumPy's moving functions, and the function itself, called as NumPy's.

    ``back(g, x, **how)``: the way back, where it has a name of its own.
    """
    name, signature = function.__name__, inspect.signature(function)
    pull = _traced_back(function) if back is None else lambda g, out, x, **how: back(g, x, **how)
    rule: Rule = define(name, "x", function, pulls=(pull,), linear="each", written=rf"\mathrm{{{{{name}}}}}({{x}})",
                        because=(because,), tested_at=tested_at)

    @spells(function, tested_at=tested_at)
    @functools.wraps(function)
    def ours(*args: Any, **kwargs: Any) -> Value:
        bound = signature.bind(*args, **kwargs).arguments
        (_, x), *rest = bound.items()
        return rule(x, **untraced(name, dict(rest)))

    registered: Move = ours
    return registered


def _rolled_back(g: Value, x: Value, shift: Any, axis: Any = None) -> Value:
    return roll(g, [-n for n in shift] if isinstance(shift, (tuple, list)) else -shift, axis)


def _untiled(g: Value, x: Value, reps: Any) -> Value:
    """The tiles, added up: g with every axis split into (tile, place in the tile)."""
    reps = tuple(np.atleast_1d(reps).tolist())
    n = max(len(reps), len(shape_of(x)))
    tiles, sizes = (1,) * (n - len(reps)) + reps, (1,) * (n - len(shape_of(x))) + shape_of(x)
    split = tuple(length for pair in zip(tiles, sizes, strict=True) for length in pair)
    return reshape(sum_(reshape(g, shape=split), axis=tuple(range(0, 2 * n, 2))), shape=shape_of(x))


def _unrepeated(g: Value, x: Value, repeats: Any, axis: int | None = None) -> Value:
    """The copies of each number, added up; they lie side by side."""
    if np.size(repeats) > 1:
        return _traced_back(np.repeat)(g, None, x, repeats=repeats, axis=axis)
    times, sizes = int(np.reshape(repeats, ())), (shape_of(x) or (1,)) if axis is not None else (int(np.prod(shape_of(x))),)
    axis = (axis or 0) % len(sizes)
    split = reshape(g, shape=(*sizes[:axis + 1], times, *sizes[axis + 1:]))
    return reshape(sum_(split, axis=axis + 1), shape=shape_of(x))


flip: Move = moves(np.flip, MOVES, at((2, 3)), at((2, 3), axis=-1), at((2, 3), axis=(0, 1)), back=lambda g, x, axis=None: flip(g, axis))
fliplr: Move = moves(np.fliplr, MOVES, at((2, 3)), back=lambda g, x: fliplr(g))
flipud: Move = moves(np.flipud, MOVES, at((3,)), at((2, 3)), back=lambda g, x: flipud(g))
roll: Move = moves(np.roll, MOVES, at((2, 3), shift=2), at((2, 3), shift=(1, -1), axis=(0, 1)), at((2, 3), shift=1, axis=1),
             back=_rolled_back)
rot90: Move = moves(np.rot90, MOVES, at((2, 3)), at((2, 3), k=2), at((2, 3, 2), k=-1, axes=(2, 0)),
              back=lambda g, x, k=1, axes=(0, 1): rot90(g, -k, axes))
triu: Move = moves(np.triu, KEPT, at((3, 3)), at((2, 3), k=1), at((2, 3, 3), k=-1), back=lambda g, x, k=0: triu(g, k))
tril: Move = moves(np.tril, KEPT, at((3, 3)), at((2, 3), k=1), at((2, 3, 3), k=-1), back=lambda g, x, k=0: tril(g, k))
diagonal = moves(np.diagonal, KEPT, at((3, 3)), at((2, 3), offset=1), at((2, 3, 2), offset=-1, axis1=2, axis2=1))
diag = moves(np.diag, KEPT, at((3,)), at((2, 3)), at((2,), k=-1), at((3, 3), k=1))
diagflat = moves(np.diagflat, MOVES, at((3,)), at((2, 2), k=1))
delete = moves(np.delete, KEPT, at((4,), obj=1), at((2, 3), obj=[0, -1], axis=1), at((2, 3), obj=slice(0, 3, 2)))
tile = moves(np.tile, COPIED, at((3,), reps=2), at((2, 3), reps=(2, 1, 2)), at((), reps=3), at((2, 2, 3), reps=(2, 1)), back=_untiled)
repeat = moves(np.repeat, COPIED, at((2, 3), repeats=2), at((2, 3), repeats=[2], axis=0), at((2, 3), repeats=2, axis=-1),
               at((2, 3), repeats=np.array([0, 2, 1]), axis=1), back=_unrepeated)
resize = moves(np.resize, COPIED, at((2, 3), new_shape=(3, 3)), at((2, 3), new_shape=4))
_padded = moves(np.pad, COPIED, at((3,), pad_width=1, mode="edge"), at((3, 4), pad_width=((1, 2), (0, 3)), mode="reflect"),
                at((3,), pad_width=(2, 5), mode="symmetric"), at((2, 3), pad_width=2, mode="wrap"))


@spells(np.trace, tested_at=(at((3, 3)), at((2, 3, 2), offset=1, axis1=1, axis2=2)))
def trace(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: None = None, out: None = None) -> Value:
    """``numpy.trace``; ``dtype=`` and ``out=`` are refused."""
    refuse("trace", dtype=dtype, out=out)
    return sum_(diagonal(a, offset, axis1, axis2), axis=-1)


COPYING = ("edge", "reflect", "symmetric", "wrap")


@spells(np.pad, tested_at=(at((2, 3), pad_width=1), at((2, 3), pad_width=((0, 1), (2, 0)), constant_values=((1.0, 2.0), (3.0, 4.0))),
                           at((3,), pad_width=2, mode="reflect")))
def pad(array: Value, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0, reflect_type: str = "even",
        **others: Any) -> Value:
    """``numpy.pad`` in the modes "constant", "edge", "reflect" (even), "symmetric" (even) and "wrap"."""
    if mode in COPYING and reflect_type == "even" and not others:
        return _padded(array, pad_width, mode=mode)
    if mode != "constant" or others:
        asked = f"mode={mode!r}" + (f", reflect_type={reflect_type!r}" if reflect_type != "even" else "")
        raise UnsupportedError(f"np.pad(..., {asked}) has no gradient rule", try_='mode="constant", ' + ", ".join(map(repr, COPYING)))
    if is_traced(constant_values):
        raise UnsupportedError("np.pad(..., constant_values=...) with a traced value", try_="np.concatenate, or x.at[...].set(v)")
    widths = [_pair(pad_width, axis, array.ndim) for axis in range(array.ndim)]
    inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, shape_of(array), strict=True))
    whole = tuple(before + n + after for (before, after), n in zip(widths, shape_of(array), strict=True))
    placed = put(array, index=inside, shape=whole)
    if not np.any(constant_values):
        return placed
    return placed + np.pad(np.zeros(shape_of(array), array.dtype), widths, constant_values=constant_values)


def _pair(pad_width: Any, axis: int, ndim: int) -> tuple[int, int]:
    """How many numbers go before and after along one axis."""
    if isinstance(pad_width, dict):
        width: Any = pad_width.get(axis, pad_width.get(axis - ndim, 0))
        before, after = np.broadcast_to(width, 2)
        return int(before), int(after)
    before, after = np.broadcast_to(pad_width, (ndim, 2))[axis]
    return int(before), int(after)


# ---- several arrays into one ----------------------------------------------------------------------------------------------


def rearranged(function: Callable[..., Any], *parts: Value) -> Value:
    """``function(*parts)`` for any function that only moves numbers: the parts end to end, picked in the order of their positions."""
    start, counted = 0, []
    for x in parts:
        counted.append(positions(shape_of(x), start))
        start += counted[-1].size
    return getitem(join(*(reshape(x, shape=(-1,)) for x in parts), axis=0), index=function(*counted))


@spells(np.insert, tested_at=(
    At(given=lambda rng: [rng.normal(size=(2, 3)), 1, rng.normal(size=2)], params=dict(axis=1)),
    At(given=lambda rng: [rng.normal(size=4), [0, 2], rng.normal(size=2)])))
def insert(arr: Value, obj: Any, values: Value, axis: int | None = None) -> Value:
    """``numpy.insert``."""
    obj = untraced("insert", obj)
    return rearranged(lambda a, v: np.insert(a, obj, v, axis), *arrays((arr, values)))


@spells(np.block)
def block(arrays_: Any) -> Value:
    """``numpy.block``: a matrix from nested lists of blocks."""
    found: list[Value] = []

    def numbered(nested: Any) -> Any:
        if isinstance(nested, list):
            return [numbered(part) for part in nested]
        found.append(nested)
        return len(found) - 1

    def filled_in(nested: Any, parts: tuple[Value, ...]) -> Any:
        return [filled_in(part, parts) for part in nested] if isinstance(nested, list) else parts[nested]

    layout = numbered(arrays_)
    return rearranged(lambda *parts: np.block(filled_in(layout, parts)), *arrays(found))
