"""Costs of imported models, by the names that PyTorch gives them: means over examples, of logits where it says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, DataError, ShapeError
from whygrad.nn.choose import choose
from whygrad.rules.activations import softplus
from whygrad.rules.define import Value
from whygrad.rules.softmax import log_softmax

Cost = Callable[[Value, Any], Value]


def mse(a: Value, y: Any) -> Value:
    """The mean of ``(a - y)²`` over all numbers, as ``torch.nn.functional.mse_loss``."""
    return np.mean((a - _fitting(a, y)) ** 2)


def l1(a: Value, y: Any) -> Value:
    """The mean of ``|a - y|``, as ``torch.nn.functional.l1_loss``."""
    return np.mean(np.abs(a - _fitting(a, y)))


def bce_with_logits(z: Value, y: Any) -> Value:
    """The mean of ``-y ln σ(z) - (1 - y) ln(1 - σ(z))``, safe at any z."""
    y = _fitting(z, y)
    return np.mean(softplus(z) - y * z)


def cross_entropy(z: Value, y: Any) -> Value:
    """The mean of ``-ln softmax(z)[y]`` over examples; ``y`` holds classes ``(n, ...)``, or shares like z.

    ``z`` is ``(n, classes, ...)``, or ``(classes,)`` for one example, as ``torch.nn.functional.cross_entropy``.
    """
    y, axis = np.asarray(y), 0 if len(z.shape) == 1 else 1
    logs = log_softmax(z, axis=axis)
    if y.dtype.kind == "f" and y.shape == z.shape:
        return -np.sum(logs * y) / float(max(1, logs.size // logs.shape[axis]))
    return -np.mean(np.take_along_axis(logs, np.expand_dims(_classes(y, z, axis), axis), axis))


def mean(a: Value, y: Any) -> Value:
    """The mean of the outputs themselves; takes no target."""
    return np.mean(a)


def negative_log_likelihoods(
    logs: Value, labels: Any, weight: Value | None = None, ignored: int | None = None
) -> tuple[Value, Value]:
    """``-weight[y] · logs[y]`` of each label y, and what each counts in a mean: ``weight[y]``, or 0 where ``ignored``.

    ``logs`` is ``(n, classes, ...)`` with labels ``(n, ...)``, or ``(classes,)`` with a single one.
    """
    axis = 0 if len(logs.shape) == 1 else 1
    kept = np.ones(labels.shape, bool) if ignored is None else np.not_equal(labels, ignored)
    classes = np.where(kept, labels, 0)
    picked = np.squeeze(np.take_along_axis(logs, np.expand_dims(classes, axis), axis), axis)
    counts = kept.astype(logs.dtype) if weight is None else weight[classes] * kept
    return -picked * counts, counts


COSTS: dict[str, Cost] = {
    "mse": mse,
    "l1": l1,
    "bce_with_logits": bce_with_logits,
    "cross_entropy": cross_entropy,
    "mean": mean,
}


def named_cost(name: str) -> Cost:
    """The cost of that name; PyTorch's own spellings (``mse_loss``) are understood."""
    short = name.removesuffix("_loss").removeprefix("binary_cross_entropy_")
    return choose("cost", "bce_with_logits" if short == "with_logits" else short, COSTS)


def _fitting(a: Value, y: Any) -> Any:
    """The target, refused where NumPy would broadcast it: a column beside a row makes a square of differences."""
    if y is None:
        raise ArgumentError("the cost needs a target", try_="target=Y")
    y = np.asarray(y) if not hasattr(y, "apply_rule") else y
    if y.shape != a.shape:
        raise ShapeError(
            f"the outputs have shape {a.shape}, the target {y.shape}", try_="a target shaped as the outputs"
        )
    return y.astype(a.dtype) if y.dtype.kind != "f" else y


def _classes(y: np.ndarray, z: Value, axis: int) -> np.ndarray:
    """Class numbers, refused unless there is one for each example, within the classes there are."""
    if y.dtype == object:
        raise ArgumentError("the cost cross_entropy needs a target", try_="target=Y, one class number per example")
    wanted = z.shape[:axis] + z.shape[axis + 1 :]
    if y.dtype.kind not in "iu" or y.shape != wanted:
        raise ShapeError(
            f"the outputs have shape {z.shape}, the target is {y.dtype} of shape {y.shape}",
            why=f"cross_entropy takes class numbers of shape {wanted}, or shares of shape {z.shape}",
        )
    if y.size and (y.min() < 0 or y.max() >= z.shape[axis]):
        raise DataError(
            f"the target holds class {int(y.max() if y.max() >= z.shape[axis] else y.min())}",
            why=f"the outputs are {z.shape[axis]} classes, 0 to {z.shape[axis] - 1}",
        )
    return y
