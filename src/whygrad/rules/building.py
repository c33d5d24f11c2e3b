"""New arrays: evenly spaced numbers, arrays like another, copies, changes of dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.rules.arrangement import arrays, moveaxis
from whygrad.rules.define import At, Value, at, spells
from whygrad.rules.queries import is_traced
from whygrad.rules.shapes import as_dtype, broadcast
from whygrad.rules.sums import shape as shape_of

ENDS = (at((), (), num=5), at((2,), (), num=4, endpoint=False), at((2, 3), (3,), num=3, axis=-1), at((), (), num=1))


def _steps(start: Value, stop: Value, num: int, endpoint: bool) -> Value:
    """How far along each of ``num`` numbers is, from 0 to 1, on a new first axis."""
    dtype = np.result_type(start.dtype, stop.dtype, np.float16)
    ndim = max(len(shape_of(start)), len(shape_of(stop)))
    gaps = max(num - 1 if endpoint else num, 1)
    return (np.arange(num).reshape(-1, *(1,) * ndim) / gaps).astype(dtype)


@spells(np.linspace, tested_at=ENDS)
def linspace(start: Value, stop: Value, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0, *, device: None = None) -> Any:
    """``numpy.linspace``, with a slope in both ends."""
    start, stop = arrays((start, stop))
    t = _steps(start, stop, num, endpoint)
    out = start * (1 - t) + stop * t  # exact at both ends
    out = _finished(out, dtype, axis)
    return (out, (stop - start) / max(num - 1 if endpoint else num, 1)) if retstep else out


@spells(np.logspace, tested_at=ENDS[:2])
def logspace(start: Value, stop: Value, num: int = 50, endpoint: bool = True, base: Value = 10.0, dtype: Any = None, axis: int = 0) -> Value:
    """``numpy.logspace``, with a slope in both ends and in the base."""
    start, stop = arrays((start, stop))
    return _finished(base ** linspace(start, stop, num, endpoint), dtype, axis)


@spells(np.geomspace, tested_at=tuple(at(*place.shapes, between=(0.5, 2.0), **place.params) for place in ENDS[:3]))
def geomspace(start: Value, stop: Value, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Value:
    """``numpy.geomspace``, with a slope in both ends."""
    start, stop = arrays((start, stop))
    return _finished(start * (stop / start) ** _steps(start, stop, num, endpoint), dtype, axis)


def _finished(out: Value, dtype: Any, axis: int) -> Value:
    out = out if axis == 0 else moveaxis(out, 0, axis)
    return out if dtype is None else as_dtype(out, dtype)


@spells(np.full_like, tested_at=(At(given=lambda rng: [rng.normal(size=(2, 3)), rng.normal(size=3)]),))
def full_like(a: Value, fill_value: Value, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
              *, device: None = None) -> Value:
    """``numpy.full_like``: constants, unless the number to fill with is traced."""
    shape = shape_of(a) if shape is None else shape
    dtype = a.dtype if dtype is None else dtype
    if is_traced(fill_value):
        return broadcast(as_dtype(fill_value, dtype), shape=(shape,) if isinstance(shape, int) else tuple(shape))
    return np.full(shape, fill_value, dtype)


@spells(np.zeros_like)
def zeros_like(a: Value, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: None = None) -> Value:
    """``numpy.zeros_like``: constants."""
    return full_like(a, 0, dtype, shape=shape)


@spells(np.ones_like)
def ones_like(a: Value, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: None = None) -> Value:
    """``numpy.ones_like``: constants."""
    return full_like(a, 1, dtype, shape=shape)


spells(np.empty_like)(zeros_like)  # numbers that are to be overwritten may as well be 0


@spells(np.copy)
def copy(a: Value, order: str = "K", subok: bool = False) -> Value:
    """``numpy.copy``: a traced value is never written into, so it is its own copy."""
    return a


@spells(np.imag)
def imag(val: Value) -> Value:
    """``numpy.imag``: zeros."""
    return zeros_like(val)


def astype(x: Value, dtype: Any, *, copy: bool = True, device: None = None) -> Value:
    """``numpy.astype``: floating point keeps its slope, whole numbers and yes/no have none."""
    return as_dtype(x, dtype)


if hasattr(np, "astype"):  # from NumPy 2.1 on
    spells(np.astype)(astype)
