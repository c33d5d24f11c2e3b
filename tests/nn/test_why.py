"""A network explains its weights, biases, activations and errors, for any activation, cost and batch."""

from __future__ import annotations

import math

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, ShapeError


def itself(z):
    return z


def halves(z):
    return 0.5 * z + 0.5 * np.tanh(z)


NETWORKS = {
    "deep": wg.Network([3, 4, 3, 2], ["tanh", "relu", "sigmoid"], "cross_entropy", seed=1, dtype="float64"),
    "one neuron per layer": wg.Network([1, 1, 1, 1], "sigmoid", "squared_error", seed=2, dtype="float64"),
    "softmax": wg.Network([3, 4, 3], "gelu", "softmax_cross_entropy", seed=3, dtype="float64"),
    "own": wg.Network([3, 2, 2], [halves, itself], lambda a, y: np.sum((a - y) ** 4), seed=4, dtype="float64"),
    "float32": wg.Network([3, 4, 2], "sigmoid", seed=5),
}


def example(net, rng):
    y = np.zeros(net.sizes[-1])
    y[0] = 1.0
    return rng.normal(size=net.sizes[0]), y


@pytest.mark.parametrize("name", NETWORKS)
def test_factors_multiply_to_the_networks_own_gradient(name, rng):
    net = NETWORKS[name]
    x, y = example(net, rng)
    gradient = net.gradient(x, y)
    tolerance = dict(rel=1e-9, abs=1e-13) if name != "float32" else dict(rel=1e-4, abs=1e-6)
    for layer, (dW, db) in enumerate(zip(*gradient, strict=True), start=1):
        for j in range(net.sizes[layer]):
            bias = net.explain_bias(layer, j, x, y)
            assert math.prod(f.value for f in bias.factors) == pytest.approx(bias.value, rel=1e-9, abs=1e-15)
            assert bias.value == pytest.approx(db[j], **tolerance)
            assert net.explain_delta(layer, j, x, y).value == pytest.approx(bias.value, rel=1e-9, abs=1e-15)
            weight = net.explain_weight(layer, j, 0, x, y)
            assert math.prod(f.value for f in weight.factors) == pytest.approx(weight.value, rel=1e-9, abs=1e-15)
            assert weight.value == pytest.approx(dW[j, 0], **tolerance)


@pytest.mark.parametrize("name", ["deep", "one neuron per layer", "own", "float32"])
def test_a_weight_always_has_the_three_factors(name, rng):
    net = NETWORKS[name]
    x, y = example(net, rng)
    for layer in range(1, len(net.sizes)):
        why = net.explain_weight(layer, 0, 0, x, y)
        assert [f.written for f in why.factors] == [
            f"∂C/∂a^{layer}_0", f"∂a^{layer}_0/∂z^{layer}_0", f"∂z^{layer}_0/∂w^{layer}_00"]
        assert why.factors[1].meaning == "how responsive the neuron is" or name == "own"
        assert why.factors[2].formula.text == f"a^{layer - 1}_0"
        assert len(net.explain_delta(layer, 0, x, y).factors) == 2
        assert len(net.explain_activation(layer, 0, x, y).factors) == 1


def test_a_hidden_activation_is_a_sum_even_over_one_neuron(rng):
    net = NETWORKS["one neuron per layer"]
    x, y = example(net, rng)
    arriving = net.explain_weight(2, 0, 0, x, y).factors[0]
    assert arriving.kind == "sum"
    assert [(t.through.text, t.formula.text) for t in arriving.terms] == [("z^3_0", "w^3_00")]
    assert net.explain_weight(3, 0, 0, x, y).factors[0].formula.text == "2 * (a^3_0 - y[0])"


def test_a_power_of_a_neurons_name_is_written_in_brackets(rng):
    net = NETWORKS["deep"]
    squish = net.explain_weight(1, 0, 0, *example(net, rng)).factors[1]
    assert squish.formula.text == "1 - (a^1_0) ** 2"
    assert squish.formula.latex == "1 - (a^{1}_{0})^{2}"


def test_an_input_is_explained_too(rng):
    net = NETWORKS["deep"]
    x, y = example(net, rng)
    why = net.explain_activation(0, 1, x, y)
    assert why.wrt.text == "a^0_1"
    assert sum(t.value for t in why.factors[0].terms) == pytest.approx(why.value, rel=1e-9)


def test_a_batch_is_the_mean_over_its_examples(rng):
    net = NETWORKS["deep"]
    X, Y = rng.normal(size=(5, 3)), (rng.uniform(size=(5, 2)) > 0.5).astype(float)
    why = net.explain_weight(1, 2, 1, X, Y)
    assert why.value == pytest.approx(net.gradient(X, Y).weights[0][2, 1], rel=1e-9)
    terms = {t.through.text: t.value for t in why.factors[0].terms}
    assert set(terms) == {f"z^1_2(x{i})" for i in range(5)}
    alone = [net.explain_weight(1, 2, 1, X[i], Y[i]).value / 5 for i in range(5)]
    assert [terms[f"z^1_2(x{i})"] for i in range(5)] == pytest.approx(alone, rel=1e-9)


def test_a_label_is_a_target_too(rng):
    net = NETWORKS["softmax"]
    x = rng.normal(size=3)
    assert net.explain_bias(2, 0, x, 2).value == pytest.approx(net.explain_bias(2, 0, x, [0.0, 0.0, 1.0]).value)


def test_explaining_leaves_the_network_as_it_was(rng):
    net = NETWORKS["float32"]
    x, y = example(net, rng)
    before = [array.copy() for array in (*net.weights, *net.biases)]
    net.explain_weight(1, 0, 0, x, y), net.equations(x, y), net.demon(x, y, 1, 0, 0.5)
    for array, was in zip((*net.weights, *net.biases), before, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize(("call", "message"), [
    (lambda net, x, y: net.explain_weight(0, 0, 0, x, y), "a layer from 1 to 3"),
    (lambda net, x, y: net.explain_weight(4, 0, 0, x, y), "a layer from 1 to 3"),
    (lambda net, x, y: net.explain_weight(1.0, 0, 0, x, y), "a layer from 1 to 3"),
    (lambda net, x, y: net.explain_weight(2, 3, 0, x, y), "no neuron 3 in layer 2, which has 3"),
    (lambda net, x, y: net.explain_weight(2, 0, 4, x, y), "no neuron 4 in layer 1, which has 4"),
    (lambda net, x, y: net.explain_bias(1, -1, x, y), "no neuron -1 in layer 1"),
    (lambda net, x, y: net.explain_delta(0, 0, x, y), "a layer from 1 to 3"),
    (lambda net, x, y: net.explain_activation(-1, 0, x, y), "a layer from 0 to 3"),
    (lambda net, x, y: net.explain_delta(1, 0, [x, x], [y, y]), "one example"),
])
def test_a_place_that_does_not_exist_is_one_clear_error(call, message, rng):
    net = NETWORKS["deep"]
    with pytest.raises(ArgumentError, match=message) as caught:
        call(net, *example(net, rng))
    assert "test_why.py" in str(caught.value.where)


def test_data_that_does_not_fit_is_refused(rng):
    net = NETWORKS["deep"]
    x, y = example(net, rng)
    with pytest.raises(ShapeError):
        net.explain_weight(1, 0, 0, x[:2], y)
    with pytest.raises(DataError):
        net.equations(np.array([1.0, np.nan, 0.0]), y)
