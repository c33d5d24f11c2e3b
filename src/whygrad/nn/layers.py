"""The computation of a fully connected network, as plain functions of its parameters: the engine differentiates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from whygrad.errors import ArgumentError, ShapeError
from whygrad.graph.node import named
from whygrad.nn.activations import Activation, Function, per_layer
from whygrad.nn.activations import activation as choose_activation
from whygrad.nn.costs import Cost
from whygrad.nn.costs import Function as CostFunction
from whygrad.nn.costs import cost as choose_cost
from whygrad.rules.define import Value


class Parameters(NamedTuple):
    """``weights[l-1]`` is W^l of shape (n_l, n_{l-1}), ``biases[l-1]`` is b^l of shape (n_l,)."""

    weights: tuple[Value, ...]
    biases: tuple[Value, ...]


class LayerValues(NamedTuple):
    """``zs[l-1]`` is z^l; ``activations[l]`` is a^l, from a^0 on. Rows are examples; one example is a vector."""

    zs: tuple[Value, ...]
    activations: tuple[Value, ...]


@dataclass(frozen=True)
class Architecture:
    """What a network computes, apart from the numbers it has learned."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    cost: Cost
    dtype: np.dtype[Any]

    @property
    def layers(self) -> int:
        """L: the number of layers after the input."""
        return len(self.sizes) - 1

    def layer_values(self, parameters: Parameters, x: Value, masks: tuple[Value, ...] = ()) -> LayerValues:
        """Every z^l = W^l a^{l-1} + b^l and a^l = σ(z^l), each under its name.

        ``x``: ``(n, n_0)``, or one example ``(n_0,)``. ``masks``: one per hidden layer, to multiply a^l with (dropout).
        """
        a = x
        zs, activations = [], [a]
        for l, (W, b, activation) in enumerate(zip(*parameters, self.activations, strict=True), start=1):
            named(W, f"W^{l}"), named(b, f"b^{l}")
            z = named((W @ a if len(a.shape) == 1 else a @ W.T) + b, f"z^{l}")
            a = activation.function(z)
            a = named(+a if a is z else a, f"a^{l}")  # z itself keeps its own name
            if a.shape != z.shape:
                raise ShapeError(
                    f"the activation {activation.name} of layer {l} made shape {a.shape} of z^{l}, which has {z.shape}",
                    why="a neuron's activation is one number for each z",
                )
            if masks and l < self.layers:
                a = a * masks[l - 1]
            zs.append(z)
            activations.append(a)
        return LayerValues(tuple(zs), tuple(activations))

    def evaluate(self, parameters: Parameters, x: Value) -> Value:
        """The output a^L: ``(n, n_L)``, or ``(n_L,)`` for one example."""
        return self.layer_values(parameters, x).activations[-1]

    def costs(self, values: LayerValues, y: Value) -> Value:
        """C_x of each example, ``(n,)``; from z^L where that is safer than from a^L."""
        if self.cost.of_logits is not None:
            return self.cost.of_logits(values.zs[-1], y)
        return self.cost.of_outputs(values.activations[-1], y)

    def mean_cost(self, parameters: Parameters, x: Value, y: Value, masks: tuple[Value, ...] = ()) -> Value:
        """``C = (1/n) Σ_x C_x`` of a batch; C_x of one example."""
        return np.mean(self.costs(self.layer_values(parameters, x, masks), y))


def architecture(
    sizes: tuple[int, ...],
    activation: str | Function | Sequence[str | Function],
    cost: str | CostFunction,
    dtype: np.dtype[Any],
) -> Architecture:
    """A network's computation, from names and functions; softmax cross-entropy brings its softmax along."""
    layers = list(per_layer(activation, len(sizes) - 1))
    if cost == "softmax_cross_entropy":
        if isinstance(activation, str) or callable(activation) or layers[-1].name == "identity":
            layers[-1] = choose_activation("softmax")
        elif layers[-1].name != "softmax":
            raise ArgumentError(
                f"cost 'softmax_cross_entropy' after the output activation {layers[-1].name!r}",
                why="it compares shares that add up to 1, as softmax makes them",
                try_='"softmax" as the last activation, or cost="cross_entropy" for sigmoid outputs',
            )
    return Architecture(sizes, tuple(layers), choose_cost(cost, layers[-1], sizes[-1]), dtype)
