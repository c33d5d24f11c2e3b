"""What keeps a network from learning its examples by heart: L1, L2, dropout; and the clipping of large gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError
from whygrad.nn.validation import number
from whygrad.rules.define import Value

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Penalty:
    """``λ₂/(2n) Σ w² + λ₁/n Σ |w|`` over all weights, no biases; n is the number of training examples.

    Nielsen's convention (chapter 3): his ``lmbda`` is ``l2`` here. PyTorch's ``weight_decay`` is λ₂/n.
    """

    l1: float = 0.0
    l2: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.l1 or self.l2)

    def of(self, weights: Sequence[Value], n: int) -> Value:
        """The penalty, one number; the engine differentiates it with the cost."""
        total: Value = 0.0
        for W in weights:
            if self.l2:
                total = total + (self.l2 / (2 * n)) * np.sum(W**2)
            if self.l1:
                total = total + (self.l1 / n) * np.sum(np.abs(W))
        return total


def dropout_rates(given: float | Sequence[float], hidden: int) -> tuple[float, ...]:
    """The share of neurons to drop in each hidden layer: one for all, or one each; () for none."""
    rates = [given] * hidden if isinstance(given, (int, float)) else list(given)
    if len(rates) != hidden:
        raise ArgumentError(f"dropout has {len(rates)} number(s) for {hidden} hidden layer(s)",
                            try_="one number for all hidden layers, or one for each")
    rates = [number("dropout", rate, least=0, below=1) for rate in rates]
    if isinstance(given, (int, float)):
        number("dropout", given, least=0, below=1)
    return tuple(rates) if any(rates) else ()


def dropout_masks(rates: tuple[float, ...], sizes: Sequence[int], rows: int, rng: np.random.Generator,
                  dtype: np.dtype[Any]) -> tuple[Floats, ...]:
    """For each hidden layer ``(rows, n_l)``: 0 for a dropped neuron, 1/(1 - rate) for one that stays.

    The scaling (inverted dropout, Srivastava et al. 2014) keeps each neuron's mean, so nothing changes at prediction.
    """
    return tuple(masks[0] for masks in masks_of_steps(1, rates, sizes, rows, rng, dtype))


def masks_of_steps(steps: int, rates: tuple[float, ...], sizes: Sequence[int], rows: int, rng: np.random.Generator,
                   dtype: np.dtype[Any]) -> tuple[Floats, ...]:
    """The masks of as many steps, ``(steps, rows, n_l)`` for each hidden layer: as if drawn one by one."""
    if not rates:
        return ()
    drawn = rng.random((steps, rows * sum(sizes)), np.float32)
    ends = rows * np.cumsum(sizes)
    return tuple((drawn[:, end - rows * n : end] >= rate).astype(dtype).reshape(steps, rows, n) / dtype.type(1.0 - rate)
                 for rate, n, end in zip(rates, sizes, ends, strict=True))


def clipped(gradients: list[Value], norm: float) -> list[Value]:
    """Gradients scaled down together until the norm of all their numbers is ``norm`` at most (Pascanu et al. 2013)."""
    found = np.sqrt(sum(np.sum(np.square(g.astype(np.float64))) for g in gradients))  # float32 would overflow at 1e19
    factor = norm / np.maximum(found, norm)  # 1 where nothing is to be clipped
    return [factor.astype(g.dtype) * g for g in gradients]
