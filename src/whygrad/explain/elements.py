"""The graph of single numbers between one number and the cost: local Jacobians, element by element.

No derivative is written here. An edge's slope comes from the rule: slopes of elementwise rules as they are, other
rules by sending a single 1 through their pull or push; only edges above the number asked about are ever computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from whygrad.backward import SLOPES_MAY_BE_INFINITE, newest_first, pull
from whygrad.errors import ArgumentError
from whygrad.forward import push
from whygrad.graph.node import Node, Trace
from whygrad.rules.define import Value

Indices = npt.NDArray[np.intp]
TOO_MANY = 5_000_000  # edges of one block: beyond this an explanation would take minutes and gigabytes


@dataclass(frozen=True, eq=False)
class Edges:
    """The local Jacobian of a node by one of its inputs, as a list: ∂node[row]/∂input[column] = slope, flat indices."""

    rows: Indices
    columns: Indices
    slopes: npt.NDArray[np.floating[Any]]

    @cached_property
    def by_column(self) -> dict[int, list[int]]:
        """For each column the positions of its edges."""
        positions: dict[int, list[int]] = {}
        for position, column in enumerate(self.columns.tolist()):
            positions.setdefault(column, []).append(position)
        return positions


@dataclass(frozen=True, eq=False)
class Element:
    """One number of a traced array. Equal to another if it is the same place of the same node."""

    node: Node
    index: int

    def __eq__(self, other: object) -> bool:  # written out, because == of two nodes is an operation on their values
        return isinstance(other, Element) and self.node is other.node and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self.node), self.index))

    @property
    def value(self) -> float:
        """The number itself."""
        return float(np.ravel(self.node.value)[self.index])


@dataclass(frozen=True)
class Edge:
    """One step from a number to a number it moves: ``upper`` changes by ``slope`` per unit of ``lower``."""

    lower: Element
    upper: Element
    arg: int
    slope: float


@dataclass(frozen=True, eq=False)
class ElementGraph:
    """Everything between the number ``start`` and the cost ``output``; edges in blocks, by (node, input position)."""

    start: Element
    output: Node
    blocks: Mapping[tuple[Node, int], Edges]

    @cached_property
    def _above(self) -> dict[Node, list[tuple[Node, int]]]:
        above: dict[Node, list[tuple[Node, int]]] = {}
        for node, arg in self.blocks:
            above.setdefault(dict(node.parents)[arg], []).append((node, arg))
        return above

    def edges_up(self, element: Element) -> Iterator[Edge]:
        """The edges that leave an element towards the cost."""
        for node, arg in self._above.get(element.node, ()):
            edges = self.blocks[node, arg]
            for position in edges.by_column.get(element.index, ()):
                yield Edge(element, Element(node, int(edges.rows[position])), arg, float(edges.slopes[position]))


def element_graph(output: Node, start: Element) -> ElementGraph:
    """The graph of elements that ``start`` reaches on its way to ``output``."""
    return elements_graph(output, start.node, np.array([start.index], np.intp))


def elements_graph(output: Node, of: Node, indices: Indices) -> ElementGraph:
    """The graph of elements that these numbers of one value reach together; it starts at the first of them."""
    start = Element(of, int(indices[0]))
    reached: dict[Node, Indices] = {of: indices}
    blocks: dict[tuple[Node, int], Edges] = {}
    for node in reversed(newest_first({output: None})):
        if node is of:
            continue
        found = []
        for arg, parent in node.parents:
            if parent in reached:
                with np.errstate(**SLOPES_MAY_BE_INFINITE):
                    edges = local_jacobian(node, arg, reached[parent])
                if edges is not None and len(edges.rows):
                    blocks[node, arg] = edges
                    found.append(edges.rows)
        if found:
            reached[node] = np.unique(np.concatenate(found))
    return ElementGraph(start, output, blocks)


def local_jacobian(node: Node, arg: int, columns: Indices) -> Edges | None:
    """How the numbers of ``node`` move with the numbers ``columns`` of its input; None where there is no slope."""
    rule = node.rule
    assert rule is not None
    if rule.pull(arg) is None or node.dtype.kind != "f":
        return None
    if rule.slopes is not None:
        return _elementwise(node, arg, columns)
    moves = rule.linear == "jointly" or (rule.linear == "each" and len(node.inputs) == 1)
    moved = _movement(node, arg, columns) if moves else None
    return moved if moved is not None else _general(node, arg, columns)


def _elementwise(node: Node, arg: int, columns: Indices) -> Edges:
    """Slopes as the rule states them; broadcasting decides which input a number of the output comes from."""
    rule, values = node.rule, node.input_values()
    assert rule is not None and rule.slopes is not None
    slope = rule.slopes[arg]
    local = slope(node.value, *values, **node.params) if callable(slope) else slope
    like = values[arg]
    source = np.broadcast_to(np.arange(like.size).reshape(like.shape), node.shape).ravel()
    rows = np.flatnonzero(np.isin(source, columns)) if len(columns) < like.size else np.arange(source.size)
    slopes = np.broadcast_to(np.asarray(local, dtype=float), node.shape).ravel()[rows]
    return Edges(rows, source[rows], slopes)


def _movement(node: Node, arg: int, columns: Indices) -> Edges | None:
    """Edges of a rule that only moves numbers about, found by moving their indices; None if it does more than that."""
    values = node.input_values()
    like = values[arg]
    indices = np.arange(1.0, like.size + 1).reshape(like.shape)
    probe = np.random.default_rng(0).uniform(1, 2, like.shape)
    came_from, moved = (flat_push(node, arg, x.astype(like.dtype)) for x in (indices, probe))
    rows = np.flatnonzero(came_from)
    source = came_from[rows].astype(np.intp) - 1
    if (
        (source < 0).any()
        or (source >= like.size).any()
        or not np.array_equal(moved[rows], probe.ravel().astype(like.dtype)[source])
    ):
        return None
    wanted = np.isin(source, columns)
    return Edges(rows[wanted], source[wanted], np.ones(int(wanted.sum())))


def _general(node: Node, arg: int, columns: Indices) -> Edges:
    """Any rule: push a single 1 from each number below, or pull one from each number above, whichever is fewer."""
    rule, size = node.rule, math.prod(node.shape)
    assert rule is not None
    if not size:
        return Edges(columns[:0], columns[:0], np.zeros(0))
    if len(columns) * size > TOO_MANY:
        raise ArgumentError(
            f"explaining this value means {len(columns)} × {size} local slopes in one {rule.name}",
            try_="a value nearer to the cost, or fewer examples at a time",
        )
    table = _table(node, arg, columns)
    linked = table != 0
    others = [np.asarray(x) for i, x in enumerate(node.input_values()) if i != arg]
    if rule.linear == "each" and any(x.dtype.kind == "f" and np.any(x == 0) for x in others):
        linked |= _table(_with_other_partners(node), arg, columns) != 0
    rows, positions = np.nonzero(linked)
    return Edges(rows, columns[positions], table[rows, positions].astype(float))


def _table(node: Node, arg: int, columns: Indices) -> npt.NDArray[Any]:
    """The slopes of all numbers of ``node`` (rows) by the given numbers of its input (columns)."""
    like = node.input_values()[arg]
    if len(columns) <= math.prod(node.shape):
        return np.stack([flat_push(node, arg, one_at(like, i)) for i in columns.tolist()], axis=1)
    return np.stack([_flat_pull(node, arg, one_at(node.value, i))[columns] for i in range(math.prod(node.shape))])


def _with_other_partners(node: Node) -> Node:
    """The same step on other numbers: a slope that is 0 because its partner is 0 is still a path, and shows up here."""
    rng = np.random.default_rng(0)
    values = [np.asarray(x) for x in node.input_values()]
    return on_other_values(
        node, [rng.uniform(1, 2, x.shape).astype(x.dtype) if x.dtype.kind == "f" else x for x in values]
    )


def on_other_values(node: Node, values: list[Value]) -> Node:
    """The same step, standing alone, on other values of its inputs."""
    alone = Node(node.value, node.rule, tuple(values), node.params, (), Trace(), None)
    alone._values = values
    return alone


def flat_push(node: Node, arg: int, t: Value) -> npt.NDArray[Any]:
    """What a change t of an input does to the numbers of ``node``, in one row."""
    flow = push(node, arg, t)
    return np.zeros(math.prod(node.shape)) if flow is None else np.ravel(flow)


def _flat_pull(node: Node, arg: int, g: Value) -> npt.NDArray[Any]:
    flow = pull(node, arg, g)
    return np.zeros(node.input_values()[arg].size) if flow is None else np.ravel(flow)


def one_at(like: Value, index: int) -> Value:
    """Zeros like ``like``, with a single 1."""
    one = np.zeros(like.size, like.dtype)
    one[index] = 1
    return one.reshape(like.shape)
