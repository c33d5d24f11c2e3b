"""Does each set-up do what it says? The broken one learns less than the same one mended; the healthy one learns.

Both are trained for the same number of epochs and judged on examples that they have not seen: by accuracy, or by the
mean cost of targets that are not classes, each a fraction of what is to be learned (0: no better than the best constant
answer, 1: perfect).
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scripts.corpus.recipe import Recipe, Setup

LEARNS = 0.35  # a healthy set-up reaches this fraction within its epochs


class Learned(NamedTuple):
    """What a recipe learned, as a fraction, and whether its cost stayed finite."""

    fraction: float
    finite: bool

    def __str__(self) -> str:
        worse = "below -1" if self.fraction < -1 else f"{self.fraction:7.3f}"
        return worse if self.finite else f"{worse} (not finite)"


class Checked(NamedTuple):
    """A set-up trained, and the same without its fault."""

    setup: Setup
    broken: Learned
    mended: Learned | None

    @property
    def holds(self) -> bool:
        """Whether the set-up does what it says."""
        if self.mended is None:
            return self.broken.finite and self.broken.fraction >= LEARNS
        worse = self.broken.fraction < self.mended.fraction - 0.03 or not self.broken.finite
        return worse and self.mended.finite and self.mended.fraction >= LEARNS


def checked(setup: Setup) -> Checked:
    """Train the set-up and its mended counterpart for the same number of epochs."""
    return Checked(setup, learned(setup.recipe, setup.epochs),
                   None if setup.mended is None else learned(setup.mended, setup.epochs))


def learned(recipe: Recipe, epochs: int) -> Learned:
    """Train a recipe and judge it on unseen examples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = recipe.network()
        finite = recipe.train(net, recipe.before + epochs)
        with np.errstate(all="ignore"):
            outputs = np.nan_to_num(net.predict(recipe.data().X_test))
            return Learned(fraction_learned(outputs, recipe), finite)


def fraction_learned(outputs: np.ndarray, recipe: Recipe) -> float:
    """1 for perfect answers to unseen examples, 0 for those of the best constant answer."""
    data = recipe.data()
    Y = np.asarray(data.Y_test)
    if Y.ndim == 1:
        return (float(np.mean(np.argmax(outputs, axis=1) == Y)) - 0.1) / 0.9
    if set(np.unique(Y)) <= {0.0, 1.0}:
        constant = max(float(np.mean(Y)), 1 - float(np.mean(Y)))
        return (float(np.mean((outputs >= 0.5) == (Y == 1))) - constant) / (1 - constant)
    return 1 - float(np.mean((outputs - Y) ** 2) / np.mean((Y - Y.mean(axis=0)) ** 2))
