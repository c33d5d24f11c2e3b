"""Functions beyond networks: Rosenbrock's valley, a portfolio of options, and products with a Hessian."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads.base import Arrays, Objective, Workload


def rosenbrock(xp: Any) -> Any:
    """``Σ 100 (x_{i+1} - x_i²)² + (1 - x_i)²``."""

    def valley(x: Any) -> Any:
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return valley


def black_scholes(xp: Any, *, erf: Any) -> Any:
    """What a portfolio of European calls is worth; its gradient holds every delta, vega, rho and theta.

    F. Black, M. Scholes, "The pricing of options and corporate liabilities", 1973.
    """

    def normal(z: Any) -> Any:
        return 0.5 * (1.0 + erf(z * 0.7071067811865476))

    def worth(spot: Any, volatility: Any, rate: Any, time: Any, strike: Any, amount: Any) -> Any:
        deviation = volatility * xp.sqrt(time)
        d1 = (xp.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / deviation
        call = spot * normal(d1) - strike * xp.exp(-rate * time) * normal(d1 - deviation)
        return xp.sum(amount * call)

    return worth


def _valley_at(n: int) -> Any:
    def inputs(data: Path) -> tuple[Arrays, dict[str, Any]]:
        return (np.random.default_rng(0).uniform(-1.5, 1.5, n),), {}

    return inputs


def _portfolio(data: Path) -> tuple[Arrays, dict[str, Any]]:
    rng, n = np.random.default_rng(0), 200_000
    ranges = ((80, 120), (0.1, 0.5), (0.0, 0.05), (0.2, 2.0), (80, 120), (-1, 1))
    return tuple(rng.uniform(low, high, n) for low, high in ranges), {}


_ALL = ("whygrad native", "whygrad numpy", "whygrad eager", "NumPy by hand", "autograd", "PyTorch eager",
        "PyTorch compile", "JAX jit")

WORKLOADS = (
    Workload("rosenbrock", "Rosenbrock, 1,000,000 variables", Objective(rosenbrock, _valley_at(1_000_000), 1), _ALL),
    Workload("black-scholes", "Black-Scholes, 200,000 options and their greeks",
             Objective(black_scholes, _portfolio, 4), _ALL),
    Workload("hessian-vector", "Hessian times a vector, Rosenbrock of 100,000 variables",
             Objective(rosenbrock, _valley_at(100_000), 1, second_order=True, tolerance=1e-3), _ALL),
)
