"""micrograd: one Python object per number, its own neurons and layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from micrograd.nn import Layer

from benchmarks.peers.contract import NotThereError
from benchmarks.workloads.base import Network


class Trainer:
    """Layers of relu neurons; a step is forward, backward, and every number changed."""

    multiple = 1

    def __init__(self, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> None:
        if network.activation != "relu":
            raise NotThereError("its only activation is relu")
        self.X, self.Y, self.batch, self.at, self.rate = X.tolist(), Y.tolist(), network.batch, 0, network.learning_rate
        self.layers = [Layer(a, b) for a, b in zip(network.sizes[:-1], network.sizes[1:], strict=True)]
        for layer, (W, b) in zip(self.layers, parameters, strict=True):
            for j, neuron in enumerate(layer.neurons):
                neuron.b.data = float(b[j])
                for w, number in zip(neuron.w, W[:, j], strict=True):
                    w.data = float(number)

    def run(self, steps: int) -> None:
        """So many batches."""
        numbers = [p for layer in self.layers for p in layer.parameters()]
        for _ in range(steps):
            cost = 0.0
            here = slice(self.at, self.at + self.batch)
            for x, y in zip(self.X[here], self.Y[here], strict=True):
                a = x
                for layer in self.layers:
                    a = layer(a)
                outputs = a if isinstance(a, list) else [a]
                cost = cost + sum((p - t) ** 2 for p, t in zip(outputs, y, strict=True))
            for p in numbers:
                p.grad = 0.0
            (cost * (1.0 / self.batch)).backward()
            for p in numbers:
                p.data -= self.rate * p.grad
            self.at = self.at + self.batch if self.at + 2 * self.batch <= len(self.X) else 0

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer."""
        return [(np.array([[w.data for w in n.w] for n in layer.neurons]).T,
                 np.array([n.b.data for n in layer.neurons])) for layer in self.layers]


def training(variant: str, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> Trainer:
    return Trainer(network, X, Y, parameters)
