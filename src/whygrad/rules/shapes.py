"""The same numbers in another arrangement: reshape, transpose, broadcast, concatenate, stack, change of dtype."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from whygrad.errors import DtypeError, ShapeError
from whygrad.rules.define import Rule, Value, at, define
from whygrad.rules.sums import shape as shape_of

MOVES = "moving a number changes nothing about it"

reshape: Rule = define("reshape", "x", lambda x, *, shape: np.reshape(x, shape),
    pulls=(lambda g, out, x, *, shape: reshape(g, shape=shape_of(x)),),
    linear="each",
    written=r"\mathrm{{reshape}}({x})",
    because=(MOVES,),
    tested_at=(at((2, 3), shape=(3, 2)), at((2, 3), shape=(-1,))))


def _inverse(axes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if axes is None else tuple(int(i) for i in np.argsort([a % len(axes) for a in axes]))


transpose: Rule = define("transpose", "x", lambda x, *, axes=None: np.transpose(x, axes),
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


def _cast(x: Value, *, dtype: Any) -> Value:
    return np.asarray(x).astype(dtype)[()]


cast = define("cast", "x", _cast,
    pulls=(lambda g, out, x, *, dtype: g,),  # the sweep restores the input's dtype, as it does for every rule
    linear="each",
    written="{x}",
    because=("another spelling of the same number",),
    tested_at=(at((2, 3), dtype=np.float64),))

truncate = define("truncate", "x", _cast,
    pulls=(None,),
    written=r"\mathrm{{truncate}}({x})",
    because=("a whole number or a yes/no stays the same when x moves a little",))


def as_dtype(x: Value, dtype: Any) -> Value:
    """``x`` in another dtype: floating point keeps its slope, whole numbers and yes/no have none."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fiub":
        raise DtypeError(f"a traced {x.dtype} array was to become {dtype}", why="whygrad computes derivatives of real functions",
                         try_="a floating-point dtype")
    return x if dtype == x.dtype else (cast if dtype.kind == "f" else truncate)(x, dtype=dtype)


# ---- many arrays into one -------------------------------------------------------------------------------------------------


def _slice_of_join(g: Value, out: Value, *xs: Value, axis: int, starts: tuple[int, ...], arg: int) -> Value:
    return g[(slice(None),) * (axis % len(shape_of(out))) + (slice(starts[arg], starts[arg + 1]),)]


joined = define("concatenate", "*xs", lambda *xs, axis, starts: np.concatenate(xs, axis=axis),
    pulls=(_slice_of_join,),
    linear="jointly",
    written=r"[{xs}]",
    because=("each part keeps its own place in the whole",),
    tested_at=(at((2, 3), (2, 2), axis=1, starts=(0, 3, 5)), at((2, 3), (1, 3), (2, 3), axis=0, starts=(0, 2, 3, 5)),
               at((2, 2), (2, 1), axis=-1, starts=(0, 2, 3))))


def join(*xs: Value, axis: int) -> Value:
    """The parts one after the other along an axis. Where each begins is worked out once, not once for every part."""
    lengths = [shape_of(x)[axis] if -len(shape_of(x)) <= axis < len(shape_of(x)) else 0 for x in xs]
    return joined(*xs, axis=axis, starts=tuple(itertools.accumulate(lengths, initial=0)))


stack = define("stack", "*xs", lambda *xs, axis: np.stack(xs, axis=axis),
    pulls=(lambda g, out, *xs, axis, arg: g[(slice(None),) * (axis % len(shape_of(out))) + (arg,)],),
    linear="jointly",
    written=r"[{xs}]",
    because=("each part keeps its own place in the whole",),
    tested_at=(at((2, 3), (2, 3), axis=0), at((2, 3), (2, 3), (2, 3), axis=-1), at((), (), (), axis=0)))


def array(numbers: Any, dtype: Any = None) -> Value:
    """One array from nested lists and tuples of traced and plain numbers or arrays, as ``numpy.array`` makes it of plain ones.

    Without ``dtype`` it is the one that NumPy's arithmetic would give them; Python's own numbers follow the others.
    Raises ShapeError where the parts have different shapes.
    """
    leaves = list(_leaves(numbers))
    out = _assembled(numbers, np.result_type(*leaves) if leaves else np.dtype(float))
    if dtype is None:
        return out
    return as_dtype(out, dtype) if hasattr(out, "apply_rule") else out.astype(dtype)


def _leaves(numbers: Any) -> Iterator[Any]:
    """What decides the dtype: the dtypes of arrays and traced values, and Python's own numbers."""
    if isinstance(numbers, (list, tuple)):
        for part in numbers:
            yield from _leaves(part)
    else:
        yield numbers if isinstance(numbers, (bool, int, float)) else getattr(numbers, "dtype", None) or np.asarray(numbers).dtype


def _assembled(numbers: Any, dtype: Any) -> Value:
    """Nested lists, innermost first, each stacked into one array."""
    if hasattr(numbers, "apply_rule"):
        return numbers
    if not isinstance(numbers, (list, tuple)) or not numbers:
        return np.array(numbers, dtype)
    parts = [_assembled(part, dtype) for part in numbers]
    for i, part in enumerate(parts):
        if shape_of(part) != shape_of(parts[0]):
            raise ShapeError(f"the parts of an array have different shapes: number 0 has {shape_of(parts[0])}, "
                             f"number {i} has {shape_of(part)}", try_="parts of one shape, or np.concatenate to join them end to end")
    return stack(*parts, axis=0)
