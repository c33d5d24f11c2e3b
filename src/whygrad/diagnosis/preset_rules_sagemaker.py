"""The rules of Amazon SageMaker Debugger, from its documentation; the code of its rules is closed."""

from __future__ import annotations

import itertools

import numpy as np

from whygrad.diagnosis.preset_rules import (
    Hit,
    Judge,
    Preset,
    Records,
    Rule,
    any_layer,
    any_moment,
    before_training,
    losses,
    mean_gradient,
    norm,
    not_finite,
    one_of,
    outside,
    over_layers,
    ratio,
    tensors,
    unit_share,
    update_ratio,
)
from whygrad.diagnosis.records import LayerRecord, Record

LIMITS = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}  # of z; beyond, a node is not active
ACTIVE, LAYER = 0.01, 0.50  # threshold_inactivity 1.0 and threshold_layer 50.0, in percent


def dead_share(layer: LayerRecord) -> float | None:
    """The share of relu units that are active in less than 1 % of the examples."""
    if layer.activation != "relu" or layer.a is None:
        return None
    return unit_share(np.mean(layer.a > 0, axis=0) < ACTIVE)


def saturated_share(layer: LayerRecord) -> float | None:
    """The share of tanh or sigmoid units that lie within the limits in less than 1 % of the examples."""
    if layer.activation not in LIMITS or layer.z is None:
        return None
    low, high = LIMITS[layer.activation]
    return unit_share(np.mean((layer.z > low) & (layer.z < high), axis=0) < ACTIVE)


def relu_input_variance(layer: LayerRecord) -> float | None:
    """The variance of what goes into a relu."""
    return None if layer.activation != "relu" or layer.z is None else float(np.var(layer.z))


def gradient_range(record: Record) -> float | None:
    """From the 5th to the 95th percentile of ∂C/∂w, in the layer where that is least."""
    spans = [
        np.ptp(np.percentile(layer.weight_gradient, (5, 95)))
        for layer in record.layers
        if layer.weight_gradient is not None
    ]
    return float(min(spans)) if spans else None


def variance_ratio(variances: list[float]) -> float | None:
    """The largest by the smallest."""
    return ratio(max(variances), min(variances)) if len(variances) > 1 else None


def changed(*, below: float | None = None, above: float | None = None) -> Judge:
    """Layers whose weights changed by so much of themselves between two moments."""

    def judge(records: Records) -> list[Hit]:
        if len(records) < 2:
            return any_layer(update_ratio, below=below, above=above)(records)
        found: dict[int, Hit] = {}
        for old, new in itertools.pairwise(records):
            for l, (before, after) in enumerate(zip(old.layers, new.layers, strict=False)):
                if before.weight is not None and after.weight is not None:
                    share = norm(after.weight - before.weight) / (norm(before.weight) + 1e-9)
                    if outside(share, below, above):
                        found.setdefault(l, Hit(l, share))
        return list(found.values())

    return judge


def all_zero(layer: LayerRecord) -> float | None:
    """1 if the layer's weights, their gradients, or its outputs are all zero."""
    watched = (layer.weight, layer.weight_gradient, layer.a)
    return float(any(x is not None and not np.any(x) for x in watched))


def not_decreasing(records: Records) -> list[Hit]:
    """The cost fell by less than 0.1 %, or rose by more than 5 %, from one moment to the next."""
    cost = losses(records)
    for old, new in itertools.pairwise(cost):
        if old > 0 and (old - new) / old < 0.001:
            return [Hit(None, (old - new) / old)]
    return []


def unchanged(records: Records) -> list[Hit]:
    """The cost is the same at three moments in a row, to 1e-5 of itself."""
    cost = losses(records)
    for three in zip(cost, cost[1:], cost[2:], strict=False):
        if np.allclose(three, three[0], rtol=1e-5, atol=1e-8):
            return [Hit(None, three[0])]
    return []


def stuck_at_first(records: Records) -> list[Hit]:
    """The cost did not fall in the first five moments."""
    cost = losses(records)[:6]
    untrained = bool(before_training(records))
    return [Hit(None, min(cost[1:]) - cost[0])] if untrained and len(cost) == 6 and min(cost[1:]) >= cost[0] else []


def class_ratio(record: Record) -> float | None:
    """The largest class by the smallest."""
    if record.labels is None or record.Y is None or record.n < 500:
        return None
    counts = np.bincount(np.asarray(record.labels, int), minlength=max(record.Y.shape[1], 2))
    return ratio(float(counts.max()), float(counts.min()))


def image_mean(record: Record) -> float | None:
    """The size of the mean of images; inputs of at least 64 numbers are taken for images."""
    if record.X is None or record.n < 500 or record.X.shape[1] < 64:
        return None
    return abs(float(np.mean(record.X)))


PAGE = "docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html"

SAGEMAKER = Preset("sagemaker", "SageMaker Debugger", PAGE, (
    Rule("VanishingGradient", "vanishing", "mean |gradient| < 1e-7", any_layer(mean_gradient, below=1e-7),
         "#vanishing-gradient"),
    Rule("ExplodingTensor", "not a number", "any NaN or inf in a tensor",
         any_layer(lambda layer: not_finite(tensors(layer)), above=0), "#exploding-tensor"),
    Rule("DeadRelu", "dead", "relu active in < 1 % of the examples is dead; > 50 % of a layer dead",
         any_layer(dead_share, above=LAYER), "#dead-relu"),
    Rule("SaturatedActivation", "saturated",
         "z outside (-9.4999, 9.4999) for tanh, (-23, 16.99999) for sigmoid, in > 99 % of the examples, for > 50 % of "
         "a layer", any_layer(saturated_share, above=LAYER), "#saturated-activation"),
    Rule("PoorWeightInitialization", "initialization",
         "before training: variances of relu inputs differ by > 10 between layers, or the 5th and 95th percentile of a "
         "gradient by < 0.001, or the loss does not fall in 5 steps",
         one_of(lambda records: over_layers(relu_input_variance, variance_ratio, above=10.0)(before_training(records)),
                any_moment(gradient_range, below=0.001, first=True), stuck_at_first),
         "#poor-weight-initialization", "that any one of the three is enough is our reading"),
    Rule("WeightUpdateRatio (large)", "large updates", "‖ΔW‖/‖W‖ > 10 between saved steps", changed(above=10.0),
         "#weight-update-ratio", "that the ratio is one of norms is our reading"),
    Rule("WeightUpdateRatio (small)", "small updates", "‖ΔW‖/‖W‖ < 1e-8 between saved steps", changed(below=1e-8),
         "#weight-update-ratio", "that the ratio is one of norms is our reading"),
    Rule("AllZero", "cut off", "a tensor is all zero", any_layer(all_zero, above=0), "#all-zero",
         "asked of weights, their gradients and outputs: biases are often zero before training"),
    Rule("LossNotDecreasing", "loss stands still", "the loss falls by < 0.1 % in at least 10 steps", not_decreasing,
         "#loss-not-decreasing"),
    Rule("TensorVariance", "variance", "variance of weights > 10 or < 1e-5",
         one_of(any_layer(lambda layer: None if layer.weight is None else float(np.var(layer.weight)), above=10.0),
                any_layer(lambda layer: None if layer.weight is None else float(np.var(layer.weight)), below=1e-5)),
         "#tensor-variance", "the limits of the documented example; by default there are none"),
    Rule("UnchangedTensor", "loss stands still", "the loss is the same, to 1e-5 of itself, at 3 saved steps", unchanged,
         "#unchanged-tensor"),
    Rule("ClassImbalance", "class balance", "largest class > 10 × the smallest, from 500 labels on",
         any_moment(class_ratio, above=10.0), "#class-imbalance", "without its part on mispredictions"),
    Rule("CheckInputImages", "input scale", "|mean| of the images > 0.2, from 500 images on",
         any_moment(image_mean, above=0.2), "#checkinput-mages"),
))  # fmt: skip
