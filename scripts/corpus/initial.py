"""First weights that are all zero, all alike, far too small or far too large."""

from __future__ import annotations

from dataclasses import replace

from scripts.corpus.changes import constant, gain, twins
from scripts.corpus.healthy import RELU, RINGS, SIGMOID, TANH, TWO_RELU, WAVES
from scripts.corpus.recipe import Setup, Truth, broken

FAMILY = "initialization"
POOR = Truth("bad initialization")

SETUPS: list[Setup] = [
    broken("all weights zero, sigmoid", FAMILY, replace(SIGMOID, hidden=(30, 30)), POOR, init=constant(0.0)),
    broken("all weights zero, relu", FAMILY, RELU, POOR, init=constant(0.0)),
    broken("all weights 0.1, relu", FAMILY, RELU, POOR, init=constant(0.1)),
    broken("all weights 0.05, tanh", FAMILY, TANH, POOR, init=constant(0.05)),
    broken("rings, all weights 0.5, tanh", FAMILY, RINGS, POOR, init=constant(0.5)),
    broken("neurons that are copies of each other, relu", FAMILY, TWO_RELU, POOR, init=twins),
    broken("waves, neurons that are copies of each other", FAMILY, WAVES, POOR, init=twins),
    broken("weights of 0.001/√n, three tanh layers", FAMILY, replace(TANH, hidden=(30, 30, 30)),
           (POOR, Truth("vanishing gradient", (1, 2, 3)), Truth("plateau")), init=gain(0.001)),
    broken("weights of 0.01/√n, four relu layers", FAMILY, replace(TWO_RELU, hidden=(30,) * 4, rate=0.05),
           (POOR, Truth("vanishing gradient", (1, 2, 3, 4)), Truth("plateau")), init=gain(0.01)),
    broken("weights of 30/√n, relu", FAMILY, RELU, (POOR, Truth("exploding gradient")), init=gain(30.0)),
    broken("weights of 100/√n, two sigmoid layers", FAMILY, replace(SIGMOID, hidden=(30, 30)),
           (POOR, Truth("saturation", (1, 2))), init=gain(100.0)),
]  # fmt: skip
