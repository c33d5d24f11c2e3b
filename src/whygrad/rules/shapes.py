"""The same numbers in another arrangement: reshape, transpose, broadcast, concatenate, change of dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.rules.define import Value, at, define, spells
from whygrad.rules.sums import shape as shape_of

MOVES = "moving a number changes nothing about it"

reshape = define("reshape", "x", lambda x, *, shape: np.reshape(x, shape),
    pulls=(lambda g, out, x, *, shape: reshape(g, shape=shape_of(x)),),
    linear="each",
    written=r"\mathrm{{reshape}}({x})",
    because=(MOVES,),
    tested_at=(at((2, 3), shape=(3, 2)), at((2, 3), shape=(-1,))))


def _inverse(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if axes is None else tuple(int(i) for i in np.argsort([a % len(axes) for a in axes]))


transpose = define("transpose", "x", lambda x, *, axes=None: np.transpose(x, axes),
    pulls=(lambda g, out, x, *, axes=None: transpose(g, axes=_inverse(axes)),),
    linear="each",
    written=r"{x}^{{\top}}",
    because=(MOVES,),
    tested_at=(at((2, 3)), at((2, 3, 4), axes=(1, -1, 0))))

broadcast = define("broadcast_to", "x", lambda x, *, shape: np.broadcast_to(x, shape),
    pulls=(lambda g, out, x, *, shape: g,),  # the sweep adds up the copies, as it does for every rule
    linear="each",
    written=r"\mathbf{{1}}\,{x}",
    because=("a copied value answers for all its copies",),
    tested_at=(at((3,), shape=(2, 3)), at((2, 1), shape=(2, 3))))

cast = define("cast", "x", lambda x, *, dtype: np.asarray(x).astype(dtype)[()],
    pulls=(lambda g, out, x, *, dtype: g,),  # the sweep restores the input's dtype, as it does for every rule
    linear="each",
    written="{x}",
    because=("another spelling of the same number",),
    tested_at=(at((2, 3), dtype=np.float64),))


def _slice_of_join(g: Value, out: Value, *xs: Value, axis: int, arg: int) -> Value:
    start = sum(shape_of(x)[axis] for x in xs[:arg])
    part = (slice(None),) * (axis % len(shape_of(out))) + (slice(start, start + shape_of(xs[arg])[axis]),)
    return g[part]


join = define("concatenate", "*xs", lambda *xs, axis: np.concatenate(xs, axis=axis),
    pulls=(_slice_of_join,),
    linear="jointly",
    written=r"[{xs}]",
    because=("each part keeps its own place in the whole",),
    tested_at=(at((2, 3), (2, 2), axis=1), at((2, 3), (1, 3), (2, 3), axis=0), at((2, 2), (2, 1), axis=-1)))


@spells(np.concatenate)
def concatenate(arrays: Any, axis: int | None = 0) -> Value:
    """``numpy.concatenate``."""
    if axis is None:
        return join(*(reshape(x, shape=(-1,)) for x in arrays), axis=0)
    return join(*arrays, axis=axis)
