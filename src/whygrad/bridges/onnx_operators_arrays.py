"""ONNX operators that make, reshape, join and split arrays. Shapes are plain NumPy numbers and are never traced."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from whygrad.bridges.onnx_limits import Limits
from whygrad.bridges.onnx_operators import operator
from whygrad.rules.define import Value


def whole_numbers(x: Any) -> list[int]:
    """A shape, axes or counts that came as an array, as Python numbers."""
    return [int(n) for n in np.asarray(x).reshape(-1)]


def given_axes(attribute: Any, array: Any) -> list[int] | None:
    """Axes are an attribute in older versions and an input in newer ones."""
    if array is not None:
        return whole_numbers(array)
    return None if attribute is None else [int(n) for n in np.atleast_1d(attribute)]


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("Shape", 1, 25)
def shape(x: Value, *, start: int = 0, end: int | None = None) -> Value:
    """The lengths of the axes ``start`` to ``end``."""
    return np.array(x.shape[start:end], np.int64)


@operator("Size", 1, 25)
def size(x: Value) -> Value:
    """How many numbers there are."""
    return np.array(math.prod(x.shape), np.int64)


@operator("Reshape", 5, 25, constants=(1,))
def reshape(x: Value, shape: Value, *, allowzero: int = 0) -> Value:
    """The same numbers in another shape: 0 keeps the length of that axis, -1 is what remains."""
    lengths = whole_numbers(shape)
    if not allowzero:
        lengths = [x.shape[i] if n == 0 else n for i, n in enumerate(lengths)]
    return np.reshape(x, tuple(lengths))


@operator("Flatten", 1, 25)
def flatten(x: Value, *, axis: int) -> Value:
    """A matrix: the axes before ``axis`` are its rows, the others its columns."""
    axis = axis + len(x.shape) if axis < 0 else axis
    return np.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operator("Transpose", 1, 25)
def transpose(x: Value, *, perm: tuple[int, ...] | None = None) -> Value:
    """The axes in another order, by default in reverse."""
    return np.transpose(x, perm)


@operator("Squeeze", 1, 25, constants=(1,))
def squeeze(x: Value, array: Value | None = None, *, axes: Any = None) -> Value:
    """Without axes of length 1: those named, or all."""
    chosen = given_axes(axes, array)
    return np.squeeze(x, None if chosen is None else tuple(chosen))


@operator("Unsqueeze", 1, 25, constants=(1,))
def unsqueeze(x: Value, array: Value | None = None, *, axes: Any = None) -> Value:
    """With axes of length 1 put in; the numbers are places in the result."""
    return np.expand_dims(x, tuple(given_axes(axes, array) or ()))


@operator("Expand", 8, 13, constants=(1,))
def expand(x: Value, shape: Value, *, limits: Limits) -> Value:
    """Broadcast to a shape, which may itself be stretched to x's."""
    whole = np.broadcast_shapes(x.shape, tuple(whole_numbers(shape)))
    limits.allow(whole, x.dtype)
    return np.broadcast_to(x, whole)


@operator("Tile", 6, 13, constants=(1,))
def tile(x: Value, repeats: Value, *, limits: Limits) -> Value:
    """Side by side, as often as ``repeats`` says along each axis."""
    times = whole_numbers(repeats)
    limits.allow(tuple(n * k for n, k in zip(x.shape, times, strict=True)), x.dtype)
    return np.tile(x, times)


# ── new arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("Constant", 1, 25)
def constant(
    *,
    value: Any = None,
    value_float: float | None = None,
    value_floats: Any = None,
    value_int: int | None = None,
    value_ints: Any = None,
) -> Value:
    """The array that the file holds."""
    if value is not None:
        return value
    if value_float is not None or value_floats is not None:
        return np.array(value_float if value_floats is None else value_floats, np.float32)
    return np.array(value_int if value_ints is None else value_ints, np.int64)


@operator("ConstantOfShape", 9, 25, constants=(0,))
def constant_of_shape(shape: Value, *, value: Any = None, limits: Limits) -> Value:
    """One number, as often as the shape says; by default 0."""
    lengths = tuple(whole_numbers(shape))
    number = np.zeros(1, np.float32) if value is None else value
    limits.allow(lengths, number.dtype)
    return np.full(lengths, number.reshape(-1)[0], number.dtype)


@operator("Range", 11, 27, constants=(0, 1, 2))
def counting(start: Value, limit: Value, delta: Value, *, stash_type: int = 1, limits: Limits) -> Value:
    """``start``, ``start + delta``, ... below ``limit``."""
    count = max(math.ceil((limit.item() - start.item()) / delta.item()), 0)
    limits.allow((count,), start.dtype)
    return (start + np.arange(count, dtype=start.dtype) * delta).astype(start.dtype)


@operator("EyeLike", 9, 22)
def eye_like(x: Value, *, dtype: Any = None, k: int = 0) -> Value:
    """Ones on a diagonal, in x's shape."""
    return np.eye(x.shape[0], x.shape[1], k, dtype=x.dtype if dtype is None else dtype)


@operator("Trilu", 14, 14, constants=(1,))
def triangle(x: Value, k: Value | None = None, *, upper: int) -> Value:
    """The upper or lower triangle of the last two axes, zeros elsewhere."""
    return (np.triu if upper else np.tril)(x, 0 if k is None else int(k))


# ── several arrays ───────────────────────────────────────────────────────────────────────────────────────────────────


@operator("Concat", 4, 13)
def concatenate(*xs: Value, axis: int = 1) -> Value:
    """End to end along an axis."""
    return np.concatenate(xs, axis=axis)


@operator("Split", 2, 18, constants=(1,))
def split(x: Value, array: Value | None = None, *, axis: int = 0, split: Any = None, num_outputs: int | None = None,
          outputs: int) -> tuple[Value, ...]:  # fmt: skip
    """Parts of stated lengths, or of equal ones: the last may then be shorter."""
    lengths = given_axes(split, array)
    if lengths is None:
        many = num_outputs or outputs
        if many > x.shape[axis] + outputs:
            raise ValueError(f"{x.shape[axis]} numbers can not be split into {many} parts")
        part = -(-x.shape[axis] // many)
        lengths = [part] * (many - 1) + [x.shape[axis] - part * (many - 1)]
    if sum(lengths) != x.shape[axis] or min(lengths) < 0:
        raise ValueError(f"parts of lengths {lengths} do not make up the {x.shape[axis]} numbers along axis {axis}")
    ends = list(itertools.accumulate(lengths))
    before = (slice(None),) * (axis % len(x.shape))
    return tuple(x[(*before, slice(end - n, end))] for n, end in zip(lengths, ends, strict=True))


# ── blocks of images ─────────────────────────────────────────────────────────────────────────────────────────────────


@operator("DepthToSpace", 1, 28)
def depth_to_space(x: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Channels become blocks of pixels."""
    n, c, h, w = x.shape
    b, channels = blocksize, c // blocksize**2
    if mode == "DCR":
        blocks = np.transpose(np.reshape(x, (n, b, b, channels, h, w)), (0, 3, 4, 1, 5, 2))
    else:
        blocks = np.transpose(np.reshape(x, (n, channels, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return np.reshape(blocks, (n, channels, h * b, w * b))


@operator("SpaceToDepth", 1, 28)
def space_to_depth(x: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Blocks of pixels become channels."""
    n, c, h, w = x.shape
    b, order = blocksize, (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    blocks = np.transpose(np.reshape(x, (n, c, h // b, b, w // b, b)), order)
    return np.reshape(blocks, (n, c * b * b, h // b, w // b))
