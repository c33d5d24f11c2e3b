"""Multiplications, counted by one sweep and, on small graphs, by writing every chain down."""

from __future__ import annotations

import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError


def test_a_chain_costs_n_squared_on_its_own_and_n_shared():
    growth = wg.sharing_growth(range(1, 13))
    assert growth.each_alone == tuple(n * (n + 1) // 2 for n in range(1, 13))
    assert growth.one_sweep == tuple(2 * n - 1 for n in range(1, 13))
    assert str(growth).splitlines()[3].split() == ["3", "6", "5"]


@pytest.mark.parametrize(("inputs", "hidden", "outputs"), [(1, 1, 1), (2, 3, 2), (3, 2, 4)])
def test_the_counts_are_those_of_every_chain_written_down(inputs, hidden, outputs, rng):
    def network(W1, b1, W2, b2):
        a1 = np.tanh(W1 @ x + b1)
        a2 = np.tanh(W2 @ a1 + b2)
        return np.sum((a2 - y) ** 2)

    x, y = rng.normal(size=inputs), rng.normal(size=outputs)
    found = wg.sharing(network, rng.normal(size=(hidden, inputs)), rng.normal(size=hidden),
                       rng.normal(size=(outputs, hidden)), rng.normal(size=outputs))
    # From a hidden weight: cost, σ', w2, σ', input: 5 factors, 4 products; a bias has one factor less.
    deep, shallow = hidden * inputs * outputs, outputs * hidden
    assert found.chains == deep + hidden * outputs + shallow + outputs
    assert found.each_alone == 4 * deep + 3 * hidden * outputs + 2 * shallow + outputs
    # The sweep: σ' and W2 both ways at the output, σ' and the inputs at the hidden layer; the cost's slopes come first.
    assert found.one_sweep == outputs + 2 * outputs * hidden + hidden + hidden * inputs


def test_the_most_shared_factor_is_the_slope_of_the_cost():
    def chain(w1, w2, w3):
        a1 = w1 * 1.0
        a2 = w2 * a1
        a3 = w3 * a2
        return (a3 - 2.0) ** 2

    found = wg.sharing(chain, 2.0, 3.0, 0.5)
    assert [(s.of.text, s.by.text, s.formula, s.chains) for s in found.shared] == [
        ("C", "a3", "2 * (a3 - 2)", 3), ("a3", "a2", "w3", 2)]
    assert found.saved == pytest.approx(6 / 5)
    assert max(map(len, str(found).splitlines())) <= 80
    assert json.loads(json.dumps(found.to_dict()))["each_alone"] == 6


def test_counts_stay_exact_beyond_any_machine_number():
    def deep(weights):
        a = weights[0]
        for w in weights[1:]:
            a = w * a * a  # twice as many paths in every layer
        return a * 2.0

    found = wg.sharing(deep, [0.5] * 100)
    assert found.chains == 2**100 - 1  # 2^99 from the first weight, 2^98 from the second, ..., 1 from the last
    assert isinstance(found.each_alone, int)


def test_a_chain_without_layers_is_refused():
    with pytest.raises(ArgumentError, match="from 1"):
        wg.sharing_growth([0, 1])
