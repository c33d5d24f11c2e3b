"""Two costs side by side: factors, what changed, and why σ' cancels."""

from __future__ import annotations

import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError


def test_cross_entropy_changes_the_first_factor_only_and_cancels_sigma_prime():
    both = wg.compare_costs()
    assert both.changed == (True, False, False)
    assert [row.formula.text for row in both.left.factors] == ["a - y", "a * (1 - a)", "x"]
    assert both.right.factors[0].formula.text == "(a - y) / ((1 - a) * a)"
    assert both.right.error.formula.text == "a - y"
    assert (both.left.slope_cancels, both.right.slope_cancels) == (False, True)


def test_the_numbers_are_those_of_the_saturated_neuron():
    both = wg.compare_costs(w=2.0, b=2.0, x=1.0, y=0.0)
    a = 1 / (1 + np.exp(-4.0))
    assert both.neuron["a"] == pytest.approx(a, rel=1e-12)
    assert both.left.gradient.value == pytest.approx(a * a * (1 - a), rel=1e-12)
    assert both.right.gradient.value == pytest.approx(a, rel=1e-12)
    assert both.right.factors[0].value == pytest.approx(1 / (1 - a), rel=1e-12)
    assert both.speedup == pytest.approx(1 / (a * (1 - a)), rel=1e-12)
    for side in (both.left, both.right):
        assert np.prod([row.value for row in side.factors]) == pytest.approx(side.gradient.value, rel=1e-12)


@pytest.mark.parametrize("activation", ["identity", "tanh", "softplus", "silu", "relu"])
def test_formulas_and_numbers_agree_for_any_activation_and_cost(activation):
    def quartic(a, y):
        return np.sum((a - y) ** 4)

    both = wg.compare_costs("squared_error", quartic, activation=activation, w=0.7, b=0.2, x=1.3, y=0.4)
    for side in (both.left, both.right):
        for row in (*side.factors, side.error, side.gradient):
            found = eval(row.formula.text, dict(both.neuron) | {"np": np, **wg.rules.define.RULES})
            assert found == pytest.approx(row.value, rel=1e-12), (row.name, row.formula.text)


def test_text_marks_the_change_and_says_why():
    text = str(wg.compare_costs())
    assert max(map(len, text.splitlines())) <= 80
    assert "changed" in text
    assert "cross_entropy: σ' cancels" in text
    assert "56.62 times as fast" in text
    assert wg.compare_costs().latex().count(r"\leftarrow") == 1
    assert json.loads(json.dumps(wg.compare_costs().to_dict()))["changed"] == [True, False, False]


def test_unknown_costs_are_refused():
    with pytest.raises(ArgumentError, match="cross_entropy"):
        wg.compare_costs("crossentropy")


@pytest.mark.parametrize("place", [{"activation": "softplus"}, {"w": 800.0}])
def test_a_cost_that_is_not_a_number_at_the_neuron_is_refused(place):
    with pytest.raises(ArgumentError, match="it has no slope there"):
        wg.compare_costs(**place)
