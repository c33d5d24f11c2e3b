"""Small networks and one step of their training, as a function that loops are made of, and in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import whygrad as wg


def shares(z: Any) -> Any:
    """Softmax of each row, whose sums pass from loop to loop."""
    return wg.softmax(z, axis=1)


def step(activation: Any, hidden: int, update: str) -> Any:
    """A step of gradient descent for a network with so many hidden layers."""

    def one(state: Any, batch: Any, extras: Any, rate: Any) -> Any:
        x, y = batch
        weights, kept = state

        def cost(*layers: Any) -> Any:
            a = x
            for W, b in layers[:-1]:
                a = activation(a @ W + b)
            W, b = layers[-1]
            return np.mean(np.sum((a @ W + b - y) ** 2, axis=1)) + (0.01 * np.sum(W**2) if update == "penalty" else 0.0)

        C, gradient = wg.value_and_grad(cost, tuple(range(hidden + 1)))(*weights)
        r = rate.astype(x.dtype)
        if update == "momentum":
            kept = tuple((0.9 * v - r * g, 0.9 * u - r * h) for (v, u), (g, h) in zip(kept, gradient, strict=True))
            new = tuple((W + v, b + u) for (W, b), (v, u) in zip(weights, kept, strict=True))
        else:
            new = tuple((W - r * g, b - r * h) for (W, b), (g, h) in zip(weights, gradient, strict=True))
        return (new, kept), C, {"b": gradient[0][1]}

    return one


def problem(sizes: Sequence[int], dtype: str, n: int = 23) -> Any:
    """Weights of every layer, with as many numbers for an optimizer, and n examples."""
    rng = np.random.default_rng(0)
    layers = [((a, b), (b,)) for a, b in pairwise(sizes)]
    weights = tuple(
        ((rng.normal(size=W) / W[0] ** 0.5).astype(dtype), rng.normal(size=b).astype(dtype)) for W, b in layers
    )
    data = rng.normal(size=(n, sizes[0])).astype(dtype), rng.normal(size=(n, sizes[-1])).astype(dtype)
    return (weights, tuple((0 * W, 0 * b) for W, b in weights)), data


def leaves(state: Any) -> list[np.ndarray]:
    """All arrays of a state."""
    return [x for part in state for pair in part for x in pair]


def in_plain_python(
    one: Any, state: Any, data: Any, order: np.ndarray, rate: float = 0.05
) -> tuple[Any, list[float], Any]:
    """The same steps, run by NumPy: the state after them, the costs, and what the statistics add up to."""
    costs, total = [], 0
    for rows in order:
        state, C, stats = one(state, tuple(x[rows] for x in data), (), np.float64(rate))
        costs.append(float(C))
        total = total + stats["b"]
    return state, costs, total


def assert_as_in_plain_python(
    loop: Any, one: Any, start: tuple[Any, Any], order: np.ndarray, rate: float, tolerance: float
) -> None:
    """A compiled loop finds the costs, statistics and state of the same steps in Python; ``start``: state and data."""
    costs, sums = loop.run(order, (), rate)
    wanted, prices, total = in_plain_python(one, *start, order, rate)
    np.testing.assert_allclose(costs, prices, rtol=tolerance)
    np.testing.assert_allclose(sums["b"], total, rtol=tolerance, atol=tolerance)
    for x, y in zip(leaves(loop.state), leaves(wanted), strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)
