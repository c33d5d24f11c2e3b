"""ONNX operators that slide a window over images of any number of axes: convolution and pooling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.bridges.onnx_limits import Limits
from whygrad.bridges.onnx_operators import operator
from whygrad.bridges.onnx_operators_indexing import pad
from whygrad.rules.convolution import overlap, windows
from whygrad.rules.define import Value
from whygrad.rules.indexing import put

# ── where windows stand ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Windows:
    """Windows over the last axes: sizes, steps, distances of their points, padding, and what ceil_mode adds."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    extra: tuple[int, ...]
    limits: Limits

    @property
    def extent(self) -> tuple[int, ...]:
        """How far a window reaches."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def padded(self, x: Value, number: Any = 0, *, extra: Any = None) -> Value:
        """x with ``number`` around it, and ``extra`` (by default the same) where ceil_mode lets windows stand out."""
        added = zip(self.before, self.after, self.extra, strict=True)
        sizes = (n + sum(more) for n, more in zip(x.shape[-len(self.kernel) :], added, strict=True))
        self.limits.allow((*x.shape[: -len(self.kernel)], *sizes), x.dtype, "a padded image")
        stay = [(0, 0)] * (len(x.shape) - len(self.kernel))
        around = stay + list(zip(self.before, self.after, strict=True))
        behind = stay + [(0, n) for n in self.extra]
        x = np.pad(x, around, constant_values=number) if any(map(any, around)) else x
        return np.pad(x, behind, constant_values=number if extra is None else extra) if any(self.extra) else x

    def seen(self, x: Value) -> Value:
        """What each window sees of a padded x: (..., *positions, *kernel)."""
        views = windows(x, size=self.extent, stride=self.strides)
        return views if set(self.dilations) <= {1} else views[(..., *(slice(None, None, d) for d in self.dilations))]

    def layers(self, x: Value) -> Value:
        """One layer for each point of the window: (points, ..., *positions), quicker to reduce than small windows."""
        seen, k = self.seen(x), len(self.kernel)
        n = len(seen.shape)
        seen = np.transpose(seen, (*range(n - k, n), *range(n - k)))
        return np.reshape(seen, (math.prod(self.kernel), *seen.shape[k:]))


def placed(sizes: tuple[int, ...], kernel: Any, strides: Any, dilations: Any, pads: Any, auto_pad: str,
           ceil_mode: int, limits: Limits) -> Windows:  # fmt: skip
    """Windows over images of these sizes, with ONNX's defaults and its automatic padding."""
    k = len(sizes)
    steps, gaps = (tuple(given) if given else (1,) * k for given in (strides, dilations))
    given = tuple(pads) if pads else (0,) * (2 * k)
    before, after, extra = list(given[:k]), list(given[k:]), [0] * k
    for i, (n, size, step, gap) in enumerate(zip(sizes, kernel, steps, gaps, strict=True)):
        reach = (size - 1) * gap + 1
        if auto_pad.startswith("SAME"):
            total = max((-(-n // step) - 1) * step + reach - n, 0)
            less, more = total // 2, total - total // 2
            before[i], after[i] = (less, more) if auto_pad == "SAME_UPPER" else (more, less)
        elif auto_pad == "VALID":
            before[i] = after[i] = 0
        whole = n + before[i] + after[i]
        if ceil_mode:
            count = -(-(whole - reach) // step) + 1
            count -= (count - 1) * step >= n + before[i]  # a window may not start behind the image
            extra[i] = max((count - 1) * step + reach - whole, 0)
        if reach > whole + extra[i]:
            raise ValueError(
                f"a window that reaches over {reach} numbers is larger than the {whole} along axis {i + 2}"
            )
    return Windows(tuple(kernel), steps, gaps, tuple(before), tuple(after), tuple(extra), limits)


# ── convolution ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_bias(out: Value, bias: Value | None) -> Value:
    return out if bias is None else out + np.reshape(bias, (-1, *(1,) * (len(out.shape) - 2)))


@operator("Conv", 1, 22)
def convolve(x: Value, w: Value, bias: Value | None = None, *, kernel_shape: Any = None, strides: Any = None,
             dilations: Any = None, pads: Any = None, auto_pad: str = "NOTSET", group: int = 1,
             limits: Limits) -> Value:  # fmt: skip
    """``x`` (n, channels, *sizes), ``w`` (outputs, channels/group, *kernel): one matrix product for each group."""
    outputs, per_group, *kernel = w.shape
    if x.shape[1] != per_group * group or outputs % group:
        raise ValueError(f"x has {x.shape[1]} channels; {group} group(s) of {per_group} were expected")
    where = placed(x.shape[2:], kernel, strides, dilations, pads, auto_pad, 0, limits)
    seen, k = where.seen(where.padded(x)), len(kernel)
    n, positions = x.shape[0], seen.shape[2 : 2 + k]
    grouped = np.reshape(seen, (n, group, per_group, *positions, *kernel))
    order = (1, 2, *range(3 + k, 3 + 2 * k), 0, *range(3, 3 + k))
    patches = np.reshape(np.transpose(grouped, order), (group, per_group * math.prod(kernel), n * math.prod(positions)))
    filters = np.reshape(w, (group, outputs // group, per_group * math.prod(kernel)))
    out = np.reshape(filters @ patches, (outputs, n, *positions))
    return _with_bias(np.swapaxes(out, 0, 1), bias)


@operator("ConvTranspose", 1, 22)
def convolve_back(x: Value, w: Value, bias: Value | None = None, *, kernel_shape: Any = None, strides: Any = None,
                  dilations: Any = None, pads: Any = None, auto_pad: str = "NOTSET", group: int = 1,
                  output_padding: Any = None, output_shape: Any = None, limits: Limits) -> Value:  # fmt: skip
    """The transpose of a convolution: every number of x lays a copy of the filter, and copies that overlap add up."""
    channels, per_group, *kernel = w.shape
    n, sizes, k = x.shape[0], x.shape[2:], len(kernel)
    steps, gaps, more = (tuple(given) if given else (d,) * k
                         for given, d in ((strides, 1), (dilations, 1), (output_padding, 0)))  # fmt: skip
    reach = tuple((size - 1) * gap + 1 for size, gap in zip(kernel, gaps, strict=True))
    columns = np.reshape(np.swapaxes(x, 0, 1), (group, channels // group, n * math.prod(sizes)))
    filters = np.reshape(w, (group, channels // group, per_group * math.prod(kernel)))
    laid = np.reshape(np.swapaxes(filters, 1, 2) @ columns, (group * per_group, *kernel, n, *sizes))
    laid = np.transpose(laid, (k + 1, 0, *range(k + 2, 2 * k + 2), *range(1, k + 1)))
    if set(gaps) != {1}:
        limits.allow((*laid.shape[:-k], *reach), x.dtype)
        spread = (..., *(slice(None, None, gap) for gap in gaps))
        laid = put(laid, index=spread, shape=(*laid.shape[:-k], *reach))
    full = tuple((size - 1) * step + far for size, step, far in zip(sizes, steps, reach, strict=True))
    limits.allow((*laid.shape[: -2 * k], *full), x.dtype)
    out = overlap(laid, shape=full, stride=steps)
    cut = _cut_off(sizes, full, steps, more, pads, auto_pad, output_shape)
    widths = [0, 0, *(-a for a, _ in cut), 0, 0, *(-b for _, b in cut)]
    return _with_bias(pad(out, np.array(widths), limits=limits) if any(widths) else out, bias)


def _cut_off(sizes: Any, full: Any, steps: Any, more: Any, pads: Any, auto_pad: str,
             output_shape: Any) -> list[tuple[int, int]]:  # fmt: skip
    """How much of the whole result is cut off before and behind, for each axis; less than 0 adds zeros."""
    k = len(full)
    if auto_pad.startswith("SAME") and not output_shape:
        output_shape = [size * step for size, step in zip(sizes, steps, strict=True)]
    if not output_shape:
        given = tuple(pads) if pads and auto_pad != "VALID" else (0,) * (2 * k)
        return [(given[i], given[k + i] - more[i]) for i in range(k)]
    cut = []
    for whole, extra, wanted in zip(full, more, output_shape[-k:], strict=True):
        total = whole + extra - wanted
        half = total // 2
        before = half if auto_pad == "SAME_UPPER" else total - half
        cut.append((before, total - before - extra))
    return cut


# ── pooling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("MaxPool", 1, 22)
def max_pool(x: Value, *, kernel_shape: Any, strides: Any = None, dilations: Any = None, pads: Any = None,
             auto_pad: str = "NOTSET", ceil_mode: int = 0, storage_order: int = 0, outputs: int,
             limits: Limits) -> Any:  # fmt: skip
    """The largest number in each window, and, if asked, where it stood."""
    where = placed(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, limits)
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    layers = where.layers(where.padded(x, least))
    largest = np.max(layers, axis=0)
    if outputs == 1:
        return largest
    places = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:], order="F" if storage_order else "C")
    stood = where.layers(where.padded(places[None, None], -1))
    first = np.take_along_axis(stood, np.asarray(np.argmax(layers, axis=0))[None], 0)[0]
    image = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2] + (1,) * (len(x.shape) - 2))
    return largest, (first + image * places.size).astype(np.int64)


@operator("AveragePool", 7, 22)
def average_pool(x: Value, *, kernel_shape: Any, strides: Any = None, dilations: Any = None, pads: Any = None,
                 auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0,
                 limits: Limits) -> Value:  # fmt: skip
    """The mean of each window: of its numbers inside the image, or with the padding's zeros."""
    where = placed(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, limits)
    inside = where.padded(np.ones((1, 1, *x.shape[2:]), x.dtype), 1 if count_include_pad else 0, extra=0)
    return np.sum(where.layers(where.padded(x)), axis=0) / np.sum(where.layers(inside), axis=0)


@operator("LpPool", 2, 22)
def norm_pool(x: Value, *, kernel_shape: Any, p: int, strides: Any = None, dilations: Any = None, pads: Any = None,
              auto_pad: str = "NOTSET", ceil_mode: int = 0, limits: Limits) -> Value:  # fmt: skip
    """The p-norm of each window."""
    where = placed(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, limits)
    return np.sum(np.abs(where.layers(where.padded(x))) ** p, axis=0) ** (1.0 / p)


def _over_image(x: Value) -> tuple[int, ...]:
    return tuple(range(2, len(x.shape)))


@operator("GlobalAveragePool", 1, 22)
def mean_of_image(x: Value) -> Value:
    """One mean for each channel."""
    return np.mean(x, axis=_over_image(x), keepdims=True)


@operator("GlobalMaxPool", 1, 22)
def largest_of_image(x: Value) -> Value:
    """One largest number for each channel."""
    return np.max(x, axis=_over_image(x), keepdims=True)


@operator("GlobalLpPool", 2, 22)
def norm_of_image(x: Value, *, p: int) -> Value:
    """One p-norm for each channel."""
    return np.sum(np.abs(x) ** p, axis=_over_image(x), keepdims=True) ** (1.0 / p)
