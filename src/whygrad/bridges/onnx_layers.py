"""Which steps of an imported ONNX graph are layers: a weighted sum, its bias, and the activation behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.bridges.model import Model, Ref, Step
from whygrad.rules.activations import silu
from whygrad.rules.define import Value

SUMS = {"Gemm": "dense", "MatMul": "dense", "Conv": "convolution"}
ACTIVATIONS = {  # ONNX's operators -> names that findings know
    "Celu": "celu", "Elu": "elu", "Gelu": "gelu", "HardSigmoid": "hard_sigmoid", "HardSwish": "hard_swish",
    "LeakyRelu": "leaky_relu", "Mish": "mish", "Relu": "relu", "Selu": "selu", "Sigmoid": "sigmoid",
    "Softplus": "softplus", "Softsign": "softsign", "Swish": "silu", "Tanh": "tanh",
    "ThresholdedRelu": "thresholded_relu",
}  # fmt: skip
MIXING = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Hardmax": "hardmax"}
# What keeps numbers of one layer on their way to the next, so that the layers are still a chain.
PASSING = frozenset(
    """AveragePool BatchNormalization Dropout Flatten GlobalAveragePool GlobalMaxPool Identity LayerNormalization
    MaxPool ReduceMean Reshape Squeeze Transpose Unsqueeze""".split()
)
Names = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Layer:
    """Names of the values of one layer. ``flipped``: the parameter is (n_{l-1}, n_l), the other way round.

    ``z``: the weighted sums with their bias (behind a convolution, batch-normalized); ``a``: what the activation makes.
    ``squash``: σ itself, None if it mixes units or is none.
    """

    step: Step
    kind: str
    inputs: str
    weight: str
    bias: str | None
    flipped: bool
    z: str
    a: str
    activation: str
    squash: Callable[[Value], Value] | None

    def matrix(self, W: Any) -> Any:
        """The weights, or something of their shape, as (n_l, n_{l-1})."""
        return W.T if self.flipped else W.reshape(len(W), -1)

    def index(self, j: int, k: int, W: Any) -> tuple[int, ...]:
        """Where weight w_jk stands in the file's own array."""
        if self.flipped:
            return (k, j)
        return (j, *(int(i) for i in np.unravel_index(k, W.shape[1:])))

    def rows(self, x: Any) -> Any:
        """Values of the layer as rows of units: (examples · positions, n_l)."""
        if self.kind == "convolution":
            x = np.moveaxis(x, 1, -1)
        return x.reshape(-1, x.shape[-1])


class Layers:
    """The layers of a model, in order, and whether each is fed by the one before and by nothing else."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.users: dict[str, list[Step]] = {}
        self.maker: dict[str, Step] = {name: step for step in model.steps for name in step.outputs if name}
        for step in model.steps:
            for name in dict.fromkeys(_names(step)):
                self.users.setdefault(name, []).append(step)
        self.ends = {port.name for port in model.outputs}
        self.found = tuple(layer for step in model.steps if (layer := self._layer(step)) is not None)

    @functools.cached_property
    def chain(self) -> bool:
        """Whether what each layer passes on goes to the next one alone."""
        return all(self._leads(below.a, above.inputs) for below, above in zip(self.found, self.found[1:], strict=False))

    def _leads(self, name: str, target: str) -> bool:
        while name != target:
            step = self._only_user(name)
            if step is None or step.operator not in PASSING:
                return False
            name = step.outputs[0]
        return len(self._steps_of(name)) == 1

    def _steps_of(self, name: str) -> list[Step]:
        """Who uses a value; to ask for its shape is no use of its numbers."""
        return [step for step in self.users.get(name, []) if step.operator not in ("Shape", "Size")]

    def _only_user(self, name: str) -> Step | None:
        users = self._steps_of(name)
        return users[0] if len(users) == 1 and name not in self.ends else None

    def _layer(self, step: Step) -> Layer | None:
        names = _names(step)
        if step.operator not in SUMS or len(names) < 2 or step.attributes.get("transA"):
            return None
        weight, turned = self._parameter(names[1])
        if weight is None or self._parameter(names[0])[0] is not None:
            return None
        kind = SUMS[step.operator]
        if kind == "dense" and self.model.parameters[weight].ndim != 2:
            return None
        flipped = kind == "dense" and bool(step.attributes.get("transB")) == turned
        z, bias = step.outputs[0], self._parameter(names[2])[0] if len(names) > 2 else None
        user = self._only_user(z)
        if bias is None and user is not None and user.operator == "Add":
            other = next((name for name in _names(user) if name != z), "")
            bias = self._parameter(other)[0]
            z = user.outputs[0] if bias is not None else z
            user = self._only_user(z)
        if kind == "convolution" and user is not None and user.operator == "BatchNormalization":
            z = user.outputs[0]
        a, activation, squash = self._activation(z)
        return Layer(step, kind, names[0], weight, bias, flipped, z, a, activation, squash)

    def _parameter(self, name: str) -> tuple[str | None, bool]:
        """The parameter behind a name, and whether it is transposed on the way."""
        turned = False
        while name not in self.model.parameters:
            step = self.maker.get(name)
            if step is None or step.operator not in ("Identity", "Transpose"):
                return None, False
            turned ^= step.operator == "Transpose"
            name = _names(step)[0]
        return name, turned

    def _activation(self, z: str) -> tuple[str, str, Callable[[Value], Value] | None]:
        """Where σ's result is, what it is called, and σ."""
        user = self._only_user(z)
        if user is None:
            return self._gated(z) or (z, "identity", None)
        if user.operator in MIXING:
            return user.outputs[0], MIXING[user.operator], None
        if user.operator in ACTIVATIONS and len(_names(user)) == 1:
            name = ACTIVATIONS[user.operator]
            return user.outputs[0], name, lambda x: user.run(x, **user.attributes)
        if user.operator in SUMS or user.operator in PASSING or user.operator in ("Add", "Sub", "Mul", "Div", "Concat"):
            return z, "identity", None
        return z, "", None

    def _gated(self, z: str) -> tuple[str, str, Callable[[Value], Value]] | None:
        """``z · sigmoid(z)``, as exporters write silu."""
        users = self._steps_of(z)
        kinds = {step.operator: step for step in users}
        if len(users) != 2 or set(kinds) != {"Sigmoid", "Mul"}:
            return None
        product = kinds["Mul"]
        if set(_names(product)) != {z, kinds["Sigmoid"].outputs[0]}:
            return None
        return product.outputs[0], "silu", silu


def _names(step: Step) -> Names:
    return tuple(x.name for x in step.inputs if isinstance(x, Ref))
