"""ONNX operators that are costs: the negative log likelihood, and softmax cross-entropy."""

from __future__ import annotations

import numpy as np

from whygrad.bridges.costs import negative_log_likelihoods
from whygrad.bridges.onnx_operators import operator
from whygrad.rules.define import Value
from whygrad.rules.softmax import log_softmax


@operator("NegativeLogLikelihoodLoss", 12, 22, constants=(1, 2))
def negative_log_likelihood(log_shares: Value, labels: Value, weight: Value | None = None, *,
                            reduction: str = "mean", ignore_index: int | None = None) -> Value:  # fmt: skip
    """Minus the entry of each label: ``log_shares`` (n, classes, ...), ``labels`` (n, ...), ``weight`` (classes,).

    The mean is weighted: Σ w·loss / Σ w. Places whose label is ``ignore_index`` count nothing.
    """
    labels = np.asarray(labels).astype(np.int64)
    losses, counts = negative_log_likelihoods(log_shares, labels, weight, ignore_index)
    if reduction == "none":
        return losses
    return np.sum(losses) if reduction == "sum" else np.sum(losses) / np.sum(counts)


@operator("SoftmaxCrossEntropyLoss", 12, 13, constants=(1, 2))
def softmax_cross_entropy(scores: Value, labels: Value, weight: Value | None = None, *, reduction: str = "mean",
                          ignore_index: int | None = None) -> tuple[Value, Value]:  # fmt: skip
    """The negative log likelihood of softmax shares over axis 1, and the logarithms of the shares."""
    log_shares = log_softmax(scores, axis=1)
    return negative_log_likelihood(
        log_shares, labels, weight, reduction=reduction, ignore_index=ignore_index
    ), log_shares
