"""ONNX operators that bring numbers to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.bridges import channels
from whygrad.bridges.channels import per_channel
from whygrad.bridges.onnx_operators import operator
from whygrad.rules.define import Value
from whygrad.rules.normalization import standardize


@operator("BatchNormalization", 7, 9, constants=(3, 4))
def batch_norm(x: Value, gain: Value, shift: Value, mean: Value, variance: Value, *, epsilon: float, momentum: float,
               spatial: int = 1) -> Value:  # fmt: skip
    """As a trained network predicts: with the means and variances that the file holds."""
    if not spatial:
        raise ValueError("spatial=0, a mean for each place of the image, is no longer part of ONNX")
    scale = per_channel(gain, x) * (per_channel(variance, x) + epsilon) ** -0.5
    return (x - per_channel(mean, x)) * scale + per_channel(shift, x)


@operator("BatchNormalization", 14, 15, constants=(3, 4))
def batch_norm_or_training(x: Value, gain: Value, shift: Value, mean: Value, variance: Value, *, epsilon: float,
                           momentum: float, training_mode: int = 0) -> Any:  # fmt: skip
    """With the file's means and variances, or in training mode with the batch's own, and the running ones moved on."""
    if not training_mode:
        return batch_norm(x, gain, shift, mean, variance, epsilon=epsilon, momentum=momentum)
    axes = (0, *range(2, len(x.shape)))
    own_mean, own_variance = np.mean(x, axis=axes), np.var(x, axis=axes)
    out = channels.scaled(standardize(x, axis=axes, eps=epsilon), gain, shift)
    running = [old * momentum + new * (1.0 - momentum) for old, new in ((mean, own_mean), (variance, own_variance))]
    return out, *running


@operator("InstanceNormalization", 6, 22)
def instance_norm(x: Value, gain: Value, shift: Value, *, epsilon: float) -> Value:
    """Each channel of each example by its own mean and variance."""
    return channels.instance_norm(x, gain, shift, epsilon)


@operator("GroupNormalization", 18, 21)
def group_norm(x: Value, gain: Value, shift: Value, *, epsilon: float, num_groups: int, stash_type: int = 1) -> Value:
    """Each group of channels of each example by its own mean and variance."""
    if gain.shape[0] == num_groups != x.shape[1]:  # version 18: one gain for each group
        gain, shift = (np.repeat(value, x.shape[1] // num_groups) for value in (gain, shift))
    return channels.group_norm(x, num_groups, gain, shift, epsilon)


def _from_axis(x: Value, axis: int) -> tuple[int, ...]:
    return tuple(range(axis % len(x.shape), len(x.shape)))


@operator("LayerNormalization", 17, 17)
def layer_norm(x: Value, gain: Value, shift: Value | None = None, *, axis: int, epsilon: float, stash_type: int = 1,
               outputs: int) -> Any:  # fmt: skip
    """Over all axes from ``axis`` on; and, if asked, the mean and one over the standard deviation."""
    axes = _from_axis(x, axis)
    out = standardize(x, axis=axes, eps=epsilon) * gain
    out = out if shift is None else out + shift
    if outputs == 1:
        return out
    mean = np.mean(x, axis=axes, keepdims=True)
    return out, mean, (np.mean((x - mean) ** 2, axis=axes, keepdims=True) + epsilon) ** -0.5


@operator("RMSNormalization", 23, 23)
def rms_norm(x: Value, gain: Value, *, axis: int, epsilon: float, stash_type: int = 1) -> Value:
    """Divided by the root of the mean square over all axes from ``axis`` on."""
    return channels.rms_norm(x, _from_axis(x, axis), gain, epsilon)


@operator("MeanVarianceNormalization", 9, 13)
def mean_variance_norm(x: Value, *, axes: Any) -> Value:
    """Over the named axes; 1e-9 is added to the standard deviation."""
    axes = tuple(i % len(x.shape) for i in axes)
    centered = x - np.mean(x, axis=axes, keepdims=True)
    return centered / (np.mean(centered**2, axis=axes, keepdims=True) ** 0.5 + 1e-9)


@operator("LpNormalization", 1, 22)
def unit_length(x: Value, *, axis: int, p: int) -> Value:
    """Divided by the 1-norm or 2-norm along one axis; zeros stay zeros."""
    length = np.linalg.vector_norm(x, ord=p, axis=axis, keepdims=True)
    return x / np.where(length == 0.0, 1.0, length)


@operator("LRN", 1, 13)
def across_channels(x: Value, *, alpha: float, beta: float, bias: float, size: int) -> Value:
    """Divided by a power of the mean square of ``size`` neighbouring channels (A. Krizhevsky et al., 2012)."""
    count = x.shape[1]
    before, after = (min(n, count) for n in ((size - 1) // 2, size // 2))  # there is nothing farther away
    squares = np.pad(x * x, [(0, 0), (before, after), *[(0, 0)] * (len(x.shape) - 2)])
    total = squares[:, :count]
    for i in range(1, before + after + 1):
        total = total + squares[:, i : i + count]
    return x * (bias + alpha / size * total) ** -beta
