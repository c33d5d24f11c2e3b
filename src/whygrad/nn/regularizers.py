"""What keeps a network from learning its examples by heart: L1, L2, dropout; and the clipping of large gradients."""

from __future__ import annotations

import math
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
    return tuple((rng.random((rows, n), np.float32) >= rate).astype(dtype) / dtype.type(1.0 - rate)
                 for rate, n in zip(rates, sizes, strict=bool(rates)))


def clipped(gradients: list[Floats], norm: float) -> list[Floats]:
    """Gradients scaled down together until the norm of all their numbers is ``norm`` at most (Pascanu et al. 2013)."""
    found = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    if found <= norm or not math.isfinite(found):
        return gradients
    return [g * (norm / found) for g in gradients]
