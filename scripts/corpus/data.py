"""Inputs and targets that are not what they should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scripts.corpus.healthy import RELU, RINGS, SIGMOID, TANH, WAVES
from scripts.corpus.recipe import Setup, Truth, broken
from scripts.corpus.tasks import Floats, changed, digits, rings, waves

INPUTS, TARGETS = "inputs", "targets"
SCALE, DEAD_INPUTS = Truth("input scale"), Truth("dead inputs")
WRONG, LABEL_SCALE = Truth("wrong labels"), Truth("label scale")


def shuffled(labels: Floats) -> Floats:
    """Every label with some other example."""
    return np.random.default_rng(5).permutation(labels)


def first_column_large(X: Floats) -> Floats:
    """One feature in other units: grams for kilograms."""
    return X * np.array([1e4, 1.0])


def without(*columns: int):
    """These inputs all zero, as after a join that found nothing."""

    def dropped(X: Floats) -> Floats:
        X = np.array(X)
        X[:, columns] = 0.0
        return X

    return dropped


SETUPS: list[Setup] = [
    broken("sigmoid, pixels from 0 to 255", INPUTS, SIGMOID, (SCALE, Truth("saturation", (1,))),
           data=changed(digits, lambda X: X * 255)),
    broken("tanh, pixels from 0 to 255", INPUTS, TANH, (SCALE, Truth("saturation", (1,))),
           data=changed(digits, lambda X: X * 255)),
    broken("relu, pixels from 0 to 255", INPUTS, RELU, (SCALE, Truth("rate too high")),
           data=changed(digits, lambda X: X * 255)),
    broken("sigmoid, pixels from 0 to 0.001", INPUTS, SIGMOID, SCALE, data=changed(digits, lambda X: X * 0.001)),
    broken("rings, inputs around 100", INPUTS, RINGS, (SCALE, Truth("saturation", (1,))),
           data=changed(rings, lambda X: X + 100)),
    broken("waves, one feature 10,000 times as large", INPUTS, WAVES, (SCALE, Truth("saturation", (1,))),
           data=changed(waves, first_column_large)),
    broken("waves, one feature all zero", INPUTS, WAVES, DEAD_INPUTS, data=changed(waves, without(0)), epochs=20),
    broken("rings, one feature all zero", INPUTS, RINGS, DEAD_INPUTS, data=changed(rings, without(1)), epochs=20),
    broken("digits, the middle of every image cut out", INPUTS, RELU, DEAD_INPUTS,
           data=changed(digits, without(*[r * 14 + c for r in range(2, 12) for c in range(2, 12)]))),
    broken("digits, every image the same", INPUTS, RELU, DEAD_INPUTS,
           data=changed(digits, lambda X: np.repeat(X[:1], len(X), axis=0))),
    broken("digits, labels shuffled", TARGETS, RELU, WRONG, data=changed(digits, targets=shuffled, tests_too=False),
           before=3),
    broken("digits, labels one row off", TARGETS, SIGMOID, WRONG, before=3,
           data=changed(digits, targets=lambda y: np.roll(y, 1), tests_too=False)),
    broken("rings, labels shuffled", TARGETS, RINGS, WRONG, data=changed(rings, targets=shuffled, tests_too=False),
           before=3),
    broken("digits, every label 0", TARGETS, RELU, WRONG,
           data=changed(digits, targets=np.zeros_like, tests_too=False)),
    broken("digits, 19 of 20 labels are 3", TARGETS, RELU, WRONG,
           data=changed(digits, targets=lambda y: np.where(np.arange(len(y)) % 20 > 0, 3, y), tests_too=False)),
    broken("waves, targets times 1000", TARGETS, WAVES, (LABEL_SCALE, Truth("rate too high")),
           data=changed(waves, targets=lambda Y: Y * 1000)),
    broken("waves, targets around 1000", TARGETS, WAVES, (LABEL_SCALE, Truth("rate too high")),
           data=changed(waves, targets=lambda Y: Y + 1000)),
    broken("waves, targets times 0.0001", TARGETS, WAVES, LABEL_SCALE, data=changed(waves, targets=lambda Y: Y * 1e-4)),
    broken("rings, targets 0 and 255", TARGETS, replace(RINGS, cost="half_squared_error", rate=1.0),
           (LABEL_SCALE, Truth("cost mismatch", (2,))), data=changed(rings, targets=lambda Y: Y * 255)),
]  # fmt: skip
