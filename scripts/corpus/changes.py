"""Ways to spoil a network before it is trained: its first weights, and units pushed to where they can not learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scripts.corpus.tasks import Floats

import whygrad as wg

Init = Callable[[np.random.Generator, int, int], Floats]
Start = Callable[[wg.Network], None]


def gain(scale: float) -> Init:
    """First weights from N(0, scale²/n_in), biases 0: LeCun's scale is 1, He's √2."""

    def weights(rng: np.random.Generator, n_out: int, n_in: int) -> Floats:
        return rng.standard_normal((n_out, n_in)) * scale / np.sqrt(n_in)

    return weights


def constant(value: float) -> Init:
    """Every weight the same."""
    return lambda rng, n_out, n_in: np.full((n_out, n_in), value)


def twins(rng: np.random.Generator, n_out: int, n_in: int) -> Floats:
    """Every neuron of a layer has the same weights, though its inputs have different ones."""
    return np.repeat(rng.standard_normal((1, n_in)) / np.sqrt(n_in), n_out, axis=0)


def biases(layer: int, value: float, units: slice | Sequence[int] = slice(None)) -> Start:
    """These units of a layer start with this bias."""

    def start(net: wg.Network) -> None:
        net.biases[layer - 1][units] = value

    return start


def weights_times(factor: float, *layers: int) -> Start:
    """The weights of these layers, multiplied."""

    def start(net: wg.Network) -> None:
        for layer in layers:
            net.weights[layer - 1][...] *= factor

    return start


def all_negative(layer: int) -> Start:
    """Every weight of a layer below zero, which silences relu neurons whose inputs are positive."""

    def start(net: wg.Network) -> None:
        net.weights[layer - 1][...] = -np.abs(net.weights[layer - 1])

    return start
