"""The demon: what δ·Δz predicts, what is measured, and when nothing helps."""

from __future__ import annotations

import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError


@pytest.fixture
def net():
    return wg.Network([3, 4, 2], "sigmoid", "squared_error", seed=1, dtype="float64")


def test_the_measured_change_is_that_of_a_bias_moved_by_as_much(net, rng):
    X, Y = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2))
    found = net.demon(X, Y, 1, 2, 0.3)
    before = net.cost_of(X, Y)
    net.biases[0][2] += 0.3
    assert found.cost == pytest.approx(before, rel=1e-12)
    assert found.measured == pytest.approx(net.cost_of(X, Y) - before, rel=1e-9)


def test_the_error_of_the_prediction_falls_to_a_quarter_with_each_halving(net, rng):
    found = net.demon(rng.normal(size=3), [1.0, 0.0], 1, 0, 0.05)
    assert found.error_ratios == pytest.approx([4] * 5, rel=0.1)
    assert found.error_ratios[-1] == pytest.approx(4, rel=0.01)
    assert [push.dz for push in found.pushes] == [0.05 / 2**i for i in range(6)]


@pytest.mark.parametrize("neuron", range(4))
def test_the_sign_that_helps_lowers_the_cost(net, neuron, rng):
    x, y = rng.normal(size=3), [1.0, 0.0]
    sign = {"+": 1, "-": -1}[net.demon(x, y, 1, neuron, 0.01).sign_that_helps]
    assert net.demon(x, y, 1, neuron, 0.01 * sign).measured < 0 < net.demon(x, y, 1, neuron, -0.01 * sign).measured


def test_a_neuron_near_its_optimum_can_not_be_helped():
    net = wg.Network([1, 1], "identity", "squared_error", dtype="float64")
    net.weights[0][...], net.biases[0][...] = 1.0, 0.0
    found = net.demon([1.0], [1.01], 1, 0, 0.5)  # the optimum is 0.01 away: half a step overshoots it either way
    assert found.sign_that_helps == "+"
    assert not found.can_help
    assert "near its optimum" in str(found)
    exact = net.demon([1.0], [1.0], 1, 0, 0.5)
    assert exact.delta == 0
    assert exact.sign_that_helps == ""
    assert "can not help" in str(exact)


def test_text_and_data(net, rng):
    found = net.demon(rng.normal(size=3), [1.0, 0.0], 2, 1, 0.1)
    assert max(map(len, str(found).splitlines())) <= 80
    assert json.loads(json.dumps(found.to_dict()))["predicted"] == found.predicted == found.delta * 0.1


def test_bad_places_and_pushes_are_refused(net):
    x, y = np.zeros(3), np.zeros(2)
    with pytest.raises(ArgumentError, match="layer from 1 to 2"):
        net.demon(x, y, 3, 0, 0.1)
    with pytest.raises(ArgumentError, match="no neuron 4 in layer 1, which has 4"):
        net.demon(x, y, 1, 4, 0.1)
    for dz in (0, float("nan"), "much"):
        with pytest.raises(ArgumentError, match="dz="):
            net.demon(x, y, 1, 0, dz)
