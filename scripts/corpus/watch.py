"""A set-up's training as records: what every debugger is shown, each the same."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scripts.corpus.recipe import Recipe

import whygrad as wg
from whygrad.diagnosis.records import LayerRecord, Record
from whygrad.nn import validation
from whygrad.nn.diagnose import network_record
from whygrad.nn.layers import Parameters
from whygrad.nn.optimizers import Optimizer, optimizer
from whygrad.nn.probe import Probe

LOOKS = 6  # epochs that are watched: some rules compare five moments


class Spy:
    """An optimizer that remembers the last change it made."""

    def __init__(self, chosen: Optimizer) -> None:
        self.changes: list[Any] = []
        self.optimizer = chosen._replace(update=self._update)
        self._chosen = chosen

    def _update(self, gradients: Any, state: Any, parameters: Any, rate: Any) -> tuple[Any, Any]:
        changes, new = self._chosen.update(gradients, state, parameters, rate)
        self.changes = [np.array(change) for change in changes]
        return changes, new


def watched(recipe: Recipe, epochs: int = LOOKS) -> list[Record]:
    """The network when it is first looked at, and after each of some epochs of training, oldest first.

    ``update`` of each record is what the optimizer really added in its last step. If training ends because a number is
    not finite, the last record is of the network after the step that did it.
    """
    data, net = recipe.data(), recipe.network()
    spy = Spy(optimizer(recipe.optimizer))
    found: list[Record] = []

    def look(net: wg.Network, history: Any = ()) -> bool:
        if len(history) >= recipe.before:
            record = network_record(net, data.X, data.Y, learning_rate=recipe.rate, optimizer_given=recipe.optimizer,
                                    batch_size=recipe.batch)
            changes = spy.changes or [None] * len(record.layers)
            found.append(replace(record, layers=_held(record, changes), steps=len(history) and net.history.steps,
                                 explain=None))  # its derivations would be those of the network after training
        return False

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        look(net)
        try:
            net.fit(data.X, data.Y, epochs=recipe.before + epochs, batch_size=recipe.batch, learning_rate=recipe.rate,
                    optimizer=spy.optimizer, backend="numpy", progress=False, callback=look)
        except wg.errors.DivergedError:
            found.append(_after_the_last_step(net, data, spy))
    return found


def _held(record: Record, changes: list[Any]) -> tuple[LayerRecord, ...]:
    """The record's layers with weights of their own, which training goes on changing, and the last step's change."""
    return tuple(replace(layer, weight=np.array(layer.weight), bias=np.array(layer.bias), update=change)
                 for layer, change in zip(record.layers, changes, strict=False))


def _after_the_last_step(net: wg.Network, data: Any, spy: Spy) -> Record:
    """The network as the step left it that made a number infinite or NaN; ``fit`` itself keeps the weights before."""
    moved = [p + change for p, change in zip([*net.weights, *net.biases], spy.changes, strict=True)]
    parameters = Parameters(tuple(moved[: len(net.weights)]), tuple(moved[len(net.weights) :]))
    with np.errstate(all="ignore"):
        record = Probe(net.architecture)(parameters, validation.examples(net.architecture, data.X, data.Y))
    return replace(record, layers=_held(record, spy.changes), steps=net.history.steps)
