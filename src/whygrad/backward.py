"""The backward sweep: one traversal in reverse, over any semiring; gradients are one reading of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from whygrad.graph.node import Node
from whygrad.rules.define import Value
from whygrad.rules.shapes import cast
from whygrad.rules.sums import sum_

T = TypeVar("T")


# Each rule's convention says where its slope is inf or NaN; such slopes are results, and no reason for NumPy to warn.
SLOPES_MAY_BE_INFINITE: Any = {"divide": "ignore", "invalid": "ignore", "over": "ignore"}


class Semiring(NamedTuple, Generic[T]):
    """How a reading of the graph travels: ``along`` one edge (node, input, arrived), and ``plus`` where edges meet."""

    along: Callable[[Node, int, T], T | None]
    plus: Callable[[T, T], T]


class Step(NamedTuple, Generic[T]):
    """One edge of the sweep: ``arrived`` reached ``node``; ``flow`` left it for its input number ``arg``."""

    node: Node
    arg: int
    parent: Node
    arrived: T
    flow: T


def sweep(seeds: Mapping[Node, T], semiring: Semiring[T]) -> list[Step[T]]:
    """Every edge below the seeds that something flows along, in the order of the sweep."""
    steps: list[Step[T]] = []

    def along(node: Node, arg: int, here: T) -> T | None:
        flow = semiring.along(node, arg, here)
        if flow is not None:
            steps.append(Step(node, arg, node.inputs[arg], here, flow))
        return flow

    arrivals(seeds, Semiring(along, semiring.plus))
    return steps


def arrivals(seeds: Mapping[Node, T], semiring: Semiring[T], only: Container[Node] | None = None) -> dict[Node, T]:
    """What has arrived at every node (or at those in ``only``, which frees the rest early) when the sweep is over.

    Every edge that something flows along is visited once, newest node first: a node is newer than all its inputs, so
    when its turn comes everything that flows into it has arrived. ``along`` may return None: nothing flows.
    """
    along, plus = semiring
    arrived = dict(seeds)
    waiting = [(-node.number, node) for node in arrived]
    heapq.heapify(waiting)
    with np.errstate(**SLOPES_MAY_BE_INFINITE):
        while waiting:
            _, node = heapq.heappop(waiting)
            here = arrived[node]
            for arg, parent in node.parents:
                flow = along(node, arg, here)
                if flow is None:
                    continue
                before = arrived.get(parent)
                if before is None:
                    arrived[parent] = flow
                    heapq.heappush(waiting, (-parent.number, parent))
                else:
                    total = arrived[parent] = plus(before, flow)
                    if isinstance(total, Node):
                        total.derivative_of = parent.value
            if only is not None and node not in only:
                del arrived[node]
    return arrived


def newest_first(outputs: Mapping[Node, Any]) -> list[Node]:
    """Every node the outputs depend on, newest first, without recursion: graphs grow deeper than Python's stack."""
    seen = set(outputs)
    stack = list(outputs)
    while stack:
        for _, parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=_number, reverse=True)


def _number(node: Node) -> int:
    return node.number


def pull(node: Node, arg: int, g: Value) -> Value | None:
    """What flows from ``node`` to its input ``arg`` when g arrives: the rule's pull, in the input's shape and dtype."""
    rule = node.rule
    assert rule is not None
    rules_pull = rule.pulls[arg] if not rule.variadic else rule.pull(arg)
    if rules_pull is None:
        return None
    values = node.input_values()
    like = values[arg]
    if node.within.everything and like.dtype.kind != "f":
        return None
    below = node.value
    made = below.within.tape if isinstance(below, Node) else ()  # only traces that keep everything have a tape
    first = len(made)
    flow = pulled(rules_pull, g, node, values)
    if flow.shape != like.shape:
        flow = sum_to_shape(flow, like.shape)
    flow = flow if flow.dtype == like.dtype else cast(flow, dtype=like.dtype)
    for part in made[first:]:
        part.derivative_of = below
    return flow


def pulled(rules_pull: Callable[..., Value], g: Value, node: Node, values: list[Value]) -> Value:
    """The rule's own pull. Where a plain Python number would raise (1 / 0.0), NumPy's inf is the answer."""
    try:
        return rules_pull(g, node.value, *values, **node.params)
    except (ZeroDivisionError, OverflowError):
        arrays = [np.float64(x) if isinstance(x, (int, float)) else x for x in values]
        return rules_pull(g, node.value, *arrays, **node.params)


def sum_to_shape(g: Value, shape: tuple[int, ...]) -> Value:
    """Undo broadcasting: a value that was copied answers for all its copies."""
    extra = len(g.shape) - len(shape)
    if extra > 0:
        g = sum_(g, axis=tuple(range(extra)))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 != g.shape[i])
    return sum_(g, axis=stretched, keepdims=True) if stretched else g


GRADIENT: Semiring[Value] = Semiring(pull, lambda a, b: a + b)


def gradients(seeds: Mapping[Node, Value], leaves: list[Node]) -> list[Value]:
    """The total flow into each leaf; zeros where nothing flows."""
    arrived = arrivals(seeds, GRADIENT, only=frozenset(leaves))
    return [arrived[leaf] if leaf in arrived else np.zeros(leaf.shape, leaf.dtype)[()] for leaf in leaves]
