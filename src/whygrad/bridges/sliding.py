"""Convolution and pooling with all their options, in any number of directions, written with the windows rule.

``x`` is (examples, channels, *sizes). Options come one per direction; padding as (before, after) pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from whygrad.bridges.channels import scaled
from whygrad.errors import ShapeError
from whygrad.rules.convolution import overlap, windows
from whygrad.rules.define import Value
from whygrad.rules.indexing import put

Sizes = tuple[int, ...]
Padding = Sequence[tuple[int, int]]


def convolution(
    x: Value, w: Value, bias: Value | None, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Value:
    """Slide ``w`` (outputs, channels / groups, *sizes) over ``x``; ``bias`` (outputs,)."""
    n, channels, outputs, size = x.shape[0], x.shape[1], w.shape[0], w.shape[2:]
    if channels != w.shape[1] * groups or outputs % groups:
        raise ShapeError(f"convolution of x {x.shape} with w {w.shape} in {groups} group(s): the channels do not fit")
    seen = _seen(padded(x, padding), size, stride, dilation)
    k, spots = len(size), seen.shape[2 : 2 + len(size)]
    within = math.prod(w.shape[1:])
    seen = np.reshape(seen, (n, groups, channels // groups, *spots, *size))
    patches = np.transpose(seen, (1, 2, *range(3 + k, 3 + 2 * k), 0, *range(3, 3 + k)))
    patches = np.reshape(patches, (groups, within, n * math.prod(spots)))
    out = np.reshape(w, (groups, outputs // groups, within)) @ patches
    out = np.moveaxis(np.reshape(out, (outputs, n, *spots)), 0, 1)
    return scaled(out, None, bias)


def transposed_convolution(
    x: Value, w: Value, bias: Value | None, stride: Sizes, cut: Padding, dilation: Sizes, groups: int
) -> Value:
    """The gradient of a convolution by its input, as a layer: ``w`` is (channels, outputs / groups, *sizes).

    ``cut``: how much of the whole result is cut off before and after; less than 0 puts zeros there.
    """
    n, channels, spots = x.shape[0], x.shape[1], x.shape[2:]
    size, k, within = w.shape[2:], len(w.shape) - 2, math.prod(w.shape[1:])
    rows = np.reshape(x, (n, groups, channels // groups, math.prod(spots)))
    filters = np.reshape(w, (groups, channels // groups, within))
    spread = np.swapaxes(filters, -1, -2) @ rows
    spread = np.reshape(spread, (n, w.shape[1] * groups, *size, *spots))
    spread = np.transpose(spread, (0, 1, *range(2 + k, 2 + 2 * k), *range(2, 2 + k)))
    wide = extent(size, dilation)
    if wide != tuple(size):
        index = (..., *(slice(None, None, d) for d in dilation))
        spread = put(spread, index=index, shape=(*spread.shape[:-k], *wide))
    full = tuple((m - 1) * s + f for m, s, f in zip(spots, stride, wide, strict=True))
    out = padded(overlap(spread, shape=full, stride=stride), [(-before, -after) for before, after in cut])
    return scaled(out, None, bias)


def max_pool(x: Value, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, ceil: bool = False) -> Value:
    """The largest number of each window; of equal ones the first takes the slope, as in PyTorch."""
    padding = reaching(x, size, stride, padding, dilation) if ceil else padding
    found = layers(padded(x, padding, -np.inf), size, stride, dilation)
    return np.take_along_axis(found, np.expand_dims(np.argmax(found, axis=0), 0), 0)[0]


def avg_pool(
    x: Value, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, ceil: bool = False,
    count_padding: bool = True, divisor: int | None = None,
) -> Value:  # fmt: skip
    """The mean of each window; ``count_padding``: the zeros around the image are counted too."""
    wider = reaching(x, size, stride, padding, dilation) if ceil else padding
    total = np.sum(layers(padded(x, wider), size, stride, dilation), axis=0)
    if divisor is not None:
        return total / float(divisor)
    counted = padded(np.ones(x.shape[-len(size) :]), padding, float(count_padding))
    beyond = [(w[0] - p[0], w[1] - p[1]) for w, p in zip(wider, padding, strict=True)]
    counts = np.sum(layers(padded(counted, beyond), size, stride, dilation), axis=0)
    return total / counts.astype(x.dtype)


def adaptive_avg_pool(x: Value, sizes: Sizes) -> Value:
    """Means over as many nearly equal bins as ``sizes`` says, along the last axes."""
    for axis, n in zip(range(-len(sizes), 0), sizes, strict=True):
        x = along(x, axis, _bins(x.shape[axis], n).astype(x.dtype))
    return x


def adaptive_max_pool(x: Value, sizes: Sizes) -> Value:
    """The largest number of each of nearly equal bins, along the last axes."""
    for axis, n in zip(range(-len(sizes), 0), sizes, strict=True):
        bins = [np.flatnonzero(row) for row in _bins(x.shape[axis], n)]
        parts = [x[(..., slice(b[0], b[-1] + 1), *(slice(None),) * (-axis - 1))] for b in bins]
        x = np.stack([np.max(part, axis=axis) for part in parts], axis)
    return x


def along(x: Value, axis: int, matrix: Value) -> Value:
    """Each line of x along ``axis``, replaced by ``matrix @ line``."""
    return np.swapaxes(np.swapaxes(x, axis, -1) @ np.swapaxes(matrix, 0, 1), axis, -1)


def padded(x: Value, padding: Padding, value: float = 0.0) -> Value:
    """``value`` around the last axes; negative padding cuts off."""
    cuts = tuple(slice(max(0, -p), n - max(0, -q)) for (p, q), n in zip(padding, x.shape[-len(padding) :], strict=True))
    if any(p < 0 or q < 0 for p, q in padding):
        x = x[(..., *cuts)]
    widths = [(max(0, p), max(0, q)) for p, q in padding]
    if not any(p or q for p, q in widths):
        return x
    stack = [(0, 0)] * (len(x.shape) - len(widths))
    return np.pad(x, (*stack, *widths), constant_values=value)


def extent(size: Sizes, dilation: Sizes) -> Sizes:
    """How far a window reaches."""
    return tuple(d * (m - 1) + 1 for d, m in zip(dilation, size, strict=True))


def layers(x: Value, size: Sizes, stride: Sizes, dilation: Sizes) -> Value:
    """One layer for each place in the window, as (places in the window, ..., *windows): quicker to reduce."""
    seen, k = _seen(x, size, stride, dilation), len(size)
    flat = np.reshape(seen, (*seen.shape[:-k], math.prod(size)))
    return np.moveaxis(flat, -1, 0)


def reaching(x: Value, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Padding:
    """Padding that lets a last, incomplete window in, if it starts inside the image or its padding before it."""
    wider = []
    wide = extent(size, dilation)
    for n, m, s, (p, q) in zip(x.shape[-len(size) :], wide, stride, padding, strict=True):
        count = -(-(n + p + q - m) // s) + 1
        count -= (count - 1) * s >= n + p
        wider.append((p, max(q, (count - 1) * s + m - n - p)))
    return wider


def _seen(x: Value, size: Sizes, stride: Sizes, dilation: Sizes) -> Value:
    """What each window sees: (..., *places, *size)."""
    wide = extent(size, dilation)
    if any(n < m for n, m in zip(x.shape[-len(size) :], wide, strict=True)):
        raise ShapeError(f"a window of {wide} is larger than what it slides over, {x.shape[-len(size) :]}")
    views = windows(x, size=wide, stride=stride)
    return views if max(dilation) == 1 else views[(..., *(slice(None, None, d) for d in dilation))]


def _bins(n: int, bins: int) -> np.ndarray:
    """Row i: equal weights that add up to 1, on bin i of n numbers."""
    starts, ends = np.arange(bins) * n // bins, -(-(np.arange(bins) + 1) * n // bins)
    places = np.arange(n)
    inside = (places >= starts[:, None]) & (places < ends[:, None])
    weights: np.ndarray = inside / np.maximum(1, ends - starts)[:, None]
    return weights
