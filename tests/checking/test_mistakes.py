"""Every row of the table of mistakes: made by hand in plain NumPy, found, and said in the learner's own names."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.checking.mistakes import MISTAKES
from whygrad.checking.shapes import SHAPES

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
W1, b1, W2, b2 = (RNG.normal(size=shape) for shape in ((3, 3), (3,), (3, 3), (3,)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def network(W1, b1, W2, b2, X, Y):
    z1 = X @ W1.T + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2.T + b2
    a2 = np.tanh(z2)
    return np.mean(np.sum((a2 - Y) ** 2, axis=1))


def by_hand():
    """The right gradients of the network, written by hand, and the values on the way."""
    z1 = X @ W1.T + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2.T + b2
    a2 = np.tanh(z2)
    d = {"a2": 2 * (a2 - Y) / 5}
    d["z2"] = d["a2"] * (1 - a2**2)
    d["W2"], d["b2"], d["a1"] = d["z2"].T @ a1, d["z2"].sum(axis=0), d["z2"] @ W2
    d["z1"] = d["a1"] * a1 * (1 - a1)
    d["W1"], d["b1"] = d["z1"].T @ X, d["z1"].sum(axis=0)
    return d, z1, a1, z2, a2


D, z1, a1, z2, a2 = by_hand()

# the mistake -> (the value it is made at, what the learner gets, words that must be in the sentence)
IN_A_NETWORK = {
    "sign": ("a2", -D["a2"], "the sign of ∂C/∂a2 is wrong"),
    "missing-2": ("a2", (a2 - Y) / 5, "a factor 2 is missing from ∂C/∂a2"),
    "doubled-2": ("W2", 2 * D["W2"], "∂C/∂W2 has a factor 2 too many"),
    "missing-1/n": ("a2", 2 * (a2 - Y), "∂C/∂a2 is not divided by n = 5"),
    "doubled-1/n": ("a2", 2 * (a2 - Y) / 25, "∂C/∂a2 is divided by n = 5 once too often"),
    "mean-for-sum": ("b2", D["z2"].mean(axis=0), "∂C/∂b2 is a sum over 5 numbers, and their mean was taken"),
    "transposed": ("W2", a1.T @ D["z2"], "∂C/∂W2 is transposed"),
    "missing-sum": ("b2", D["z2"][0], "the sum over z2 is missing from ∂C/∂b2: only number 0 of 5 is in it"),
    "missing-factor": ("z2", D["a2"], "the factor ∂a2/∂z2 is missing from ∂C/∂z2"),
    "factor-twice": ("z2", D["a2"] * (1 - a2**2) ** 2, "∂C/∂z2 has the factor ∂a2/∂z2 once too often"),
    "incoming-forgotten": ("z2", 1 - a2**2, "what arrives at a2, ∂C/∂a2, was forgotten"),
    "extra-factor": ("z1", D["z1"] * X, "∂C/∂z1 has the factor X too many"),
    "pre-activation": ("W2", D["z2"].T @ z1, "z1 stands in ∂C/∂W2 where its activation a1 belongs"),
    "slope-at-wrong-point": ("z2", D["a2"] * (1 - np.tanh(a2) ** 2), "was taken at a2, not at z2"),
    "slope-of-wrong-function": ("z2", D["a2"] * a2 * (1 - a2), "the slope in ∂C/∂z2 is that of sigmoid"),
    "function-for-slope": ("z2", D["a2"] * a2, "a2 itself stands in ∂C/∂z2 where its slope ∂a2/∂z2 belongs"),
    "factor-transposed": ("a1", D["z2"] @ W2.T, "W2 is transposed in ∂C/∂a1"),
    "wrong-layer": ("W2", D["z2"].T @ X, "X stands in ∂C/∂W2 where a1 belongs"),
    "extra-axis": ("b2", D["z2"].sum(axis=0, keepdims=True), "has the right numbers in shape (1, 3)"),
    "broadcast-not-undone": ("b2", D["z2"], "a value that was copied answers for all its copies"),
    "wrong-shape": ("b2", np.zeros(7), "∂C/∂b2 has shape (7,); a gradient has the shape of its value, and b2 has (3,)"),
}


def paths(x, y):
    u = np.sin(x)
    v = x * y
    s = u * v + x
    return s**3


def wide(W, x):
    z = W @ x
    return np.sum(z**2)


def activation_in_the_way(x, w):
    z = w * x
    a = np.tanh(z)
    return z * a + 0 * a


def softmax_cost(z, y):
    p = np.exp(z) / np.sum(np.exp(z))
    return -np.sum(y * np.log(p))


P = np.exp([0.5, -1.0, 0.2]) / np.sum(np.exp([0.5, -1.0, 0.2]))
ONE_HOT = np.array([0.0, 0.0, 1.0])
U, V, S = np.sin(0.7), 0.7 * 1.3, np.sin(0.7) * 0.7 * 1.3 + 0.7
OTHERS = {
    "one-path": (paths, (0.7, 1.3), {"s": 3 * S**2, "x": 3 * S**2 * V * np.cos(0.7)}, "through u"),
    "overwritten": (paths, (0.7, 1.3), {"s": 3 * S**2, "x": 3 * S**2 * V * np.cos(0.7)}, "+= belongs where = stands"),
    "missing-path": (
        paths,
        (0.7, 1.3),
        {"s": 3 * S**2, "x": 3 * S**2 * (V * np.cos(0.7) + U * 1.3)},
        "the path through s is missing from ∂C/∂x",
    ),
    "path-sign": (
        paths,
        (0.7, 1.3),
        {"s": 3 * S**2, "x": 3 * S**2 * (V * np.cos(0.7) - U * 1.3 + 1)},
        "the path through v has the wrong sign in ∂C/∂x",
    ),
    "power-rule": (paths, (0.7, 1.3), {"s": S**2}, "the exponent did not come down as a factor in ∂C/∂s"),
    "wrong-value": (paths, (0.7, 1.3), {"s": 3 * S**2, "v": 3 * S**2 * V}, "this is the derivative by u, not by v"),
    "diagonal-only": (
        softmax_cost,
        (np.array([0.5, -1.0, 0.2]), ONE_HOT),
        {"p": -ONE_HOT / P, "z": -ONE_HOT / P * P * (1 - P)},
        "only the diagonal of ∂p/∂z is in ∂C/∂z: each number of p moves with all of z",
    ),
    "activation": (
        activation_in_the_way,
        (0.7, 1.3),
        {"a": np.tanh(0.91)},
        "a stands in ∂C/∂a where its pre-activation z belongs",
    ),
    "shape-transposed": (
        wide,
        (np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0, 2.0])),
        {"W": np.outer([1.0, -1.0, 2.0], 2 * (np.arange(6.0).reshape(2, 3) @ [1.0, -1.0, 2.0]))},
        "∂C/∂W is transposed: its shape is (3, 2), and that of W is (2, 3)",
    ),
}


def named_in(verdict):
    return [one.ids for one in verdict.first_wrong.mistakes]


@pytest.mark.parametrize("mistake", IN_A_NETWORK)
def test_a_mistake_in_a_network_is_found_and_said_in_the_learners_names(mistake):
    at, number, words = IN_A_NETWORK[mistake]
    verdict = wg.check_derivation(network, W1, b1, W2, b2, X, Y, mine=D | {at: number})
    assert verdict.first_wrong.name == at
    assert (mistake,) in named_in(verdict), verdict.sentence
    assert any(words in one.sentence for one in verdict.first_wrong.mistakes)


@pytest.mark.parametrize("mistake", OTHERS)
def test_a_mistake_where_paths_merge_or_shapes_differ_is_found(mistake):
    function, arguments, mine, words = OTHERS[mistake]
    verdict = wg.check_derivation(function, *arguments, mine=mine)
    assert (mistake,) in named_in(verdict), verdict.sentence
    assert any(words in one.sentence for one in verdict.first_wrong.mistakes)


def test_every_row_of_the_table_has_its_test():
    assert {*IN_A_NETWORK, *OTHERS} == {*MISTAKES, *SHAPES}


def test_a_number_that_no_mistake_gives_is_not_explained():
    verdict = wg.check_derivation(network, W1, b1, W2, b2, X, Y, mine=D | {"z2": D["z2"] * 0.731})
    assert verdict.first_wrong.name == "z2"
    assert verdict.first_wrong.mistakes == ()
    assert "none is guessed" in verdict.sentence
    assert verdict.first_wrong.corrected.formula == "∂C/∂a2·(1 - a2^2)"


def test_two_mistakes_in_one_step_are_both_named():
    verdict = wg.check_derivation(network, W1, b1, W2, b2, X, Y, mine=D | {"z2": -D["a2"]})
    assert set(named_in(verdict)[0]) == {"missing-factor", "sign"}


def test_two_mistakes_of_equal_simplicity_that_give_the_same_number_are_both_said():
    def cost(a, y):
        return np.mean((a - y) ** 2)

    a, y = np.array([1.0, 2.5]), np.array([0.3, 0.4])
    verdict = wg.check_derivation(cost, a, y, mine={"a": 2 * (a - y)})  # n = 2: 1/n forgotten, or a 2 too many
    assert {("missing-1/n",), ("doubled-2",)} == set(named_in(verdict))
    assert verdict.sentence.count("; or ") == 1


def test_a_mistake_in_a_step_that_is_not_shown_is_found_once_and_what_follows_carries_it_on():
    wrong = D["a2"]  # the slope of tanh forgotten in z2, which the learner does not show
    a1_ = wrong @ W2
    z1_ = a1_ * a1 * (1 - a1)
    mine = {"b2": wrong.sum(axis=0), "W2": wrong.T @ a1, "b1": z1_.sum(axis=0), "W1": z1_.T @ X}
    verdict = wg.check_derivation(network, W1, b1, W2, b2, X, Y, mine=mine)
    assert verdict.first_wrong.name == "b2"
    assert "The factor ∂a2/∂z2 is missing from ∂C/∂z2." in verdict.sentence
    assert [verdict[name].verdict for name in ("W2", "b1", "W1")] == ["carried forward"] * 3


def test_a_factor_lost_above_everything_shown_is_told_of_the_value_nearest_to_the_cost():
    mine = {name: D[name] / 2 for name in ("b2", "W2", "b1", "W1")}
    verdict = wg.check_derivation(network, W1, b1, W2, b2, X, Y, mine=mine)
    assert "A factor 2 is missing from ∂C/∂a2." in verdict.sentence
    assert [step.name for step in verdict.steps if step.verdict == "wrong"] == ["b2"]


def test_a_row_that_is_taken_twice_and_overwritten_instead_of_accumulated_is_found():
    def cost(E, rows):
        e = E[rows]
        return np.sum(e**2)

    E, rows = np.arange(6.0).reshape(3, 2), np.array([0, 2, 2])
    d_E = np.zeros_like(E)
    d_E[rows] = 2 * E[rows]
    verdict = wg.check_derivation(cost, E, rows, mine={"e": 2 * E[rows], "E": d_E})
    assert "+= belongs where = stands" in verdict.sentence


def test_a_number_of_few_digits_is_not_explained_by_chance():
    """Among thousands of possible mistakes in a long program, some give any three digits."""

    def recurrent(w, u, xs, y):
        h = 0.0 * w
        for x in xs:
            h = np.tanh(w * h + u * x)
        return (h - y) ** 2

    xs = list(np.random.default_rng(0).normal(size=20))
    verdict = wg.check_derivation(recurrent, 0.9, 0.3, xs, 0.2, mine={"w": 1.234})
    assert verdict.first_wrong.mistakes == ()


def test_a_large_networks_wrong_number_is_answered_in_seconds():
    import time

    network = wg.Network([784, 30, 10], seed=0)
    X, Y = RNG.uniform(size=(32, 784)), np.eye(10)[RNG.integers(0, 10, 32)]
    start = time.perf_counter()
    verdict = wg.check_derivation(network, X, Y, mine={"W1": np.ones((30, 784))})
    assert verdict.first_wrong.name == "W1"
    assert verdict.first_wrong.mistakes == ()
    assert time.perf_counter() - start < 30
