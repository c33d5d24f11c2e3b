"""ONNX operators that slide a window over images of any number of axes: convolution and pooling."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from whygrad.bridges import sliding
from whygrad.bridges.onnx_limits import Limits
from whygrad.bridges.onnx_operators import operator
from whygrad.bridges.sliding import Padding, Sizes
from whygrad.rules.define import Value

# ── where windows stand ──────────────────────────────────────────────────────────────────────────────────────────────


class Windows(NamedTuple):
    """Where windows stand, as ``sliding`` takes it, one entry for each axis of the image."""

    size: Sizes
    stride: Sizes
    padding: Padding
    dilation: Sizes
    ceil: bool

    def layers(self, x: Value, number: Any = 0.0) -> Value:
        """One layer for each place in the window, of x with ``number`` around it."""
        return sliding.layers(sliding.padded(x, self.reaching(x), number), self.size, self.stride, self.dilation)

    def reaching(self, x: Value) -> Padding:
        """The padding, and what ceil_mode adds to it where it lets windows stand out."""
        size, stride, padding, dilation, ceil = self
        return sliding.reaching(x, size, stride, padding, dilation) if ceil else padding


def placed(x: Value, kernel: Any, strides: Any, dilations: Any, pads: Any, auto_pad: str, ceil_mode: int,
           limits: Limits) -> Windows:  # fmt: skip
    """Windows over images x, with ONNX's defaults and its automatic padding; refused where these take too much."""
    sizes = x.shape[2:]
    k = len(sizes)
    steps, gaps = (tuple(given) if given else (1,) * k for given in (strides, dilations))
    given = tuple(pads) if pads else (0,) * (2 * k)
    if min(given, default=0) < 0:
        raise ValueError("pads must not be negative")
    around = list(zip(given[:k], given[k:], strict=True))
    for i, (n, size, step, gap) in enumerate(zip(sizes, kernel, steps, gaps, strict=True)):
        if auto_pad.startswith("SAME"):
            total = max((-(-n // step) - 1) * step + (size - 1) * gap + 1 - n, 0)
            less, more = total // 2, total - total // 2
            around[i] = (less, more) if auto_pad == "SAME_UPPER" else (more, less)
        elif auto_pad == "VALID":
            around[i] = (0, 0)
    windows = Windows(tuple(kernel), steps, around, gaps, bool(ceil_mode))
    whole = (n + before + after for n, (before, after) in zip(sizes, windows.reaching(x), strict=True))
    limits.allow((*x.shape[:2], *whole), x.dtype, "a padded image")
    return windows


# ── convolution ──────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("Conv", 1, 22)
def convolve(x: Value, w: Value, bias: Value | None = None, *, kernel_shape: Any = None, strides: Any = None,
             dilations: Any = None, pads: Any = None, auto_pad: str = "NOTSET", group: int = 1,
             limits: Limits) -> Value:  # fmt: skip
    """``x`` (n, channels, *sizes), ``w`` (outputs, channels/group, *kernel): one matrix product for each group."""
    where = placed(x, w.shape[2:], strides, dilations, pads, auto_pad, 0, limits)
    return sliding.convolution(x, w, bias, where.stride, where.padding, where.dilation, group)


@operator("ConvTranspose", 1, 22)
def convolve_back(x: Value, w: Value, bias: Value | None = None, *, kernel_shape: Any = None, strides: Any = None,
                  dilations: Any = None, pads: Any = None, auto_pad: str = "NOTSET", group: int = 1,
                  output_padding: Any = None, output_shape: Any = None, limits: Limits) -> Value:  # fmt: skip
    """The transpose of a convolution: every number of x lays a copy of the filter, and copies that overlap add up."""
    sizes, kernel, outputs = x.shape[2:], w.shape[2:], (x.shape[0], w.shape[1] * group)
    steps, gaps, more = (tuple(given) if given else (d,) * len(kernel)
                         for given, d in ((strides, 1), (dilations, 1), (output_padding, 0)))  # fmt: skip
    reach = sliding.extent(kernel, gaps)
    full = tuple((n - 1) * step + far for n, step, far in zip(sizes, steps, reach, strict=True))
    cut = _cut_off(sizes, full, steps, more, pads, auto_pad, output_shape)
    limits.allow((*outputs, *sizes, *reach), x.dtype)
    limits.allow((*outputs, *full), x.dtype)
    limits.allow((*outputs, *(n - min(a, 0) - min(b, 0) for n, (a, b) in zip(full, cut, strict=True))), x.dtype)
    return sliding.transposed_convolution(x, w, bias, steps, cut, gaps, group)


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
    where = placed(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, limits)
    layers = where.layers(x, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min)
    largest = np.max(layers, axis=0)
    if outputs == 1:
        return largest
    places = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:], order="F" if storage_order else "C")
    first = np.take_along_axis(where.layers(places[None, None], -1), np.asarray(np.argmax(layers, axis=0))[None], 0)[0]
    image = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2] + (1,) * (len(x.shape) - 2))
    return largest, (first + image * places.size).astype(np.int64)


@operator("AveragePool", 7, 22)
def average_pool(x: Value, *, kernel_shape: Any, strides: Any = None, dilations: Any = None, pads: Any = None,
                 auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0,
                 limits: Limits) -> Value:  # fmt: skip
    """The mean of each window: of its numbers inside the image, or with the padding's zeros."""
    size, stride, padding, dilation, ceil = placed(
        x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, limits
    )
    return sliding.avg_pool(x, size, stride, padding, dilation, ceil, bool(count_include_pad))


@operator("LpPool", 2, 22)
def norm_pool(x: Value, *, kernel_shape: Any, p: int, strides: Any = None, dilations: Any = None, pads: Any = None,
              auto_pad: str = "NOTSET", ceil_mode: int = 0, limits: Limits) -> Value:  # fmt: skip
    """The p-norm of each window."""
    where = placed(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode, limits)
    return np.sum(np.abs(where.layers(x)) ** p, axis=0) ** (1.0 / p)


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
