"""What is measured, against definitions worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import whygrad as wg
from whygrad.diagnosis.measure import measured, noise_scale, saturation
from whygrad.diagnosis.measure_data import data_measured, late_change
from whygrad.diagnosis.records import LayerRecord, Record
from whygrad.nn.probe import Probe
from whygrad.nn.validation import examples


def record_of(net, X, Y):
    return Probe(net.architecture)(net.parameters, examples(net.architecture, X, Y))


@pytest.fixture
def small(rng):
    net = wg.Network([6, 5, 4, 3], "sigmoid", seed=3, dtype="float64")
    X, Y = rng.standard_normal((40, 6)), rng.integers(0, 3, 40)
    return net, X, Y, record_of(net, X, Y)


def test_a_record_has_the_deltas_slopes_and_gradients_of_the_network(small):
    net, X, Y, record = small
    target = wg.datasets.one_hot(Y, 3)
    for place, layer in enumerate(record.layers):
        np.testing.assert_allclose(layer.weight_gradient, net.gradient(X, Y).weights[place], rtol=1e-12)
        np.testing.assert_allclose(layer.delta.mean(axis=0), net.gradient(X, Y).biases[place], rtol=1e-12)
        np.testing.assert_allclose(layer.error * layer.slope, layer.delta, rtol=1e-12)
        np.testing.assert_allclose(layer.delta.T @ layer.inputs / 40, layer.weight_gradient, rtol=1e-12)
    of_one = net.equations(X[7], target[7])
    np.testing.assert_allclose(record.layers[-1].delta[7], of_one.rows[0].left, rtol=1e-12)


def test_learning_speed_is_the_norm_of_the_mean_delta_relative_to_the_last_layer(small):
    net, X, Y, record = small
    speeds = net.learning_speeds(X, Y)
    for layer, speed in zip(measured(record), speeds, strict=True):
        assert layer.speed == pytest.approx(speed)
        assert layer.relative_speed == pytest.approx(speed / speeds[-1])


def test_the_logs_of_the_slope_part_and_the_weight_part_add_up_to_the_whole(small):
    layers = measured(small[3])
    assert layers[-1].attenuation is None
    for layer, above in pairwise(layers):
        a = layer.attenuation
        assert math.log(a.slope) + math.log(a.weights) == pytest.approx(math.log(a.whole))
        assert a.whole == pytest.approx(layer.error / above.error)
    whole = math.prod(layer.attenuation.whole for layer in layers[:-1])
    assert whole == pytest.approx(layers[0].relative_error)


def test_the_factors_are_distributions_of_what_bp4_multiplies(small):
    record = small[3]
    for layer, found in zip(record.layers, measured(record), strict=True):
        for name, values in (
            ("input activation", layer.inputs),
            ("slope", layer.slope),
            ("error from above", layer.error),
        ):
            q = found.factors[name]
            expected = np.quantile(np.abs(values), (0.05, 0.25, 0.5, 0.75, 0.95))
            np.testing.assert_allclose((q.q05, q.q25, q.q50, q.q75, q.q95), expected)


def test_saturation_is_the_slope_as_a_fraction_of_the_largest_slope_there_is():
    z = np.array([[0.0, 4.0], [-4.0, 10.0]])
    net = wg.Network([2, 2], "tanh", dtype="float64")
    net.weights[0][...], net.biases[0][...] = np.eye(2), 0.0
    (layer,) = record_of(net, z, np.zeros((2, 2))).layers
    assert layer.max_slope == pytest.approx(1.0)
    np.testing.assert_allclose(saturation(layer), 1 - np.tanh(z) ** 2)
    (found,) = measured(record_of(net, z, np.zeros((2, 2))))
    assert found.saturated == 0.75  # of four pairs only z = 0 is not
    assert found.saturated_units == (1,)  # in both examples


@pytest.mark.parametrize(("name", "largest", "squashes"), [
    ("sigmoid", 0.25, True), ("tanh", 1.0, True), ("relu", 1.0, False), ("leaky_relu", 1.0, False),
    ("identity", 1.0, False), ("elu", 1.0, False), ("softplus", 1.0, False),
])  # fmt: skip
def test_the_largest_slope_of_an_activation_and_whether_it_squashes(name, largest, squashes):
    net = wg.Network([2, 2], name, dtype="float64")
    (layer,) = record_of(net, [[0.1, 0.2]], [[0.0, 1.0]]).layers
    assert layer.max_slope == pytest.approx(largest, rel=1e-3)
    assert layer.squashes is squashes


def test_an_activation_of_the_users_own_is_measured_not_known_by_name():
    net = wg.Network([2, 2], lambda z: z / (1 + np.abs(z)), dtype="float64")
    (layer,) = record_of(net, [[0.1, 0.2]], [[0.0, 1.0]]).layers
    assert layer.max_slope == pytest.approx(1.0)
    assert layer.squashes is True


def test_a_relu_is_not_saturated_where_it_is_off_but_never_active_over_all_examples():
    net = wg.Network([1, 3], "relu", dtype="float64")
    net.weights[0][...], net.biases[0][...] = [[1], [1], [-1]], [0, -9, -9]
    (found,) = measured(record_of(net, np.linspace(-3, 3, 50)[:, None], np.zeros((50, 3))))
    assert found.saturated is None
    assert found.never_active == (1, 2)


def test_zero_by_zero_is_no_number():
    """All deltas are 0: no layer is slower than another, and none is NaN."""
    net = wg.Network([2, 3, 1], "relu", dtype="float64")
    for p in (*net.weights, *net.biases):
        p[...] = 0.0
    for layer in measured(record_of(net, np.ones((30, 2)), np.zeros((30, 1)))):
        assert layer.relative_speed is layer.relative_error is layer.attenuation is None
        assert layer.speed == 0.0
        assert layer.noise is None


def test_the_noise_scale_is_that_of_the_examples_own_gradients(small):
    net, X, Y, record = small
    each = [net.gradient(X[i : i + 1], Y[i : i + 1]).weights for i in range(40)]
    flat = np.array([np.concatenate([W.ravel() for W in weights]) for weights in each])
    trace, mean = flat.var(axis=0, ddof=1).sum(), flat.mean(axis=0)
    expected = trace / (mean @ mean - trace / 40)
    assert noise_scale(record.layers, 40) == pytest.approx(expected)


def test_the_noise_scale_of_one_example_is_unknown(small):
    net, X, Y, _ = small
    assert data_measured(record_of(net, X[:1], Y[:1])).noise is None


def test_update_and_weights_are_compared_by_their_norms(small):
    layers = tuple(replace(layer, update=-0.01 * layer.weight) for layer in small[3].layers)
    assert [m.update_ratio for m in measured(replace(small[3], layers=layers))] == pytest.approx([0.01] * 3)


def test_the_constant_answer_costs_what_a_network_that_ignores_its_inputs_can_reach(rng):
    Y = rng.integers(0, 4, 200)
    shares = np.bincount(Y) / 200
    net = wg.Network([2, 4], "identity", cost="softmax_cross_entropy", dtype="float64")
    net.weights[0][...], net.biases[0][...] = 0.0, np.log(shares)
    X = rng.standard_normal((200, 2))
    record = record_of(net, X, Y)
    assert record.constant_cost == pytest.approx(net.cost_of(X, Y))
    assert data_measured(record).learned == pytest.approx(0.0)


def test_what_a_bridge_does_not_know_stays_unknown():
    layer = LayerRecord("fc", "", z=None, a=None, delta=np.ones((4, 2)))
    (found,) = measured(Record("a model", (layer,), 4, np.dtype("float32")))
    assert found.saturated is found.never_active is found.update_ratio is found.weight_scale is None
    assert found.zero_gradient is None
    data = data_measured(Record("a model", (layer,), 4, np.dtype("float32")))
    assert data.learned is data.classes is data.input_scale is None


def test_channels_count_every_position_but_learn_as_fast_as_their_sums():
    """Two examples with three positions each: ∂C_x/∂b sums δ over the positions."""
    delta = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    layer = LayerRecord("conv", "relu", z=delta, a=delta, delta=delta, positions=3)
    (found,) = measured(Record("a model", (layer,), 2, np.dtype("float64")))
    assert found.speed == pytest.approx((6 + 15) / 2)


def test_late_change_looks_at_the_later_half():
    assert late_change(tuple(np.r_[np.linspace(2, 1, 50), np.ones(50)])) == pytest.approx((0.0, 0.0))
    assert late_change((2.0,) * 10 + (1.0,) * 5 + (0.5,) * 5) == pytest.approx((0.5, 0.0))
    noisy = 1 + 0.1 * np.random.default_rng(0).standard_normal(400)
    change, error = late_change(tuple(noisy))
    assert abs(change) < 3 * error
    assert error == pytest.approx(0.1 * (2 / 100) ** 0.5, rel=0.2)
    assert late_change((1.0, 0.5)) is None
