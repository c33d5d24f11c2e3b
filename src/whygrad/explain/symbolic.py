"""A function of single numbers, differentiated on paper: the backward sweep, run on formulas instead of numbers.

The rules are those that compute the numbers; run on Ratios they also simplify. Where a function chooses (``where``,
``maximum``), the formula is that of the branch taken at the recorded numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from whygrad.backward import Semiring, arrivals
from whygrad.errors import ArgumentError
from whygrad.explain.ratios import Ratio, atom, ratio
from whygrad.explain.symbol import Symbol
from whygrad.graph.node import Node
from whygrad.graph.record import Program


def slope_of(program: Program, by: Node, names: Mapping[Node, Symbol]) -> Ratio:
    """The formula of ∂output/∂by, in the given names, simplified."""
    values = _values(program, names)

    def along(node: Node, arg: int, g: Ratio) -> Ratio | None:
        rule = node.rule
        assert rule is not None
        if node is by or rule.pull(arg) is None:
            return None
        taken = _taken(node)
        if taken is not None:
            return g if taken == arg else None
        if _moves_one_number(node):
            return g
        inputs = [values[x] if isinstance(x, Node) else _number(x) for x in node.inputs]
        if rule.slopes is not None:
            slope = rule.slopes[arg]
            return g * (slope(values[node], *inputs, **node.params) if callable(slope) else slope)
        if rule.linear == "each" and len(inputs) == 2:
            return g * inputs[1 - arg]
        raise ArgumentError(
            f"{rule.name} works on several numbers at once, so its slope is not one formula",
            try_="a function that treats each number alone",
        )

    arrived = arrivals({program.output: ratio(1)}, Semiring(along, lambda a, b: a + b))
    return arrived.get(by, ratio(0))


def _values(program: Program, names: Mapping[Node, Symbol]) -> dict[Node, Any]:
    """Every value of the program: its name if it is given one, else what its rule makes of its inputs' formulas."""
    values: dict[Node, Any] = {node: atom(name) for node, name in names.items()}
    for node in (*program.leaves.values(), *program.tape):
        if node in values:
            continue
        if node.size != 1:
            raise ArgumentError(
                f"{program.label(node)} has shape {node.shape}", why="a formula is written for single numbers"
            )
        inputs = [values[x] if isinstance(x, Node) else _number(x) for x in node.inputs]
        taken = _taken(node)
        if node.rule is None or not any(isinstance(x, Ratio) for x in inputs):
            values[node] = _number(node.value)
        elif taken is not None or _moves_one_number(node):
            values[node] = inputs[taken or 0]
        else:
            values[node] = node.rule(*inputs, **node.params)
    return values


def _taken(node: Node) -> int | None:
    """Which input a choice took, or None if the step is not a choice."""
    name = node.rule.name if node.rule is not None else ""
    if name == "where":
        return 1 if np.all(node.input_values()[0]) else 2
    if name in ("maximum", "minimum", "fmax", "fmin"):
        return 0 if np.array_equal(np.ravel(node.input_values()[0]), np.ravel(node.value)) else 1
    return None


def _moves_one_number(node: Node) -> bool:
    """A sum, mean or reshape of a single number: it stays what it is."""
    rule = node.rule
    return rule is not None and rule.slopes is None and bool(rule.linear) and len(node.inputs) == 1


def _number(x: Any) -> float:
    return float(np.ravel(x)[0])
