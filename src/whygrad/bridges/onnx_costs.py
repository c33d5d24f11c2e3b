"""The cost that an ONNX model is judged by: the user's, the file's own, or the usual one for such targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.bridges.costs import named_cost
from whygrad.bridges.model import Model
from whygrad.bridges.onnx_layers import Layers
from whygrad.errors import ArgumentError, DataError, ShapeError
from whygrad.graph.node import plain
from whygrad.nn import costs as networks
from whygrad.rules.define import Value

APPLIES = {"cross_entropy": "softmax", "bce_with_logits": "sigmoid"}  # what a cost applies to the outputs by itself


@dataclass(frozen=True, eq=False)
class Cost:
    """``mean(outputs, targets)`` is the mean cost of the examples; ``name`` and ``applies`` as in ``Record``.

    ``of_logits``: it is given z of the last layer instead of the outputs, because ln(softmax(z)) may be ln 0.
    """

    name: str
    applies: str
    mean: Callable[[Any, Any], Value]
    of_logits: bool = False


def chosen_cost(model: Model, layers: Layers, given: Any, said: dict[str, str], Y: Any) -> Cost:
    """The cost asked for, else that of the file, else the usual one for the targets."""
    if callable(given):
        return Cost("", "", lambda out, y: given(out) if y is None else given(out, y))
    if isinstance(given, str):
        mean, name = named_cost(given), given.removesuffix("_loss")
        return Cost(name, APPLIES.get(name, ""), lambda out, y: mean(first(out), y))
    if given is not None:
        raise ArgumentError(f"cost={given!r} is no cost", try_='a name such as "mse", or a function of outputs and Y')
    number = next((i for i, port in enumerate(model.outputs) if port.shape == ()), None)
    if number is not None:
        return Cost("", "", lambda out, y: out[number] if isinstance(out, tuple) else out)
    if Y is None:
        raise ArgumentError(
            f"the cost of {model.name} is not known",
            why="it returns no single number, and there are no targets",
            try_='diagnose(path, X, Y), or cost="mean"',
        )
    return _written(said, layers, Y) or _guessed(layers, Y)


def _written(said: dict[str, str], layers: Layers, Y: Any) -> Cost | None:
    """The cost that ``net.to_onnx`` noted."""
    return _of_networks(said["cost"], layers) if said.get("cost") in networks.COSTS else None


def _of_networks(name: str, layers: Layers) -> Cost:
    """A cost of whygrad's own networks; class numbers become rows with one 1."""
    last = layers.found[-1]
    safe = networks.OF_LOGITS.get((name, last.activation)) if layers.ends == {last.a} else None
    function = safe or networks.COSTS[name]
    return Cost(name, "", lambda out, y: np.mean(function(first(out), _targets(y, first(out)))), safe is not None)


def _guessed(layers: Layers, Y: Any) -> Cost:
    if Y.dtype.kind not in "iu":
        mse = named_cost("mse")
        return Cost("mse", "", lambda out, y: mse(first(out), _targets(y, first(out))))
    if layers.found[-1].activation == "softmax":
        return _of_networks("softmax_cross_entropy", layers)
    cross_entropy = named_cost("cross_entropy")
    return Cost("cross_entropy", "softmax", lambda out, y: cross_entropy(first(out), y))


def first(outputs: Any) -> Value:
    """The first of several outputs, which is what costs by name are of."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def _targets(Y: Any, outputs: Value) -> Any:
    """Targets of the outputs' shape: class numbers become rows with one 1."""
    if Y.ndim == 1 and Y.dtype.kind in "iu" and outputs.shape[-1] > 1:
        return class_rows(Y, outputs.shape[-1]).astype(outputs.dtype)
    if Y.size != int(np.prod(outputs.shape)):
        raise ShapeError(f"the outputs have shape {outputs.shape}, the targets {Y.shape}")
    return Y.reshape(outputs.shape).astype(outputs.dtype)


def class_rows(labels: Any, classes: int) -> np.ndarray:
    """Class numbers as rows with one 1, refused unless they are among so many classes."""
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels from {labels.min()} to {labels.max()} for {classes} outputs")
    rows: np.ndarray = np.eye(classes)[labels]
    return rows


def constant_cost(cost: Cost, Y: Any, outputs: Any) -> float | None:
    """The cost of answering the mean target to every example; None where it is not known how."""
    names = {"mse": None, "cross_entropy": "softmax_cross_entropy", "bce_with_logits": "cross_entropy"}
    known = cost.name in networks.COSTS or cost.name in names
    if not known or Y is None or outputs.ndim != 2 or len(outputs) != len(Y):
        return None
    targets = _targets(Y, outputs).astype(float)
    answer = np.broadcast_to(targets.mean(axis=0), targets.shape)
    if cost.name == "mse":
        return float(np.mean((answer - targets) ** 2))
    name = cost.name if cost.name in networks.COSTS and not cost.applies else names[cost.name] or ""
    costs = networks.COSTS[name](np.clip(answer, 1e-12, 1 - 1e-12) if "entropy" in name else answer, targets)
    return float(np.mean(costs)) / (outputs.shape[1] if cost.applies == "sigmoid" else 1)


def costs_of_each(cost: Cost, outputs: Any, Y: Any, n: int) -> Any:
    """C_x of each example; None where the outputs are not one for each."""
    parts = [plain(x) for x in (outputs if isinstance(outputs, tuple) else (outputs,))]
    if any(x.ndim == 0 or len(x) != n for x in parts):
        return None
    one = [tuple(x[i : i + 1] for x in parts) for i in range(n)]
    return np.array([float(cost.mean(x if len(x) > 1 else x[0], None if Y is None else Y[i : i + 1]))
                     for i, x in enumerate(one)])  # fmt: skip
