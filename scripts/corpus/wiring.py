"""Networks put together wrongly: activations missing or doubled, costs that do not fit, parts that are cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scripts.corpus.healthy import RELU, RINGS, SIGMOID, TANH, TWO_RELU, WAVES
from scripts.corpus.recipe import Setup, Truth, broken
from scripts.corpus.tasks import changed, rings, waves

import whygrad as wg
from whygrad.nn.costs import cross_entropy, softmax_cross_entropy, softmax_cross_entropy_of_logits
from whygrad.rules.define import Value

LINEAR = Truth("no nonlinearity")


def misfit(layer: int) -> Truth:
    """The cost does not fit the outputs of the last layer."""
    return Truth("cost mismatch", (layer,))


def cut(*layers: int) -> Truth:
    """No error reaches these layers."""
    return Truth("no gradient", layers)


def double_softmax(a: Value, y: Value) -> Value:
    """A cost that takes outputs for logits, after a softmax: the softmax of a softmax."""
    return softmax_cross_entropy_of_logits(a, y)


def double_sigmoid(a: Value, y: Value) -> Value:
    """A cost that takes outputs for logits, after a sigmoid."""
    return cross_entropy(wg.sigmoid(a), y)


def clipped_cross_entropy(a: Value, y: Value) -> Value:
    """Cross-entropy with the customary clip: outside of it, its slope is zero."""
    return softmax_cross_entropy(np.clip(a, 1e-7, 1.0), y)


def detached(z: Value) -> Value:
    """A relu whose input was detached, as `.detach()` or `.data` do it."""
    return wg.relu(wg.stop_gradient(z))


def rounded(z: Value) -> Value:
    """Quantized activations without a straight-through estimate."""
    return np.round(np.tanh(z) * 4.0) / 4.0


def threshold(z: Value) -> Value:
    """A perceptron's step."""
    return np.where(z > 0, 1.0, 0.0) + 0.0 * z


def clipped(z: Value) -> Value:
    """Activations clipped to a range that is far too small."""
    return np.clip(z, -0.001, 0.001)


FAMILY = "wiring"

SETUPS: list[Setup] = [
    broken("rings, hidden layers without activation", FAMILY, replace(RINGS, hidden=(8, 8)), LINEAR,
           activation="identity", epochs=20),
    broken("waves, hidden layers without activation", FAMILY, replace(WAVES, hidden=(20, 20), rate=0.02), LINEAR,
           activation="identity", epochs=40),
    broken("softmax twice", FAMILY, RELU, misfit(2), cost=double_softmax, output="softmax"),
    broken("softmax twice, sigmoid layers", FAMILY, replace(SIGMOID, output="softmax", cost="softmax_cross_entropy"),
           misfit(2), cost=double_softmax),
    broken("rings, sigmoid twice", FAMILY, RINGS, misfit(2), cost=double_sigmoid),
    broken("relu outputs into cross-entropy", FAMILY, RELU, misfit(2), output="relu", cost=clipped_cross_entropy),
    broken("linear outputs into cross-entropy", FAMILY, RELU, misfit(2), output="identity", cost=clipped_cross_entropy),
    broken("waves, sigmoid outputs for targets outside 0 to 1", FAMILY, WAVES, misfit(2), output="sigmoid", epochs=20),
    broken("waves, tanh outputs for targets up to 5", FAMILY,
           replace(WAVES, data=changed(waves, targets=lambda Y: Y * 4), rate=0.02), misfit(2), output="tanh",
           epochs=20),
    broken("rings, softmax of a single output", FAMILY, replace(RINGS, cost="half_squared_error", rate=1.0), misfit(2),
           output="softmax"),
    broken("rings, targets -1 and 1 for sigmoid outputs", FAMILY, replace(RINGS, cost="half_squared_error", rate=1.0),
           misfit(2), data=changed(rings, targets=lambda Y: 2 * Y - 1), epochs=20),
    broken("first of two hidden layers detached", FAMILY, TWO_RELU, cut(1), activation=("relu", detached), epochs=10),
    broken("all hidden layers detached", FAMILY, TWO_RELU, cut(1, 2), activation=("relu", "relu"), output="softmax",
           cost=lambda a, y: softmax_cross_entropy(wg.stop_gradient(a) + 0.0 * a, y)),
    broken("activations rounded", FAMILY, TANH, cut(1), activation=rounded, epochs=10),
    broken("step activations", FAMILY, SIGMOID, cut(1), activation=threshold, epochs=10),
    broken("activations clipped to ±0.001", FAMILY, TANH, cut(1), activation=clipped),
]  # fmt: skip
