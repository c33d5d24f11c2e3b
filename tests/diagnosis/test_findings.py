"""Each finding on a network that has the fault, with its numbers and what is to blame; healthy networks are silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import whygrad as wg
from whygrad.diagnosis.findings import FINDINGS

CE = "softmax_cross_entropy"


@pytest.fixture(scope="module")
def digits():
    data = wg.datasets.digits()
    return data.train_images[:1000], data.train_labels[:1000]


def deep(activation="sigmoid", cost="half_squared_error", seed=0, hidden=4, **how):
    return wg.Network([784, *[30] * hidden, 10], activation, cost=cost, seed=seed, **how)


# ---- what is healthy is left alone -----------------------------------------------------------------------------------

HEALTHY = {
    "relu": (dict(activation="relu", cost=CE), dict(learning_rate=0.05, batch_size=32)),
    "tanh": (dict(activation="tanh", cost=CE, hidden=2), dict(learning_rate=0.1, batch_size=32)),
    "sigmoid": (dict(hidden=1), dict(learning_rate=3.0, batch_size=10)),
    "sigmoid and cross-entropy": (dict(hidden=1, cost="cross_entropy"), dict(learning_rate=0.5, batch_size=10)),
    "relu and adam": (dict(activation="relu", cost=CE, hidden=1), dict(optimizer="adam", batch_size=32)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_a_healthy_network_before_during_and_after_training(name, digits):
    X, Y = digits
    how, training = HEALTHY[name]
    net = deep(**how)
    assert wg.diagnose(net, X, Y, learning_rate=training.get("learning_rate")).ids == ()
    for epochs in (1, 4):
        history = net.fit(X, Y, epochs=epochs, progress=False, backend="numpy", watch=True, **training)
        assert [appeared.finding.id for appeared in history.findings] == []
        found = wg.diagnose(net, X, Y)
        assert found.ids == ()
    assert found.verdict == "Nothing found that keeps it from learning, on 1,000 examples."
    assert found.measures.data.learned > 0.5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("activation", "cost"), [("relu", CE), (["relu"] * 4 + ["sigmoid"], "half_squared_error")])
def test_nothing_is_found_after_he_and_relu(activation, cost, seed, digits):
    assert wg.diagnose(deep(activation, cost, seed), *digits, learning_rate=0.1).ids == ()


def test_a_converged_network_is_not_called_vanishing(rng):
    """A deep sigmoid network that has learned its two examples: tiny errors, with reason."""
    X, Y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.1], [0.9]])
    net = wg.Network([2, *[8] * 4, 1], "sigmoid", dtype="float64", seed=1)
    assert "vanishing-gradients" in wg.diagnose(net, X, Y)
    net.fit(X, Y, epochs=500, batch_size=2, learning_rate=0.05, optimizer="adam", progress=False, backend="numpy")
    assert net.cost_of(X, Y) < 1e-6
    assert wg.diagnose(net, X, Y).ids == ()


# ---- what flows back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_deep_sigmoid_network_vanishes_and_its_slopes_are_to_blame(seed, digits):
    found = wg.diagnose(deep(seed=seed, init="scaled"), *digits)
    assert found.ids == ("vanishing-gradients",)
    finding = found["vanishing-gradients"]
    assert finding.blame == "slope"
    assert finding.sure == "certain"
    assert finding.layers[0] == 0
    assert 200 < finding.evidence["slower"] < 1000
    assert finding.evidence["slope part"] < 0.01 < 0.3 < finding.evidence["weight part"] < 3
    assert "at most 0.250" in finding.because or "at most 0.25" in finding.because
    assert "relu" in finding.try_[0]


def test_small_weights_make_a_relu_network_vanish_and_are_to_blame(digits):
    found = wg.diagnose(deep("relu", CE, hidden=6, init=lambda rng, o, i: 0.4 * rng.standard_normal((o, i)) / i**0.5),
                        *digits)  # fmt: skip
    finding = found["vanishing-gradients"]
    assert finding.blame == "weights"
    assert any("'he'" in text for text in finding.try_)


def test_large_weights_make_gradients_explode(digits):
    finding = wg.diagnose(deep("relu", CE, init="large"), *digits)["exploding-gradients"]
    assert finding.blame == "weights"
    assert finding.evidence["larger"] > 100


def test_saturated_tanh_layers_are_found_although_gradient_norms_look_fine(digits):
    found = wg.diagnose(deep("tanh", CE, init="large"), *digits)
    finding = found["saturated-units"]
    assert finding.where == "layer 1 to layer 4"
    assert finding.blame == "slope"
    assert all(0.5 < finding.evidence[f"saturated in layer {l}"] < 0.9 for l in range(1, 5))
    assert 0.1 < found.measures.layers[0].relative_error < 10
    assert "vanishing-gradients" not in found


def test_mildly_saturated_sigmoids_are_reported_in_the_table_only(digits):
    net = deep(hidden=2, init=lambda rng, o, i: 2 * rng.standard_normal((o, i)) / i**0.5)
    found = wg.diagnose(net, *digits)
    assert "saturated-units" not in found
    assert all(layer.saturated is not None for layer in found.measures.layers)


def test_a_third_of_a_layer_that_is_never_active_is_found_with_its_units(digits):
    net = deep("relu", CE)
    net.biases[1][:12] = -50
    finding = wg.diagnose(net, *digits)["dead-units"]
    assert finding.where == "layer 2"
    assert finding.evidence["examples"] == 1000
    assert finding.evidence["dead"] >= 12
    assert "over the 1,000 examples given" in finding.what
    assert "the bias alone" in finding.because
    assert finding.derivation.value == 0.0


def test_a_few_units_that_are_never_active_are_listed_but_no_finding(digits):
    net = deep("relu", CE)
    net.biases[1][:3] = -50
    found = wg.diagnose(net, *digits)
    assert found.ids == ()
    assert {0, 1, 2} <= set(found.measures.layers[1].never_active)


def test_a_layer_that_is_killed_whole_is_one_finding_and_not_zero_by_zero(digits):
    net = deep("relu", CE)
    net.biases[1][...] = -50
    found = wg.diagnose(net, *digits)
    assert found.ids == ("dead-units",)
    assert found["dead-units"].sure == "certain"
    assert "those of every layer below layer 2" in found["dead-units"].what
    assert found.measures.layers[0].relative_error == 0.0


def test_over_few_examples_no_unit_is_called_dead(digits):
    X, Y = digits
    net = deep("relu", CE)
    net.biases[1][...] = -50
    assert "dead-units" not in wg.diagnose(net, X[:5], Y[:5])


def test_weights_of_zero_stop_the_error_above_them(digits):
    finding = wg.diagnose(deep(hidden=2, init=lambda rng, o, i: np.zeros((o, i))), *digits)["zero-gradients"]
    assert finding.where == "layer 1 and layer 2"
    assert finding.blame == "weights"
    assert finding.because == "no error arrives: every weight of layer 3 above it is 0"


def test_inputs_of_zero_give_gradients_of_zero():
    net = wg.Network([3, 4, 2], "tanh", cost=CE)
    found = wg.diagnose(net, np.zeros((30, 3)), np.arange(30) % 2)
    assert "identical-inputs" in found
    assert found["zero-gradients"].blame == "input activation"


def test_a_cost_of_exactly_zero_is_no_fault():
    net = wg.Network([2, 3, 1], "tanh", dtype="float64")
    X = np.random.default_rng(0).standard_normal((30, 2))
    assert wg.diagnose(net, X, net.predict(X)).ids == ()


def test_equal_first_weights_make_copies(digits):
    net = deep("tanh", CE, hidden=1, init=lambda rng, o, i: np.full((o, i), 0.02 if i == 784 else 0.1))
    net.weights[1][...] = np.arange(10)[:, None] * 0.01  # outputs differ; what each takes from the copies does not
    finding = wg.diagnose(net, *digits)["identical-units"]
    assert finding.evidence["copies"] == 29
    assert finding.blame == "weights"


def test_errors_below_the_dtypes_smallest_number_are_said_to_underflow():
    net = wg.Network([2, *[4] * 5, 1], "sigmoid", init=lambda rng, o, i: 1e-9 * rng.standard_normal((o, i)))
    found = wg.diagnose(net, np.random.default_rng(0).standard_normal((30, 2)), np.ones((30, 1)))
    assert found["underflow"].evidence["dtype"] == "float32"
    assert found["underflow"].blame == "error from above"


# ---- numbers that are not finite -------------------------------------------------------------------------------------


def test_a_weight_that_is_nan_is_named():
    net = wg.Network([4, 5, 3], "relu", cost=CE)
    net.weights[0][1, 2] = np.nan
    found = wg.diagnose(net, np.ones((20, 4)) * np.arange(20)[:, None], np.arange(20) % 3)
    finding = found["not-finite"]
    assert finding.where == "weights of layer 1"
    assert finding.evidence["at"] == (1, 2)
    assert found.ids[0] == "not-finite"


def test_a_logarithm_of_a_negative_number_is_traced_to_the_users_line(rng):
    net = wg.Network([4, 5, 3], ["tanh", "identity"], cost=lambda a, y: -np.sum(y * np.log(a), axis=-1))
    finding = wg.diagnose(net, rng.standard_normal((20, 4)), rng.integers(0, 3, 20))["not-finite"]
    assert finding.where == "the cost"
    assert "log of a^2" in finding.because
    assert "test_findings.py" in finding.because
    assert "a negative number has no real logarithm" in finding.because


def test_a_nan_that_is_born_on_the_way_back_is_found_though_the_cost_is_finite():
    net = wg.Network([2, 3, 2], [lambda z: np.sqrt(np.maximum(z, 0.0)), "softmax"], cost=CE, seed=3)
    finding = wg.diagnose(net, np.linspace(-1, 1, 40).reshape(20, 2), np.arange(20) % 2)["not-finite"]
    assert finding.blame == "slope"
    assert "the root is infinitely steep at 0" in finding.because


# ---- the model and the cost ------------------------------------------------------------------------------------------


def test_layers_without_activation_are_one_layer(digits):
    finding = wg.diagnose(deep("identity", hidden=2), *digits)["linear-model"]
    assert finding.sure == "certain"
    assert finding.where == "layer 1 and layer 2"
    assert "linear-model" not in wg.diagnose(deep("identity", CE, hidden=0), *digits)


def test_a_softmax_before_a_cost_that_applies_one_is_found(digits):
    def logits_cost(z, y):
        return np.log(np.sum(np.exp(z), axis=-1)) - np.sum(y * z, axis=-1)

    finding = wg.diagnose(deep(["relu", "softmax"], logits_cost, hidden=1), *digits)["double-softmax"]
    assert finding.because == "a softmax over 10 numbers between 0 and 1 gives at most 0.232"
    assert "double-softmax" not in wg.diagnose(deep(["relu", "identity"], logits_cost, hidden=1), *digits)


def test_two_softmax_layers_in_a_row_are_found(digits):
    net = wg.Network([784, 10, 10], ["softmax", "softmax"], cost=CE)
    assert wg.diagnose(net, *digits)["double-softmax"].layers == (0, 1)


def test_a_softmax_over_one_output_is_always_one(rng):
    net = wg.Network([4, 5, 1], "relu", cost=CE)
    finding = wg.diagnose(net, rng.standard_normal((30, 4)), np.ones((30, 1)))["softmax-of-one"]
    assert finding.sure == "certain"


@pytest.mark.parametrize("last", ["relu", "identity"])
def test_cross_entropy_of_outputs_without_bounds_is_refused_where_it_is_built(last):
    with pytest.raises(wg.errors.ArgumentError, match="must lie between 0 and 1"):
        wg.Network([4, 5, 3], ["relu", last], cost="cross_entropy")


def test_targets_that_the_outputs_can_not_reach_are_found(rng):
    X = rng.standard_normal((60, 3))
    finding = wg.diagnose(wg.Network([3, 5, 1], "sigmoid"), X, 10 + 5 * X[:, :1])["targets-out-of-reach"]
    assert finding.evidence["outside"] == 1.0
    assert "identity" in finding.try_[0]
    assert "targets-out-of-reach" not in wg.diagnose(wg.Network([3, 5, 1], ["tanh", "identity"]), X, X[:, :1])


def test_squared_error_on_outputs_that_are_confidently_wrong_is_a_note():
    net = wg.Network([1, 1], "sigmoid", dtype="float64")
    net.weights[0][...], net.biases[0][...] = 2.0, 3.0
    found = wg.diagnose(net, np.linspace(-0.2, 0.2, 30)[:, None], np.arange(30)[:, None] % 2)
    assert found["slow-start"].level == "note"
    assert "cross_entropy" in found["slow-start"].try_[0]
    assert found.problems == ()


# ---- data ------------------------------------------------------------------------------------------------------------


def test_bytes_of_images_are_unscaled_inputs(digits):
    X, Y = digits
    found = wg.diagnose(deep("relu", CE, hidden=1), 255 * X, Y, learning_rate=0.1)
    assert found.ids == ("unscaled-inputs",)
    assert found["unscaled-inputs"].blame == "input activation"


def test_one_column_much_larger_than_the_others_is_unscaled(rng):
    X = rng.standard_normal((200, 5)) * [0.01, 0.01, 0.02, 0.01, 20.0]
    found = wg.diagnose(wg.Network([5, 8, 2], "tanh", cost=CE), X, rng.integers(0, 2, 200))
    assert "times as large as the median column" in found["unscaled-inputs"].what


def test_labels_apart_from_their_inputs_are_found_after_training_only(digits):
    X, Y = digits
    wrong = np.random.default_rng(1).permutation(Y)
    net = deep("relu", CE, hidden=1)
    net.fit(X, wrong, epochs=2, batch_size=32, learning_rate=0.05, progress=False, backend="numpy")
    finding = wg.diagnose(net, X, wrong)["labels-unrelated"]
    assert finding.sure == "possible"
    assert finding.evidence["neighbours"] < 0.2
    assert "labels-unrelated" not in wg.diagnose(net, X, Y)


def test_labels_of_one_class_are_found(digits):
    X, _ = digits
    assert wg.diagnose(deep("relu", CE, hidden=1), X, np.full(1000, 3))["one-class"].sure == "certain"


def test_mostly_empty_inputs_are_a_note(rng):
    X = np.zeros((100, 40))
    X[:, :5] = rng.standard_normal((100, 5))
    found = wg.diagnose(wg.Network([40, 8, 2], "tanh", cost=CE), X, (X[:, 0] > 0).astype(int))
    assert found["dead-inputs"].evidence["dead"] == 35
    assert found.problems == ()


# ---- steps -----------------------------------------------------------------------------------------------------------


def test_a_step_that_raises_the_cost_it_should_lower_is_too_long(digits):
    finding = wg.diagnose(deep("relu", CE, hidden=1), *digits, learning_rate=50.0)["rate-too-high"]
    assert finding.evidence["after"] > finding.evidence["cost"]
    assert finding.blame == "learning rate"
    assert "learning_rate=" in finding.try_[0]


@pytest.mark.parametrize("how", [dict(learning_rate=1e-6), dict(learning_rate=1e-8, optimizer="adam")])
def test_steps_a_thousand_times_too_short_are_too_short(how, digits):
    finding = wg.diagnose(deep("relu", CE, hidden=1), *digits, **how)["rate-too-low"]
    assert finding.evidence["gain"] < 1e-4
    assert finding.evidence["longer"] >= 1000


def test_a_cost_that_stands_still_with_most_of_it_left_is_a_plateau_where_nothing_else_explains_it():
    net = wg.Network([784, 10], "identity", cost=CE, init=lambda rng, o, i: np.zeros((o, i)))
    noise = np.random.default_rng(0).standard_normal((100, 784))
    net.fit(noise, np.arange(100) % 10, epochs=40, learning_rate=1e-5, batch_size=100, progress=False, backend="numpy")
    found = wg.diagnose(net, noise, np.arange(100) % 10, learning_rate=1e-2)
    assert found["cost-plateau"].blame == "unknown"


# ---- the table -------------------------------------------------------------------------------------------------------


def test_every_finding_of_the_table_has_an_id_of_its_own_and_only_known_ones_explain_it():
    ids = [name for rule in FINDINGS for name in rule.ids]
    assert len(ids) == len(set(ids))
    assert {name for rule in FINDINGS for name in rule.symptom_of} <= set(ids)


def test_every_finding_with_a_weight_has_its_derivation_whose_factors_multiply_to_it(digits):
    finding = wg.diagnose(deep(init="scaled"), *digits)["vanishing-gradients"]
    why = finding.derivation
    assert finding.weight[0] == 0
    assert np.prod([factor.value for factor in why.factors]) == pytest.approx(why.value, rel=1e-9)
    assert why.value != 0


def test_the_page_lists_every_finding_with_its_meaning():
    page = (Path(__file__).resolve().parents[2] / "docs" / "diagnose.md").read_text()
    for rule in FINDINGS:
        ids = ", ".join(f"`{name}`" for name in rule.ids)
        assert f"| {ids} | {rule.meaning} |" in page


def test_below_a_softmax_that_has_saturated_to_exact_zeros_a_weight_still_has_its_derivation(rng):
    net = wg.Network([3, 4, 3, 2], ["relu", "softmax", "softplus"], dtype="float64", seed=1)
    net.weights[1][...] *= 1e9
    finding = wg.diagnose(net, rng.standard_normal((30, 3)), rng.uniform(0, 1, (30, 2)))["zero-gradients"]
    assert finding.derivation.value == 0.0
    assert finding.derivation.factors[0].value == 0.0
