"""JAX: one compiled step per call with donated weights, or a whole epoch scanned inside one call."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import jax_objectives
from benchmarks.peers.contract import Calls, chosen
from benchmarks.workloads.base import Network, Objective
from benchmarks.workloads.fitting import BATCH, RATE, SIZES, Digits

jax.config.update("jax_enable_x64", True)
ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}


def outputs(activation: str, parameters: Any, a: Any) -> Any:
    """The network's last layer."""
    for W, b in parameters:
        a = ACTIVATIONS[activation](a @ W + b)
    return a


def step(network: Network, scale: float, parameters: Any, x: Any, y: Any) -> Any:
    """The weights after one batch."""
    def cost(p: Any) -> Any:
        return jnp.sum((outputs(network.activation, p, x) - y) ** 2) * (scale / network.batch)

    return jax.tree.map(lambda p, g: p - network.learning_rate * g, parameters, jax.grad(cost)(parameters))


class Trainer:
    """Batches lie ready on the device; weights are donated, so that each step writes where the last one read."""

    def __init__(self, variant: str, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> None:
        batches = len(X) // network.batch
        self.X, self.Y = (jnp.asarray(a.reshape(batches, network.batch, -1)) for a in (X, Y))
        self.parameters = jax.tree.map(jnp.array, parameters)
        self.multiple = batches if variant == "scan" else 1
        one = partial(step, network, 1.0)
        if variant == "scan":
            def epoch(p: Any, X: Any, Y: Any) -> Any:
                return jax.lax.scan(lambda p, xy: (one(p, *xy), None), p, (X, Y))[0]

            self.epoch = jax.jit(epoch, donate_argnums=0)
        else:
            self.one, self.at, self.batches = jax.jit(one, donate_argnums=0), 0, list(zip(self.X, self.Y, strict=True))

    def run(self, steps: int) -> None:
        """So many batches."""
        if self.multiple > 1 or not hasattr(self, "one"):
            for _ in range(steps // self.multiple):
                self.parameters = self.epoch(self.parameters, self.X, self.Y)
        else:
            for _ in range(steps):
                self.parameters = self.one(self.parameters, *self.batches[self.at])
                self.at = (self.at + 1) % len(self.batches)
        jax.block_until_ready(self.parameters)

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer."""
        return [(np.asarray(W), np.asarray(b)) for W, b in self.parameters]


def training(variant: str, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> Trainer:
    return Trainer(variant, network, X, Y, parameters)


@partial(jax.jit, donate_argnums=0)
def epoch(p: Any, key: Any, X: Any, Y: Any, Xv: Any, labels: Any) -> tuple[Any, Any]:
    """A shuffled epoch of the digits' network, and the accuracy after it."""
    one, steps = partial(step, Network(SIZES, "sigmoid", BATCH, RATE), 0.5), len(X) // BATCH
    order = jax.random.permutation(key, len(X))
    batches = [a[order].reshape(steps, BATCH, -1) for a in (X, Y)]
    p, _ = jax.lax.scan(lambda p, xy: (one(p, *xy), None), p, batches)
    return p, jnp.mean(jnp.argmax(outputs("sigmoid", p, Xv), 1) == labels)


def fit(variant: str, digits: Digits, parameters: list[Any], epochs: int) -> float:
    """One compiled call per epoch. The accuracy at the end."""
    images = [jnp.asarray(a) for a in (digits.X, digits.Y, digits.Xv, digits.validation_labels)]
    p, accuracy = jax.tree.map(jnp.array, parameters), 0.0
    for key in jax.random.split(jax.random.key(0), epochs):
        p, found = epoch(p, key, *images)
        accuracy = float(found)
    return accuracy


def gradients(variant: str, objective: Objective, args: Any, constants: dict[str, Any], direction: Any) -> Calls:
    """Value, value and gradient, product with the Hessian (forward over reverse), each one compiled call."""
    own = getattr(jax_objectives, objective.make.__name__, None)
    functions = dict(erf=jax.scipy.special.erf, conv2d=jax_objectives.conv2d, max_pool2d=jax_objectives.max_pool2d)
    wanted = list(inspect.signature(objective.make).parameters)
    f = own or objective.make(jnp, **constants, **chosen(functions, wanted))
    arrays = [jnp.asarray(a) for a in args]
    if objective.second_order:
        product = jax.jit(lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1])
        v = jnp.asarray(direction[0])
        return Calls({"hessian": lambda: product(*arrays, v).block_until_ready()}, lambda found: [np.asarray(found)])
    value, gradient = jax.jit(f), jax.jit(jax.value_and_grad(f, tuple(range(objective.wanted))))
    return Calls({"value": lambda: value(*arrays).block_until_ready(),
                  "gradient": lambda: jax.block_until_ready(gradient(*arrays))},
                 lambda found: (float(found[0]), [np.asarray(g) for g in found[1]]))
