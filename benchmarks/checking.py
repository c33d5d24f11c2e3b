"""Numbers before seconds: every result is compared with NumPy's, gradients with differences of the plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import numpy_by_hand
from benchmarks.peers.contract import Calls, Trainer
from benchmarks.workloads import training
from benchmarks.workloads.base import Arrays, Network, Objective

STEPS, FEW = 5, 2  # of a checked training, and of one with more than 10⁹ operations a step
ALLOWED = 0.01  # of the weights' change in a few float32 steps


class WrongNumbersError(Exception):
    """A peer computed something else than the reference."""


def directions(args: Arrays, wanted: int) -> Arrays:
    """A random direction per differentiated input."""
    rng = np.random.default_rng(7)
    return tuple(rng.standard_normal(a.shape).astype(a.dtype) for a in args[:wanted])


def check_trainer(network: Network, build: Callable[[np.ndarray, np.ndarray], Trainer], parameters: list[Any]) -> None:
    """A few steps on a single batch (in any order the same) move the weights as the reference in float64 does."""
    X, Y = training.examples(network, 1)
    trainer = build(X, Y)
    steps = FEW if network.operations > 1e9 else STEPS
    trainer.run(steps)
    double = [(W.astype(float), b.astype(float)) for W, b in parameters]
    reference = numpy_by_hand.Trainer(network, X.astype(float), Y.astype(float), double)
    reference.run(steps)
    for layer, (found, right, first) in enumerate(zip(trainer.weights(), reference.weights(), double, strict=True), 1):
        for name, a, b, c in zip("Wb", found, right, first, strict=True):
            error = np.linalg.norm(a - b) / max(np.linalg.norm(b - c), 1e-5 * np.linalg.norm(b))
            if not error < ALLOWED:
                raise WrongNumbersError(f"after {steps} steps {name}^{layer} is off by {error:.1%} of its change")


def check_calls(objective: Objective, args: Arrays, constants: dict[str, Any], direction: Arrays, found: Calls) -> None:
    """Value and gradient, or the Hessian's product, of every peer against differences of the plain function."""
    f = numpy_by_hand.plain(objective, constants)
    doubles = [np.asarray(a, float) for a in args]
    if "hessian" in found.calls:
        across = directions(tuple(np.flip(a) for a in args), objective.wanted)[0][::-1]
        (product,) = found.numbers(found.calls["hessian"]())
        _same("u·Hv", float(np.vdot(across, product)), twice(f, doubles[0], across, direction[0]),
              objective.tolerance * float(np.linalg.norm(product)))
        return
    value, gradient = found.numbers(found.calls["gradient"]())
    right = float(f(*doubles))
    _same("the value", value, right, objective.tolerance * abs(right))
    if "value" in found.calls:
        _same("the value alone", float(found.calls["value"]()), right, objective.tolerance * abs(right))
    along = sum(float(np.vdot(np.asarray(g, float), v)) for g, v in zip(gradient, direction, strict=True))
    length = float(np.sqrt(sum(np.sum(np.square(np.asarray(g, float))) for g in gradient)))
    _same("the gradient along a direction", along, once(f, doubles, direction), objective.tolerance * length)


def once(f: Callable[..., Any], args: list[np.ndarray], direction: Arrays, h: float = 1e-4) -> float:
    """The slope along a direction: central differences at h and h/2, extrapolated."""
    def difference(step: float) -> float:
        def at(t: float) -> float:
            moved = [a + t * v for a, v in zip(args, direction, strict=False)]
            return float(f(*moved, *args[len(direction) :]))

        return (at(step) - at(-step)) / (2 * step)

    return (4 * difference(h / 2) - difference(h)) / 3


def twice(f: Callable[..., Any], x: np.ndarray, u: np.ndarray, v: np.ndarray, h: float = 1e-3) -> float:
    """``u·Hv`` from four values."""
    return float(f(x + h * (u + v)) - f(x + h * (u - v)) - f(x - h * (u - v)) + f(x - h * (u + v))) / (4 * h * h)


def _same(what: str, found: float, right: float, allowed: float) -> None:
    if not abs(found - right) <= allowed:
        raise WrongNumbersError(f"{what} is {found:.10g}, NumPy says {right:.10g}")
