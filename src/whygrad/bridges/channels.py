"""What PyTorch and ONNX do channel by channel: a gain and a shift for each, and normalization.

``x`` is (examples, channels, ...); ``gain`` and ``shift`` hold one number for each channel, or are None.
"""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.define import Value
from whygrad.rules.normalization import standardize


def per_channel(values: Value, x: Value) -> Value:
    """One number for each channel, aligned with the second axis of x."""
    return np.reshape(values, (-1, *(1,) * (len(x.shape) - 2)))


def scaled(x: Value, gain: Value | None, shift: Value | None) -> Value:
    """``gain · x + shift``."""
    x = x if gain is None else x * per_channel(gain, x)
    return x if shift is None else x + per_channel(shift, x)


def instance_norm(x: Value, gain: Value | None, shift: Value | None, eps: float) -> Value:
    """Each channel of each example by its own mean and variance."""
    return scaled(standardize(x, axis=tuple(range(2, len(x.shape))), eps=eps), gain, shift)


def group_norm(x: Value, groups: int, gain: Value | None, shift: Value | None, eps: float) -> Value:
    """Each group of channels of each example by its own mean and variance."""
    n, channels, *sizes = x.shape
    grouped = np.reshape(x, (n, groups, channels // groups * math.prod(sizes)))
    return scaled(np.reshape(standardize(grouped, axis=(2,), eps=eps), x.shape), gain, shift)


def rms_norm(x: Value, axes: tuple[int, ...], gain: Value | None, eps: float) -> Value:
    """Divided by the root of the mean square over ``axes``; ``gain`` in the shape of these."""
    out = x * (np.mean(x * x, axis=axes, keepdims=True) + eps) ** -0.5
    return out if gain is None else out * gain
