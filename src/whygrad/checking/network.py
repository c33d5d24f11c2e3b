"""A learner's own BP1 to BP4 for a ``Network``: their numbers brought into the network's conventions, and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from whygrad.checking.judge import as_array, find_value
from whygrad.checking.learner import numbers_of
from whygrad.checking.replay import arrived_given, quiet
from whygrad.checking.verdict import DerivationVerdict
from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.nn.network import Network

NEAR = 1e-3  # of the largest number: a convention is told from a mistake by factors of n ≥ 2, not by rounding


def check_network(
    network: Network,
    x: Any,
    y: Any,
    mine: Any,
    decimals: Mapping[str, int] | None,
    verdict_on: Callable[..., DerivationVerdict],
) -> DerivationVerdict:
    """The verdict on gradients of a network's cost for one example, or of the mean cost of rows.

    Two conventions of others are understood, and said in the verdict's note: examples as columns, and errors δ without
    the 1/n of the mean, which then comes in with BP3 and BP4.
    """
    program = network._recorded(x, y)
    numbers = numbers_of(mine, (network, x, y), {})
    given = {str(name): value for name, value in numbers.items() if value is not None}
    read, note = _conventions(program, given, len(x) if np.ndim(x) > 1 else 1)
    return verdict_on(program, read, np.dtype(network.architecture.dtype), decimals, note)


def _conventions(program: Program, given: Mapping[str, Any], examples: int) -> tuple[dict[str, Any], str]:
    """The numbers in the network's conventions, and what had to be changed for that."""
    nodes = {name: find_value(program, name) for name in given}
    read = {name: _without_column(as_array(name, given[name]), nodes[name]) for name in given}
    per_example = [name for name in given if program.label(nodes[name])[:1] in "az"]
    notes = []
    with quiet():
        right = arrived_given(program.output, {})
    top = max(per_example, key=lambda name: nodes[name].number, default=None)
    if top is None or examples == 1:
        return read, ""
    rows, wanted = np.shape(read[top]), nodes[top].shape
    if rows == wanted[::-1] != wanted:
        for name in per_example:
            if np.shape(read[name]) == nodes[name].shape[::-1]:
                read[name] = np.asarray(read[name]).T
        notes.append("your examples are columns, the network's are rows: your δ were transposed to compare them")
    if _is_near(read[top], np.asarray(right[nodes[top]]) * examples):
        for name in per_example:
            read[name] = np.asarray(read[name], float) / examples
        notes.append(f"your δ are those of single examples, without the mean's 1/n: divided by n = {examples} here")
    return read, "; ".join(notes)


def _without_column(value: Any, node: Node) -> Any:
    """A vector that was given as a matrix of one column, as in many books."""
    shape = np.shape(value)
    return np.ravel(value) if len(node.shape) == 1 and shape in ((*node.shape, 1), (1, *node.shape)) else value


def _is_near(mine: Any, other: Any) -> bool:
    mine = np.asarray(mine, float)
    if mine.shape != np.shape(other):
        return False
    largest = float(np.max(np.abs(other), initial=0.0))
    return largest > 0 and float(np.max(np.abs(mine - other), initial=0.0)) <= NEAR * largest
