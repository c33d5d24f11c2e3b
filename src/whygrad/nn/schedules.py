"""How the learning rate changes with the epochs, and when to stop.

A schedule is a function of the epoch, counted from 0, and the history so far; it returns what to multiply the learning
rate by in this epoch. 0 ends training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whygrad.errors import ArgumentError, public
from whygrad.nn.history import Epoch, History
from whygrad.nn.validation import number, whole

Schedule = Callable[[int, History], float]


@public
def constant() -> Schedule:
    """The same rate throughout."""
    return lambda epoch, history: 1.0


@public
def step(every: int, factor: float = 0.1) -> Schedule:
    """Multiply by ``factor`` after each ``every`` epochs."""
    every, factor = whole("every", every), number("factor", factor, above=0)
    return lambda epoch, history: float(factor ** (epoch // every))


@public
def exponential(factor: float) -> Schedule:
    """Multiply by ``factor`` after each epoch."""
    factor = number("factor", factor, above=0)
    return lambda epoch, history: float(factor**epoch)


@public
def cosine(epochs: int, lowest: float = 0.01) -> Schedule:
    """From 1 down to ``lowest`` in ``epochs`` epochs, along half a cosine wave (Loshchilov and Hutter 2017)."""
    epochs, lowest = whole("epochs", epochs), number("lowest", lowest, above=0)
    return lambda epoch, history: lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0)))


@public
def halve_on_plateau(patience: int = 10, until: float = 1 / 128) -> Schedule:
    """Halve when the validation accuracy has not improved for ``patience`` epochs; end at ``until``.

    Nielsen's schedule (chapter 3). Without classes it watches the validation cost; without validation data, the data
    it trains on.
    """
    patience, until = whole("patience", patience), number("until", until, above=0)

    def multiplier(epoch: int, history: History) -> float:
        halvings, waited, best = 0, 0, -math.inf
        for score in scores(history.epochs):
            waited = 0 if score > best else waited + 1
            best = max(best, score)
            if waited == patience:
                halvings, waited = halvings + 1, 0
        return 0.5**halvings if 0.5**halvings > until else 0.0

    return multiplier


def scores(epochs: Sequence[Epoch], watch: str | None = None) -> list[float]:
    """How good each epoch was, larger is better: a column of accuracies, or a column of costs with its sign changed.

    Without ``watch``, the first of these that was measured: validation accuracy, validation cost, accuracy, cost.
    """
    order = ("validation_accuracy", "validation_cost", "accuracy", "cost")
    for name in (watch,) if watch else order:
        column = [getattr(epoch, name) for epoch in epochs]
        if column and column[0] is not None:
            return [-x for x in column] if name.endswith("cost") else column
    return []


@dataclass(frozen=True)
class EarlyStopping:
    """End when ``watch`` has not improved by more than ``least`` for ``patience`` epochs; the best weights are kept.

    ``watch``: "validation_accuracy" or "validation_cost"; without it, the accuracy if there are classes, else the cost.
    """

    patience: int = 10
    least: float = 0.0
    watch: str | None = None

    @public
    def __post_init__(self) -> None:
        whole("patience", self.patience)
        number("least", self.least, least=0)
        if self.watch not in (None, "validation_accuracy", "validation_cost"):
            raise ArgumentError(f"early stopping can not watch {self.watch!r}",
                                try_='"validation_accuracy" or "validation_cost"')

    def improved(self, history: History, best: int) -> bool:
        """Whether the last epoch is better than epoch ``best``, counted from 0, by more than ``least``."""
        return self.score(history, -1) > self.score(history, best) + self.least

    def score(self, history: History, epoch: int) -> float:
        """How good that epoch was."""
        return scores(history.epochs[epoch : epoch + 1 or None], self.watch)[0]
