"""BP1 to BP4 on numbers: both sides agree to rounding, in both forms, for any activation, cost and batch."""

from __future__ import annotations

import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError


def leaning(z):
    return 0.1 * z + 0.9 * np.tanh(z)


NETWORKS = {
    "sigmoid": wg.Network([4, 5, 3, 2], "sigmoid", "cross_entropy", seed=1, dtype="float64"),
    "mixed": wg.Network([4, 5, 3, 2], ["tanh", "gelu", "sigmoid"], "squared_error", seed=2, dtype="float64"),
    "softmax": wg.Network([4, 5, 3, 3], "tanh", "softmax_cross_entropy", seed=3, dtype="float64"),
    "own": wg.Network([4, 3, 2], leaning, lambda a, y: np.sum((a - y) ** 4), seed=4, dtype="float64"),
    "one layer": wg.Network([4, 2], "identity", "half_squared_error", seed=5, dtype="float64"),
    "float32": wg.Network([4, 5, 2], "sigmoid", seed=6, dtype="float32"),
}


def data(net, rng, examples):
    Y = rng.uniform(0.1, 0.9, (examples, net.sizes[-1]))
    if net.architecture.cost.name == "softmax_cross_entropy":
        Y /= Y.sum(axis=1, keepdims=True)
    return rng.normal(size=(examples, 4)), Y


@pytest.mark.parametrize("form", ["hadamard", "matrix"])
@pytest.mark.parametrize("examples", [1, 6])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_sides_agree_to_rounding(name, examples, form, rng):
    net = NETWORKS[name]
    X, Y = data(net, rng, examples)
    found = net.equations(X, Y, form) if examples > 1 else net.equations(X[0], Y[0], form)
    assert found.max_difference <= 1e-12
    L = len(net.sizes) - 1
    assert [(row.name, row.layer) for row in found.rows] == [
        ("BP1", L), *[("BP2", l) for l in range(L - 1, 0, -1)],
        *[("BP3", l) for l in range(1, L + 1)], *[("BP4", l) for l in range(1, L + 1)]]


def test_the_left_sides_are_the_networks_gradient(rng):
    net = NETWORKS["mixed"]
    X, Y = data(net, rng, 6)
    gradient, rows = net.gradient(X, Y), {(row.name, row.layer): row.left for row in net.equations(X, Y).rows}
    for l in (1, 2, 3):
        np.testing.assert_allclose(rows["BP3", l], gradient.biases[l - 1], rtol=1e-12)
        np.testing.assert_allclose(rows["BP4", l], gradient.weights[l - 1], rtol=1e-12)


def test_a_wrong_gradient_would_be_seen(rng):
    """The two sides are computed apart: with a weight changed between them they differ."""
    net = wg.Network([4, 5, 2], "sigmoid", seed=6, dtype="float64")
    x, y = rng.normal(size=4), rng.uniform(size=2)
    before = {(row.name, row.layer): row.left for row in net.equations(x, y).rows}
    net.weights[1][0, 0] += 0.1
    after = {(row.name, row.layer): row.right for row in net.equations(x, y).rows}
    assert np.abs(before["BP2", 1] - after["BP2", 1]).max() > 1e-4


def test_the_matrix_form_lists_the_whole_product_and_its_matrices_multiply_to_delta(rng):
    net = NETWORKS["sigmoid"]
    x, y = (rows[0] for rows in data(net, rng, 1))
    first_layer = next(row for row in net.equations(x, y, form="matrix").rows if row.symbol == "δ^1")
    assert first_layer.whole == "δ^1 = Σ'(z^1) (W^2)^T Σ'(z^2) (W^3)^T Σ'(z^3) ∇_a C"
    assert [name for name, _ in first_layer.product] == ["Σ'(z^1)", "(W^2)^T", "Σ'(z^2)", "(W^3)^T", "Σ'(z^3)", "∇_a C"]
    assert np.count_nonzero(first_layer.product[0][1]) == 5  # a diagonal of 5 × 5
    product = np.linalg.multi_dot([value for _, value in first_layer.product])
    hadamard = next(row for row in net.equations(x, y).rows if row.symbol == "δ^1")
    np.testing.assert_allclose(product, hadamard.right, rtol=1e-12)


def test_softmax_has_a_full_jacobian_and_the_note_says_so(rng):
    net = NETWORKS["softmax"]
    x, y = (rows[0] for rows in data(net, rng, 1))
    found = net.equations(x, y)
    assert "activation of layer 3 is not elementwise" in found.note
    assert found.rows[0].whole == "δ^3 = Σ'(z^3) ∇_a C"
    assert found.rows[0].components == "δ^3_j = Σ_i ∂a^3_i/∂z^3_j ∂C/∂a^3_i"
    a = net.predict(x)
    np.testing.assert_allclose(found.rows[0].right, a - y, atol=1e-12)
    jacobian = net.equations(x, y, form="matrix").rows[0].product[0][1]
    np.testing.assert_allclose(jacobian, np.diag(a) - np.outer(a, a), atol=1e-12)
    assert "not elementwise" not in NETWORKS["sigmoid"].equations(x, y[:2]).note


def test_a_saturated_output_is_explained_from_z_where_the_logarithm_of_a_would_be_infinite():
    net = wg.Network([1, 1], "sigmoid", "cross_entropy", dtype="float64")
    net.weights[0][...], net.biases[0][...] = 50.0, 0.0
    why = net.explain_weight(1, 0, 0, [1.0], [0.0])
    assert why.value == pytest.approx(1.0, rel=1e-12)


def test_the_text_fits_a_terminal_and_the_data_is_json(rng):
    net = NETWORKS["mixed"]
    X, Y = data(net, rng, 6)
    for found in (net.equations(X, Y), net.equations(X[0], Y[0], form="matrix")):
        assert max(map(len, str(found).splitlines())) <= 80
        assert "largest difference" in str(found)
        assert found.latex().count("&=") == len(found.rows)
        assert json.loads(json.dumps(found.to_dict()))["max_difference"] == found.max_difference


def test_an_unknown_form_is_refused():
    with pytest.raises(ArgumentError, match="hadamard"):
        NETWORKS["sigmoid"].equations(np.zeros(4), np.zeros(2), form="tensor")
