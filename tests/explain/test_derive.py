"""Each derivation's result, evaluated as code, is the engine's number; its lines follow from the rules."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError
from whygrad.nn.costs import COSTS
from whygrad.rules.define import RULES

CASES = [("sigmoid", "squared_error"), ("sigmoid", "cross_entropy"), ("tanh", "half_squared_error"),
         ("softplus", "squared_error"), ("silu", "half_squared_error"), ("identity", "squared_error")]


@pytest.mark.parametrize(("activation", "cost"), CASES)
def test_every_derived_equation_gives_the_engines_number_on_a_random_network(activation, cost, rng):
    net = wg.Network([3, 4, 2], activation=activation if cost != "cross_entropy" else ["tanh", activation], cost=cost,
                     dtype="float64", seed=int(rng.integers(1000)))
    hidden = net.architecture.activations[0].name
    x, y = rng.normal(size=3), rng.uniform(0.1, 0.9, size=2)
    found = {(row.name, row.layer): row.left for row in net.equations(x, y).rows}
    values = net.architecture.layer_values(net.parameters, x)
    names = RULES | {"np": np}

    def at(name, layer, chosen):
        names_here = names | {
            "z": values.zs[layer - 1], "a": values.activations[layer], "a_before": values.activations[layer - 1],
            "y": y, "delta": found["BP1" if layer == 2 else "BP2", layer], "W_next": net.weights[-1],
            "delta_next": found["BP1", 2]}
        return eval(wg.derive(name, chosen, cost).code, names_here)

    np.testing.assert_allclose(at("BP1", 2, activation), found["BP1", 2], rtol=0, atol=1e-12)
    np.testing.assert_allclose(at("BP2", 1, hidden), found["BP2", 1], rtol=0, atol=1e-12)
    for layer in (1, 2):
        np.testing.assert_allclose(at("BP3", layer, activation), found["BP3", layer], rtol=0, atol=1e-12)
        np.testing.assert_allclose(at("BP4", layer, activation), found["BP4", layer], rtol=0, atol=1e-12)


def test_bp2_reaches_the_sum_over_the_next_layer_through_the_chain_rule():
    lines = [step.text for step in wg.derive("BP2").steps]
    assert lines == [
        "∂C/∂z^l_j",
        "∂C/∂a^l_j·∂a^l_j/∂z^l_j",
        "∂C/∂a^l_j·σ'(z^l_j)",
        "(Σ_k ∂C/∂z^{l+1}_k·∂z^{l+1}_k/∂a^l_j)·σ'(z^l_j)",
        "(Σ_k ∂C/∂z^{l+1}_k·w^{l+1}_kj)·σ'(z^l_j)",
        "(Σ_k w^{l+1}_kj·δ^{l+1}_k)·σ'(z^l_j)",
    ]


def test_every_line_has_a_reason_and_fits_a_terminal():
    for name in ("BP1", "BP2", "BP3", "BP4"):
        for derivation in (wg.derive(name), wg.derive(name, "sigmoid", "cross_entropy")):
            assert all(step.reason for step in (*derivation.steps, derivation.result))
            assert max(len(line) for line in str(derivation).splitlines()) <= 80
            assert str(derivation) == derivation.text()


def test_latex_has_one_aligned_row_for_each_line_and_formulas_only_between_dollars():
    derivation = wg.derive("BP4")
    rows = derivation.latex().splitlines()[1:-1]
    assert len(rows) == len(derivation.steps) + 1
    assert all(row.count("&=") == 1 for row in rows)
    for row in rows:
        words = row.partition(r"\raggedright")[2]
        assert words
        assert "^" not in "".join(words.split("$")[::2])  # outside of formulas a ^ is an error in LaTeX


def test_sigma_prime_cancels_under_cross_entropy_and_the_derivation_says_so():
    *_, before, last = wg.derive("BP1", "sigmoid", "cross_entropy").steps
    assert before.text == "(a^L_j - y_j) / ((1 - a^L_j)·a^L_j)·(a^L_j·(1 - a^L_j))"
    assert last.text == "a^L_j - y_j"
    assert "cancels" in last.reason


def test_a_users_own_activation_and_cost_are_differentiated_by_the_rules():
    derivation = wg.derive("BP1", lambda z: np.tanh(2.0 * z), lambda a, y: np.sum((a - y) ** 4))
    assert derivation.steps[-1].text == "4·(a^L_j - y_j)^3·(2·(1 - (a^L_j)^2))"


def test_derivations_are_plain_data():
    data = wg.derive("BP3").to_dict()
    assert data["name"] == "BP3"
    assert data["steps"][1]["text"] == "∂C/∂z^l_j * 1".replace(" * ", "·")


def test_an_activation_that_mixes_neurons_has_no_slope_per_neuron_and_is_refused():
    with pytest.raises(ArgumentError, match="every output depend on 3 weighted inputs"):
        wg.derive("BP1", "softmax")


def test_names_that_do_not_exist_are_refused_with_those_that_do():
    with pytest.raises(ArgumentError, match="BP1, BP2, BP3, BP4"):
        wg.derive("BP5")
    with pytest.raises(ArgumentError, match="sigmoid"):
        wg.derive("BP1", "sigmoit")
    with pytest.raises(ArgumentError, match=", ".join(COSTS)):
        wg.derive("BP1", "sigmoid", "nothing")
