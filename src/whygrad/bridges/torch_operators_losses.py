"""PyTorch's losses. ``reduction``: 0 none, 1 mean, 2 sum, as ``torch.nn.functional`` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.bridges.costs import negative_log_likelihoods
from whygrad.rules.activations import softplus
from whygrad.rules.define import Value
from whygrad.rules.softmax import log_softmax

LEAST_LOG = -100.0  # binary_cross_entropy's logarithms go no lower


def _reduced(losses: Value, reduction: int) -> Value:
    return losses if reduction == 0 else np.mean(losses) if reduction == 1 else np.sum(losses)


def _nll(logs: Value, target: Any, weight: Value | None = None, reduction: int = 1, ignore_index: int = -100) -> Value:
    """``-weight[y] · logs[y]``; the mean is over the weights, and leaves out what is to be ignored."""
    losses, counts = negative_log_likelihoods(logs, target, weight, ignore_index)
    return np.sum(losses) / np.sum(counts) if reduction == 1 else _reduced(losses, reduction)


def _cross_entropy(
    z: Value, target: Any, weight: Value | None = None, reduction: int = 1, ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Value:  # fmt: skip
    axis = 0 if len(z.shape) == 1 else 1
    logs, classes = log_softmax(z, axis=axis), z.shape[axis]
    aligned = 1.0 if weight is None else np.reshape(weight, (-1, *(1,) * (len(z.shape) - axis - 1)))
    if target.dtype.kind == "f":
        shares = target * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else target
        losses = -np.sum(logs * shares * aligned, axis=axis)
        return np.sum(losses) / float(max(1, losses.size)) if reduction == 1 else _reduced(losses, reduction)
    plain = _nll(logs, target, weight, reduction, ignore_index)
    if not label_smoothing:
        return plain
    kept = np.not_equal(target, ignore_index)
    smooth = -np.sum(logs * aligned, axis=axis) * kept
    if reduction == 1:
        counts = kept.astype(z.dtype) if weight is None else weight[np.where(kept, target, 0)] * kept
        smooth = np.sum(smooth) / np.sum(counts)
    elif reduction == 2:
        smooth = np.sum(smooth)
    return plain * (1.0 - label_smoothing) + smooth * (label_smoothing / classes)


def _squared(a: Value, y: Value, reduction: int = 1) -> Value:
    return _reduced((a - y) ** 2, reduction)


def _absolute(a: Value, y: Value, reduction: int = 1) -> Value:
    return _reduced(np.abs(a - y), reduction)


def _huber(a: Value, y: Value, reduction: int = 1, delta: float = 1.0) -> Value:
    size = np.abs(a - y)
    return _reduced(np.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction)


def _smooth_l1(a: Value, y: Value, reduction: int = 1, beta: float = 1.0) -> Value:
    return _absolute(a, y, reduction) if beta == 0 else _huber(a, y, reduction, beta) / beta


def _binary(a: Value, y: Value, weight: Value | None = None, reduction: int = 1) -> Value:
    losses = -(y * _log(a) + (1.0 - y) * _log(1.0 - a))
    return _reduced(losses if weight is None else losses * weight, reduction)


def _log(a: Value) -> Value:
    """ln a, at least -100; the slope below is 0."""
    low = a <= np.exp(LEAST_LOG)
    return np.where(low, a.dtype.type(LEAST_LOG), np.log(np.where(low, a.dtype.type(1), a)))


def _binary_of_logits(
    z: Value, y: Value, weight: Value | None = None, pos_weight: Value | None = None, reduction: int = 1
) -> Value:
    if pos_weight is None:
        losses = softplus(z) - y * z
    else:
        losses = (1.0 - y) * z + (1.0 + (pos_weight - 1.0) * y) * softplus(-z)
    return _reduced(losses if weight is None else losses * weight, reduction)


def _divergence(logs: Value, target: Value, reduction: int = 1, *, log_target: bool = False) -> Value:
    if log_target:
        return _reduced(np.exp(target) * (target - logs), reduction)
    present = target > 0
    entropy = np.where(present, target * np.log(np.where(present, target, target.dtype.type(1))), target.dtype.type(0))
    return _reduced(entropy - target * logs, reduction)


LOSSES: dict[str, Callable[..., Any]] = {
    "aten.cross_entropy_loss": _cross_entropy,
    "aten.nll_loss": _nll,
    "aten.nll_loss_nd": _nll,
    "aten.mse_loss": _squared,
    "aten.l1_loss": _absolute,
    "aten.smooth_l1_loss": _smooth_l1,
    "aten.huber_loss": _huber,
    "aten.binary_cross_entropy": _binary,
    "aten.binary_cross_entropy_with_logits": _binary_of_logits,
    "aten.kl_div": _divergence,
}
