"""The rules of DeepDiagnosis (Wardat et al. 2022) and AutoTrainer (Zhang et al. 2021), from their sources."""

from __future__ import annotations

import itertools

import numpy as np

from whygrad.diagnosis.preset_rules import (
    Hit,
    Preset,
    Records,
    Rule,
    accuracy,
    any_layer,
    any_moment,
    bad_loss,
    gradient_norm,
    losses,
    mean_gradient,
    not_finite,
    one_of,
    ratio,
)
from whygrad.diagnosis.records import LayerRecord, Record

# ── DeepDiagnosis ────────────────────────────────────────────────────────────────────────────────────────────────────

EVERY = 5  # epochs between its looks at saturation, at tensors and at losses that do not change
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf), "elu": (-1.0, np.inf)}


def not_positive_share(layer: LayerRecord) -> float | None:
    """The share of a relu layer's outputs that are not above 0."""
    return None if layer.activation != "relu" or layer.a is None else float(np.mean(layer.a <= 0))


def beyond_five(layer: LayerRecord) -> float | None:
    """The share of z at or beyond ±5, of sigmoid and tanh."""
    if layer.activation not in ("sigmoid", "tanh") or layer.z is None:
        return None
    return float(np.mean(np.abs(layer.z) >= 5.0))


def dead_at_the_end(records: Records) -> list[Hit]:
    """It looks for dead nodes in the last epoch."""
    return any_layer(not_positive_share, least=0.7)(records[-1:])


def out_of_range(records: Records) -> list[Hit]:
    """Targets that the last activation can not reach, or relu or nothing before categorical cross-entropy."""
    first = records[0]
    last = first.layers[-1]
    if first.Y is None or first.outputs is None or last.activation == "softmax":
        return []
    low, high = RANGES.get(last.activation, (-np.inf, np.inf))
    wrong = bool(np.min(first.Y) < low or np.max(first.Y) > high)
    if last.activation in ("relu", "identity"):
        wrong |= "softmax_cross_entropy" in first.cost_name
    if last.activation == "identity":
        wrong |= bool(np.ptp(first.outputs) > 10 * np.ptp(first.Y))
    return [Hit(len(first.layers) - 1, float(np.max(np.abs(first.Y))))] if wrong else []


def means_lost(layer: LayerRecord) -> float | None:
    """1 if the mean of the outputs, or of the gradient, is NaN or inf."""
    return float(not np.isfinite(_means(layer)).all())


def means_zero(layer: LayerRecord) -> float | None:
    """1 if the mean of the outputs, or of the gradient, is exactly 0."""
    return float(0.0 in _means(layer))


def _means(layer: LayerRecord) -> list[float]:
    return [float(np.mean(x)) for x in (layer.a, layer.weight_gradient) if x is not None]


def same_outputs(records: Records) -> list[Hit]:
    """The mean output of a hidden layer is the same in five epochs."""
    found = []
    if len(records) > EVERY:
        for l in range(len(records[0].layers) - 1):
            outputs = [record.layers[l].a for record in records[-EVERY:]]
            means = [float(np.mean(a)) for a in outputs if a is not None]
            found += [Hit(l, means[0])] if len(means) == EVERY and np.mean(means) == np.max(means) else []
    return found


def same_loss(records: Records) -> list[Hit]:
    """The loss is the same in five epochs."""
    cost = losses(records)[-EVERY:]
    return [Hit(None, cost[0])] if len(records) > EVERY and len(cost) == EVERY and np.mean(cost) == np.max(cost) else []


def nothing_right(record: Record) -> float | None:
    """1 if no example at all is classified rightly."""
    right = accuracy(record)
    return None if right is None else float(right == 0)


CALLBACKS = "callback/callbacks.py"

DEEPDIAGNOSIS = Preset("deepdiagnosis", "DeepDiagnosis", "github.com/DeepDiagnosis/ICSE2022", (
    Rule("Out of Range", "output range",
         "targets outside the last activation's range; relu or none before categorical cross-entropy; linear outputs "
         "ranging > 10 × the targets", out_of_range, CALLBACKS),
    Rule("Numerical Problem (NaN, inf)", "not a number", "mean output or mean weight gradient of a layer NaN or inf",
         any_layer(means_lost, above=0), CALLBACKS),
    Rule("Numerical Problem (0)", "cut off", "mean output or mean weight gradient of a layer exactly 0",
         any_layer(means_zero, above=0), CALLBACKS),
    Rule("Dead Node", "dead", "share of a relu layer's outputs ≤ 0 at least 0.7, in the last epoch", dead_at_the_end,
         CALLBACKS),
    Rule("Saturated Activation", "saturated", "share of |z| ≥ 5 above 0.5, of sigmoid and tanh",
         any_layer(beyond_five, above=0.5), CALLBACKS, "at every moment, where it looks every fifth epoch"),
    Rule("Unchange Tensor", "cut off", "mean output of a hidden layer the same in 5 epochs", same_outputs, CALLBACKS),
    Rule("Vanishing Gradient", "vanishing", "mean |gradient| < 1e-7", any_layer(mean_gradient, below=1e-7), CALLBACKS),
    Rule("Loss Not Decreasing", "loss stands still", "the loss the same in 5 epochs", same_loss, CALLBACKS),
    Rule("Invalid loss", "not a number", "loss NaN or inf", any_moment(bad_loss, above=0), CALLBACKS),
    Rule("Invalid accuracy", "loss stands still", "accuracy exactly 0", any_moment(nothing_right, above=0), CALLBACKS),
))  # fmt: skip


# ── AutoTrainer ──────────────────────────────────────────────────────────────────────────────────────────────────────


def learned(records: Records) -> tuple[bool, bool]:
    """(whether accuracy stayed below 0.7, whether it never rose by 0.01 from epoch to epoch)."""
    known = [x for record in records[1:] if (x := accuracy(record)) is not None]
    if len(known) < 2:
        return False, False
    rises = [new - old for old, new in itertools.pairwise(known)]
    return max(known) < 0.7, max(rises) < 0.01


def first_by_last(record: Record) -> float | None:
    """``‖∂C/∂W¹‖ / ‖∂C/∂W^L‖``; 0/0 is NaN, as in its own code."""
    first, last = gradient_norm(record.layers[0]), gradient_norm(record.layers[-1])
    return None if first is None or last is None else ratio(first, last)


def vanishes(record: Record) -> float | None:
    """The same ratio, where the first norm is below 1e-4."""
    first = gradient_norm(record.layers[0])
    return first_by_last(record) if first is not None and first < 1e-4 else None


def zero_share(record: Record) -> float | None:
    """The share of all gradients that are exactly 0, biases too."""
    arrays = [g for layer in record.layers for g in (layer.weight_gradient, layer.bias_gradient) if g is not None]
    return sum(int(np.sum(g == 0)) for g in arrays) / sum(g.size for g in arrays) if arrays else None


def if_not_learning(name: str, records: Records) -> list[Hit]:
    """It names one cause: dead relu, else exploding, else vanishing, else slow; and only if accuracy stays low."""
    low, still = learned(records)
    if not (low or still):
        return []
    for cause, judge in CAUSES.items():
        hits = judge(records)
        if hits:
            return hits if cause == name else []
    return [Hit(None, 0.0)] if name == "slow" and still else []


CAUSES = {
    "relu": any_moment(zero_share, above=0.7 - 1e-12),
    "explode": any_moment(first_by_last, above=70.0),
    "vanish": any_moment(vanishes, below=1e-3),
}


def oscillates(records: Records) -> list[Hit]:
    """Accuracy has peaks at least 0.03 above its valleys, in a fifth of the epochs."""
    known = [x for record in records[1:] if (x := accuracy(record)) is not None]
    inner = range(1, len(known) - 1)
    peaks = [known[i] for i in inner if known[i] >= known[i - 1] and known[i] >= known[i + 1]]
    valleys = [known[i] for i in inner if known[i] <= known[i - 1] and known[i] <= known[i + 1]]
    count = sum(high - low >= 0.03 for high, low in zip(peaks, valleys, strict=False))
    if any(learned(records)) or len(known) < 3 or count < 0.2 * len(known):
        return []
    return [Hit(None, float(count))]


def broken_numbers(layer: LayerRecord) -> float | None:
    """How many weights and gradients are NaN or inf."""
    return not_finite((layer.weight, layer.bias, layer.weight_gradient, layer.bias_gradient))


def lost(record: Record) -> float | None:
    """1 if the loss is NaN, inf or at least 1e5."""
    return None if record.cost is None else float(not record.cost < 1e5)


MONITOR = "AutoTrainer/utils/monitor.py"
ONLY = "only if accuracy stays below 0.7, or never rises by 0.01 in an epoch; of targets that are not classes, never"

AUTOTRAINER = Preset("autotrainer", "AutoTrainer", "github.com/shiningrain/AUTOTRAINER", (
    Rule("explode", "not a number", "NaN or inf in weights or gradients; loss NaN, inf or ≥ 1e5",
         one_of(any_layer(broken_numbers, above=0), any_moment(lost, above=0)), MONITOR),
    Rule("relu", "dead", f"share of gradients exactly 0 at least 0.7; {ONLY}",
         lambda records: if_not_learning("relu", records), MONITOR, "training accuracy in place of validation's"),
    Rule("explode (ratio)", "exploding", f"‖∂C/∂W¹‖/‖∂C/∂W^L‖ > 70; {ONLY}",
         lambda records: if_not_learning("explode", records), MONITOR, "training accuracy in place of validation's"),
    Rule("vanish", "vanishing", f"‖∂C/∂W¹‖/‖∂C/∂W^L‖ < 1e-3 and ‖∂C/∂W¹‖ < 1e-4; {ONLY}",
         lambda records: if_not_learning("vanish", records), MONITOR, "training accuracy in place of validation's"),
    Rule("not_converge", "loss stands still", "accuracy never rises by 0.01 in an epoch, and no other cause is found",
         lambda records: if_not_learning("slow", records), MONITOR, "training accuracy in place of validation's"),
    Rule("unstable", "loss is unsteady", "accuracy goes up and down by ≥ 0.03 in a fifth of the epochs", oscillates,
         MONITOR, "training accuracy in place of validation's"),
))  # fmt: skip
