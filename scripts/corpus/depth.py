"""Gradients that vanish or explode on their way down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scripts.corpus.changes import gain
from scripts.corpus.healthy import DEEP_RELU, WAVES
from scripts.corpus.recipe import Recipe, Setup, Truth, broken


def relus(layers: int, **changes: Any) -> Recipe:
    """The healthy counterpart: as many relu layers, He's weights."""
    return replace(DEEP_RELU, hidden=(30,) * layers, **changes)


def fades(layers: int) -> Truth:
    """The error vanishes on its way through the hidden layers: the lower half of them learns slowest."""
    return Truth("vanishing gradient", tuple(range(1, 1 + max(1, layers // 2))))


def grows(layers: int) -> Truth:
    """The error, or what runs forwards, grows from layer to layer."""
    return Truth("exploding gradient", tuple(range(1, 1 + layers)))


FAMILY = "vanishing and exploding"
SIGMOID = {"activation": "sigmoid", "init": "scaled"}

SETUPS: list[Setup] = [
    broken("four sigmoid layers, N(0, 1/n)", FAMILY, relus(4), fades(4), **SIGMOID, rate=0.1),
    broken("three sigmoid layers, Glorot", FAMILY, relus(3), fades(3), activation="sigmoid", init="glorot", rate=0.1),
    broken("six sigmoid layers, N(0, 1/n), Adam", FAMILY, relus(6, optimizer="adam", rate=0.001), fades(6), **SIGMOID),
    broken("ten sigmoid layers, N(0, 1/n)", FAMILY, relus(10, rate=0.02), fades(10), **SIGMOID),
    broken("six sigmoid layers, squared error", FAMILY, relus(6), fades(6), **SIGMOID, output="sigmoid",
           cost="half_squared_error", rate=0.5),
    broken("eight tanh layers, weights of 0.4/√n", FAMILY, relus(8, activation="tanh", init="glorot"), fades(8),
           init=gain(0.4)),
    broken("ten relu layers, weights of half He's", FAMILY, relus(10, rate=0.02), fades(10), init=gain(np.sqrt(0.5))),
    broken("six softplus layers, weights of 0.3/√n", FAMILY, relus(6), fades(6), activation="softplus",
           init=gain(0.3)),
    broken("waves, five sigmoid layers", FAMILY, replace(WAVES, hidden=(20,) * 5), fades(5), **SIGMOID),
    broken("six relu layers, weights of 3 × He's", FAMILY, relus(6), grows(6), init=gain(3 * np.sqrt(2))),
    broken("eight relu layers, weights from N(0, 1)", FAMILY, relus(8), grows(8), init=gain(np.sqrt(30))),
    broken("ten leaky relu layers, weights of 2 × He's", FAMILY, relus(10, activation="leaky_relu", rate=0.02),
           grows(10), init=gain(2 * np.sqrt(2))),
    broken("waves, six elu layers, weights of 4/√n", FAMILY,
           replace(WAVES, hidden=(20,) * 6, activation="elu", init=gain(1.0), rate=0.02), grows(6), init=gain(4.0)),
]  # fmt: skip
