"""The forward sweep: how a change of the inputs moves every value, in the order in which they were computed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from whygrad.backward import SLOPES_MAY_BE_INFINITE, gradients, newest_first, pulled, sum_to_shape
from whygrad.graph.node import Node, Trace
from whygrad.rules.define import Value
from whygrad.rules.shapes import broadcast, cast


def tangents(output: Node, seeds: Mapping[Node, Value]) -> Value:
    """The change of ``output`` per unit of the changes ``seeds`` of leaves: a directional derivative."""
    moved = dict(seeds)
    with np.errstate(**SLOPES_MAY_BE_INFINITE):
        for node in reversed(newest_first({output: None})):
            for arg, parent in node.parents:
                flow = push(node, arg, moved[parent]) if parent in moved else None
                if flow is not None:
                    moved[node] = moved[node] + flow if node in moved else flow
    return moved[output] if output in moved else np.zeros(output.shape, output.dtype)[()]


def push(node: Node, arg: int, t: Value) -> Value | None:
    """What a change t of input number ``arg`` does to ``node``, the other inputs held."""
    rule = node.rule
    assert rule is not None
    pull = rule.pull(arg)
    if pull is None:
        return None
    values = node.input_values()
    if rule.slopes is not None:
        flow = pulled(pull, t, node, values)  # g · slope and t · slope are one formula
    elif rule.linear:
        others = values if rule.linear == "each" else [np.zeros(x.shape, x.dtype) for x in values]
        flow = rule(*others[:arg], t, *others[arg + 1 :], **node.params)
    else:
        flow = _transposed(node, arg, values, t)
    out = node.value
    if flow.shape != out.shape:
        flow = broadcast(flow, shape=out.shape)
    return flow if flow.dtype == out.dtype else cast(flow, dtype=out.dtype)


def _transposed(node: Node, arg: int, values: list[Value], t: Value) -> Value:
    """A pull is linear in g; its transpose is the push, found by pulling t back through the pull itself."""
    rule = node.rule
    assert rule is not None
    pull = rule.pull(arg)
    assert pull is not None
    with Trace() as trace:
        g = trace.leaf(np.zeros(node.shape, node.dtype))
        flow = pull(g, node.value, *values, **node.params)
        if not (isinstance(flow, Node) and flow.within is trace):
            return np.zeros(node.shape, node.dtype)
        flow = sum_to_shape(flow, t.shape)
    return gradients({flow: t}, [g])[0]
