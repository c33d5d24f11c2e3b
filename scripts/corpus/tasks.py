"""What networks of the corpus learn: digits, a regression and two rings of points; and changes of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import whygrad as wg

Floats = NDArray[np.floating[Any]]


class Data(NamedTuple):
    """What a network learns from, and unseen examples with true targets, which judge what it has learned."""

    X: Any
    Y: Any
    X_test: Any
    Y_test: Any


@functools.cache
def digits(n: int = 600, side: int = 14) -> Data:
    """Digits reduced from 28 × 28 to ``side`` × ``side`` pixels by averaging; 600 more judge what was learned."""
    all_digits = wg.datasets.digits()
    fold = 28 // side

    def reduced(images: Floats) -> Floats:
        return images.reshape(-1, side, fold, side, fold).mean(axis=(2, 4)).reshape(-1, side * side)

    return Data(reduced(all_digits.train_images[:n]), all_digits.train_labels[:n],
                reduced(all_digits.test_images[:600]), all_digits.test_labels[:600])


@functools.cache
def waves(n: int = 400) -> Data:
    """Regression: ``y = sin(3 x₀) + x₁²/2`` and ``y = x₀ x₁`` for x in (-1, 1)², with noise of 0.05."""
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (2 * n, 2))
    Y = np.stack([np.sin(3 * X[:, 0]) + X[:, 1] ** 2 / 2, X[:, 0] * X[:, 1]], axis=1)
    return Data(X[:n], Y[:n] + rng.normal(0, 0.05, (n, 2)), X[n:], Y[n:])


@functools.cache
def rings(n: int = 400) -> Data:
    """Two classes that no line separates: y is whether x lies within a ring; targets (n, 1)."""
    rng = np.random.default_rng(2)
    X = rng.normal(0, 1, (2 * n, 2))
    Y = (np.linalg.norm(X, axis=1) < 1.18).astype(float)[:, None]
    return Data(X[:n], Y[:n], X[n:], Y[n:])


def changed(base: Callable[[], Data], inputs: Callable[[Any], Any] | None = None,
            targets: Callable[[Any], Any] | None = None, *, tests_too: bool = True) -> Callable[[], Data]:
    """The same data with other inputs, or other targets. A change of the inputs is made at test time too."""

    @functools.cache
    def data() -> Data:
        given = base()
        X, X_test = (given.X, given.X_test) if inputs is None else (inputs(given.X), inputs(given.X_test))
        Y = given.Y if targets is None else targets(given.Y)
        Y_test = targets(given.Y_test) if targets is not None and tests_too else given.Y_test
        return Data(X, Y, X_test, Y_test)

    return data
