"""check_derivation: names, verdicts, precision, shapes, networks, output, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.checking.judge import asked, decimals_of, find_value, judge
from whygrad.errors import ArgumentError, DataError, DtypeError
from whygrad.graph.record import record


def neuron(a0, w, b, y):
    z = w * a0 + b
    a = 1 / (1 + np.exp(-z))
    return (a - y) ** 2


AT = (0.6, 1.5, -0.4, 1.0)
A = 1 / (1 + np.exp(-0.5))
RIGHT = {"a": 2 * (A - 1), "z": 2 * (A - 1) * A * (1 - A), "w": 2 * (A - 1) * A * (1 - A) * 0.6}


def verdicts(verdict):
    return {step.name: step.verdict for step in verdict.steps}


def test_right_numbers_are_exact_or_rounded_and_the_others_not_given():
    verdict = wg.check_derivation(neuron, *AT, mine=RIGHT)
    assert verdict.right
    assert verdict.first_wrong is None
    assert set(verdicts(verdict).values()) <= {"exact", "rounding", "not given"}
    assert verdicts(verdict)["b"] == "not given"


def test_steps_come_nearest_to_the_cost_first_and_arguments_after_the_step_that_uses_them():
    program = record(neuron, AT, {})
    labels = [program.labels[node] for node in asked(program)]
    assert labels[:4] == ["y", "a", "z", "b"]
    assert set(labels[4:]) == {"w", "a0"}


def test_an_error_is_carried_forward_and_the_first_wrong_step_is_named():
    z = RIGHT["a"]  # the slope forgotten
    verdict = wg.check_derivation(neuron, *AT, mine={"a": RIGHT["a"], "z": z, "w": z * 0.6, "b": z})
    assert verdict.first_wrong.name == "z"
    assert verdicts(verdict)["w"] == verdicts(verdict)["b"] == "carried forward"
    assert float(verdict["w"].judged.carried) == pytest.approx(z * 0.6)
    assert float(verdict["w"].judged.right) == pytest.approx(RIGHT["w"])


def test_a_second_mistake_below_a_first_one_is_judged_from_the_learners_own_numbers():
    z = RIGHT["a"]
    verdict = wg.check_derivation(neuron, *AT, mine={"a": RIGHT["a"], "z": z, "w": -z * 0.6})
    assert verdict.first_wrong.name == "z"
    assert verdicts(verdict)["w"] == "wrong"
    assert "Also wrong: ∂C/∂w, where the sign of ∂C/∂w is wrong." in verdict.sentence


@pytest.mark.parametrize(("mine", "note"), [(-0.1774, "rounded to 4 decimals"), (-0.18, "rounded to 2 decimals")])
def test_a_number_rounded_by_hand_is_rounding(mine, note):
    verdict = wg.check_derivation(neuron, *AT, mine={"z": mine})
    assert verdicts(verdict)["z"] == "rounding"
    assert verdict["z"].judged.note == note


def test_one_digit_is_too_few_to_excuse_a_wrong_number_as_rounded():
    assert verdicts(wg.check_derivation(neuron, *AT, mine={"z": -0.2}))["z"] == "wrong"


def test_decimals_that_python_drops_can_be_told():
    def cost(x):
        return 0.4987 * x

    assert not wg.check_derivation(cost, 1.0, mine={"x": 0.5}).right
    assert wg.check_derivation(cost, 1.0, mine={"x": 0.5}, decimals={"x": 2}).right


def test_what_is_right_from_rounded_numbers_is_rounding_not_carried_forward():
    def cost(x):
        h = np.sin(x)
        return 1000.0 * h**2

    h = float(np.round(2000 * np.sin(1.1), 1))
    verdict = wg.check_derivation(cost, 1.1, mine={"h": h, "x": h * np.cos(1.1)})
    assert verdicts(verdict) == {"h": "rounding", "x": "rounding"}


def test_a_float32_derivation_in_another_order_is_rounding_in_float32():
    rng = np.random.default_rng(0)
    W, X = rng.normal(size=(4, 300)).astype(np.float32), rng.normal(size=(500, 300)).astype(np.float32)

    def cost(W, X):
        z = X @ W.T
        return np.sum(z**2) / 500

    d_z = np.float32(2) * (X @ W.T) / np.float32(500)
    d_W = np.zeros_like(W)
    for i in range(500):  # one example after the other, the worst order there is
        d_W += np.outer(d_z[i], X[i])
    verdict = wg.check_derivation(cost, W, X, mine={"z": d_z, "W": d_W})
    assert verdict.right
    assert verdict.dtype == "float32"
    assert verdict["W"].judged.ulps > 1


def test_float32_numbers_for_a_float64_function_are_judged_in_float32():
    mine = {name: np.float32(value) for name, value in RIGHT.items()}
    assert wg.check_derivation(neuron, *AT, mine=mine).right
    assert not wg.check_derivation(neuron, *AT, mine={name: float(x) for name, x in mine.items()}).right


def test_a_name_may_be_written_as_a_derivative_and_a_loops_values_by_their_turn():
    def loop(w, x):
        h = x
        for _ in range(3):
            h = np.tanh(w * h)
        return h**2

    program = record(loop, (0.5, 1.0), {})
    assert program.label(find_value(program, "dw")) == "w"
    assert program.label(find_value(program, "h[0]")) == "h"
    assert program.label(find_value(program, "h[2]")) == "h⟨3⟩"
    h3 = np.tanh(0.5 * np.tanh(0.5 * np.tanh(0.5)))
    assert wg.check_derivation(loop, 0.5, 1.0, mine={"h[2]": 2 * h3}).right


def test_a_pytrees_leaves_are_named_by_their_key():
    def cost(params, x):
        return np.sum((params["W"] @ x) ** 2)

    W, x = np.eye(2), np.array([1.0, 2.0])
    assert wg.check_derivation(cost, {"W": W}, x, mine={"W": 2 * np.outer(x, x)}).right


def test_a_backward_function_is_called_as_the_function_is():
    def mine(a0, w, b, y):
        a = 1 / (1 + np.exp(-(w * a0 + b)))
        return {"w": 2 * (a - y) * a * (1 - a) * a0}

    assert wg.check_derivation(neuron, *AT, mine=mine).right


def test_the_learners_number_may_be_nan():
    verdict = wg.check_derivation(neuron, *AT, mine={"z": float("nan")})
    assert verdict.first_wrong.name == "z"
    assert "it holds NaN or inf" in verdict.sentence


def test_an_infinite_or_nan_gradient_that_is_right_is_exact():
    assert wg.check_derivation(np.sqrt, 0.0, mine={"x": np.inf}).right


def test_empty_arrays_and_arrays_of_one_number_are_judged():
    def cost(x):
        return np.sum(x**2) + 1.0

    assert wg.check_derivation(cost, np.zeros((0, 3)), mine={"x": np.zeros((0, 3))}).right
    assert wg.check_derivation(cost, np.array([2.0]), mine={"x": 4.0}).right


def test_where_the_slope_jumps_either_side_is_accepted():
    """z is 0 but for rounding: relu's slope there is a matter of the last digit, not of the derivation."""

    def cost(x):
        z = x * 3.0 - 0.3
        return 5.0 * np.maximum(z, 0.0)

    assert wg.check_derivation(cost, 0.1, mine={"x": 15.0}).right
    assert wg.check_derivation(cost, 0.1, mine={"x": 0.0}).right


GOLDEN = {
    "delta2": [-0.1550496657, 0.2950449432],
    "W2": [[-0.0813978475, -0.1249888012], [0.1548924545, 0.2378419430]],
    "b2": [-0.1550496657, 0.2950449432],
    "delta1": [-0.1509084829, 0.0582288913],
    "W1": [[-0.1509084829, -0.0754542415], [0.0582288913, 0.0291144456]],
}


@pytest.fixture
def golden():
    network = wg.Network([2, 2, 2], cost="squared_error", dtype="float64")
    network.weights[0][:], network.biases[0][:] = [[0.5, -1], [1.5, 0.25]], [0.1, -0.2]
    network.weights[1][:], network.biases[1][:] = [[2, -0.5], [-1, 1]], [0, 0.3]
    return network


def test_the_golden_networks_equations_by_hand_are_right(golden):
    verdict = wg.check_derivation(golden, [1, 0.5], [1, 0], mine=GOLDEN)
    assert verdict.right
    assert verdict["delta1"].judged.note == "rounded to 10 decimals"


def test_a_networks_delta_may_be_columns_and_without_the_means_n(golden):
    X, Y = np.array([[1, 0.5], [0.2, -1], [0.3, 0.3]]), np.array([[1, 0], [0, 1], [1, 1.0]])
    rows = golden.equations(X, Y).rows
    delta2, delta1 = (next(r.left for r in rows if r.name == n) for n in ("BP1", "BP2"))
    verdict = wg.check_derivation(golden, X, Y, mine={"delta2": delta2.T * 3, "delta1": delta1.T * 3})
    assert verdict.right
    assert "columns" in verdict.note
    assert "n = 3" in verdict.note
    assert not wg.check_derivation(golden, X, Y, mine={"delta2": delta2, "delta1": delta1 * 3}).right


@pytest.mark.parametrize(
    ("mine", "error", "words"),
    [
        ({}, ArgumentError, "mine holds no number"),
        ({"q": 1.0}, ArgumentError, "neuron has no value called 'q'"),
        ({"w": "many"}, DtypeError, "the gradient given for 'w'"),
        ({"w": [[1], [1, 2]]}, DtypeError, "is no array"),
        ({"w": 1 + 2j}, DtypeError, "complex"),
        ({"w": 1.0, "dw": 1.0}, ArgumentError, "two names of one value"),
        (7, ArgumentError, "mine is of type int"),
        (lambda only: {"w": only}, ArgumentError, "can not be called with these arguments"),
        (lambda *args: 1 / 0, DataError, "stopped with ZeroDivisionError"),
        (lambda *args: None, ArgumentError, "mine is of type NoneType"),
    ],
)
def test_bad_input_is_told_in_one_error(mine, error, words):
    with pytest.raises(error, match=r".*") as caught:
        wg.check_derivation(neuron, *AT, mine=mine)
    assert words in str(caught.value)


def test_a_mistake_in_the_learners_function_is_told_with_its_line():
    def mine(*args):
        return {"w": np.zeros(3) @ np.zeros(4)}

    with pytest.raises(DataError, match=r"test_derivation\.py") as caught:
        wg.check_derivation(neuron, *AT, mine=mine)
    assert "in mine" in str(caught.value)


def test_a_network_needs_x_and_y(golden):
    with pytest.raises(ArgumentError, match="x and y"):
        wg.check_derivation(golden, [1, 0.5], mine=GOLDEN)


def test_the_verdict_prints_a_table_and_goes_into_json_and_html():
    verdict = wg.check_derivation(neuron, *AT, mine=RIGHT | {"w": -RIGHT["w"]})
    text = str(verdict)
    assert "✗   ∂C/∂w" in text
    assert "The line as it should be:  ∂C/∂w = ∂C/∂z·a0 = -0.1774·0.6 = -0.1065" in text
    assert max(len(line) for line in text.splitlines()) <= 80
    data = json.loads(json.dumps(verdict.to_dict()))
    assert data["first_wrong"] == "w"
    assert {step["name"]: step["verdict"] for step in data["steps"]}["w"] == "wrong"
    page = verdict.html()
    assert page.count("<div") == page.count("</div>")
    assert "∂C/∂z·a0" in page


def test_nothing_of_the_users_stands_unescaped_in_the_page():
    def cost(x):
        return x**2

    cost.__name__ = "<script>"
    assert "<script>" not in wg.check_derivation(cost, 1.0, mine={"x": 2.0}).html()


def test_the_arguments_are_not_changed_and_the_numbers_may_be_lists_or_integers():
    x = np.array([1.0, 2.0])
    assert wg.check_derivation(lambda x: np.sum(x**2), x, mine={"x": [2, 4]}).right
    assert x.tolist() == [1.0, 2.0]


def test_decimals_are_read_off_numbers_as_they_are_written():
    assert decimals_of(np.array([0.15, -2.0])) == 2
    assert decimals_of(np.array(0.1 + 0.2)) is None
    assert decimals_of(np.array([3, 4])) == 0
    assert decimals_of(np.array([np.nan])) is None


def test_judging_alone_gives_both_judgements_of_every_value():
    program = record(neuron, AT, {})
    found = {one.name: one for one in judge(program, {"z": -1.0, "w": -0.6})}
    assert found["z"].verdict == "wrong"
    assert found["w"].verdict == "carried forward"
    assert found["w"].off <= found["w"].allowed
    assert found["a"].mine is None


@pytest.mark.parametrize("given", [5e-324, -1e-310, 1e300, -1e308, np.nan, np.inf])
def test_numbers_at_the_ends_of_the_range_are_judged_without_a_warning(given):
    verdict = wg.check_derivation(neuron, *AT, mine={"z": given, "w": given})
    assert verdict.first_wrong.name == "z"
    assert "first wrong step" in str(verdict)
    assert "<div" in verdict.html()


def test_a_backward_function_that_writes_into_its_arguments_changes_nothing_that_is_judged():
    def f(W, x):
        z = W @ x
        return np.sum(z**2)

    def mine(W, x):
        dz, dW = 2 * (W @ x), np.outer(2 * (W @ x), x)
        W -= 0.1 * dW
        return {"z": dz, "W": dW}

    assert wg.check_derivation(f, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.5]), mine=mine).right


def test_masked_numbers_are_refused_because_the_mask_would_be_forgotten():
    with pytest.raises(DtypeError, match="'w' is a masked array"):
        wg.check_derivation(neuron, *AT, mine={"w": np.ma.array([1.0], mask=[True])})


@pytest.mark.parametrize("decimals", [2, ["w"], {"w": "2"}, {"w": -1}, {"w": 400}, {"w": 2.0}, {"w": True}])
def test_decimals_that_are_no_whole_numbers_by_name_are_one_error(decimals):
    with pytest.raises(ArgumentError, match="decimals"):
        wg.check_derivation(neuron, *AT, mine={"w": -0.11}, decimals=decimals)


def test_names_in_a_network_may_be_of_any_type(golden):
    with pytest.raises(ArgumentError, match="no value called '1'"):
        wg.check_derivation(golden, [1, 0.5], [1, 0], mine={1: 2.0})
