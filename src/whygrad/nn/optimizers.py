"""Optimizers: what to add to the parameters, given the gradient. Each is two pure functions, in the manner of optax.

``init(parameters) -> state``, and ``update(gradients, state, parameters, rate) -> (changes, state)``; parameters,
gradients and changes are lists of arrays. The state is a NamedTuple of such lists, and of arrays.

``update`` may be compiled: it is called once, on traced values, and looks at no number (np.where, not ``if``). Factors
such as the rate are computed in float64 and take the precision of what they multiply: ``rate.astype(g.dtype) * g``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, public
from whygrad.nn.choose import choose
from whygrad.nn.validation import number
from whygrad.rules.define import Value

Arrays = list[NDArray[Any]]


class Optimizer(NamedTuple):
    """A way to descend. ``usual_rate``: the learning rate when none is given."""

    name: str
    init: Callable[[Arrays], Any]
    update: Callable[[Arrays, Any, Arrays, Value], tuple[Arrays, Any]]
    usual_rate: float


class Nothing(NamedTuple):
    """The state of an optimizer that remembers nothing."""


class Velocity(NamedTuple):
    """The running sum of gradients."""

    velocity: Arrays


class Squares(NamedTuple):
    """Running sums, or averages, of squared gradients."""

    squares: Arrays


class Moments(NamedTuple):
    """Running averages of gradients and of their squares, and how many steps went into them."""

    mean: Arrays
    squares: Arrays
    steps: NDArray[np.float64]


def _zeros(parameters: Arrays) -> Arrays:
    return [np.zeros_like(p) for p in parameters]


def _times(factor: Value, array: Value) -> Value:
    """A number times an array, in the array's precision: NumPy's float64 numbers would widen a float32 array."""
    return (np.float64(factor) if isinstance(factor, float) else factor).astype(array.dtype) * array


@public
def sgd() -> Optimizer:
    """``Δθ = -rate g``: Nielsen's update rule."""

    def update(gradients: Arrays, state: Nothing, parameters: Arrays, rate: Value) -> tuple[Arrays, Nothing]:
        return [_times(-rate, g) for g in gradients], state

    return Optimizer("sgd", lambda parameters: Nothing(), update, 0.5)


@public
def momentum(momentum: float = 0.9) -> Optimizer:
    """``v ← μ v + g``, ``Δθ = -rate v`` (Polyak 1964, as PyTorch writes it)."""
    mu = number("momentum", momentum, least=0, below=1)

    def update(gradients: Arrays, state: Velocity, parameters: Arrays, rate: Value) -> tuple[Arrays, Velocity]:
        velocity = [mu * v + g for v, g in zip(state.velocity, gradients, strict=True)]
        return [_times(-rate, v) for v in velocity], Velocity(velocity)

    return Optimizer("momentum", lambda parameters: Velocity(_zeros(parameters)), update, 0.1)


@public
def nesterov(momentum: float = 0.9) -> Optimizer:
    """``v ← μ v + g``, ``Δθ = -rate (g + μ v)`` (Nesterov 1983, in the form of Sutskever et al. 2013)."""
    mu = number("momentum", momentum, least=0, below=1)

    def update(gradients: Arrays, state: Velocity, parameters: Arrays, rate: Value) -> tuple[Arrays, Velocity]:
        velocity = [mu * v + g for v, g in zip(state.velocity, gradients, strict=True)]
        return [_times(-rate, g + mu * v) for v, g in zip(velocity, gradients, strict=True)], Velocity(velocity)

    return Optimizer("nesterov", lambda parameters: Velocity(_zeros(parameters)), update, 0.1)


@public
def adam(beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Optimizer:
    """``m ← β₁ m + (1-β₁) g``, ``s ← β₂ s + (1-β₂) g²``, ``Δθ = -rate m̂ / (√ŝ + ε)`` (Kingma and Ba 2015).

    m̂ and ŝ are m and s divided by 1 - βᵗ, which undoes their start at 0.
    """
    return _adam("adam", beta1, beta2, epsilon, 0.0)


@public
def adamw(beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, decay: float = 0.01) -> Optimizer:
    """Adam, and beside it ``Δθ = -rate · decay · θ`` (Loshchilov and Hutter 2019)."""
    return _adam("adamw", beta1, beta2, epsilon, number("decay", decay, least=0))


def _adam(name: str, beta1: float, beta2: float, epsilon: float, decay: float) -> Optimizer:
    b1, b2 = number("beta1", beta1, least=0, below=1), number("beta2", beta2, least=0, below=1)
    e = number("epsilon", epsilon, above=0)

    def update(gradients: Arrays, state: Moments, parameters: Arrays, rate: Value) -> tuple[Arrays, Moments]:
        steps = state.steps + 1.0
        mean = [b1 * m + (1 - b1) * g for m, g in zip(state.mean, gradients, strict=True)]
        squares = [b2 * s + (1 - b2) * (g * g) for s, g in zip(state.squares, gradients, strict=True)]
        first, second = 1 - b1**steps, 1 - b2**steps
        changes = [_times(-rate / first, m) / (np.sqrt(s / second.astype(s.dtype)) + e)
                   for m, s in zip(mean, squares, strict=True)]
        if decay:
            changes = [c - _times(rate * decay, p) for c, p in zip(changes, parameters, strict=True)]
        return changes, Moments(mean, squares, steps)

    def init(parameters: Arrays) -> Moments:
        return Moments(_zeros(parameters), _zeros(parameters), np.zeros(()))

    return Optimizer(name, init, update, 0.001)


@public
def rmsprop(decay: float = 0.99, epsilon: float = 1e-8) -> Optimizer:
    """``s ← ρ s + (1-ρ) g²``, ``Δθ = -rate g / (√s + ε)`` (Hinton's lecture 6e, 2012, as PyTorch writes it)."""
    rho, e = number("decay", decay, least=0, below=1), number("epsilon", epsilon, above=0)

    def update(gradients: Arrays, state: Squares, parameters: Arrays, rate: Value) -> tuple[Arrays, Squares]:
        squares = [rho * s + (1 - rho) * (g * g) for s, g in zip(state.squares, gradients, strict=True)]
        return [_times(-rate, g) / (np.sqrt(s) + e) for s, g in zip(squares, gradients, strict=True)], Squares(squares)

    return Optimizer("rmsprop", lambda parameters: Squares(_zeros(parameters)), update, 0.001)


@public
def adagrad(epsilon: float = 1e-10) -> Optimizer:
    """``s ← s + g²``, ``Δθ = -rate g / (√s + ε)`` (Duchi, Hazan and Singer 2011)."""
    e = number("epsilon", epsilon, above=0)

    def update(gradients: Arrays, state: Squares, parameters: Arrays, rate: Value) -> tuple[Arrays, Squares]:
        squares = [s + g * g for s, g in zip(state.squares, gradients, strict=True)]
        return [_times(-rate, g) / (np.sqrt(s) + e) for s, g in zip(squares, gradients, strict=True)], Squares(squares)

    return Optimizer("adagrad", lambda parameters: Squares(_zeros(parameters)), update, 0.01)


OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def optimizer(given: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its usual settings, or the one given."""
    if isinstance(given, Optimizer):
        return given
    if callable(given):
        raise ArgumentError(f"optimizer={getattr(given, '__name__', given)} is a function that makes one",
                            try_="call it: optimizer=adam()")
    return choose("optimizer", given, OPTIMIZERS)()
