"""ONNX operators that pick numbers, put them elsewhere, or move them: Gather, Slice, Scatter, Pad, sorting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from whygrad.bridges.onnx_limits import Limits
from whygrad.bridges.onnx_operators import operator
from whygrad.bridges.onnx_operators_arrays import whole_numbers
from whygrad.rules.define import Value
from whygrad.rules.updates import at

# ── picking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("Slice", 1, 1)
def slice_between(x: Value, *, starts: Any, ends: Any, axes: Any = None) -> Value:
    """The bounds are attributes."""
    return slices(x, starts, ends, range(len(starts)) if axes is None else axes)


@operator("Slice", 10, 13, constants=(1, 2, 3, 4))
def slices(x: Value, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Value:
    """``x[start:end:step]`` along each of the axes; bounds beyond the ends are the ends."""
    firsts, lasts = whole_numbers(starts), whole_numbers(ends)
    along = list(range(len(firsts))) if axes is None else whole_numbers(list(axes) if isinstance(axes, range) else axes)
    strides = [1] * len(firsts) if steps is None else whole_numbers(steps)
    index: list[Any] = [slice(None)] * len(x.shape)
    for first, last, axis, step in zip(firsts, lasts, along, strides, strict=True):
        n = x.shape[axis]
        before_all = step < 0 and last < -n  # with a negative step, -n - 1 stands before the first number
        index[axis] = slice(first, None if before_all else last, step)
    return x[tuple(index)]


@operator("Gather", 1, 13)
def gather(x: Value, indices: Value, *, axis: int = 0) -> Value:
    """The entries along one axis, in the order of the indices: rows of an embedding, for instance."""
    return np.take(x, indices, axis)


@operator("GatherElements", 11, 13)
def gather_elements(x: Value, indices: Value, *, axis: int = 0) -> Value:
    """One number for each index, which counts along one axis."""
    return x[_along(axis, np.asarray(indices))]


@operator("GatherND", 11, 13)
def gather_blocks(x: Value, indices: Value, *, batch_dims: int = 0) -> Value:
    """The last axis of the indices holds places in x, after the batch axes that both share."""
    return x[_places(np.asarray(indices), batch_dims)]


def _along(axis: int, indices: Value) -> tuple[Value, ...]:
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)


def _places(indices: Value, batch_dims: int = 0) -> tuple[Value, ...]:
    batch = np.ogrid[tuple(slice(n) for n in indices.shape[:-1])][:batch_dims]
    return (*batch, *(indices[..., i] for i in range(indices.shape[-1])))


@operator("Compress", 9, 28)
def compress(x: Value, condition: Value, *, axis: int | None = None) -> Value:
    """The entries along one axis (or of all numbers in a row) where a condition holds."""
    return np.compress(np.asarray(condition), x, axis)


@operator("NonZero", 9, 13)
def places_of_nonzero(x: Value) -> Value:
    """Where x is not 0: one row for each axis."""
    return np.stack([np.asarray(i) for i in np.nonzero(x)]).astype(np.int64)


@operator("OneHot", 9, 28, constants=(0, 1))
def one_hot(indices: Value, depth: Value, values: Value, *, axis: int = -1, limits: Limits) -> Value:
    """A new axis with the second value at the index and the first elsewhere; indices outside make only the first."""
    n = int(np.asarray(depth).reshape(-1)[0])
    limits.allow((*indices.shape, n), np.dtype(np.int64))
    places = np.expand_dims(np.where((indices >= 0), indices, indices + n).astype(np.int64), axis)
    counting = np.arange(n).reshape([-1 if i == axis % places.ndim else 1 for i in range(places.ndim)])
    return np.where(places == counting, values[1], values[0])


# ── putting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _written(x: Value, index: Any, values: Value, reduction: str) -> Value:
    if reduction == "none":
        return at(x)[index].set(values)
    if reduction == "add":
        return at(x)[index].add(values)
    for turn in _turns(index, x.shape):
        there = at(x)[tuple(part[turn] for part in np.broadcast_arrays(*index))]
        x = {"mul": there.multiply, "max": there.max, "min": there.min}[reduction](values[turn])
    return x


def _turns(index: tuple[Value, ...], shape: tuple[int, ...]) -> Iterator[Value]:
    """Masks of the writes to be done at a time, so that no place is written twice at once."""
    flat = np.ravel_multi_index(index, shape[: len(index)], mode="wrap")
    order = np.argsort(flat, axis=None, kind="stable")
    ordered = flat.reshape(-1)[order]
    start = np.maximum.accumulate(np.where(np.r_[True, ordered[1:] != ordered[:-1]], np.arange(order.size), 0))
    turn = np.empty(order.size, int)
    turn[order] = np.arange(order.size) - start
    yield from (turn.reshape(flat.shape) == i for i in range(int(turn.max(initial=-1)) + 1))


@operator("Scatter", 9, 11)
@operator("ScatterElements", 11, 18)
def scatter_elements(x: Value, indices: Value, updates: Value, *, axis: int = 0, reduction: str = "none") -> Value:
    """x with a number written (or added, ...) for each index, which counts along one axis."""
    indices = np.asarray(indices)
    return _written(x, _along(axis, np.where(indices < 0, indices + x.shape[axis], indices)), updates, reduction)


@operator("ScatterND", 11, 18)
def scatter_blocks(x: Value, indices: Value, updates: Value, *, reduction: str = "none") -> Value:
    """x with blocks written (or added, ...) at the places that the last axis of the indices names."""
    return _written(x, _places(np.asarray(indices)), updates, reduction)


@operator("Pad", 2, 2)
def pad_with(x: Value, *, pads: Any, mode: str = "constant", value: float = 0.0, limits: Limits) -> Value:
    """The widths are an attribute."""
    return pad(x, np.array(pads), np.array(value, x.dtype), mode=mode, limits=limits)


@operator("Pad", 11, 25, constants=(1, 2, 3))
def pad(
    x: Value,
    pads: Value,
    value: Value | None = None,
    axes: Value | None = None,
    *,
    mode: str = "constant",
    limits: Limits,
) -> Value:
    """Numbers around x: a constant, the mirror image, the edge, or x again; a negative width cuts off."""
    n = len(x.shape)
    along = [i % n for i in whole_numbers(axes)] if axes is not None else list(range(n))
    numbers = whole_numbers(pads)
    widths = [(0, 0)] * n
    for place, axis in enumerate(along):
        widths[axis] = (numbers[place], numbers[place + len(along)])
    kept = tuple(slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(widths, x.shape, strict=True))
    around = [(max(a, 0), max(b, 0)) for a, b in widths]
    limits.allow(tuple(n + max(a, 0) + max(b, 0) for n, (a, b) in zip(x.shape, widths, strict=True)), x.dtype)
    x = x[kept] if any(a < 0 or b < 0 for a, b in widths) else x
    if mode == "constant":
        number: Any = 0 if value is None else np.asarray(value).reshape(-1)[0]
        return np.pad(x, around, constant_values=number)
    return np.pad(x, around, mode)  # type: ignore[call-overload]  # NumPy's overloads want a literal


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("TopK", 1, 1)
def top_k(x: Value, *, k: int, axis: int) -> tuple[Value, Value]:
    """k is an attribute."""
    return largest(x, np.array(k), axis=axis)


@operator("TopK", 10, 24, constants=(1,))
def largest(x: Value, k: Value, *, axis: int, largest: int = 1, sorted: int = 1) -> tuple[Value, Value]:  # noqa: A002  # ONNX's
    """The k largest (or smallest) numbers along an axis, in order, and where they stood; the places have no slope."""
    many = int(np.asarray(k).reshape(-1)[0])
    if not 0 <= many <= x.shape[axis]:
        raise ValueError(f"the {many} largest of {x.shape[axis]} numbers were asked for")
    order = np.argsort(-x if largest and x.dtype.kind != "u" else x, axis=axis, kind="stable")
    if largest and x.dtype.kind == "u":
        order = np.flip(order, axis)
    places = np.take(np.asarray(order), np.arange(many), axis)
    return np.take_along_axis(x, places, axis), places.astype(np.int64)


def _place_of(first: Any, x: Value, axis: int, keepdims: int, select_last_index: int) -> Value:
    x = np.flip(x, axis) if select_last_index else x
    place = first(x, axis=axis)
    place = x.shape[axis] - 1 - place if select_last_index else place
    place = np.asarray(place, np.int64)
    return np.expand_dims(place, axis) if keepdims else place


@operator("ArgMax", 1, 13)
def place_of_largest(x: Value, *, axis: int = 0, keepdims: int, select_last_index: int = 0) -> Value:
    """Where the largest number stands along an axis."""
    return _place_of(np.argmax, x, axis, keepdims, select_last_index)


@operator("ArgMin", 1, 13)
def place_of_smallest(x: Value, *, axis: int = 0, keepdims: int, select_last_index: int = 0) -> Value:
    """Where the smallest number stands along an axis."""
    return _place_of(np.argmin, x, axis, keepdims, select_last_index)


@operator("ReverseSequence", 10, 28, constants=(1,))
def reverse_sequence(x: Value, lengths: Value, *, batch_axis: int, time_axis: int = 0) -> Value:
    """The first numbers of each sequence in reverse, as many as its length; the others stay."""
    steps = np.arange(x.shape[time_axis])
    ends = np.asarray(lengths).reshape(-1, 1)
    order = np.where(steps < ends, ends - 1 - steps, steps)  # (batch, time)
    rows = np.arange(x.shape[batch_axis]).reshape(-1, 1)
    return x[(rows, order) if batch_axis == 0 else (order.T, rows.T)]
