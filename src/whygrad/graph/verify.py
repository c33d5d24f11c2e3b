"""What a legal graph is, as a table of small promises; the tests hold every traced program to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from whygrad.graph.node import Node, plain

Promise = Callable[[Node], bool]


def _newer_than_its_inputs(node: Node) -> bool:
    return all(parent.number < node.number for _, parent in node.parents)


def _parents_are_the_inputs_of_its_trace(node: Node) -> bool:
    own = [(i, x) for i, x in enumerate(node.inputs) if isinstance(x, Node) and x.within is node.within]
    return len(own) == len(node.parents) and all(
        i == j and x is y for (i, x), (j, y) in zip(own, node.parents, strict=True))


def _other_inputs_come_from_outside(node: Node) -> bool:
    return all(x.within.number <= node.within.number for x in node.inputs if isinstance(x, Node))


def _its_value_lives_one_level_down(node: Node) -> bool:
    return not isinstance(node.value, Node) or node.value.within.number < node.within.number


def _made_by_a_rule_from_as_many_inputs_as_it_takes(node: Node) -> bool:
    if node.rule is None:
        return not node.inputs
    return bool(node.parents) and (node.rule.variadic or len(node.inputs) == len(node.rule.inputs))


def _parameters_are_plain(node: Node) -> bool:
    return not any(isinstance(x, Node) for x in _flat(node.params)) and bool(repr(dict(node.params)))


def _flat(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple)) or hasattr(x, "values"):
        return [part for inner in (x.values() if hasattr(x, "values") else x) for part in _flat(inner)]
    return [x]


def _real_numbers(node: Node) -> bool:
    return np.asarray(plain(node)).dtype.kind in "fiub"


def _its_value_is_what_the_rule_computes(node: Node) -> bool:
    if node.rule is None:
        return True
    with np.errstate(all="ignore"):
        again = node.rule.forward(*(plain(x) for x in node.inputs), **node.params)
    value = plain(node)
    return np.shape(again) == np.shape(value) and np.array_equal(again, value, equal_nan=value.dtype.kind == "f")


PROMISES: dict[str, Promise] = {
    "is newer than its inputs": _newer_than_its_inputs,
    "has as parents the inputs of its own trace": _parents_are_the_inputs_of_its_trace,
    "takes its other inputs from older traces": _other_inputs_come_from_outside,
    "has a value one level of tracing down": _its_value_lives_one_level_down,
    "has as many inputs as its rule takes": _made_by_a_rule_from_as_many_inputs_as_it_takes,
    "has plain, printable parameters": _parameters_are_plain,
    "holds real numbers": _real_numbers,
    "has the value that its rule computes": _its_value_is_what_the_rule_computes,
}


def broken_promises(nodes: Iterable[Node]) -> list[str]:
    """What is wrong with a graph, node by node; empty for a legal one."""
    return [f"{node!r} breaks the promise: a node {promise}"
            for node in nodes for promise, holds in PROMISES.items() if not holds(node)]
