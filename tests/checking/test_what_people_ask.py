"""Questions people really asked about their own backpropagation, asked again; the answer's text is checked."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_my_own_formula_gives_another_number_than_the_framework_exactly_where_does_it_go_wrong():
    """Mean squared error and relu by hand: somewhere the gradient became 1/n of what it is, and relu was forgotten."""
    rng = np.random.default_rng(0)
    x, w1, b1, w2, b2, target = (rng.normal(size=s) for s in ((50, 4), (4, 6), (6,), (6, 1), (1,), (50, 1)))

    def model(x, w1, b1, w2, b2, target):
        l1 = x @ w1 + b1
        l2 = np.maximum(l1, 0.0)
        out = l2 @ w2 + b2
        return np.mean((out - target) ** 2)

    def mine(x, w1, b1, w2, b2, target):
        l1 = x @ w1 + b1
        l2 = np.maximum(l1, 0.0)
        out = l2 @ w2 + b2
        d_out = 2 * (out - target) / len(x)
        d_l2 = d_out @ w2.T
        d_l1 = d_l2  # relu's slope forgotten
        above = {"out": d_out, "w2": l2.T @ d_out, "b2": d_out.sum(0), "l2": d_l2}
        return above | {"l1": d_l1, "w1": x.T @ d_l1, "b1": d_l1.sum(0)}

    verdict = wg.check_derivation(model, x, w1, b1, w2, b2, target, mine=mine)
    assert verdict.sentence == (
        "The first wrong step is ∂C/∂l1. The factor ∂l2/∂l1 is missing from ∂C/∂l1. "
        "b1 and w1 carry the error on, with no new mistake."
    )
    assert [verdict[name].verdict for name in ("w2", "b2", "l2")].count("wrong") == 0


def test_not_exact_is_it_rounding_or_a_mistake_and_which_step_was_the_first():
    """A comparison that only says 'not exact' can tell neither; errors contaminate everything after them."""
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(32, 27)).astype(np.float32), rng.integers(0, 27, 32)
    onehot = np.eye(27, dtype=np.float32)[labels]

    def cross_entropy(logits, onehot):
        counts = np.exp(logits)
        counts_sum = np.sum(counts, axis=1, keepdims=True)
        probs = counts / counts_sum
        logprobs = np.log(probs)
        return -np.sum(onehot * logprobs) / 32

    def mine(logits, onehot, factor=1):
        counts = np.exp(logits)
        total = counts.sum(1, keepdims=True)
        probs = counts / total
        d_logprobs = -onehot / 32
        d_probs = np.float32(factor) * d_logprobs / probs
        d_sum = (-counts / total**2 * d_probs).sum(1, keepdims=True)
        d_counts = d_probs / total + d_sum
        return {
            "logprobs": d_logprobs,
            "probs": d_probs,
            "counts_sum": d_sum,
            "counts": d_counts,
            "logits": d_counts * counts,
        }

    right = wg.check_derivation(cross_entropy, logits, onehot, mine=mine)
    assert right.right
    assert "but for rounding in float32" in right.sentence
    assert {right[name].verdict for name in ("counts", "logits")} == {"rounding"}
    assert right["logits"].judged.ulps < 100

    wrong = wg.check_derivation(cross_entropy, logits, onehot, mine=lambda *a: mine(*a, factor=-1))
    assert wrong.sentence.startswith("The first wrong step is ∂C/∂probs. The sign of ∂C/∂probs is wrong.")
    assert "counts_sum, counts and logits carry the error on, with no new mistake." in wrong.sentence


def test_forgot_to_multiply_by_the_incoming_gradient():
    """A custom backward that returns the local derivative alone looks right until something stands above it."""

    def cost(x, scale):
        y = np.exp(x)
        return np.sum(scale * y)

    x, scale = np.array([0.1, 0.5, -0.3]), np.array([2.0, 3.0, 4.0])
    verdict = wg.check_derivation(cost, x, scale, mine={"y": scale, "x": np.exp(x)})
    assert "What arrives at y, ∂C/∂y, was forgotten: only the local derivative is left in ∂C/∂x." in verdict.sentence
    assert verdict.first_wrong.corrected.formula == "∂C/∂y·y"


def test_delta_2_is_25_and_a_1_is_400_how_do_i_multiply_them():
    rng = np.random.default_rng(2)
    theta1, a_1, y = rng.normal(size=(25, 400)) / 20, rng.normal(size=400), rng.normal(size=25)

    def cost(theta1, a_1, y):
        z_2 = theta1 @ a_1
        a_2 = sigmoid(z_2)
        return np.sum((a_2 - y) ** 2)

    a_2 = sigmoid(theta1 @ a_1)
    delta_2 = 2 * (a_2 - y) * a_2 * (1 - a_2)
    the_wrong_way_round = np.outer(a_1, delta_2)
    verdict = wg.check_derivation(cost, theta1, a_1, y, mine={"delta_2": delta_2, "theta1": the_wrong_way_round})
    assert verdict["delta_2"].judged.passed
    assert "∂C/∂theta1 is transposed: its shape is (400, 25), and that of theta1 is (25, 400)." in verdict.sentence
    assert verdict.first_wrong.corrected.formula == "∂C/∂z_2[:, None]·a_1"  # a column of 25 times a row of 400


def test_where_does_the_transpose_come_from():
    """Shapes alone do not always tell: in a square layer the transposed weights fit as well."""
    rng = np.random.default_rng(3)
    W1, W2, x, y = (rng.normal(size=s) for s in ((3, 3), (3, 3), (3,), (3,)))

    def cost(W1, W2, x, y):
        h = np.tanh(W1 @ x)
        out = W2 @ h
        return np.sum((out - y) ** 2)

    d_out = 2 * (W2 @ np.tanh(W1 @ x) - y)
    verdict = wg.check_derivation(cost, W1, W2, x, y, mine={"out": d_out, "h": W2 @ d_out})
    assert "W2 is transposed in ∂C/∂h." in verdict.sentence
    assert verdict.first_wrong.corrected.formula == "W2.T @ ∂C/∂out"


@pytest.mark.parametrize("cost", ["squared", "cross-entropy"])
def test_why_did_sigma_prime_disappear(cost):
    """The output error is a - y with cross-entropy, and (a - y)·σ' with squared error: each is wrong with the other."""

    def squared(w, x, y):
        z = w * x
        a = sigmoid(z)
        return 0.5 * (a - y) ** 2

    def cross_entropy(w, x, y):
        z = w * x
        a = sigmoid(z)
        return -(y * np.log(a) + (1 - y) * np.log(1 - a))

    a = sigmoid(1.2)
    without, with_slope = a - 1.0, (a - 1.0) * a * (1 - a)
    if cost == "squared":
        assert wg.check_derivation(squared, 0.6, 2.0, 1.0, mine={"z": with_slope}).right
        verdict = wg.check_derivation(squared, 0.6, 2.0, 1.0, mine={"z": without})
        assert "The factor ∂a/∂z is missing from ∂C/∂z." in verdict.sentence
        assert verdict.first_wrong.corrected.formula.startswith("∂C/∂a·a·(1 - a)")
    else:
        assert wg.check_derivation(cross_entropy, 0.6, 2.0, 1.0, mine={"z": without}).right
        verdict = wg.check_derivation(cross_entropy, 0.6, 2.0, 1.0, mine={"z": with_slope})
        assert "∂C/∂z has the factor ∂a/∂z once too often." in verdict.sentence


def test_where_does_the_division_by_n_of_a_mini_batch_belong():
    network = wg.Network([3, 4, 2], cost="half_squared_error", dtype="float64", seed=5)
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(10, 3)), rng.uniform(size=(10, 2))

    def bp(network, X, Y, divided):
        (W1, W2), (b1, b2) = network.weights, network.biases
        a1 = sigmoid(X @ W1.T + b1)
        a2 = sigmoid(a1 @ W2.T + b2)
        delta2 = (a2 - Y) * a2 * (1 - a2)
        delta1 = delta2 @ W2 * a1 * (1 - a1)
        n = len(X) if divided else 1
        return {"delta2": delta2, "W2": delta2.T @ a1 / n, "b2": delta2.sum(0) / n, "delta1": delta1,
                "W1": delta1.T @ X / n, "b1": delta1.sum(0) / n}  # fmt: skip

    right = wg.check_derivation(network, X, Y, mine=lambda *given: bp(*given, divided=True))
    assert right.right
    assert "your δ are those of single examples, without the mean's 1/n" in right.note  # a convention, not a mistake
    wrong = wg.check_derivation(network, X, Y, mine=lambda *given: bp(*given, divided=False))
    assert "∂C/∂b^2 is not divided by n = 10." in wrong.sentence


def test_a_value_is_used_twice_and_the_recursion_into_its_children_gives_too_little():
    """a = 1; b = a + a; c = b + b: every use adds what arrives along it."""

    def cost(a):
        b = a + a
        c = b + b
        return c

    assert wg.check_derivation(cost, 1.0, mine={"b": 2.0, "a": 4.0}).right
    verdict = wg.check_derivation(cost, 1.0, mine={"b": 2.0, "a": 2.0})
    assert "only one of the 2 paths that add up in ∂c/∂a is there, the one through b" in verdict.sentence
    assert "∂c/∂a was overwritten by the last path, through b: += belongs where = stands" in verdict.sentence
    assert verdict.first_wrong.corrected.formula == "∂c/∂b + ∂c/∂b = 2 + 2"


def test_the_school_exercise_says_which_of_my_rounded_numbers_is_off():
    """Numbers worked out by hand to a few decimals are rounded, not wrong; the one that is wrong is named."""

    def neuron(a0, w, b, y):
        z = w * a0 + b
        a = sigmoid(z)
        return (a - y) ** 2

    right = wg.check_derivation(neuron, 0.6, 1.5, -0.4, 1.0, mine={"a": -0.755, "z": -0.177, "w": -0.106})
    assert right.sentence == "Right: all 3 steps are right, rounded by hand."
    wrong = wg.check_derivation(neuron, 0.6, 1.5, -0.4, 1.0, mine={"a": -0.755, "z": -0.177, "w": -0.266})
    assert "This is the derivative by a0, not by w." in wrong.sentence
