"""PyTorch: eager and compiled; the optimizer fused or with foreach, gradients set to none, no copies."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.peers import torch_objectives
from benchmarks.peers.contract import Calls, NotThereError
from benchmarks.workloads.base import Network, Objective
from benchmarks.workloads.fitting import BATCH, RATE, SIZES, Digits

Layers = list[tuple[np.ndarray, np.ndarray]]
ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
FUNCTIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def modules(activation: str, parameters: list[Any]) -> torch.nn.Sequential:
    """Linear layers and activations that start from these weights."""
    layers: list[torch.nn.Module] = []
    for W, b in parameters:
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers)


class Trainer:
    """Eager: ``zero_grad, cost, backward, step`` with the fused optimizer."""

    multiple = 1

    def __init__(self, network: Network, X: np.ndarray, Y: np.ndarray, parameters: Layers, scale: float = 1.0) -> None:
        self.net = modules(network.activation, parameters)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=network.learning_rate, fused=True)
        self.X, self.Y, self.batch, self.at = torch.from_numpy(X), torch.from_numpy(Y), network.batch, 0
        self.scale = scale / network.batch

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One batch."""
        self.optimizer.zero_grad(set_to_none=True)
        (functional.mse_loss(self.net(x), y, reduction="sum") * self.scale).backward()
        self.optimizer.step()

    def run(self, steps: int) -> None:
        """So many batches."""
        for _ in range(steps):
            end = self.at + self.batch
            self.step(self.X[self.at : end], self.Y[self.at : end])
            self.at = end if end < len(self.X) else 0

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """What the network says of these rows."""
        with torch.no_grad():
            return self.net(x)  # type: ignore[no-any-return]

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer."""
        return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy())
                for layer in self.net if isinstance(layer, torch.nn.Linear)]


def cost(parameters: Any, x: Any, y: Any, activation: str, factor: float) -> Any:
    """The network and its cost as a function of the weights."""
    for W, b in zip(parameters[::2], parameters[1::2], strict=True):
        x = FUNCTIONS[activation](functional.linear(x, W, b))
    return functional.mse_loss(x, y, reduction="sum") * factor


def whole_step(parameters: Any, x: Any, y: Any, activation: str, factor: float, rate: float) -> None:
    """Forward, backward and update: as one graph up to four times as fast as compiling the cost alone."""
    for p, g in zip(parameters, torch.func.grad(cost)(parameters, x, y, activation, factor), strict=True):
        p.sub_(g, alpha=rate)


@cache
def compiled_step() -> Any:
    """One compilation per process; torch loads its compiler only when asked."""
    return torch.compile(whole_step, dynamic=False)


class Compiled(Trainer):
    """The whole step compiled, on the parameters of the same network."""

    def __init__(self, network: Network, X: np.ndarray, Y: np.ndarray, parameters: Layers, scale: float = 1.0) -> None:
        super().__init__(network, X, Y, parameters, scale)
        self.parameters, self.settings = [p.detach() for p in self.net.parameters()], (
            network.activation, self.scale, network.learning_rate)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One batch."""
        with torch.no_grad():
            compiled_step()(self.parameters, x, y, *self.settings)


def training(
    variant: str, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any], scale: float = 1.0,
) -> Trainer:
    """Eager or compiled."""
    return (Compiled if variant == "compile" else Trainer)(network, X, Y, parameters, scale)


def fit(variant: str, digits: Digits, parameters: list[Any], epochs: int) -> float:
    """Shuffle on the spot, train, validate, epoch by epoch; the accuracy at the end."""
    run = training(variant, Network(SIZES, "sigmoid", BATCH, RATE), digits.X, digits.Y, parameters, scale=0.5)
    Xv, labels, accuracy = torch.from_numpy(digits.Xv), torch.from_numpy(digits.validation_labels), 0.0
    torch.manual_seed(0)
    for _ in range(epochs):
        order = torch.randperm(len(digits.X))
        X, Y = run.X[order], run.Y[order]
        for x, y in zip(X.split(BATCH), Y.split(BATCH), strict=True):
            run.step(x, y)
        accuracy = (run.outputs(Xv).argmax(1) == labels).float().mean().item()
    return accuracy


def gradients(variant: str, objective: Objective, args: Any, constants: dict[str, Any], direction: Any) -> Calls:
    """Value without a tape, value and gradient, product with the Hessian (reverse over reverse)."""
    f = torch_objectives.make(objective.make.__name__, constants)
    tensors = [torch.from_numpy(np.array(a)) for a in args]
    if objective.second_order:
        return _second_order(variant, f, tensors[0], torch.from_numpy(direction[0]))
    if variant == "compile":
        f = torch.compile(f)
    inputs, rest = [t.requires_grad_() for t in tensors[: objective.wanted]], tensors[objective.wanted :]

    def value() -> float:
        with torch.no_grad():
            return float(f(*inputs, *rest).item())

    def gradient() -> Any:
        found = f(*inputs, *rest)
        return found.item(), torch.autograd.grad(found, inputs)

    return Calls({"value": value, "gradient": gradient}, lambda found: (found[0], [g.numpy() for g in found[1]]))


def _second_order(variant: str, f: Any, x: torch.Tensor, v: torch.Tensor) -> Calls:
    if variant == "compile":
        raise NotThereError("torch.compile does not compile a double backward")
    x.requires_grad_()

    def product() -> torch.Tensor:
        (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
        return torch.autograd.grad(gradient, x, v)[0]

    return Calls({"hessian": product}, lambda found: [found.numpy()])
