"""tinygrad: the whole step captured by TinyJit, on its CPU device (which asks for clang)."""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np

from benchmarks.peers.contract import NotThereError
from benchmarks.workloads.base import Network

os.environ.setdefault("DEV", "CPU")


class Trainer:
    """Batches lie ready; the jitted step is captured in the first calls."""

    multiple = 1

    def __init__(self, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> None:
        if not shutil.which("clang"):
            raise NotThereError("its CPU device needs clang")
        from tinygrad import Tensor, TinyJit
        from tinygrad.nn.optim import SGD

        self.parameters = [(Tensor(W).requires_grad_().realize(), Tensor(b).requires_grad_().realize())
                           for W, b in parameters]
        optimizer = SGD([p for layer in self.parameters for p in layer], lr=network.learning_rate)

        def step(x: Any, y: Any) -> Any:
            a = x
            for W, b in self.parameters:
                a = getattr(a @ W + b, network.activation)()
            optimizer.zero_grad()
            cost = ((a - y) ** 2).sum() * (1.0 / network.batch)
            cost.backward()
            return cost.realize(*optimizer.schedule_step())

        self.step, self.training = TinyJit(step), Tensor.train
        self.batches = [(Tensor(X[i : i + network.batch]).realize(), Tensor(Y[i : i + network.batch]).realize())
                        for i in range(0, len(X), network.batch)]
        self.at = 0

    def run(self, steps: int) -> None:
        """So many batches."""
        with self.training():
            for _ in range(steps):
                cost = self.step(*self.batches[self.at])
                self.at = (self.at + 1) % len(self.batches)
            cost.item()

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer."""
        return [(W.numpy(), b.numpy()) for W, b in self.parameters]


def training(variant: str, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> Trainer:
    return Trainer(network, X, Y, parameters)
