"""A network diagnosed: the probe's record of it on given examples, with what is known of its training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.diagnosis.examples import MOST, evenly, left_out
from whygrad.diagnosis.records import Record
from whygrad.explain.explanation import Explanation
from whygrad.nn import validation as check
from whygrad.nn.layers import Parameters
from whygrad.nn.optimizers import Optimizer, optimizer
from whygrad.nn.probe import Probe, Updates
from whygrad.nn.validation import Examples

if TYPE_CHECKING:
    from whygrad.nn.network import Network


def network_record(
    net: Network,
    X: Any,
    Y: Any,
    *,
    learning_rate: float | None = None,
    optimizer_given: str | Optimizer | None = None,
    batch_size: int | None = None,
    most: int | None = MOST,
) -> Record:
    """The network on at most ``most`` of the examples, evenly taken; rate, optimizer and batch size as in its ``fit``.

    Without a learning rate, given or known from ``fit``, no step is tried.
    """
    given = check.examples(net.architecture, X, Y)
    examples = given if most is None else _some(given, check.whole("examples", most))
    history = net.history
    rate = history.learning_rate[-1] if learning_rate is None and len(history) else learning_rate
    rate = None if rate is None else check.number("learning_rate", rate, above=0)
    chosen = optimizer(optimizer_given or history.optimizer or "sgd")
    size = history.batch_size if batch_size is None else check.whole("batch_size", batch_size)

    def explain(example: int, layer: int, j: int, k: int) -> Explanation:
        return net.explain_weight(layer, j, k, examples.inputs[example], examples.targets[example])

    updates = None if rate is None else first_step(chosen, rate, net.parameters)
    record = Probe(net.architecture)(net.parameters, examples, updates, explain)
    notes = left_out(len(examples), len(given))
    if rate is None:
        notes.append("No step was tried, because no learning rate is known: learning_rate=… judges one.")
    return replace(
        record,
        steps=history.steps if len(history) else None,
        learning_rate=rate,
        batch_size=size or None,
        optimizer=chosen.name,
        epoch_costs=history.cost,
        notes=tuple(notes),
    )


def first_step(chosen: Optimizer, rate: float, parameters: Parameters) -> Updates:
    """The step of an optimizer that remembers nothing yet."""
    flat = [*parameters.weights, *parameters.biases]
    return step_of(chosen, rate, parameters, chosen.init(flat))


def step_of(chosen: Optimizer, rate: float, parameters: Parameters, memory: Any) -> Updates:
    """The step of an optimizer with what it remembers; the parameters are those the gradients will be of."""
    flat, layers = [*parameters.weights, *parameters.biases], len(parameters.weights)

    def updates(gradients: Parameters) -> Parameters:
        changes, _ = chosen.update([*gradients.weights, *gradients.biases], memory, flat, np.float64(rate))
        return Parameters(tuple(changes[:layers]), tuple(changes[layers:]))

    return updates


def _some(examples: Examples, most: int) -> Examples:
    """At most so many of the examples, evenly taken."""
    if len(examples) <= most:
        return examples
    rows = evenly(len(examples), most)
    labels = None if examples.labels is None else examples.labels[rows]
    return Examples(examples.inputs[rows], examples.targets[rows], labels)
