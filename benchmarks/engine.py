"""The price of a gradient: whygrad's eager engine beside autograd, and beside the function itself, on the same code."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

import whygrad as wg
from benchmarks.timing import medians, table


def network(xp: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """784-30-10, sigmoid, squared error, a batch of 10, float64."""
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(size=(10, 784)), np.eye(10)
    params = (rng.normal(size=(784, 30)) / 28, np.zeros(30), rng.normal(size=(30, 10)) / 5, np.zeros(10))

    def cost(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        a1 = 1 / (1 + xp.exp(-(xp.dot(X, W1) + b1)))
        a2 = 1 / (1 + xp.exp(-(xp.dot(a1, W2) + b2)))
        return xp.sum((a2 - Y) ** 2)

    return cost, params


def scalar_loop(xp: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """1,000 operations on one number."""

    def cost(x: Any) -> Any:
        for _ in range(250):
            x = xp.sin(x) * 1.01 + 0.01 / x
        return x

    return cost, (0.5,)


WORKLOADS = {"784-30-10, batch 10": network, "1,000 operations on one number": scalar_loop}


def run() -> str:
    """The table of all workloads."""
    return "\n\n".join(table(f"gradient of {name}", times(workload)) for name, workload in WORKLOADS.items())


def times(workload: Callable[[Any], tuple[Callable[..., Any], tuple[Any, ...]]]) -> dict[str, float]:
    """Seconds for whygrad's gradient, autograd's where it is installed, and the function alone."""
    cost, args = workload(np)
    everything = tuple(range(len(args)))
    gradient = wg.value_and_grad(cost, everything)
    contestants: dict[str, Callable[[], object]] = {"whygrad": lambda: gradient(*args)}
    if importlib.util.find_spec("autograd"):
        import autograd
        import autograd.numpy

        theirs = autograd.value_and_grad(workload(autograd.numpy)[0], everything)
        for g, h in zip(gradient(*args)[1], theirs(*args)[1], strict=True):
            np.testing.assert_allclose(g, h)
        contestants["autograd"] = lambda: theirs(*args)
    contestants["the function alone"] = lambda: cost(*args)
    return medians(contestants)
