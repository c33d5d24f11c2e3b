"""Which examples push a weight: the parts add up to the whole, the largest come first."""

from __future__ import annotations

import json

import pytest

import whygrad as wg
from whygrad.errors import ArgumentError


@pytest.fixture
def net():
    return wg.Network([3, 4, 2], ["tanh", "sigmoid"], "cross_entropy", seed=1, dtype="float64")


@pytest.fixture
def batch(rng):
    return rng.normal(size=(40, 3)), (rng.uniform(size=(40, 2)) > 0.5).astype(float)


@pytest.mark.parametrize(("layer", "j", "k"), [(1, 0, 2), (1, 3, 1), (2, 1, 3)])
def test_pushes_add_up_to_the_batchs_gradient(net, batch, layer, j, k):
    X, Y = batch
    found = net.contributions(layer, j, k, X, Y)
    assert found.gradient == pytest.approx(net.gradient(X, Y).weights[layer - 1][j, k], rel=1e-10)
    assert found.pushes.sum() == pytest.approx(found.gradient, rel=1e-10)
    assert len(found) == 40


def test_an_examples_push_is_its_own_gradient_divided_by_the_number_of_examples(net, batch):
    X, Y = batch
    found = net.contributions(1, 2, 0, X, Y)
    for i in (0, 7, 39):
        alone = net.gradient(X[i], Y[i]).weights[0][2, 0]
        assert found.pushes[i] == pytest.approx(alone / 40, rel=1e-9)
        assert found.inputs[i] == X[i, 0]


def test_the_largest_come_first(net, batch):
    found = net.contributions(1, 0, 0, *batch)
    sizes = [abs(push) for _, push in found.largest(40)]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 <= found.agreement <= 1


def test_text_and_data(net, batch):
    found = net.contributions(1, 0, 0, *batch)
    text = str(found)
    assert "and 30 more" in text
    assert max(map(len, text.splitlines())) <= 80
    assert json.loads(json.dumps(found.to_dict()))["wrt"] == "w^1_00"


def test_a_weight_that_does_not_exist_is_refused(net, batch):
    with pytest.raises(ArgumentError, match="no neuron 3 in layer 0"):
        net.contributions(1, 0, 3, *batch)
