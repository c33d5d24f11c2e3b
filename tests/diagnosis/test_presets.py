"""The rules of other debuggers: each fires where its limit is passed, and none on training that goes well."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.diagnosis.preset_rules_deepchecker import rho
from whygrad.diagnosis.presets import PRESETS, judged_by, slug
from whygrad.diagnosis.records import LayerRecord, Record
from whygrad.errors import ArgumentError
from whygrad.nn.diagnose import network_record

N, MOMENTS = 600, 7
History = list[Record]


# ── training that goes well, as records ──────────────────────────────────────────────────────────────────────────────


@functools.cache
def well() -> History:
    """Relu, sigmoid and softmax layers that learn: every number is within every tool's limits."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, 100))
    X = (X - X.mean()) / X.std()
    labels = np.arange(N) % 2
    shapes, names = ((20, 100), (20, 20), (2, 20)), ("relu", "sigmoid", "softmax")
    weights = [rng.standard_normal(s) * np.sqrt((2.0 if n == "relu" else 1.0) / s[1])
               for s, n in zip(shapes, names, strict=True)]
    return [moment(t, X, labels, weights, names, np.random.default_rng(t)) for t in range(MOMENTS)]


def moment(t: int, X: np.ndarray, labels: np.ndarray, weights: list[np.ndarray], names: tuple[str, ...],
           rng: np.random.Generator) -> Record:
    layers, a = [], X
    for l, (W, name) in enumerate(zip(weights, names, strict=True)):
        z = rng.standard_normal((N, len(W))) * (2.5 if name == "sigmoid" else 1.0) + (0.2 if name == "relu" else 0.0)
        below = a
        right = (np.arange(N) < (0.55 + 0.06 * t) * N) * 1.0
        says = 0.1 + 0.8 * right[:, None]
        a = {"relu": np.maximum(z, 0), "sigmoid": 1 / (1 + np.exp(-z)),
             "softmax": np.where(np.arange(2) == labels[:, None], says, 1 - says)}[name]
        gradient = rng.standard_normal(W.shape) * 0.01
        layers.append(LayerRecord(f"layer {l + 1}", name, z, a, rng.standard_normal(z.shape), below,
                                  weight=W + 1e-3 * t, bias=np.zeros(len(W)), weight_gradient=gradient,
                                  bias_gradient=gradient[:, 0], update=1e-3 * np.roll(W, 1)))
    return Record("made up", tuple(layers), N, np.dtype(float), cost=0.7 * 0.8**t, cost_name="softmax_cross_entropy",
                  X=X, Y=np.eye(2)[labels], labels=labels, outputs=a, steps=60 * t)


def changed(layer: int, history: History | None = None, **arrays: Any) -> History:
    """The same with other arrays in one layer: an array, or a function of the one that is there."""
    found = []
    for record in history or well():
        old = record.layers[layer]
        new = {k: v(getattr(old, k)) if callable(v) else v for k, v in arrays.items()}
        layers = (*record.layers[:layer], replace(old, **new), *record.layers[layer + 1 :])
        found.append(replace(record, layers=layers))
    return found


def all_layers(**arrays: Any) -> History:
    history = well()
    for l in range(3):
        history = changed(l, history, **arrays)
    return history


def records(**fields: Any) -> History:
    """The same with other fields: a value, or a function of (moment, the value that is there)."""
    return [replace(r, **{k: v(t, getattr(r, k)) if callable(v) else v for k, v in fields.items()})
            for t, r in enumerate(well())]


def series(layer: int, factor: float) -> History:
    """Gradients of one layer that change by this factor from moment to moment."""
    return [changed(layer, [r], weight_gradient=lambda g, t=t: g * factor**t)[0] for t, r in enumerate(well())]


def times(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: x * factor


def like(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.full_like(x, value)


def one_nan(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flat[3] = np.nan
    return x


def units(value: float, share: float) -> Callable[[np.ndarray], np.ndarray]:
    """This value in a share of the columns."""

    def put(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[:, : round(share * x.shape[1])] = value
        return x

    return put


def guessed(right: Callable[[int], float]) -> Callable[[int, np.ndarray], np.ndarray]:
    """Outputs that are right for the first so many of the examples."""

    def outputs(t: int, old: np.ndarray) -> np.ndarray:
        hit = np.arange(N) < right(t) * N
        return np.where((np.arange(2) == (np.arange(N) % 2)[:, None]) == hit[:, None], 0.9, 0.1)

    return outputs


def still(history: History) -> History:
    """The same, with accuracy that stays low: AutoTrainer looks for causes only then."""
    return [replace(r, outputs=guessed(lambda t: 0.4)(0, None)) for r in history]


FADING = [replace(r, cost=0.7) for r in series(0, 0.3)]
FADING = [changed(1, [changed(2, [r], weight_gradient=times(0.3**t), bias_gradient=times(0.3**t))[0]],
                  weight_gradient=times(0.3**t), bias_gradient=times(0.3**t))[0] for t, r in enumerate(FADING)]
FADING = [changed(0, [r], bias_gradient=times(0.3**t))[0] for t, r in enumerate(FADING)]

# (tool, rule, training in which it fires)
FIRES: list[tuple[str, str, Callable[[], History]]] = [
    ("sagemaker", "VanishingGradient", lambda: changed(0, weight_gradient=times(1e-6))),
    ("sagemaker", "ExplodingTensor", lambda: changed(1, z=one_nan)),
    ("sagemaker", "DeadRelu", lambda: changed(0, a=units(0.0, 0.55))),
    ("sagemaker", "SaturatedActivation", lambda: changed(1, z=units(20.0, 0.55))),
    ("sagemaker", "PoorWeightInitialization", lambda: changed(0, weight_gradient=times(0.01))),
    ("sagemaker", "WeightUpdateRatio (small)", lambda: changed(0, weight=np.ones_like)),
    ("sagemaker", "WeightUpdateRatio (large)", lambda: [changed(0, [r], weight=times(20.0**t))[0]
                                                        for t, r in enumerate(well())]),
    ("sagemaker", "AllZero", lambda: changed(1, weight_gradient=times(0.0))),
    ("sagemaker", "LossNotDecreasing", lambda: records(cost=lambda t, c: 0.7)),
    ("sagemaker", "TensorVariance", lambda: changed(2, weight=times(30.0))),
    ("sagemaker", "UnchangedTensor", lambda: records(cost=lambda t, c: 0.7 if t > 3 else c)),
    ("sagemaker", "ClassImbalance", lambda: records(labels=(np.arange(N) % 20 == 0) * 1)),
    ("sagemaker", "CheckInputImages", lambda: records(X=lambda t, X: X + 0.3)),
    ("deepdiagnosis", "Out of Range", lambda: [replace(r, Y=r.Y * 3) for r in changed(2, activation="sigmoid")]),
    ("deepdiagnosis", "Numerical Problem (0)", lambda: changed(0, weight_gradient=times(0.0))),
    ("deepdiagnosis", "Numerical Problem (NaN, inf)", lambda: changed(0, a=one_nan)),
    ("deepdiagnosis", "Dead Node", lambda: changed(0, a=units(0.0, 0.6))),
    ("deepdiagnosis", "Saturated Activation", lambda: changed(1, z=units(-6.0, 0.6))),
    ("deepdiagnosis", "Unchange Tensor", lambda: changed(1, a=like(0.5))),
    ("deepdiagnosis", "Vanishing Gradient", lambda: changed(0, weight_gradient=times(1e-6))),
    ("deepdiagnosis", "Loss Not Decreasing", lambda: records(cost=0.7)),
    ("deepdiagnosis", "Invalid loss", lambda: records(cost=np.nan)),
    ("deepdiagnosis", "Invalid accuracy", lambda: records(outputs=guessed(lambda t: 0.0))),
    ("thedeepchecker", "features_unnormalized", lambda: records(X=lambda t, X: X * 255)),
    ("thedeepchecker", "features_constant", lambda: records(X=lambda t, X: X * 0)),
    ("thedeepchecker", "targets_unnormalized", lambda: records(labels=None, Y=lambda t, Y: Y * 100)),
    ("thedeepchecker", "unbalanced_labels", lambda: records(labels=np.zeros(N, int))),
    ("thedeepchecker", "poor_init", lambda: changed(0, weight=like(0.5))),
    ("thedeepchecker", "need_init_well", lambda: changed(0, weight=times(5.0))),
    ("thedeepchecker", "poor_init_loss", lambda: records(cost=lambda t, c: 10 * c)),
    ("thedeepchecker", "out_cons", lambda: records(outputs=lambda t, a: a * 0 + 0.5)),
    ("thedeepchecker", "output_invalid", lambda: records(outputs=lambda t, a: a * 3)),
    ("thedeepchecker", "act_dead", lambda: changed(0, a=units(0.0, 0.55))),
    ("thedeepchecker", "act_sat", lambda: changed(1, a=units(0.999, 0.55))),
    ("thedeepchecker", "act_unstable", lambda: changed(0, a=times(10.0))),
    ("thedeepchecker", "w_dead", lambda: changed(0, weight=times(1e-7))),
    ("thedeepchecker", "w_sign", lambda: changed(0, weight=lambda W: -np.abs(W))),
    ("thedeepchecker", "gw_van", lambda: series(0, 0.4)),
    ("thedeepchecker", "gw_exp", lambda: series(0, 2.5)),
    ("thedeepchecker", "w_fast", lambda: changed(0, update=times(200.0))),
    ("thedeepchecker", "w_slow", lambda: changed(0, update=times(0.01))),
    ("thedeepchecker", "w_untrained", lambda: changed(0, update=times(0.0))),
    ("thedeepchecker", "stagnated_loss", lambda: records(cost=lambda t, c: 0.7 - 0.01 * t)),
    ("thedeepchecker", "div_loss", lambda: records(cost=lambda t, c: 2.1**t)),
    ("thedeepchecker", "nan, inf", lambda: changed(1, a=one_nan)),
    ("autotrainer", "explode", lambda: changed(0, weight=one_nan)),
    ("autotrainer", "relu", lambda: still(all_layers(weight_gradient=units(0.0, 0.9)))),
    ("autotrainer", "explode (ratio)", lambda: still(changed(0, weight_gradient=times(100.0)))),
    ("autotrainer", "vanish", lambda: still(changed(0, weight_gradient=times(1e-5)))),
    ("autotrainer", "not_converge", lambda: still(records())),
    ("autotrainer", "unstable", lambda: records(outputs=guessed(lambda t: 0.9 - 0.1 * (t % 2)))),
    ("torchlens", "vanishing", lambda: all_layers(weight_gradient=times(1e-8), bias_gradient=times(1e-8))),
    ("torchlens", "exploding", lambda: changed(0, weight_gradient=times(1e6))),
    ("torchlens", "dead units", lambda: changed(0, a=units(0.0, 0.05))),
    ("gradglass", "vanishing", lambda: changed(0, weight_gradient=times(1e-7))),
    ("gradglass", "imbalance", lambda: changed(0, weight_gradient=times(1e-4))),
    ("gradglass", "freeze candidate", lambda: changed(0, weight_gradient=times(1e-3))),
    ("gradglass", "exploding", lambda: changed(0, weight_gradient=times(1e4))),
    ("gradglass", "dead", lambda: changed(0, a=units(0.0, 0.3))),
    ("gradglass", "saturated", lambda: changed(1, a=like(0.95))),
    ("gradglass", "large drift", lambda: [changed(0, [r], weight=times(1 + t))[0] for t, r in enumerate(well())]),
    ("gradscope", "vanishing", lambda: changed(0, weight_gradient=times(1e-8))),
    ("gradscope", "exploding", lambda: [changed(0, [r], weight_gradient=times(9.0 if t == 5 else 1.0))[0]
                                        for t, r in enumerate(well())]),
    ("gradscope", "unstable", lambda: [changed(0, [r], weight_gradient=times(1e4 if t == 2 else 1.0))[0]
                                       for t, r in enumerate(well())]),
    ("graphyco", "vanishing", lambda: changed(0, weight_gradient=times(1e-5))),
    ("graphyco", "exploding", lambda: changed(0, weight_gradient=times(1e5))),
    ("gradsnitch", "GS007", lambda: FADING),
    ("gradsnitch", "GS008 (small)", lambda: changed(0, update=times(0.01))),
    ("gradsnitch", "GS008 (large)", lambda: changed(0, update=times(100.0))),
    ("nansense", "dead relu", lambda: changed(0, a=times(0.0))),
    ("nansense", "dtype range", lambda: changed(0, weight_gradient=lambda g: (g * 1e-38).astype(np.float32))),
    ("cs231n", "dead relu", lambda: changed(0, a=units(0.0, 0.45))),
    ("cs231n", "update ratio too high", lambda: changed(0, update=times(100.0))),
    ("cs231n", "update ratio too low", lambda: changed(0, update=times(0.01))),
    ("karpathy", "saturated tanh", lambda: changed(1, activation="tanh", a=units(0.98, 0.1))),
    ("karpathy", "update:data too high", lambda: changed(0, update=times(100.0))),
    ("karpathy", "update:data too low", lambda: changed(0, update=times(0.01))),
    ("learners", "dead unit", lambda: changed(0, a=units(0.5, 0.05))),
    ("learners", "locked", lambda: changed(1, a=units(0.995, 0.6))),
]  # fmt: skip


def slugs(tool: str, history: History) -> set[str]:
    return {finding.id.partition("/")[2] for finding in judged_by(tool, history)}


@pytest.mark.parametrize(("tool", "term", "training"), FIRES, ids=[f"{tool}: {term}" for tool, term, _ in FIRES])
def test_a_rule_fires_where_its_limit_is_passed(tool, term, training):
    assert slug(term) in slugs(tool, training())


def test_every_rule_has_a_case_in_which_it_fires():
    assert {(tool, rule.term) for tool, preset in PRESETS.items() for rule in preset.rules} == {x[:2] for x in FIRES}


@pytest.mark.parametrize("tool", PRESETS)
def test_no_rule_fires_on_training_that_goes_well(tool):
    assert slugs(tool, well()) == set()


@pytest.mark.parametrize("tool", PRESETS)
def test_rules_take_a_single_moment_and_records_that_know_little(tool):
    bare = LayerRecord("layer 1", "", None, None, None)
    assert slugs(tool, well()[3:4]) == set()
    assert slugs(tool, [Record("bare", (bare,), 3, np.dtype(float))] * 7) == set()
    assert judged_by(tool, []) == ()


def test_a_preset_is_chosen_by_name_and_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ArgumentError, match="sagemaker, deepdiagnosis"):
        judged_by("sagemker", well())


def test_a_finding_names_the_tool_its_rule_its_source_and_the_numbers():
    [found] = judged_by("deepdiagnosis", changed(1, z=units(-6.0, 0.6)))
    assert found.id == "deepdiagnosis/saturated-activation"
    assert found.where == "layer 2"
    assert found.layers == (1,)
    assert found.what.startswith("DeepDiagnosis would report “Saturated Activation”: share of |z| ≥ 5 above 0.5")
    assert found.evidence["layer 2"] == pytest.approx(0.62, abs=0.03)
    assert "callback/callbacks.py" in found.evidence["source"]


def test_the_saturation_measure_is_1_at_the_ends_and_one_half_for_even_spread():
    assert rho(np.array([0.0, 1.0] * 50)) == pytest.approx(1.0)
    assert rho(np.linspace(0, 1, 5001)[:-1]) == pytest.approx(0.5, abs=0.01)
    assert rho(np.full(100, 0.5)) == pytest.approx(0.0)


def test_diagnose_takes_the_rules_of_another_tool_and_shows_them_like_its_own():
    net = wg.Network([2, 6, 1], activation=["relu", "sigmoid"], cost="cross_entropy")
    net.biases[0][:] = -100.0
    X, Y = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50) % 2.0
    found = wg.diagnose(net, X, Y, rules="sagemaker")
    assert "sagemaker/dead-relu" in found.ids
    assert "SageMaker Debugger would report “DeadRelu”" in " ".join(str(found).split())
    with pytest.raises(ArgumentError, match="one of sagemaker"):
        wg.diagnose(net, X, Y, rules="sagemker")
    with pytest.raises(ArgumentError, match="not a function"):
        wg.diagnose(lambda x: np.sum(x * x), np.ones(3), rules="sagemaker")


# ── known cases: what absolute limits see, and what they do not ──────────────────────────────────────────────────────


def first_look(hidden: int, **settings: Any) -> History:
    """Digits, before training: a network of that many layers of 30."""
    data = wg.datasets.digits()
    small = data.train_images[:500].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)
    net = wg.Network([196, *[30] * hidden, 10], cost="cross_entropy", dtype="float64", **settings)
    return [network_record(net, small, data.train_labels[:500], learning_rate=0.1)]


VANISHING = {"sagemaker": "vanishing-gradient", "deepdiagnosis": "vanishing-gradient", "thedeepchecker": "gw-van",
             "torchlens": "vanishing", "gradglass": "vanishing", "gradscope": "vanishing", "graphyco": "vanishing",
             "autotrainer": "vanish"}


def who_calls_it_vanishing(history: History) -> set[str]:
    return {tool for tool, term in VANISHING.items() if term in slugs(tool, history)}


def test_absolute_limits_do_not_see_four_sigmoid_layers_vanish_and_a_ratio_does():
    history = first_look(4, activation="sigmoid", init="scaled")
    assert who_calls_it_vanishing(history) == set()
    assert slugs("gradglass", history) >= {"imbalance", "freeze-candidate"}


def test_ten_sigmoid_layers_are_beyond_the_limits_of_some():
    history = first_look(10, activation="sigmoid", init="scaled")
    assert who_calls_it_vanishing(history) == {"sagemaker", "deepdiagnosis", "thedeepchecker", "graphyco"}


def test_saturated_tanh_is_within_the_limits_of_some_and_seen_by_others():
    history = first_look(4, activation=["tanh"] * 4 + ["sigmoid"], init=lambda rng, n, m: rng.standard_normal((n, m)))
    assert "saturated-activation" not in slugs("sagemaker", history)
    assert "saturated" not in slugs("gradglass", history)
    assert "act-sat" in slugs("thedeepchecker", history)
    assert "saturated-tanh" in slugs("karpathy", history)
    assert who_calls_it_vanishing(history) == set()


def test_a_layer_killed_whole_is_vanishing_to_absolute_limits_and_0_over_0_to_ratios():
    data = wg.datasets.digits()
    net = wg.Network([784, 30, 30, 10], ["relu", "relu", "sigmoid"], cost="cross_entropy", dtype="float64")
    net.biases[1][:] = -1000.0
    history = [network_record(net, data.train_images[:200], data.train_labels[:200])]
    assert who_calls_it_vanishing(history) == set(VANISHING) - {"torchlens", "autotrainer"}
    assert "imbalance" not in slugs("gradglass", history)
    for tool, term in (("sagemaker", "dead-relu"), ("torchlens", "dead-units"), ("cs231n", "dead-relu")):
        assert term in slugs(tool, history)
