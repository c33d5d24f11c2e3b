"""A recorded program run again with some of its numbers changed, and the sweep in which some arrivals are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.backward import SLOPES_MAY_BE_INFINITE, Semiring, arrivals, pull
from whygrad.graph.node import Node, Trace
from whygrad.graph.record import Program
from whygrad.rules.define import Value

Array = NDArray[Any]
Change = Callable[[Node, Value], Value]


def replay(nodes: Iterable[Node], change: Change, also: Mapping[Node, Value] | None = None) -> dict[Node, Node]:
    """The same steps again, each step's value passed through ``change(step, value)`` before others use it.

    ``nodes``: in order of computation. ``also``: values that stand in place of those of other nodes.
    """
    with Trace(everything=True) as trace, np.errstate(all="ignore"):
        again = {node: _leaf(node, value, trace) for node, value in (also or {}).items()}
        for node in nodes:
            if node in again:
                continue
            if node.rule is None:
                again[node] = _leaf(node, change(node, node.value), trace)
                continue
            inputs = tuple(again.get(x, x) if isinstance(x, Node) else x for x in node.inputs)
            values = [x.value if isinstance(x, Node) else x for x in inputs]
            value = change(node, node.rule.forward(*values, **node.params))
            parents = tuple((arg, again.get(parent, parent)) for arg, parent in node.parents)
            step = Node(value, node.rule, inputs, node.params, parents, trace, node.site, node.name)
            step._values = values
            again[node] = step
    return again


def _leaf(node: Node, value: Value, trace: Trace) -> Node:
    return Node(value, None, (), {}, (), trace, node.site, node.name)


def arrived_given(
    output: Node, given: Mapping[Node, Array], along: Callable[[Node, int, Value], Value | None] = pull
) -> dict[Node, Value]:
    """What arrives at every node when at those in ``given`` the given number goes on in place of what arrived there.

    With nothing given these are the gradients. With a learner's numbers, each arrival is what the rules make of the
    learner's own numbers nearer to the cost. ``along``: the pull of one edge, for flows that are not the right ones.
    """

    def onward(node: Node, arg: int, here: Value) -> Value | None:
        return along(node, arg, given.get(node, here))

    start = {output: np.ones(output.shape, output.dtype)[()]}
    return arrivals(start, Semiring(onward, lambda a, b: a + b))


def program_nodes(program: Program) -> tuple[Node, ...]:
    """Arguments first, then every step in order of computation."""
    return (*program.leaves.values(), *program.tape)


def quiet() -> Any:
    """Slopes may be inf or NaN, which is a result and no reason to warn."""
    return np.errstate(**SLOPES_MAY_BE_INFINITE)
