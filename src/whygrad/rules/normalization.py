"""Numbers brought to mean 0 and variance 1: layer and batch normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from whygrad.errors import ArgumentError, ShapeError
from whygrad.rules.define import Value, at, define, spells
from whygrad.rules.linear import given
from whygrad.rules.shapes import reshape
from whygrad.rules.sums import shape, sum_


def _mean(x: Value, axis: tuple[int, ...]) -> Value:
    return sum_(x, axis=axis, keepdims=True) / float(math.prod(shape(x)[i] for i in axis))


def _standardize(x: Value, *, axis: tuple[int, ...], eps: float) -> Value:
    centered = x - _mean(x, axis)
    return centered / np.sqrt(_mean(centered * centered, axis) + eps)


def _pull(g: Value, out: Value, x: Value, *, axis: tuple[int, ...], eps: float) -> Value:
    centered = x - _mean(x, axis)
    scale = (_mean(centered * centered, axis) + eps) ** -0.5
    return scale * (g - _mean(g, axis) - out * _mean(g * out, axis))


standardize = define("standardize", "x", _standardize,
    pulls=(_pull,),
    written=r"\frac{{{x} - \mu}}{{\sqrt{{\sigma^2 + \epsilon}}}}",
    because=("what all numbers share, and what only stretches them, changes nothing: both are taken out of the gradient",),
    convention="numbers that are all equal have slope 1/√eps among themselves; with eps = 0 they are not a number",
    tested_at=(at((2, 4), axis=(1,), eps=1e-5), at((3, 2, 2), axis=(0, 2), eps=0.1)))


def _scaled(name: str, x: Value, normal: Value, gain: Value | None, shift: Value | None, axes: Sequence[int]) -> Value:
    """normal·gain + shift, where gain and shift have x's lengths along ``axes``."""
    lengths = tuple(shape(x)[i] for i in axes)
    aligned = tuple(n if i in axes else 1 for i, n in enumerate(shape(x)))
    for what, value in (("gain", gain), ("shift", shift)):
        if value is None:
            continue
        if shape(given(value)) != lengths:
            raise ShapeError(f"{name}: x has shape {shape(x)}, {what} has shape {shape(given(value))}", why=f"{what} needs shape {lengths}")
        value = reshape(given(value), shape=aligned)
        normal = normal * value if what == "gain" else normal + value
    return normal


@spells(tested_at=(at((3, 4), (4,), (4,)), at((2, 3, 2, 2), (3,), (3,), axis=1), at((2, 3, 4), (3, 4), (3, 4), axis=(-2, -1), eps=0.1)))
def layer_norm(x: Value, gain: Value | None, shift: Value | None, axis: int | Sequence[int] = -1, eps: float = 1e-5) -> Value:
    """(x - mean) / √(variance + eps) · gain + shift, each example by its own mean and variance over ``axis``.

    ``gain`` and ``shift`` have the lengths of ``x`` along ``axis``; None leaves them out. J. L. Ba, J. R. Kiros, G. E. Hinton,
    "Layer normalization", 2016. Raises ShapeError where shapes do not fit.
    """
    x = given(x)
    axes = tuple(sorted(i % len(shape(x)) for i in ((axis,) if isinstance(axis, int) else axis)))
    return _scaled("layer_norm", x, standardize(x, axis=axes, eps=eps), gain, shift, axes)


@spells(tested_at=(at((4, 3), (3,), (3,)), at((3, 2, 2, 2), (2,), (2,)), at((4, 3), (3,), (3,), (3,), (3,), between=(0.5, 2.0))))
def batch_norm(
    x: Value, gain: Value | None, shift: Value | None, mean: Value | None = None, variance: Value | None = None, eps: float = 1e-5,
) -> Value:
    """(x - mean) / √(variance + eps) · gain + shift, with one mean and one variance for each feature.

    ``x`` is (examples, features) or (examples, channels, height, width); the statistics are those of the batch (variance
    divided by n) unless both are given, as they are when a trained network predicts. All four have shape (features,).
    S. Ioffe, C. Szegedy, "Batch normalization", 2015. Raises ShapeError where shapes do not fit.
    """
    x = given(x)
    if len(shape(x)) < 2:
        raise ShapeError(f"batch_norm: x has shape {shape(x)}", why="x is (examples, features) or (examples, channels, height, width)")
    if (mean is None) != (variance is None):
        raise ArgumentError("batch_norm was given one of mean and variance", try_="both, or neither to use the batch's own")
    if mean is None or variance is None:
        if 0 in shape(x):
            raise ShapeError(f"batch_norm: x has shape {shape(x)}", why="a batch without examples has no mean and no variance")
        normal = standardize(x, axis=tuple(i for i in range(len(shape(x))) if i != 1), eps=eps)
    else:
        centered = _scaled("batch_norm", x, x, None, -given(mean), (1,))
        normal = _scaled("batch_norm", x, centered, (given(variance) + eps) ** -0.5, None, (1,))
    return _scaled("batch_norm", x, normal, gain, shift, (1,))
