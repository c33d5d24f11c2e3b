"""Picking numbers out of an array, and putting them back.

``getitem`` and ``put`` are each other's transposes. An index that is itself traced (the order found by argsort, the labels
given to a compiled function) is an input like any other, though one without slope: ``pick`` and ``place`` take it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.errors import OutOfRangeError
from whygrad.rules.define import At, Rule, Value, at, define
from whygrad.rules.queries import Hole, filled, is_traced
from whygrad.rules.shapes import array
from whygrad.rules.sums import shape as shape_of

PICKED = "a number that was picked passes its change on; the others do not move the result"
PUT = "a number that was put somewhere is moved by what happens there"
TWICE = (np.array([0, 1, 1]), slice(None, None, 2))
ROWS = np.array([2, 0, 2, -1])


def item(x: Value, index: Any) -> Value:
    """``x[index]``, for every index that NumPy takes; parts of the index may be traced."""
    if type(index) is int or type(index) is slice:  # the common cases, in loops
        return getitem(x, index=index)
    pattern, found = settled(x, index)
    return pick(x, *found, pattern=pattern) if found else getitem(x, index=pattern)


def settled(x: Value, index: Any) -> tuple[Any, list[Value]]:
    """An index that nobody can change later, and its traced parts, which leave holes."""
    found: list[Value] = []

    def part(i: Any) -> Any:
        if isinstance(i, list):
            i = array(i) if i else np.zeros(0, np.intp)
        if is_traced(i):
            if i.dtype.kind not in "iub":
                raise OutOfRangeError(f"an array of shape {shape_of(x)} was indexed with a traced {i.dtype}",
                                    why="an index is a whole number; it has no slope",
                                    try_="np.argmax, np.argsort, a comparison, or x.astype(int) to make whole numbers")
            found.append(i)
            return Hole(len(found) - 1)
        return np.array(i) if isinstance(i, np.ndarray) else i

    return (tuple([part(i) for i in index]) if isinstance(index, tuple) else part(index)), found


def may_repeat(index: Any) -> bool:
    """Integer arrays may name one place twice; slices, numbers and masks can not."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) and part.ndim > 0 and part.dtype.kind != "b" for part in parts)


def _put(x: Value, *, index: Any, shape: tuple[int, ...]) -> Value:
    x = np.asarray(x)
    out = np.zeros(shape, x.dtype)
    if not may_repeat(index):
        out[index] = x
    elif isinstance(index, np.ndarray) and len(shape) > 1:
        # Rows, as an embedding picks them: np.add.at is 3 times as fast on the flat array.
        width = out[0].size if shape[0] else 0
        rows = index.astype(np.intp) % max(shape[0], 1)  # small whole numbers of NumPy's would overflow, silently
        places = rows.reshape(-1, 1) * width + np.arange(width)
        np.add.at(out.reshape(-1), places.reshape(-1), np.broadcast_to(x, index.shape + shape[1:]).reshape(-1))
    else:
        np.add.at(out, index, x)
    return out


getitem = define("getitem", "x", lambda x, *, index: x[index],
    pulls=(lambda g, out, x, *, index: put(g, index=index, shape=shape_of(x)),),
    linear="each",
    written=r"{x}[\cdot]",
    because=(PICKED,),
    tested_at=(at((2, 3), index=(0, slice(1, None))), at((2, 3), index=TWICE), at((3, 2), index=ROWS),
               at((4,), index=np.array([True, False, True, True])), at((2, 3), index=(Ellipsis, None, -1))))

put: Rule = define("put", "x", _put,
    pulls=(lambda g, out, x, *, index, shape: getitem(g, index=index),),
    linear="each",
    written=r"\mathrm{{put}}({x})",
    because=(PUT,),
    tested_at=(at((2,), index=(0, slice(1, None)), shape=(2, 3)), At(((3, 2),), params=dict(index=TWICE, shape=(2, 3))),
               At(((4, 2),), params=dict(index=ROWS, shape=(3, 2)))))


def table_and_rows(rng: np.random.Generator) -> list[Value]:
    """A table, and the numbers of rows, one of them twice."""
    return [rng.normal(size=(4, 3)), ROWS]


def rows_and_places(rng: np.random.Generator) -> list[Value]:
    """Rows, and where in a table they go, two to the same place."""
    return [rng.normal(size=(4, 3)), ROWS]


FIRST = (Hole(0), slice(None, 2))

pick = define("pick", "*parts", lambda x, *found, pattern: x[filled(pattern, found)],
    pulls=(lambda g, out, x, *found, pattern, arg: place(g, *found, pattern=pattern, shape=shape_of(x)),),
    linear="each",
    written=r"\mathrm{{pick}}({parts})",
    because=(PICKED,),
    tested_at=(At(given=table_and_rows, params=dict(pattern=Hole(0))), At(given=table_and_rows, params=dict(pattern=FIRST))))

place: Rule = define("place", "*parts", lambda x, *found, pattern, shape: _put(x, index=filled(pattern, found), shape=shape),
    pulls=(lambda g, out, x, *found, pattern, shape, arg: pick(g, *found, pattern=pattern),),
    linear="each",
    written=r"\mathrm{{place}}({parts})",
    because=(PUT,),
    tested_at=(At(given=rows_and_places, params=dict(pattern=Hole(0), shape=(4, 3))),))
