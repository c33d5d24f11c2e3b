"""What whygrad is for, row by row: one test for each promise, named after its row."""

from __future__ import annotations

import doctest
import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from benchmarks import sigma_prime

import whygrad as wg

ROOT = Path(__file__).resolve().parent.parent
EXACT = dict(rel=1e-9, abs=1e-10)  # the reference numbers are written with ten decimals

AT = dict(w=1.5, b=-0.4, a0=0.6, y=1.0)


def neuron(w, b, a0, y):
    z = w * a0 + b
    a = wg.sigmoid(z)
    C = (a - y) ** 2
    return C


@pytest.fixture
def golden():
    net = wg.Network([2, 2, 2], activation="sigmoid", cost="squared_error", dtype="float64")
    net.weights[0][...], net.biases[0][...] = [[0.5, -1], [1.5, 0.25]], [0.1, -0.2]
    net.weights[1][...], net.biases[1][...] = [[2, -0.5], [-1, 1]], [0, 0.3]
    return net


X, Y = np.array([1.0, 0.5]), np.array([1.0, 0.0])


def test_M01_the_chain_of_one_neuron_has_named_values():
    why = wg.explain(neuron, **AT, wrt="w")
    values = {name.text: value for name, value in why.values}
    assert values["z"] == pytest.approx(0.5, **EXACT)
    assert values["a"] == pytest.approx(0.6224593312, **EXACT)
    assert values["C"] == pytest.approx(0.1425369566, **EXACT)
    assert values["y"] == 1.0
    assert [name.text for name in why.paths()[0].through] == ["C", "a", "z", "w"]


def test_M02_the_three_local_derivatives_have_formulas_values_and_meanings():
    why = wg.explain(neuron, **AT, wrt="w")
    assert [(f.written, f.formula.text, f.meaning) for f in why.factors] == [
        ("∂C/∂a", "2 * (a - y)", "how wrong the output is"),
        ("∂a/∂z", "a * (1 - a)", "how responsive the neuron is"),
        ("∂z/∂w", "a0", "how active the input is")]
    assert [f.value for f in why.factors] == pytest.approx([-0.7550813376, 0.2350037122, 0.6], **EXACT)
    assert why.value == pytest.approx(-0.1064681504, **EXACT)


def test_M03_a_bias_has_no_input_factor_and_an_activation_has_the_weight_in_its_place():
    bias, before = (wg.explain(neuron, **AT, wrt=name) for name in ("b", "a0"))
    assert bias.value == pytest.approx(-0.1774469173, **EXACT)
    assert before.value == pytest.approx(-0.2661703760, **EXACT)
    assert [f.formula.text for f in bias.factors][2:] == ["1"]
    assert [f.formula.text for f in before.factors][2:] == ["w"]
    assert before.factors[-1].meaning == "how strong the connection is"


def test_M04_dependencies_come_before_derivatives():
    why = wg.explain(neuron, **AT, wrt="w")
    assert why.dependencies["w"].affects == ("z", "a", "C")
    assert why.dependencies["w"].between == ("z", "a")
    assert why.dependencies["w"].paths == 1

    def twice(x):
        p = x * x
        unused = x + 1.0  # noqa: F841
        C = p * x
        return C

    asked = wg.explain(twice, 3.0).dependencies
    assert asked["x"].paths == 3
    assert asked["unused"].paths == 0
    assert "does not reach the cost" in asked["unused"].sentence


def test_M05_a_chain_without_squishing_is_a_product_of_its_weights():
    def chain(w1, w2, w3, a0, y):
        a1 = w1 * a0
        a2 = w2 * a1
        a3 = w3 * a2
        C = (a3 - y) ** 2
        return C

    at = dict(w1=2.0, w2=3.0, w3=0.5, a0=1.0, y=2.0)
    why = wg.explain(chain, **at, wrt="w1")
    values = {name.text: value for name, value in why.values}
    assert [values[name] for name in ("a1", "a2", "a3", "C")] == [2.0, 6.0, 3.0, 1.0]
    assert [f.value for f in why.factors] == [2.0, 0.5, 3.0, 1.0]
    assert [wg.explain(chain, **at, wrt=w).value for w in ("w1", "w2", "w3")] == [3.0, 2.0, 12.0]


def test_M06_one_sweep_shares_the_factors_that_chains_on_their_own_multiply_again():
    growth = wg.sharing_growth(range(1, 21))
    assert growth.each_alone == tuple(n * (n + 1) // 2 for n in range(1, 21))
    assert growth.one_sweep == tuple(2 * n - 1 for n in range(1, 21))
    assert "<svg" in growth.picture().svg()
    shared = wg.sharing(neuron, *AT.values()).shared
    assert (shared[0].of.text, shared[0].by.text, shared[0].chains) == ("C", "a", 4)  # of w, b, a0 and y


def test_M07_a_hundred_layers_are_a_hundred_squishing_factors():
    def chain(weights, x):
        a = x
        for w in weights:
            z = w * a
            a = wg.sigmoid(z)
        return (a - 1.0) ** 2

    weights = [2.0] * 100
    fall = wg.explain(chain, weights, 0.5, wrt="weights[0]").waterfall()
    gradient = wg.grad(chain)(weights, 0.5)[0]
    assert sum(drop.value < 0.25 for drop in fall.drops if "∂a" in drop.name and "/∂z" in drop.name) == 100
    assert math.prod(drop.value for drop in fall.drops) == pytest.approx(gradient, rel=1e-12)
    assert "<svg" in fall.picture().svg()


def test_M08_several_neurons_per_layer_have_the_same_formula_with_indices(golden):
    weights = [[[-0.1509084829, -0.0754542415], [0.0582288913, 0.0291144456]],
               [[-0.0813978475, -0.1249888012], [0.1548924545, 0.2378419430]]]
    biases = [[-0.1509084829, 0.0582288913], [-0.1550496657, 0.2950449432]]
    for layer, j in itertools.product((1, 2), (0, 1)):
        assert golden.explain_bias(layer, j, X, Y).value == pytest.approx(biases[layer - 1][j], **EXACT)
        for k in (0, 1):
            why = golden.explain_weight(layer, j, k, X, Y)
            assert why.wrt.text == f"w^{layer}_{j}{k}"
            assert why.value == pytest.approx(weights[layer - 1][j][k], **EXACT)
            assert why.cost == pytest.approx(0.5294263974657549, rel=1e-12)
            assert [f.written for f in why.factors] == [
                f"∂C/∂a^{layer}_{j}", f"∂a^{layer}_{j}/∂z^{layer}_{j}", f"∂z^{layer}_{j}/∂w^{layer}_{j}{k}"]
            assert why.factors[1].formula.text == f"a^{layer}_{j} * (1 - a^{layer}_{j})"
            assert why.factors[2].formula.text == f"a^{layer - 1}_{k}"


def test_M09_the_sum_over_the_next_layer_lists_every_path(golden):
    why = golden.explain_weight(1, 0, 0, X, Y)
    by_output = {path.through[1].text: path.value for path in why.paths()}
    assert set(by_output) == {"a^2_0", "a^2_1"}
    assert by_output["a^2_0"] == pytest.approx(-0.0773313433, **EXACT)
    assert by_output["a^2_1"] == pytest.approx(-0.0735771396, **EXACT)
    assert sum(by_output.values()) == pytest.approx(why.value, rel=1e-12)
    arrives = golden.explain_activation(1, 0, X, Y).factors[0]
    assert {term.through.text: term.formula.text for term in arrives.terms} == {"z^2_0": "w^2_00", "z^2_1": "w^2_10"}


def test_M10_hidden_and_output_layers_are_one_formula_with_the_case_marked(golden):
    for layer, marked in ((1, "hidden layer"), (2, "output layer")):
        for why in (golden.explain_activation(layer, 1, X, Y), golden.explain_weight(layer, 1, 0, X, Y)):
            lines = str(why.case).splitlines()
            assert ["output layer" in line for line in lines] == [True, False]
            assert ["hidden layer" in line for line in lines] == [False, True]
            assert [marked in line for line in lines] == ["← this case" in line for line in lines]


def test_M11_the_four_equations_hold_on_the_users_numbers(golden):
    found = golden.equations(X, Y)
    assert found.max_difference <= 1e-12
    rows = {(row.name, row.layer): row.right for row in found.rows}
    assert rows["BP1", 2] == pytest.approx(np.array([-0.1550496657, 0.2950449432]), **EXACT)
    assert rows["BP2", 1] == pytest.approx(np.array([-0.1509084829, 0.0582288913]), **EXACT)
    assert [row.name for row in found.rows] == ["BP1", "BP2", "BP3", "BP3", "BP4", "BP4"]


def test_M12_the_matrix_form_is_the_same_and_slower(golden):
    hadamard, matrix = (golden.equations(X, Y, form=form) for form in ("hadamard", "matrix"))
    for one, other in zip(hadamard.rows, matrix.rows, strict=True):
        assert other.right == pytest.approx(one.right, rel=1e-12)
    assert matrix.rows[1].whole == "δ^1 = Σ'(z^1) (W^2)^T Σ'(z^2) ∇_a C"
    seconds = sigma_prime.times(512, rounds=1)  # what is measured, and shown by `make bench`: it decides nothing here
    assert min(seconds["matrix"], seconds["Hadamard"]) > 0


def test_M13_the_demon_predicts_and_measures(golden):
    found = golden.demon(X, Y, 1, 0, 0.01)
    assert found.predicted == pytest.approx(-0.001509084829, **EXACT)
    assert found.measured == pytest.approx(found.predicted, rel=0.01)
    assert found.error_ratios[-1] == pytest.approx(4, rel=0.01)
    assert found.sign_that_helps == "+"
    assert found.measured < 0 < golden.demon(X, Y, 1, 0, -0.01).measured


def test_M14_a_weight_learns_slowly_for_a_silent_input_or_a_saturated_neuron(rng):
    net = wg.Network([2, 2, 1], "sigmoid", "squared_error", seed=1, dtype="float64")
    net.weights[1][...], net.biases[0][...] = [[1.0, -1.0]], [0.0, 20.0]  # neuron 1 of layer 1 is saturated
    inputs, targets = rng.uniform(0.5, 1, size=(50, 2)) * [1, 0.001], np.zeros((50, 1))  # input 1 is nearly silent
    batch = net.gradient(inputs, targets)
    verdicts = {(0, 0): "none", (0, 1): "input activation", (1, 0): "slope", (1, 1): "slope"}
    for (j, k), verdict in verdicts.items():
        found = net.weight_factors(1, j, k, inputs, targets)
        above, slope, below = (factor.values for factor in found.factors)
        assert (above * slope * below).mean() == pytest.approx(batch.weights[0][j, k], rel=1e-12)
        assert found.verdict == verdict
    layer = net.slow_weights(1, inputs, targets)
    assert {place: str(verdict) for place, verdict in np.ndenumerate(layer.verdicts)} == verdicts
    assert net.weight_factors(2, 0, 0, inputs, targets).verdict == "none"
    net.biases[1][...] = 20.0  # BP1: now the output neuron is saturated
    assert net.slow_weights(2, inputs, targets).counts["slope"] == 2


def test_M15_the_equations_hold_for_a_users_own_activation_which_trains_and_is_explained(rng):
    def leaning(z):
        return 0.1 * z + 0.9 * np.tanh(z)

    slopes = np.array([wg.grad(leaning)(z) for z in np.linspace(-20.0, 20.0, 81)])
    assert slopes.min() >= 0.1
    net = wg.Network([2, 8, 1], leaning, "half_squared_error", seed=0, dtype="float64")
    inputs = rng.normal(size=(200, 2))
    targets = 0.5 * np.tanh(inputs[:, :1] - inputs[:, 1:])
    before = net.cost_of(inputs, targets)
    net.fit(inputs, targets, epochs=20, learning_rate=0.1, progress=False)
    assert net.cost_of(inputs, targets) < before / 10
    assert net.equations(inputs[0], targets[0]).max_difference <= 1e-12
    why = net.explain_weight(1, 0, 0, inputs[0], targets[0])
    assert len(why.factors) == 3
    assert why.factors[1].formula.text == "1 - 9 * tanh(z^1_0) ** 2 / 10"
    assert why.factors[1].value >= 0.1
    assert math.prod(f.value for f in why.factors) == pytest.approx(why.value, rel=1e-9)
    assert why.value == pytest.approx(net.gradient(inputs[0], targets[0]).weights[0][0, 0], rel=1e-9)


def test_M16_cross_entropy_changes_one_factor_and_cancels_sigma_prime():
    both = wg.compare_costs("half_squared_error", "cross_entropy", w=2.0, b=2.0, x=1.0, y=0.0)
    assert both.changed == (True, False, False)
    assert both.right.slope_cancels
    assert both.right.error.formula.text == "a - y"
    assert both.right.error.value == pytest.approx(both.neuron["a"], rel=1e-12)


def test_M17_the_gradient_of_a_data_set_is_the_mean_over_its_examples(golden, rng):
    inputs, targets = rng.normal(size=(20, 2)), rng.uniform(size=(20, 2))
    batch = golden.gradient(inputs, targets)
    alone = [golden.gradient(x, y).weights[0] for x, y in zip(inputs, targets, strict=True)]
    assert np.mean(alone, axis=0) == pytest.approx(batch.weights[0], rel=1e-10)
    found = golden.contributions(1, 0, 1, inputs, targets)
    assert found.pushes.sum() == pytest.approx(batch.weights[0][0, 1], rel=1e-10)
    assert found.pushes == pytest.approx(np.array([g[0, 1] for g in alone]) / 20, rel=1e-9)
    before = golden.weights[0].copy()
    golden.fit(inputs, targets, epochs=1, batch_size=20, learning_rate=0.5, progress=False)
    assert golden.weights[0] == pytest.approx(before - 0.5 * batch.weights[0], rel=1e-9)


def test_M18_any_numpy_expression_is_a_graph_with_local_derivatives_and_sums_at_branches():
    def f(x, y):
        p = x * y
        q = np.sin(x)
        C = p + q
        return C

    why = wg.explain(f, 2.0, 3.0, wrt="x")
    assert why.factors[0].kind == "sum"
    assert {t.through.text: (t.slope, t.arrived) for t in why.factors[0].terms} == {
        "p": (3.0, 1.0), "q": (pytest.approx(math.cos(2.0)), 1.0)}
    assert why.value == pytest.approx(3.0 + math.cos(2.0), rel=1e-12)
    drawn = why.graph.svg()
    assert all(f">{name}<" in drawn for name in "xypqC")


def test_M19_the_graph_is_built_as_the_code_runs_and_backward_may_run_twice():
    x = wg.Variable(3.0)
    y = x
    for _ in range(3):
        y = y * x if y.value < 20 else y + x
    y.backward()
    first = float(x.grad)
    y.backward()
    assert first == float(x.grad) == 3 * 3.0**2 + 1  # x³ = 27 by then, so the last turn adds


def test_M20_all_gradients_come_from_one_traversal(rng):
    calls = []

    def cost(w):
        calls.append(1)
        return np.sum(np.tanh(matrix @ w) ** 2)

    for n in (10, 100):
        matrix, w = rng.normal(size=(20, n)) / n, rng.normal(size=n)
        calls.clear()
        gradient = wg.grad(cost)(w)
        assert len(calls) == 1  # finite differences: 2 n calls; forward mode: n passes
        calls.clear()
        forward = [wg.jvp(cost, (w,), (one,))[1] for one in np.eye(n)]
        assert len(calls) == n
        assert gradient == pytest.approx(np.array(forward), rel=1e-9, abs=1e-12)
    # what it costs in seconds is measured by `make bench`


def test_M21_a_network_learns_digits_from_random_weights():
    digits = wg.datasets.digits()
    net = wg.Network([784, 30, 10], "sigmoid", "half_squared_error", seed=0)
    net.fit(digits.train_images[:3000], digits.train_targets[:3000], epochs=3, batch_size=10, learning_rate=3.0,
            progress=False)
    assert net.accuracy(digits.test_images, digits.test_labels) > 0.75  # tests/nn/test_book.py trains to the end


def test_M22_in_a_deep_sigmoid_network_every_layer_learns_slower_than_the_next():
    digits = wg.datasets.digits()
    net = wg.Network([784, 30, 30, 30, 10], "sigmoid", "cross_entropy", seed=0, init="scaled")
    speeds = net.learning_speeds(digits.train_images[:500], digits.train_labels[:500])
    assert (np.diff(speeds) > 0).all()
    assert speeds[-1] > 10 * speeds[0]


def test_M23_each_of_the_four_equations_is_derived_and_holds():
    for name in ("BP1", "BP2", "BP3", "BP4"):
        derivation = wg.derive(name)
        assert all(step.reason for step in derivation.steps)
        assert derivation.latex().startswith(r"\begin{align*}")
    assert wg.derive("BP2").steps[-1].text == "(Σ_k w^{l+1}_kj·δ^{l+1}_k)·σ'(z^l_j)"
    # that each one's code gives the engine's numbers: tests/explain/test_derive.py


def test_M24_five_review_questions_are_answered_by_running_code():
    page = ROOT / "docs" / "five-questions.md"
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    results = doctest.testfile(str(page), module_relative=False, optionflags=options, encoding="utf-8")
    assert results.attempted > 20
    assert results.failed == 0
    assert page.read_text(encoding="utf-8").count("\n## ") == 5


def test_N1_one_kind_of_explanation_prints_everywhere(golden):
    def any_function(x):
        scaled = np.exp(-x) * 2.0
        return np.sum(scaled**2)

    for why in (wg.explain(any_function, np.array([0.1, 0.2]), wrt=("x", 1)), golden.explain_weight(1, 0, 0, X, Y)):
        assert type(why).__name__ == "Explanation"
        assert f"∂C/∂{why.wrt}" in str(why)
        assert r"\partial" in why.latex()
        assert "<math" in why.html()
        assert json.loads(json.dumps(why.to_dict()))["value"] == pytest.approx(why.value)


def test_N2_paths_are_counted_ordered_and_weighed_in_a_large_network_within_seconds(rng):
    net = wg.Network([784, 512, 512, 10], "sigmoid", "half_squared_error", seed=0, dtype="float64")
    x, y = rng.uniform(size=784), np.eye(10)[3]
    start = time.process_time()
    why = net.explain_weight(1, 3, 400, x, y)
    assert why.path_count == 512 * 10
    sizes = [abs(path.value) for path in why.paths(20)]
    assert 0 < why.cancellation < 1
    assert 0 < why.coverage < 1
    assert time.process_time() - start < 10.0  # `make bench` measures it; ten times as long would be another order
    assert len(sizes) == 20
    assert sizes == sorted(sizes, reverse=True)


def test_N3_four_readings_of_one_sweep():
    from whygrad.explain import paths

    readings = [paths.GRADIENT, paths.COUNT, paths.INFLUENCE, paths.STRONGEST]
    assert len({type(reading) for reading in readings}) == 1
    why = wg.explain(lambda x: x * x - 3.0 * x, 2.0)  # slopes 2, 2 and -3
    found = [float(paths.read(why.routes.paths.graph, r)[why.routes.paths.graph.start.node][0]) for r in readings]
    assert found == [1.0, 3.0, 7.0, 3.0]
    # against every path written down, on random graphs: tests/explain/test_paths.py


def test_N4_the_users_names_appear_without_annotations():
    def squish(z):
        return 1 / (1 + np.exp(-z))

    def cost(params, x):
        h = x
        for layer in params["layers"]:
            z = layer["w"] * h
            h = squish(z)
        low, high = h - 1.0, h + 1.0
        C = low * high
        return C

    params = {"layers": [{"w": 0.5}, {"w": -1.5}]}
    why = wg.explain(cost, params, 0.7, wrt="params['layers'][0]['w']")
    names = set(why.dependencies)
    assert {"z", "h", "z⟨2⟩", "h⟨2⟩", "low", "high", "C", "params['layers'][1]['w']", "x"} <= names
    assert all("test_mission.py" in factor.where for factor in why.factors)
    assert [f.written for f in why.factors][1:] == ["∂h⟨2⟩/∂z⟨2⟩", "∂z⟨2⟩/∂h", "∂h/∂z", "∂z/∂params['layers'][0]['w']"]
