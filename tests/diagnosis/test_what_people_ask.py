"""Questions that people asked elsewhere (named where they did), and what a diagnosis answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import whygrad as wg
from whygrad.diagnosis.records import LayerRecord, Record
from whygrad.diagnosis.report import diagnosed

CE = "softmax_cross_entropy"


@pytest.fixture(scope="module")
def digits():
    data = wg.datasets.digits()
    return data.train_images[:1000], data.train_labels[:1000]


def deep(activation="sigmoid", cost="half_squared_error", **how):
    return wg.Network([784, *[30] * 4, 10], activation, cost=cost, seed=0, **how)


def words(found) -> str:
    return " ".join(str(found).split())


def test_i_have_224_plots_can_i_have_one_overview(digits):
    """wandb#1537: one verdict, one table of layers, one screen."""
    text = str(wg.diagnose(deep(init="scaled"), *digits))
    assert text.splitlines()[0] == "Vanishing gradients: layer 1 and layer 2."
    assert len(text.splitlines()) < 60


def test_are_my_gradients_vanishing_or_do_they_only_look_so(digits):
    """wandb#4699: an axis made healthy gradients look vanished. Small numbers alone are no finding here."""
    X, Y = digits

    def thousandth(a, y):
        return 1e-6 * np.sum((a - y) ** 2, axis=-1)

    net = deep(["relu"] * 4 + ["sigmoid"], thousandth)
    assert np.abs(net.gradient(X, Y).weights[0]).mean() < 1e-7  # where rules of thumb say "vanishing"
    assert wg.diagnose(net, X, Y).ids == ()


def test_which_layer_has_a_problem_and_why(digits):
    """Lightning#21589: statistics per layer with warnings."""
    net = deep("relu", CE)
    net.biases[2][...] = -50
    text = words(wg.diagnose(net, *digits))
    assert "Dead units: layer 3" in text
    assert "None of the 30 units is ever active over the 1,000 examples given" in text
    assert "the bias alone holds it there" in text
    assert "layer 3 relu 0 0 0 – – 30 of 30" in text or "30 of 30" in text


def test_which_inputs_never_matter(rng):
    """nnue-pytorch#55: dead input weights were found late."""
    X = np.zeros((200, 50))
    X[:, :20] = rng.standard_normal((200, 20))
    text = words(wg.diagnose(wg.Network([50, 8, 2], "tanh", cost=CE), X, (X[:, 0] > 0).astype(int)))
    assert "30 of 50 inputs are 0 in all 200 examples: the gradient of their weights is exactly 0" in text


def test_why_are_my_gradients_so_large_under_a_loss_scaler():
    """trackio#262: scaled gradients were misread. A record is unscaled, and findings are relative anyway."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((50, 8))
    layer = LayerRecord("fc", "relu", z=z, a=np.maximum(z, 0), delta=rng.standard_normal((50, 8)) * 65536)
    record = Record("a model", (replace(layer, name="fc1"), layer), 50, np.dtype("float16"), loss_scale=65536.0)
    assert diagnosed(record).ids == ()


def test_what_could_not_be_measured_is_said_and_never_filled_in():
    """wandb#1639 logs nothing silently; another tool fills in random numbers. Here a dash, and a note."""
    layer = LayerRecord("fc", "", z=None, a=None, delta=None)
    found = diagnosed(Record("a model", (layer,), 5, np.dtype("float32"), notes=("fc was never called.",)))
    text = words(found)
    assert "fc unknown – – – – – –" in text
    assert "fc was never called." in text
    assert found.verdict == "Nothing found that keeps it from learning, on 5 examples."


def test_why_did_the_slope_of_the_sigmoid_disappear_with_cross_entropy(digits):
    """nielsen#45, DeepLearningPython#17: with squared error it is there, and holds back what is confidently wrong."""
    X, Y = digits
    nets = [wg.Network([784, 10], "sigmoid", cost=cost, init="large") for cost in ("squared_error", "cross_entropy")]
    with_slope, without = (wg.diagnose(net, X, Y) for net in nets)
    finding = with_slope["slow-start"]
    assert "(BP1 has σ'(z) as a factor)" in finding.what
    assert finding.try_[0] == "cross_entropy, whose slope cancels σ' (wg.compare_costs() shows how)"
    assert "slow-start" not in without
    assert without.record.layers[-1].error is None  # no factor of its own


def test_how_should_weights_be_initialized_for_deep_networks(digits):
    """playground#1: initialization by depth. Too large saturates, too small vanishes, He's keeps relu's errors."""
    X, Y = digits
    verdicts = {
        init: wg.diagnose(deep("tanh", CE, init=init), X, Y).ids
        for init in ("large", "glorot", lambda rng, o, i: 0.3 * rng.standard_normal((o, i)) / i**0.5)
    }
    large, suited, small = verdicts.values()
    assert "saturated-units" in large
    assert suited == ()
    assert small == ("vanishing-gradients",)
    assert wg.diagnose(deep("relu", CE, init="he"), X, Y).ids == ()


def test_my_loss_does_not_go_down_is_it_the_learning_rate(digits):
    """The commonest question of all: the step is tried, shorter and longer."""
    net = wg.Network([784, 30, 10], "relu", cost=CE)
    text = words(wg.diagnose(net, *digits, learning_rate=30.0))
    assert "One step at learning rate 30 takes the cost of the very examples whose gradient it follows from" in text
    assert "×0.01 →" in text
    assert wg.diagnose(net, *digits, learning_rate=0.1).ids == ()


def test_are_the_numbers_the_users_own_and_can_they_be_checked(digits):
    """Every finding shows one weight with its factors: the same that explain_weight gives on one of the examples."""
    X, Y = digits
    net = deep(init="scaled")
    finding = wg.diagnose(net, X, Y)["vanishing-gradients"]
    _, j, k = finding.weight
    targets = wg.datasets.one_hot(Y, 10)
    value = finding.derivation.value
    assert any(np.isclose(net.explain_weight(1, j, k, X[i], targets[i]).value, value, rtol=1e-12)
               for i in np.flatnonzero(X[:, k])[:400])  # fmt: skip


# ---- cases where other tools are wrong (absolute limits on gradients, limits on z, ratios that are 0/0) --------------


def test_a_network_whose_gradients_are_all_larger_than_any_absolute_limit_still_vanishes(digits):
    X, Y = digits
    net = deep(init="scaled")
    assert min(np.abs(g).mean() for g in net.gradient(X, Y).weights) > 1e-7
    assert wg.diagnose(net, X, Y).ids == ("vanishing-gradients",)


def test_a_layer_of_exact_zeros_is_found_where_a_ratio_of_norms_is_zero_by_zero(digits):
    X, Y = digits
    net = deep("relu", CE)
    net.biases[3][...] = -50  # the last hidden layer: all weight gradients but the last biases' are 0
    assert not any(g.any() for g in net.gradient(X, Y).weights[:4])
    found = wg.diagnose(net, X, Y)
    assert found.ids == ("dead-units",)
    assert found.measures.layers[0].relative_error == 0.0


def test_two_or_three_dead_units_of_thirty_are_healthy(digits):
    found = wg.diagnose(deep("relu", CE), *digits)
    assert found.ids == ()
    assert sum(len(layer.never_active or ()) for layer in found.measures.layers) >= 1
