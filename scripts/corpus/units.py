"""Neurons that can not learn: saturated ones, and relu neurons that no example activates."""

from __future__ import annotations

from dataclasses import replace

from scripts.corpus.changes import all_negative, biases, gain
from scripts.corpus.healthy import RELU, RINGS, SIGMOID, TANH, TWO_RELU, WAVES
from scripts.corpus.recipe import Recipe, Setup, Truth, broken

THREE_TANH = replace(TANH, hidden=(30, 30, 30))
SMALL_RELU = replace(RELU, hidden=(16, 8))


def saturated(*layers: int) -> Truth:
    """Most of these layers' neurons are where their activation is flat."""
    return Truth("saturation", layers)


def dead(*layers: int) -> Truth:
    """Some, or all, of these layers' relu neurons are never active."""
    return Truth("dead units", layers)


def slow_start(recipe: Recipe) -> Recipe:
    """Nielsen's: squared error on sigmoid outputs."""
    return replace(recipe, cost="half_squared_error", rate=3.0)


SATURATION, DEAD = "saturation", "dead units"

SETUPS: list[Setup] = [
    broken("four tanh layers, weights from N(0, 1)", SATURATION, replace(TANH, hidden=(30,) * 4), saturated(1, 2, 3, 4),
           init="large", rate=0.05),
    broken("three tanh layers, weights of 6/√n", SATURATION, THREE_TANH, saturated(1, 2, 3), init=gain(6.0)),
    broken("two sigmoid layers, weights of 20/√n", SATURATION, replace(SIGMOID, hidden=(30, 30), rate=1.0),
           saturated(1, 2), init=gain(20.0)),
    broken("one tanh layer of three with biases of 5", SATURATION, THREE_TANH, saturated(2), start=biases(2, 5.0)),
    broken("sigmoid layer with biases of -8", SATURATION, SIGMOID, saturated(1), start=biases(1, -8.0)),
    broken("outputs saturated at the wrong end, squared error", SATURATION, slow_start(SIGMOID), saturated(2),
           start=biases(2, 12.0)),
    broken("waves, tanh layer with biases of 8", SATURATION, WAVES, saturated(1), start=biases(1, 8.0)),
    broken("second relu layer silenced by biases of -20", DEAD, TWO_RELU, dead(2), start=biases(2, -20.0)),
    broken("first relu layer silenced by biases of -20", DEAD, TWO_RELU, dead(1), start=biases(1, -20.0)),
    broken("28 of 30 relu units silenced", DEAD, RELU, dead(1), start=biases(1, -20.0, slice(0, 28))),
    broken("10 of 16 and 5 of 8 relu units silenced", DEAD, SMALL_RELU, dead(1, 2),
           start=lambda net: (biases(1, -20.0, slice(0, 10))(net), biases(2, -20.0, slice(0, 5))(net))[0]),
    broken("rings, 6 of 8 relu units silenced", DEAD, replace(RINGS, activation="relu", rate=0.3), dead(1),
           start=biases(1, -20.0, slice(0, 6))),
    broken("relu layer whose weights are all negative", DEAD, RELU, dead(1), start=all_negative(1)),
    broken("relu killed by an epoch at rate 5", DEAD, replace(TWO_RELU, rate=0.1, before=1), (dead(1, 2),
           Truth("rate too high")), rate=5.0),
    broken("waves, relu outputs that must be negative", DEAD, replace(WAVES, activation="relu", rate=0.05), (dead(2),
           Truth("cost mismatch", (2,))), output="relu"),
]  # fmt: skip
