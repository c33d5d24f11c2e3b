"""whygrad, through its public names: compiled to native code, compiled for NumPy, and eager."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np

import whygrad as wg
from benchmarks.peers.contract import Calls, NotThereError, chosen
from benchmarks.workloads.base import Network, Objective
from benchmarks.workloads.fitting import BATCH, RATE, SIZES, Digits


def network(sizes: tuple[int, ...], activation: str, cost: str, parameters: list[Any]) -> Any:
    """A float32 network that starts from these weights."""
    net = wg.Network(list(sizes), activation, cost)
    for ours, bias, (W, b) in zip(net.weights, net.biases, parameters, strict=True):
        ours[...], bias[...] = W.T, b
    return net


class Trainer:
    """The compiled loop of ``fit``: shuffled batches, many steps per call."""

    multiple = 1

    def __init__(self, variant: str, what: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> None:
        try:
            training_steps = importlib.import_module("whygrad.nn.steps").training_steps
        except (ImportError, AttributeError) as error:
            raise NotThereError("no compiled training steps yet") from error
        self.net = network(what.sizes, what.activation, "squared_error", parameters)
        self.loop = training_steps(self.net, X, Y, batch_size=what.batch, learning_rate=what.learning_rate,
                                   backend=variant)

    def run(self, steps: int) -> None:
        """So many batches."""
        self.loop.run(steps)

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer."""
        self.loop.finish()
        return [(W.T, b) for W, b in zip(self.net.weights, self.net.biases, strict=True)]


def training(variant: str, what: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> Trainer:
    return Trainer(variant, what, X, Y, parameters)


def fit(variant: str, digits: Digits, parameters: list[Any], epochs: int) -> float:
    """What a user writes; the accuracy at the end."""
    if "backend" not in inspect.signature(wg.Network.fit).parameters:
        raise NotThereError("fit has no backend yet")
    net = network(SIZES, "sigmoid", "half_squared_error", parameters)
    history = net.fit(digits.X, digits.Y, epochs=epochs, batch_size=BATCH, learning_rate=RATE,
                      validation=(digits.Xv, digits.Yv), backend=variant, progress=False)
    return float(history.validation_accuracy[-1])


def function(objective: Objective, constants: dict[str, Any]) -> Any:
    """The objective in plain NumPy, with whygrad's own functions where NumPy has none."""
    functions = dict(erf=wg.erf, conv2d=wg.conv2d, max_pool2d=wg.max_pool2d)
    return objective.make(np, **constants, **chosen(functions, list(inspect.signature(objective.make).parameters)))


def gradients(variant: str, objective: Objective, args: Any, constants: dict[str, Any], direction: Any) -> Calls:
    """Value, gradient, product with the Hessian, and one forward sweep, of the function in plain NumPy."""
    f = function(objective, constants)
    wanted = tuple(range(objective.wanted))
    inputs, rest = args[: objective.wanted], args[objective.wanted :]

    def of_wanted(*parameters: Any) -> Any:
        return f(*parameters, *rest)

    if objective.second_order:
        product = compiled(variant, lambda x, v: wg.hvp(of_wanted, (x,), (v,)))
        return Calls({"hessian": lambda: product(args[0], direction[0])}, lambda found: [np.asarray(found)])
    value, gradient = compiled(variant, f), compiled(variant, wg.value_and_grad(f, wanted))
    calls = {"value": lambda: value(*args), "gradient": lambda: gradient(*args)}
    if objective.forward_mode and variant == "eager":
        calls["forward"] = lambda: wg.jvp(of_wanted, inputs, direction)
    return Calls(calls, lambda found: (float(found[0]), [np.asarray(g) for g in found[1]]))


def compiled(variant: str, f: Any) -> Any:
    """The function itself when eager; else through ``wg.jit``, where there is one."""
    if variant == "eager":
        return f
    if not hasattr(wg, "jit"):
        raise NotThereError("no wg.jit yet")
    return wg.jit(f, backend=variant)
