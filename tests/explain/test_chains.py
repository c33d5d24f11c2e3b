"""Long chains: every factor is there, their product is the gradient, and it takes no time."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError


def sigmoid_chain(weights, x):
    a = x
    for w in weights:
        z = w * a
        a = wg.sigmoid(z)
    C = (a - 1.0) ** 2
    return C


def test_a_hundred_layers_are_as_many_sigmas_and_their_product_is_the_gradient():
    weights = list(np.random.default_rng(0).normal(2.0, 0.5, 100))
    fall = wg.explain(sigmoid_chain, weights, 0.5, wrt="weights[0]").waterfall()
    gradient = wg.grad(sigmoid_chain)(weights, 0.5)[0]
    assert len(fall.drops) == 1 + 100 + 99 + 1  # the cost, a sigma per layer, a weight between layers, the input
    assert fall.drops[-1].running == pytest.approx(gradient, rel=1e-12)
    assert math.fsum(drop.log10 for drop in fall.drops) == pytest.approx(math.log10(abs(gradient)), rel=1e-12)
    assert fall.value == pytest.approx(gradient, rel=1e-12)
    assert fall.shrinking >= 100
    assert "<svg" in fall.picture().svg()


def test_explaining_a_hundred_layers_takes_no_time_to_speak_of():
    weights = [2.0] * 100
    start = time.process_time()
    wg.explain(sigmoid_chain, weights, 0.5, wrt="weights[0]").waterfall()
    assert time.process_time() - start < 5  # `make bench` measures it: about 0.1


def test_a_zero_factor_ends_the_fall():
    def dead(w, x):
        z = w * x
        a = np.maximum(z, 0.0)
        return (a - 1.0) ** 2

    fall = wg.explain(dead, -1.0, 2.0, wrt="w").waterfall()
    assert fall.value == 0
    assert [drop.log10 for drop in fall.drops] == pytest.approx([math.log10(2), -math.inf, math.log10(2)])
    assert [drop["value"] for drop in fall.to_dict()["drops"]] == [-2.0, 0.0, 2.0]


def test_a_whole_array_has_no_single_chain():
    with pytest.raises(ArgumentError, match="one element"):
        wg.explain(lambda x: np.sum(x**2), np.ones(2)).waterfall()


def test_a_waterfall_is_a_table_with_the_users_name_of_the_cost():
    def chain(weights, x):
        for w in weights:
            x = np.tanh(w * x)
        loss = (x - 1.0) ** 2
        return loss

    text = str(wg.explain(chain, [0.5] * 40, 0.5, wrt="weights[0]").waterfall())
    assert text.startswith("∂loss/∂weights[0] = ")
    assert "41 factors, of which 40 below 1" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "… 25 more" in text


def test_the_cost_is_not_listed_among_what_moves_it():
    said = repr(wg.explain(lambda w, x: (w * x) ** 2, 2.0, 3.0).dependencies)
    assert said.splitlines() == [f"{name} moves the cost along one path, directly" for name in "wx"]


def test_a_chain_without_names_for_z_has_both_meanings():
    def one(w, x):
        a = wg.sigmoid(w * x)
        return (a - 1.0) ** 2

    meanings = {by: wg.explain(one, 2.0, 3.0, wrt=by).factors[1].meaning for by in "wx"}
    assert meanings["w"] == "how responsive the neuron is, times how active the input is"
    assert meanings["x"] == "how responsive the neuron is, times how strong the connection is"
