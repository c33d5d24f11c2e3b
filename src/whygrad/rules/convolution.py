"""Images: windows that slide over the last axes, and what is built on them, convolution and pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, ShapeError
from whygrad.rules.define import At, Rule, Value, at, define, spells
from whygrad.rules.indexing import put
from whygrad.rules.linear import given
from whygrad.rules.shapes import reshape, transpose
from whygrad.rules.sums import shape, sum_

Pair = int | tuple[int, int]


def _windows(x: Value, *, size: tuple[int, ...], stride: tuple[int, ...]) -> Value:
    views = np.lib.stride_tricks.sliding_window_view(x, size, axis=tuple(range(-len(size), 0)))
    kept: Any = (..., *(slice(None, None, step) for step in stride), *(slice(None),) * len(size))
    return views[kept]


def _overlap(x: Value, *, shape: tuple[int, ...], stride: tuple[int, ...]) -> Value:
    """One slice assignment per place in the window (9 for 3×3), each over all windows at once."""
    k = len(stride)
    counts, size = x.shape[-2 * k:-k], x.shape[-k:]
    out = np.zeros((*x.shape[:-2 * k], *shape), x.dtype)
    for place in np.ndindex(*size):
        there: Any = (..., *(slice(first, first + step * n, step) for first, step, n in zip(place, stride, counts, strict=True)))
        out[there] += x[(..., *place)]
    return out


windows: Rule = define("windows", "x", _windows,
    pulls=(lambda g, out, x, *, size, stride: overlap(g, shape=shape(x)[-len(size):], stride=stride),),
    linear="each",
    written=r"\mathrm{{windows}}({x})",
    because=("a number answers for every window that sees it",),
    tested_at=(at((2, 5), size=(3,), stride=(1,)), at((2, 5, 6), size=(2, 3), stride=(2, 1)), at((5, 5), size=(2, 2), stride=(3, 2))))

overlap: Rule = define("overlap", "x", _overlap,
    pulls=(lambda g, out, x, *, shape, stride: windows(g, size=x.shape[-len(stride):], stride=stride),),
    linear="each",
    written=r"\mathrm{{overlap}}({x})",
    because=("a number of a window moves the place where it is put",),
    tested_at=(at((2, 3, 3), shape=(5,), stride=(1,)), at((2, 2, 2, 3), shape=(5, 4), stride=(2, 1))))


def _pair(name: str, x: Any, least: int) -> tuple[int, int]:
    """One number for both directions, or two: (down, across)."""
    pair = tuple(x) if isinstance(x, (tuple, list)) else (x, x)
    if len(pair) != 2 or any(not isinstance(n, (int, np.integer)) or n < least for n in pair):
        raise ArgumentError(f"{name}={x!r}", why=f"it is one whole number of at least {least}, or two: (down, across)")
    return int(pair[0]), int(pair[1])


def _padded(x: Value, padding: tuple[int, int]) -> Value:
    """Zeros around the last two axes."""
    if padding == (0, 0):
        return x
    (p, q), (*stack, h, w) = padding, shape(x)
    return put(x, index=(..., slice(p, p + h), slice(q, q + w)), shape=(*stack, h + 2 * p, w + 2 * q))


@spells(tested_at=(at((2, 2, 4, 5), (3, 2, 2, 3)), at((2, 1, 5, 4), (2, 1, 3, 3), (2,), stride=2, padding=1),
                   at((1, 2, 5, 5), (1, 2, 2, 2), stride=(1, 2), padding=(0, 1))))
def conv2d(x: Value, w: Value, bias: Value | None = None, stride: Pair = 1, padding: Pair = 0) -> Value:
    """Slide ``w`` over ``x``: out[n, o, i, j] = bias[o] + Σ_ckl x[n, c, i·stride + k - padding, j·stride + l - padding] · w[o, c, k, l].

    As PyTorch's ``conv2d``: ``x`` (examples, channels, height, width), ``w`` (outputs, channels, rows, columns), ``bias``
    (outputs,); ``padding`` zeros around each image. Returns (examples, outputs, rows, columns), with
    ⌊(height + 2·padding - rows of w) / stride⌋ + 1 rows. One matrix product does the work: K. Chellapilla et al., "High
    performance convolutional neural networks for document processing", 2006. Raises ShapeError where shapes do not fit.
    """
    x, w = given(x), given(w)
    stride, padding = _pair("stride", stride, 1), _pair("padding", padding, 0)
    _check_conv2d(shape(x), shape(w), None if bias is None else shape(given(bias)), padding)
    n, _, outputs, size = shape(x)[0], shape(x)[1], shape(w)[0], shape(w)[2:]
    seen = transpose(windows(_padded(x, padding), size=size, stride=stride), axes=(1, 4, 5, 0, 2, 3))
    high, wide = shape(seen)[4:]
    patches = reshape(seen, shape=(math.prod(shape(w)[1:]), n * high * wide))
    filters = reshape(w, shape=(outputs, math.prod(shape(w)[1:])))
    out = transpose(reshape(filters @ patches, shape=(outputs, n, high, wide)), axes=(1, 0, 2, 3))
    return out if bias is None else out + reshape(given(bias), shape=(outputs, 1, 1))


def _check_conv2d(x: tuple[int, ...], w: tuple[int, ...], bias: tuple[int, ...] | None, padding: tuple[int, int]) -> None:
    both = f"conv2d: x has shape {x}, w has shape {w}"
    if len(x) != 4 or len(w) != 4:
        raise ShapeError(both, why="x is (examples, channels, height, width), w is (outputs, channels, rows, columns)")
    if x[1] != w[1]:
        raise ShapeError(both, why=f"x has {x[1]} channels, w is for {w[1]}")
    if any(n + 2 * p < k for n, p, k in zip(x[2:], padding, w[2:], strict=True)):
        raise ShapeError(both, why=f"the filter is larger than the image, with padding {padding}", try_="padding=, or a smaller filter")
    if bias is not None and bias != (w[0],):
        raise ShapeError(f"conv2d: bias has shape {bias}, w has shape {w}", why=f"the bias needs one number for each of the {w[0]} outputs")


def _layers(name: str, x: Value, size: Pair, stride: Pair | None) -> Value:
    """One layer for each place in the window, so that pooling runs over whole layers (value and gradient in a third of the time)."""
    size = _pair("size", size, 1)
    if len(shape(x)) < 2 or any(n < k for n, k in zip(shape(x)[-2:], size, strict=True)):
        raise ShapeError(f"{name}: x has shape {shape(x)}, the window {size}", why="the last two axes of x are height and width, and hold the window")
    seen = windows(x, size=size, stride=size if stride is None else _pair("stride", stride, 1))
    n = len(shape(seen))
    layers = transpose(seen, axes=(n - 2, n - 1, *range(n - 2)))
    return reshape(layers, shape=(math.prod(size), *shape(layers)[2:]))


def _no_ties(rng: np.random.Generator) -> list[Value]:
    return [rng.permutation(60).reshape(2, 5, 6) / 10.0]


@spells(tested_at=(At(given=_no_ties, params={"size": 2}), At(given=_no_ties, params={"size": (3, 2), "stride": 1})),
        convention="equal largest numbers share the slope as np.max shares it")
def max_pool2d(x: Value, size: Pair, stride: Pair | None = None) -> Value:
    """The largest number in each window over the last two axes; windows lie side by side unless ``stride`` says otherwise.

    ``x`` (..., height, width) becomes (..., ⌊(height - size) / stride⌋ + 1, ...), as PyTorch's ``max_pool2d`` without padding.
    """
    return np.max(_layers("max_pool2d", given(x), size, stride), axis=0)


@spells(tested_at=(at((2, 4, 6), size=2), at((5, 5), size=(3, 2), stride=(1, 2))))
def avg_pool2d(x: Value, size: Pair, stride: Pair | None = None) -> Value:
    """The mean of each window over the last two axes; shapes as ``max_pool2d``."""
    layers = _layers("avg_pool2d", given(x), size, stride)
    return sum_(layers, axis=0) / float(shape(layers)[0])
