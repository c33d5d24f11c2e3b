"""Explanations of several kinds of program, for the tests of everything that shows them."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

import whygrad as wg
from whygrad.explain.explanation import Explanation


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def neuron_cost(w, b, a0, y):
    z = w * a0 + b
    a = wg.sigmoid(z)
    C = (a - y) ** 2
    return C


def golden_cost(W1, b1, W2, b2, x, y):
    z1 = W1 @ x + b1
    a1 = wg.sigmoid(z1)
    z2 = W2 @ a1 + b2
    a2 = wg.sigmoid(z2)
    C = np.sum((a2 - y) ** 2)
    return C


GOLDEN = tuple(
    np.array(numbers, float)
    for numbers in (
        [[0.5, -1], [1.5, 0.25]], [0.1, -0.2], [[2, -0.5], [-1, 1]], [0, 0.3], [1, 0.5], [1, 0],
    )
)  # fmt: skip


def deep_cost(ws, a, y):
    for w in ws:
        z = w * a
        a = sigmoid(z)
    C = (a - y) ** 2
    return C


def loop_cost(x, rate):
    total = 0.0
    for _ in range(5):
        x = x - rate * np.cos(x)
        total = total + x**2
    return total


def batch_cost(w, b, X, y):
    z = X @ w + b
    a = wg.sigmoid(z)
    loss = np.mean((a - y) ** 2)
    return loss


def softmax_cost(params, X, labels):
    hidden = np.tanh(X @ params["W1"] + params["b1"])
    logits = hidden @ params["W2"] + params["b2"]
    loss = -np.mean(wg.log_softmax(logits)[np.arange(len(labels)), labels])
    return loss


def neuron() -> Explanation:
    return wg.explain(neuron_cost, 1.5, -0.4, 0.6, 1.0, wrt="w")


def golden() -> Explanation:
    return wg.explain(golden_cost, *GOLDEN, wrt=("W1", (0, 0)))


def array() -> Explanation:
    return wg.explain(golden_cost, *GOLDEN, wrt="W1")


def deep(layers: int = 100) -> Explanation:
    return wg.explain(deep_cost, [2.0 + 0.01 * i for i in range(layers)], 0.6, 1.0, wrt="ws[0]")


def loop() -> Explanation:
    return wg.explain(loop_cost, 1.0, 0.1, wrt="rate")


def batch() -> Explanation:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), (rng.random(20) > 0.5).astype(float)
    return wg.explain(batch_cost, np.array([0.5, -1, 2]), 0.1, X, y, wrt=("w", 1))


def softmax() -> Explanation:
    rng = np.random.default_rng(0)
    params = {"W1": rng.normal(size=(4, 5)), "b1": np.zeros(5), "W2": rng.normal(size=(5, 3)), "b2": np.zeros(3)}
    return wg.explain(softmax_cost, params, rng.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2]), wrt=("W1", (0, 0)))


def not_a_number() -> Explanation:
    return wg.explain(neuron_cost, 1.5, -0.4, 0.6, float("nan"), wrt="w")


def zero() -> Explanation:
    def cost(w, x):
        z = w * x
        a = wg.relu(z)
        C = (a - 1.0) ** 2
        return C

    return wg.explain(cost, -1.0, 2.0, wrt="w")


def without_a_path() -> Explanation:
    def cost(w, x):
        return x * x + 0.0 * wg.stop_gradient(w)

    return wg.explain(cost, -1.0, 2.0, wrt="w")


HOSTILE = "<script>alert('&')</script>"


def hidden_neuron() -> Explanation:
    net = wg.Network([2, 12, 2], seed=0, dtype="float64")
    return net.explain_weight(1, 11, 0, [1.0, 0.5], [1.0, 0.0])


def hostile() -> Explanation:
    """A function, a file, a line of code and an argument that are called like a piece of HTML."""
    code = f"def cost(params):\n    a = params[{HOSTILE!r}] * 2.0\n    return a * a\n"
    room: dict[str, Callable[..., object]] = {}
    exec(compile(code, f"/somewhere/{HOSTILE}.py", "exec"), room)
    cost = room["cost"]
    cost.__name__ = HOSTILE
    return wg.explain(cost, {HOSTILE: 3.0}, wrt=f"params[{HOSTILE!r}]")


MAKERS = (neuron, golden, array, deep, loop, batch, softmax, not_a_number, zero, without_a_path, hidden_neuron, hostile)


@functools.cache
def everything() -> dict[str, Explanation]:
    """Every example by name, made once."""
    return {make.__name__: make() for make in MAKERS}
