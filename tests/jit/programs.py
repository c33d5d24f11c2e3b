"""Functions in plain NumPy that the tests of the compiler share, with arguments for each."""

from __future__ import annotations

from typing import Any

import numpy as np

import whygrad as wg

RNG = np.random.default_rng(7)


def neuron(w: Any, b: Any, x: Any) -> Any:
    return np.sum((wg.sigmoid(x * w + b) - 1.0) ** 2)


def network(p: Any, x: Any, y: Any) -> Any:
    a = np.tanh(x @ p["W1"].T + p["b1"])
    z = a @ p["W2"].T + p["b2"]
    return np.mean(-np.sum(y * wg.log_softmax(z), axis=1))


def choices(x: Any, y: Any) -> Any:
    z = np.sum(x * y, axis=1)
    return np.mean(np.where(z > 0, z, 2 * z) ** 2) + np.max(x[:, ::2]) - np.min(np.maximum(x, y))


def slices(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def pieces(x: Any, y: Any) -> Any:
    joined = np.concatenate([x, y[::-1]], axis=0)
    stacked = np.stack([x.T, y.T])
    return np.sum(joined**3) + np.sum(stacked[1] * stacked[0]) + np.sum(np.einsum("ij,kj->ik", x, y)) + joined[2, 1]


def recurrence(w: Any, u: Any, xs: Any) -> Any:
    h = np.zeros(len(w))
    total = 0.0
    for t in range(len(xs)):
        h = np.tanh(w @ h + u * xs[t])
        total = total + np.sum(h**2)
    return total / len(xs)


def images(x: Any, w: Any, b: Any) -> Any:
    seen = wg.max_pool2d(wg.relu(wg.conv2d(x, w, b, padding=1)), 2)
    return np.mean(seen**2)


def table_rows(table: Any, rows: Any) -> Any:
    return np.sum(np.exp(0.1 * table[rows]) * np.arange(1.0, 1.0 + len(rows))[:, None])


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


PARAMETERS = {"W1": normal(5, 3), "b1": normal(5), "W2": normal(4, 5), "b2": normal(4)}

EXAMPLES: dict[str, tuple[Any, tuple[Any, ...], Any]] = {  # name: (function, arguments, argnums)
    "neuron": (neuron, (1.5, -0.4, normal(6)), (0, 1)),
    "network": (network, (PARAMETERS, normal(7, 3), np.eye(4)[[0, 1, 2, 3, 0, 1, 2]]), 0),
    "choices": (choices, (normal(8, 6), normal(8, 6)), (0, 1)),
    "slices": (slices, (normal(50),), 0),
    "pieces": (pieces, (normal(3, 4), normal(3, 4)), (0, 1)),
    "recurrence": (recurrence, (0.3 * normal(3, 3), normal(3), normal(40)), (0, 1)),
    "images": (images, (normal(2, 3, 6, 6), normal(4, 3, 3, 3), normal(4)), (0, 1, 2)),
    "table_rows": (table_rows, (normal(6, 3), np.array([0, 5, -1, 2])), 0),
}
