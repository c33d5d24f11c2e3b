"""Many numbers into few: sums and their counterpart, copies."""

from __future__ import annotations

import numpy as np

from whygrad.rules.arithmetic import ONE
from whygrad.rules.define import Value, at, define, refuse, spells

Axis = int | tuple[int, ...] | None


def shape(x: Value) -> tuple[int, ...]:
    """The shape of an array, a traced node or a plain number."""
    return getattr(x, "shape", ())


def _copies(x: Value, *, shape: tuple[int, ...], axis: Axis = None, keepdims: bool = False) -> Value:
    if axis is not None and not keepdims:
        x = np.expand_dims(x, axis)
    return np.broadcast_to(x, shape)


sum_ = define("sum", "x", lambda x, *, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims),
    pulls=(lambda g, out, x, **how: copies(g, shape=shape(x), **how),),
    linear="each",
    written=r"\sum {x}",
    because=("every summand moves the total by exactly its own change",),
    tested_at=(ONE, at((2, 3), axis=0), at((2, 3, 2), axis=(1, -1), keepdims=True)))

copies = define("copies", "x", _copies,
    pulls=(lambda g, out, x, *, shape, axis=None, keepdims=False: sum_(g, axis=axis, keepdims=keepdims),),
    linear="each",
    written=r"\mathbf{{1}}\,{x}",
    because=("a copied value answers for all its copies: add them",),
    tested_at=(at((), shape=(2, 3)), at((3,), shape=(2, 3), axis=0)))


@spells(np.sum)
def sum(x: Value, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False) -> Value:  # noqa: A001
    """``numpy.sum``; ``dtype=`` and ``out=`` are refused."""
    refuse("sum", dtype=dtype, out=out)
    return sum_(x, axis=axis, keepdims=keepdims)
