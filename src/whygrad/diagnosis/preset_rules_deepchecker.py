"""The rules of TheDeepChecker (Ben Braiek and Khomh 2023), from its settings, checkers and hooks.

It checks before training, while it overfits one batch, and after training. Rules that train further networks of their
own (fitting one batch, corrupted labels, augmentation) are left out: they look at no record.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from whygrad.diagnosis.preset_rules import (
    Array,
    Hit,
    Judge,
    Measure,
    Preset,
    Records,
    Rule,
    any_layer,
    any_moment,
    bad_loss,
    log_ratio,
    losses,
    mean_gradient,
    not_finite,
    one_of,
    quietly,
    ratio,
    tensors,
    unit_share,
)
from whygrad.diagnosis.records import LayerRecord, Record

WINDOW = 5
F_CRITICAL = 2.70554  # its pure_f_test at alpha 0.1
BEST = {"relu": 2.0, "tanh": None, "sigmoid": 1.0}  # of n_in · var(W): He, Glorot (another formula), LeCun


def dead_share(layer: LayerRecord) -> float | None:
    """Units whose |activation| is below 1e-5 in 95 % of the examples; of activations that can saturate, none."""
    if layer.activation in ("sigmoid", "tanh", "softmax") or layer.a is None:
        return None
    return unit_share(np.percentile(np.abs(layer.a), 95, axis=0) < 1e-5)


def saturated_share(layer: LayerRecord) -> float | None:
    """Units whose saturation measure ρ_B is above 0.85, over the range of activations from 0 to 1 that it assumes."""
    if layer.activation not in ("sigmoid", "tanh") or layer.a is None:
        return None
    return unit_share(np.array([rho(layer.a[:, j]) for j in range(layer.a.shape[1])]) > 0.85)


def rho(values: Array, low: float = 0.0, high: float = 1.0, bins: int = 50) -> float:
    """The mean over bins, weighted by their counts, of ``|2 (mean - low) / (high - low) - 1|``."""
    which = np.digitize(values, np.arange(low, high, (high - low) / bins))
    counts = np.bincount(which)
    means = np.bincount(which, weights=values)[counts > 0] / counts[counts > 0]
    return float(np.average(np.abs(2 * (means - low) / (high - low) - 1), weights=counts[counts > 0]))


def spread(layer: LayerRecord) -> float | None:
    """By how much the variance of a layer's activations is outside 0.5² to 2², as a factor; 1 within."""
    if layer.a is None or layer.activation == "softmax":
        return None
    variance = float(np.var(layer.a))
    return max(0.5**2 / variance if variance else np.inf, variance / 2.0**2, 1.0)


def hidden(measure: Measure) -> Judge:
    """The rule on hidden layers: the outputs have rules of their own."""
    judge = any_layer(measure, above=F_CRITICAL)

    def hidden_only(records: Records) -> list[Hit]:
        return [hit for hit in judge(records) if hit.layer is not None and hit.layer < len(records[0].layers) - 1]

    return hidden_only


def initial_misfit(layer: LayerRecord) -> float | None:
    """The F ratio of the weights' variance to that of the initializer that is recommended before the activation."""
    if layer.weight is None or layer.activation not in BEST:
        return None
    outputs, inputs = layer.weight.shape
    wanted = 2.0 / (inputs + outputs) if layer.activation == "tanh" else (BEST[layer.activation] or 1.0) / inputs
    variance = float(np.var(layer.weight))
    return max(ratio(variance, wanted), ratio(wanted, variance)) if variance else None


def no_variance(layer: LayerRecord) -> float | None:
    """1 if all weights are alike."""
    if layer.weight is None or layer.weight.size == 1:
        return None
    return float(np.isclose(np.var(layer.weight), 0.0, rtol=1e-8))


def first_loss(record: Record) -> float | None:
    """How far the cost is from that of guessing, -ln(1/classes), as a fraction of it."""
    if record.cost is None or record.labels is None or record.outputs is None:
        return None
    guessing = float(np.log(max(record.outputs.shape[1], 2)))
    return abs(record.cost - guessing) / guessing


def log_update(layer: LayerRecord) -> float | None:
    """log₁₀ of mean |ΔW| by mean |W| in the last step."""
    if layer.update is None or layer.weight is None:
        return None
    return log_ratio(float(np.mean(np.abs(layer.update))), float(np.mean(np.abs(layer.weight))))


def untrained(layer: LayerRecord) -> float | None:
    """1 if the last step changed no weight."""
    return None if layer.update is None else float(not np.any(layer.update))


def run_of(measure: Measure, holds: Callable[[float], bool]) -> Judge:
    """Holds where each of the last ratios, from moment to moment within a window of five, does."""

    def judge(records: Records) -> list[Hit]:
        if len(records) < WINDOW:
            return []
        found = []
        for l in range(len(records[0].layers)):
            numbers = [quietly(measure, record.layers[l]) for record in records[-WINDOW:]]
            known = [x for x in numbers if x is not None]
            if len(known) == WINDOW:
                steps = [ratio(new, old) for old, new in itertools.pairwise(known)]
                found += [Hit(l, steps[-1])] if all(holds(x) for x in steps) else []
        return found

    return judge


def stagnated(records: Records) -> list[Hit]:
    """The cost fell by less than 5 % in each of the last four moments."""
    cost = losses(records)[-WINDOW:]
    falls = [(old - new) / old for old, new in itertools.pairwise(cost) if old]
    return [Hit(None, max(falls))] if len(falls) == WINDOW - 1 and max(falls) < 0.05 else []


def diverging(records: Records) -> list[Hit]:
    """The cost at least doubled in each of the last four moments."""
    cost = losses(records)[-WINDOW:]
    rises = [new / old for old, new in itertools.pairwise(cost) if old]
    return [Hit(None, max(rises))] if len(rises) == WINDOW - 1 and min(rises) >= 2 else []


def unnormalized(numbers: Array) -> bool:
    """Whether data are neither 0 to 1, nor -1 to 1, nor of mean 0 and deviation 1, all within 0.01."""

    def near(x: float, wanted: float) -> bool:
        return abs(x - wanted) <= 0.01

    low, high, mean, deviation = (float(f(numbers)) for f in (np.min, np.max, np.mean, np.std))
    scaled = near(high, 1.0) and (near(low, 0.0) or near(low, -1.0))
    return not scaled and not (near(deviation, 1.0) and near(mean, 0.0))


def inputs_unnormalized(records: Records) -> list[Hit]:
    """The deviation of inputs that are not constant."""
    X = records[0].X
    if X is None or not X.size or float(np.std(X)) == 0 or not unnormalized(X):
        return []
    return [Hit(None, float(np.std(X)))]


def constant_input(records: Records) -> list[Hit]:
    """Of the inputs as a whole."""
    X = records[0].X
    return [Hit(None, 0.0)] if X is not None and X.size and float(np.std(X)) == 0 else []


def targets_unnormalized(records: Records) -> list[Hit]:
    """The deviation of the first column of targets that are not classes."""
    Y = records[0].Y
    if Y is None or records[0].labels is not None:
        return []
    return [Hit(None, float(np.std(column))) for column in Y.T if unnormalized(column)][:1]


def unbalanced(record: Record) -> float | None:
    """The perplexity of the labels, from 0 for a single class to 1 for classes of one size."""
    if record.labels is None or record.outputs is None:
        return None
    counts = np.bincount(np.asarray(record.labels, int)).astype(float)
    share = counts[counts > 0] / counts.sum()
    perplexity = float(np.exp(-np.sum(share * np.log(share))))
    return (perplexity - 1) / (max(int(record.outputs.shape[1]), 2) - 1)


def constant_outputs(records: Records) -> list[Hit]:
    """Some output is the same for all examples, at every moment."""
    outputs = [r.outputs for r in records if r.outputs is not None]
    if not outputs:
        return []
    with np.errstate(all="ignore"):
        alike = np.all([np.var(a, axis=0) == 0 for a in outputs], axis=0)
    return [Hit(None, float(np.count_nonzero(alike)))] if alike.any() else []


def invalid_outputs(records: Records) -> list[Hit]:
    """Outputs for classes that are no probabilities, or outputs that never are as large, or negative, as targets."""
    last, found = records[-1], 0
    outputs, Y = last.outputs, last.Y
    if outputs is None or Y is None:
        return []
    if last.labels is not None:
        if outputs.shape[1] == 1:
            found = int(not ((outputs >= 0).all() and (outputs <= 1).all()))
        else:
            found = int(not ((outputs >= 0).all() and (np.abs(outputs.sum(axis=1) - 1) < 0.05).all()))
    else:
        seen = np.concatenate([r.outputs for r in records if r.outputs is not None])
        found = int(((np.abs(Y) > 1).any(axis=0) & ~(np.abs(seen) > 1).any(axis=0)).sum())
        found += int(((Y < 0).any(axis=0) & ~(seen < 0).any(axis=0)).sum())
    return [Hit(None, float(found))] if found else []


def weights_near_zero(layer: LayerRecord) -> float | None:
    """The share of weights below 1e-5."""
    return None if layer.weight is None else float(np.mean(np.abs(layer.weight) < 1e-5))


def negative_weights(layer: LayerRecord) -> float | None:
    """The share of negative weights."""
    return None if layer.weight is None else float(np.mean(layer.weight < 0))


HOOKS, CHECKS, SETTINGS = "deep_checker/hooks.py", "deep_checker/checkers.py", "deep_checker/config/settings.yaml"

DEEPCHECKER = Preset("thedeepchecker", "TheDeepChecker", "github.com/thedeepchecker/thedeepchecker", (
    Rule("features_unnormalized", "input scale", "inputs not 0..1, -1..1, nor of mean 0 and deviation 1",
         inputs_unnormalized, CHECKS, "of all inputs together"),
    Rule("features_constant", "constant input", "inputs of no variance", constant_input, CHECKS),
    Rule("targets_unnormalized", "target scale", "targets not 0..1, -1..1, nor of mean 0 and deviation 1",
         targets_unnormalized, CHECKS),
    Rule("unbalanced_labels", "class balance", "(perplexity of the labels - 1) / (classes - 1) < 0.5",
         any_moment(unbalanced, below=0.5), SETTINGS),
    Rule("poor_init", "initialization", "weights of no variance before training",
         any_layer(no_variance, above=0.5, first=True), CHECKS),
    Rule("need_init_well", "initialization",
         "variance of the first weights off that of He (relu), Glorot (tanh), LeCun (sigmoid) by a factor > 2.7",
         any_layer(initial_misfit, above=F_CRITICAL, first=True), CHECKS),
    Rule("poor_init_loss", "first loss", "|first loss - ln(classes)| ≥ ln(classes)",
         any_moment(first_loss, above=1.0, first=True), CHECKS),
    Rule("out_cons", "constant output", "outputs that never vary", constant_outputs, HOOKS),
    Rule("output_invalid", "output range",
         "outputs for classes that are no probabilities; targets beyond ±1, or negative, that no output reaches",
         invalid_outputs, HOOKS),
    Rule("act_dead", "dead", "95th percentile of |a| < 1e-5 for > 50 % of the units", any_layer(dead_share, above=0.5),
         f"{HOOKS}, {SETTINGS}"),
    Rule("act_sat", "saturated", "ρ_B > 0.85 (50 bins from 0 to 1) for > 50 % of the units",
         any_layer(saturated_share, above=0.5), f"{HOOKS}, deep_checker/metrics.py, {SETTINGS}"),
    Rule("act_unstable", "variance", "standard deviation of activations outside 0.5 to 2, by an F test at 2.7",
         hidden(spread), f"{HOOKS}, {SETTINGS}"),
    Rule("w_dead", "initialization", "|w| < 1e-5 for > 95 % of a layer's weights",
         any_layer(weights_near_zero, above=0.95), f"{HOOKS}, {SETTINGS}"),
    Rule("w_sign", "initialization", "> 95 % of a layer's weights negative", any_layer(negative_weights, above=0.95),
         f"{HOOKS}, {SETTINGS}"),
    Rule("gw_van", "vanishing", "mean |gradient| < 1e-6, or halved in each step of a window of 5",
         one_of(any_layer(mean_gradient, below=1e-6), run_of(mean_gradient, lambda x: x <= 0.5)),
         f"{HOOKS}, {SETTINGS}"),
    Rule("gw_exp", "exploding", "mean |gradient| > 1e6, or doubled in each step of a window of 5",
         one_of(any_layer(mean_gradient, above=1e6), run_of(mean_gradient, lambda x: x >= 2)), f"{HOOKS}, {SETTINGS}"),
    Rule("w_fast", "large updates", "log₁₀(mean |ΔW| / mean |W|) > -1", any_layer(log_update, above=-1.0),
         f"{HOOKS}, {SETTINGS}"),
    Rule("w_slow", "small updates", "log₁₀(mean |ΔW| / mean |W|) < -4", any_layer(log_update, below=-4.0),
         f"{HOOKS}, {SETTINGS}"),
    Rule("w_untrained", "cut off", "weights that a step does not change", any_layer(untrained, above=0.5), HOOKS),
    Rule("stagnated_loss", "loss stands still", "the loss falls by < 5 % in each step of a window of 5", stagnated,
         f"{HOOKS}, {SETTINGS}"),
    Rule("div_loss", "loss is unsteady", "the loss doubles in each step of a window of 5", diverging,
         f"{HOOKS}, {SETTINGS}"),
    Rule("nan, inf", "not a number", "NaN or inf in activations, weights, gradients or the loss",
         one_of(any_layer(lambda layer: not_finite(tensors(layer)), above=0),
                any_moment(bad_loss, above=0)), HOOKS),
))  # fmt: skip
