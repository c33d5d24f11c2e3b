"""NaN, infinities and underflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scripts.corpus.changes import biases, weights_times
from scripts.corpus.healthy import DEEP_RELU, RELU, SIGMOID, TANH, WAVES
from scripts.corpus.recipe import Setup, Truth, broken
from scripts.corpus.tasks import changed, digits

import whygrad as wg
from whygrad.rules.define import Value


def logarithm(z: Value) -> Value:
    """The logarithm of what may be negative."""
    return np.log(z)


def root(z: Value) -> Value:
    """The root of a relu: at 0 its slope is infinite, and 0 · inf arrives below."""
    return np.sqrt(wg.relu(z))


def unit_norm(z: Value) -> Value:
    """Rows of length 1, also where there is nothing to divide by."""
    return z / np.sqrt(np.sum(z * z, axis=-1, keepdims=True))


def naive_softmax(z: Value) -> Value:
    """exp(z) before anything is subtracted from z."""
    e = np.exp(z)
    return e / np.sum(e, axis=-1, keepdims=True)


def naive_cross_entropy(a: Value, y: Value) -> Value:
    """-Σ y ln a, with the logarithm of 0 where a relu or an underflow gave 0."""
    return -np.sum(y * np.log(a), axis=-1)


def of_width_16(z: Value) -> Value:
    """A sigmoid computed in half precision, forwards and backwards."""
    return wg.sigmoid(z.astype(np.float16)).astype(np.float32)


def tiny_cost(a: Value, y: Value) -> Value:
    """A cost scaled to the edge of single precision."""
    return 1e-42 * np.sum((a - y) ** 2, axis=-1)


def exponential(z: Value) -> Value:
    """An activation that overflows for z above 88 in single precision."""
    return np.exp(z)


FAMILY = "numbers"
NOT_A_NUMBER, UNDERFLOW = Truth("not a number"), Truth("underflow")

SETUPS: list[Setup] = [
    broken("logarithm of negative numbers", FAMILY, RELU, NOT_A_NUMBER, activation=logarithm),
    broken("root of zero", FAMILY, RELU, NOT_A_NUMBER, activation=root),
    broken("rows of zeros normalized", FAMILY, replace(RELU, hidden=(30, 30)), NOT_A_NUMBER,
           activation=("relu", unit_norm), start=lambda net: (biases(1, -20.0)(net), biases(2, 0.0)(net))[0]),
    broken("naive softmax of large logits", FAMILY, RELU, NOT_A_NUMBER, output=naive_softmax, cost=naive_cross_entropy,
           start=weights_times(500.0, 2)),
    broken("ln 0 after relu outputs", FAMILY, RELU, (NOT_A_NUMBER, Truth("cost mismatch", (2,))), output="relu",
           cost=naive_cross_entropy),
    broken("exponential of pixels up to 255", FAMILY, TANH, (NOT_A_NUMBER, Truth("input scale")),
           activation=exponential, data=changed(digits, lambda X: X * 255)),
    broken("waves, overflow after a few steps at rate 50", FAMILY, replace(WAVES, activation="relu", rate=0.05),
           (NOT_A_NUMBER, Truth("rate too high")), rate=50.0),
    broken("five half-precision sigmoid layers", FAMILY, replace(DEEP_RELU, hidden=(30,) * 5),
           (UNDERFLOW, Truth("vanishing gradient", (1, 2))), activation=of_width_16, init="scaled"),
    broken("a cost of 1e-42", FAMILY, replace(SIGMOID, cost="half_squared_error", rate=3.0), UNDERFLOW, cost=tiny_cost),
    broken("eighty sigmoid layers", FAMILY, replace(DEEP_RELU, hidden=(30,) * 8), (UNDERFLOW,
           Truth("vanishing gradient", tuple(range(1, 41)))), hidden=(10,) * 80, activation="sigmoid", init="scaled"),
]  # fmt: skip
