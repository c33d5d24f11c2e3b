"""Why a weight learns slowly: built so that one factor is to blame, and found to be."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError
from whygrad.explain.slow import SMALL, natural_slope, relative, typical

INPUT, SLOPE, ERROR, CANCEL = "input activation", "slope", "error from above", "they cancel over examples"


def network(sizes=(3, 4, 2), activation="sigmoid", cost="half_squared_error"):
    net = wg.Network(list(sizes), activation, cost, seed=1, dtype="float64")
    if sizes == (3, 4, 2):  # every hidden neuron hears of the errors, none is saturated
        net.weights[1][...] = [[1, -1, 1, -1], [0.5, -0.5, 0.5, -0.5]]
    return net


@pytest.fixture
def data(rng):
    return rng.uniform(0.2, 1, size=(60, 3)), rng.uniform(0, 0.1, size=(60, 2))  # outputs all have to fall


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu", lambda z: 0.1 * z + np.tanh(z)])
@pytest.mark.parametrize(("layer", "j", "k"), [(1, 0, 2), (1, 3, 1), (2, 1, 3)])
def test_the_factors_multiply_to_each_examples_gradient_and_their_mean_is_the_batchs(data, activation, layer, j, k):
    net, (X, Y) = network(activation=activation), data
    found = net.weight_factors(layer, j, k, X, Y)
    assert [factor.name for factor in found.factors] == [ERROR, SLOPE, INPUT]
    batch = net.gradient(X, Y).weights[layer - 1][j, k]
    assert found.pushes.mean() == pytest.approx(batch, rel=1e-12, abs=1e-14)
    assert found.gradient == pytest.approx(batch, rel=1e-12, abs=1e-14)
    for i in (0, 30, 59):
        why = net.explain_weight(layer, j, k, X[i], Y[i])
        assert [factor.values[i] for factor in found.factors] == pytest.approx([f.value for f in why.factors], rel=1e-9)


def test_quartiles_and_shares_are_those_of_the_factors_sizes(data):
    found = network().weight_factors(1, 0, 0, *data)
    for factor in found.factors:
        sizes = np.sort(np.abs(factor.values))
        low, middle, high = factor.quartiles
        assert sizes[14] <= low <= middle <= high <= sizes[45]
        assert middle == np.median(sizes)
        assert factor.small == np.mean(sizes < SMALL * factor.scale)


def test_an_input_that_is_always_zero_is_to_blame(data):
    net, (X, Y) = network(), data
    X[:, 1] = 0
    found = net.weight_factors(1, 2, 1, X, Y)
    assert (found.verdict, found.gradient) == (INPUT, 0)
    assert found.because == "a^0_1 is 0 in every example, so every push is 0."
    assert (net.slow_weights(1, X, Y).verdicts == [["none", INPUT, "none"]] * 4).all()


def test_a_saturated_neuron_is_to_blame(data):
    net = network()
    net.biases[0][2] = 20
    found = net.weight_factors(1, 2, 1, *data)
    assert found.verdict == SLOPE
    assert found.factors[1].scale == 0.25
    assert "σ'(z^1_2)| is below 5 % of 0.25, the largest |σ'|, in 100 % of the examples" in found.because
    layer = net.slow_weights(1, *data)
    assert [set(row) for row in layer.verdicts.tolist()] == [{"none"}, {"none"}, {SLOPE}, {"none"}]
    assert layer.counts[SLOPE] == 3


def test_a_relu_that_is_never_active_is_to_blame(data):
    net = network(activation=["relu", "sigmoid"])
    net.biases[0][1] = -50
    found = net.weight_factors(1, 1, 0, *data)
    assert (found.verdict, found.gradient) == (SLOPE, 0)


def test_an_output_that_is_already_right_leaves_no_error_to_learn_from(data):
    net, (X, Y) = network(), data
    Y[:, 0] = net.predict(X)[:, 0]
    found = net.weight_factors(2, 0, 1, X, Y)
    assert found.verdict == ERROR
    assert (net.slow_weights(2, X, Y).verdicts == [[ERROR] * 4, ["none"] * 4]).all()


def test_where_the_whole_layer_is_right_zero_divided_by_zero_is_an_error_of_zero(data):
    net, (X, _) = network(), data
    for layer in (1, 2):
        found = net.slow_weights(layer, X, net.predict(X))
        assert found.counts[ERROR] == found.verdicts.size
        assert found.scales[ERROR] == 0
    found = net.weight_factors(1, 0, 0, X, net.predict(X))
    assert found.because == "∂C_x/∂a^1_0 is 0 in every example, so every push is 0."


def test_nothing_holds_back_a_healthy_network(data):
    net = network()
    for layer in (1, 2):
        found = net.slow_weights(layer, *data)
        assert found.counts["none"] == found.verdicts.size
    assert net.weight_factors(1, 0, 0, *data).because.startswith("Nothing holds it back")


def test_examples_that_pull_in_opposite_directions_cancel():
    net = network((1, 1), "identity")
    net.weights[0][...] = net.biases[0][...] = 0
    found = net.weight_factors(1, 0, 0, [[1.0], [1.0], [1.0], [1.0]], [[1.0], [-1.0], [1.0], [-1.0]])
    assert found.pushes.tolist() == [-1, 1, -1, 1]
    assert (found.verdict, found.gradient, found.agreement) == (CANCEL, 0, 0)
    assert "their mean is only 0 % of their mean size" in found.because


def test_of_two_small_factors_the_smaller_is_blamed_and_the_other_mentioned(data):
    net, (X, Y) = network(), data
    net.biases[0][2], X[:, 1] = 20, 0.01
    found = net.weight_factors(1, 2, 1, X, Y)
    assert found.verdict == SLOPE
    assert "|a^0_1| is small in 100 %" in found.because


def test_an_input_that_is_seldom_active_is_not_blamed_for_what_it_does_then(data):
    net, (X, Y) = network(), data
    X[::2, 1] = 0  # zero in half of the examples
    found = net.weight_factors(1, 2, 1, X, Y)
    assert found.factors[2].small == 0.5
    assert found.verdict == "none"


def test_a_slow_weight_without_one_clear_cause_is_unknown():
    net = network((2, 1), "relu")
    net.weights[0][...], net.biases[0][...] = [[10.0, 0.0]], 0
    X = np.array([[1.0, 0.0], [-1.0, 1.0]] * 4)  # input 1 is active just where the neuron is not
    found = net.weight_factors(1, 0, 1, X, np.full((8, 1), 5.0))
    assert (found.verdict, found.gradient) == ("unknown", 0)
    assert "no factor alone" in found.because
    assert "|σ'(z^1_0)| is small in 50 %; |a^0_1| is small in 50 %" in found.because


def test_a_factor_that_is_no_number_makes_the_verdict_unknown():
    def root(z):
        return np.sqrt(np.abs(z))

    net = network((2, 1), root)
    net.weights[0][...], net.biases[0][...] = 1, 0
    X, Y = [[1.0, -1.0], [1.0, 1.0]], [[1.0], [0.0]]  # z = 0 in the first: there the root has no slope
    found = net.weight_factors(1, 0, 0, X, Y)
    assert (found.verdict, found.because) == ("unknown", "In 1 of 2 examples a factor is NaN or infinite.")
    assert net.slow_weights(1, X, Y).counts["unknown"] == 2
    assert "NaN" in str(found)


@pytest.mark.parametrize("cost", ["cross_entropy", lambda a, y: -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))])
def test_a_slope_that_cancels_against_the_cost_is_not_blamed(data, cost):
    net, (X, Y) = network(cost=cost), data
    net.biases[1][...] = 15  # saturated, and entirely wrong
    found = net.weight_factors(2, 0, 1, X, Y)
    assert [factor.written for factor in found.factors] == ["∂C_x/∂z^2_0", "a^1_1"]
    assert "cancels against the slope of the cost" in found.note
    assert found.verdict == "none"
    assert found.pushes.mean() == pytest.approx(net.gradient(X, Y).weights[1][0, 1], rel=1e-9)
    squared = network()
    squared.biases[1][...] = 15
    assert squared.weight_factors(2, 0, 1, X, Y).verdict == SLOPE


def test_a_softmax_has_no_slope_of_one_neuron(data, rng):
    net, X = network(cost="softmax_cross_entropy"), data[0]
    labels = rng.integers(0, 2, size=60)
    found = net.weight_factors(2, 0, 1, X, labels)
    assert len(found.factors) == 2
    assert "not elementwise" in found.note
    assert found.pushes.mean() == pytest.approx(net.gradient(X, labels).weights[1][0, 1], rel=1e-12, abs=1e-14)
    assert set(net.slow_weights(2, X, labels).medians) == {ERROR, INPUT}


def test_the_layer_and_its_weights_agree(rng):
    net = network((5, 6, 3))
    net.biases[0][:2] = 6, -9
    X, Y = rng.normal(size=(40, 5)) * [1, 1, 0.01, 0, 1], rng.uniform(size=(40, 3))
    for layer in (1, 2):
        found = net.slow_weights(layer, X, Y)
        for (j, k), verdict in np.ndenumerate(found.verdicts):
            one = net.weight_factors(layer, j, k, X, Y)
            assert one.verdict == verdict
            assert one.gradient == found.gradient[j, k]
            assert {f.name: f.quartiles[1] for f in one.factors} == {n: m[j, k] for n, m in found.medians.items()}
        assert sum(found.counts.values()) == found.verdicts.size


def test_natural_sizes():
    z = np.zeros((1, 2))
    for name, largest in (("sigmoid", 0.25), ("tanh", 1), ("relu", 1), ("identity", 1), ("gelu", 1.1289)):
        size, which = natural_slope(network(activation=name).architecture.activations[0].function, z)
        assert (size, which) == (pytest.approx(largest, rel=1e-3), "largest |σ'|")
    size, which = natural_slope(np.exp, np.array([[3.0, 4.0]]))  # it grows without end
    assert (size, which) == (pytest.approx(np.sqrt(12.5)), "typical |σ'| of the layer")
    assert typical(np.array([3e-200, 4e-200])) == pytest.approx(np.sqrt(12.5) * 1e-200)
    assert typical(np.array([np.nan, 2.0])) == 2
    assert relative(np.zeros(2), 0.0).tolist() == [0, 0]


def test_a_layer_of_784_by_30_on_1000_examples_is_one_sweep(rng):
    net = wg.Network([784, 30, 10], "sigmoid", "cross_entropy", seed=0)
    X, Y = rng.uniform(size=(1000, 784)), rng.integers(0, 10, size=1000)
    start = time.process_time()
    found = net.slow_weights(1, X, Y)
    assert time.process_time() - start < 20  # about 0.3; a sweep for each example would take 300
    assert found.verdicts.shape == found.gradient.shape == (30, 784)
    assert all(median.shape == (30, 784) for median in found.medians.values())


def test_text_and_data(data):
    net, (X, Y) = network(), data
    X[:, 1], net.biases[0][2] = 0, 20
    one, single = net.weight_factors(1, 2, 1, X, Y), net.weight_factors(2, 0, 0, X[0], Y[0])
    for found in (one, single, net.slow_weights(1, X, Y)):
        assert max(map(len, str(found).splitlines())) <= 80
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
    text = str(net.slow_weights(1, X, Y))
    assert "input activation: most weights of input 1" in text
    assert "slope: most weights of neuron 2" in text


def test_a_layer_or_weight_that_does_not_exist_is_refused(data):
    with pytest.raises(ArgumentError, match="no neuron 3 in layer 0"):
        network().weight_factors(1, 0, 3, *data)
    with pytest.raises(ArgumentError, match="layer 3"):
        network().slow_weights(3, *data)
