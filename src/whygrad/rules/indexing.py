"""Picking numbers out of an array and putting them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.rules.define import At, Value, at, define
from whygrad.rules.sums import shape as shape_of


def _put(x: Value, *, index: Any, shape: tuple[int, ...]) -> Value:
    out = np.zeros(shape, np.asarray(x).dtype)
    if _may_repeat(index):
        np.add.at(out, index, x)
    else:
        out[index] = x
    return out


def _may_repeat(index: Any) -> bool:
    """Integer arrays may name one place twice; slices, numbers and masks can not."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, (list, np.ndarray)) and np.asarray(part).dtype.kind != "b" for part in parts)


TWICE = (np.array([0, 1, 1]), slice(None, None, 2))

getitem = define("getitem", "x", lambda x, *, index: x[index],
    pulls=(lambda g, out, x, *, index: put(g, index=index, shape=shape_of(x)),),
    linear="each",
    written=r"{x}[\cdot]",
    because=("a number that was picked passes its change on; the others do not move the result",),
    tested_at=(at((2, 3), index=(0, slice(1, None))), at((2, 3), index=TWICE),
               at((4,), index=np.array([True, False, True, True])), at((2, 3), index=(Ellipsis, None, -1))))

put = define("put", "x", _put,
    pulls=(lambda g, out, x, *, index, shape: getitem(g, index=index),),
    linear="each",
    written=r"\mathrm{{put}}({x})",
    because=("a number that was put somewhere is moved by what happens there",),
    tested_at=(at((2,), index=(0, slice(1, None)), shape=(2, 3)), At(((3, 2),), params=dict(index=TWICE, shape=(2, 3)))))
