"""How long an explanation takes: a first-layer weight of 784-512-512-10, and a chain of 100 layers."""

from __future__ import annotations

from typing import Any

import numpy as np

import whygrad as wg
from benchmarks.timing import medians, table


def run() -> str:
    """The table."""
    return table("an explanation: paths counted, the 20 strongest, cancellation", times(), ours="784-512-512-10")


def times(rounds: int = 5) -> dict[str, float]:
    """Seconds for a weight of the large network, with everything asked of its paths, and for the chain as text."""
    rng = np.random.default_rng(0)
    net = wg.Network([784, 512, 512, 10], "sigmoid", "half_squared_error")
    x, y = rng.uniform(size=784), np.eye(10)[3]

    def network() -> object:
        why = net.explain_weight(1, 3, 400, x, y)
        return why.path_count, why.paths(20), why.cancellation, why.coverage_of(20)

    return medians({"784-512-512-10": network, "100 layers, as text": lambda: str(wg.explain(chain, 0.4))}, rounds)


def chain(x: Any) -> Any:
    """A hundred sigmoids, one after the other."""
    h = x
    for _ in range(100):
        h = wg.sigmoid(1.5 * h - 0.3)
    return h
