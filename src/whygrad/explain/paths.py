"""Paths through the graph of elements: one sweep read over several semirings, and the strongest paths in exact order.

    reading      along an edge          where edges meet
    gradient     g · slope              +
    count        n                      +           (whole numbers of any size)
    influence    v · abs(slope)         +           (what the gradient would be if nothing cancelled)
    strongest    v · abs(slope)         max

The sweep is that of ``backward``, which also computes gradients of arrays; here one number per element travels.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from whygrad.backward import Semiring, arrivals
from whygrad.explain.elements import Edge, Edges, Element, ElementGraph
from whygrad.graph.node import Node

Vector = npt.NDArray[Any]
Route = tuple[Edge, ...]  # from the start to the cost


@dataclass(frozen=True)
class Reading:
    """How a quantity travels along edges (``carry``) and gathers where they meet (``gather``, a NumPy ufunc)."""

    carry: Callable[[Vector, Edges], Vector]
    gather: np.ufunc
    one: Any
    zero: Any
    dtype: type


GRADIENT = Reading(lambda g, edges: g * edges.slopes, np.add, 1.0, 0.0, float)
COUNT = Reading(lambda n, edges: n, np.add, 1, 0, object)
INFLUENCE = Reading(lambda v, edges: v * np.abs(edges.slopes), np.add, 1.0, 0.0, float)
STRONGEST = Reading(lambda v, edges: v * np.abs(edges.slopes), np.maximum, 1.0, 0.0, float)


def read(graph: ElementGraph, reading: Reading) -> dict[Node, Vector]:
    """What arrives at every element between the start and the cost, under one reading."""

    def along(node: Node, arg: int, arrived: Vector) -> Vector | None:
        edges = graph.blocks.get((node, arg))
        if edges is None:
            return None
        flow: Vector = np.full(dict(node.parents)[arg].size, reading.zero, dtype=reading.dtype)
        reading.gather.at(flow, edges.columns, reading.carry(arrived[edges.rows], edges))
        return flow

    return arrivals({graph.output: np.full(1, reading.one, dtype=reading.dtype)}, Semiring(along, reading.gather))


@dataclass(frozen=True, eq=False)
class Paths:
    """All readings of one element graph, each computed once, when first asked for."""

    graph: ElementGraph

    def at(self, reading: dict[Node, Vector], element: Element) -> Any:
        """One element's number in a reading; 0 where nothing arrived."""
        arrived = reading.get(element.node)
        return 0 if arrived is None else arrived[element.index]

    @cached_property
    def gradient(self) -> dict[Node, Vector]:
        """∂cost/∂element."""
        return read(self.graph, GRADIENT)

    @cached_property
    def counts(self) -> dict[Node, Vector]:
        """How many paths lead from an element to the cost."""
        return read(self.graph, COUNT)

    @cached_property
    def influence(self) -> dict[Node, Vector]:
        """The sum of all paths' absolute products."""
        return read(self.graph, INFLUENCE)

    @cached_property
    def bounds(self) -> dict[Node, Vector]:
        """The absolute product of an element's strongest path."""
        return read(self.graph, STRONGEST)

    @property
    def count(self) -> int:
        """How many paths lead from the start to the cost."""
        return int(self.at(self.counts, self.graph.start))

    @property
    def cancellation(self) -> float:
        """The share of the influence that cancels: 0 when all paths pull one way, 1 when they add up to nothing."""
        total = float(self.at(self.influence, self.graph.start))
        return 1.0 - abs(float(self.at(self.gradient, self.graph.start))) / total if total > 0 else 0.0

    def strongest(self, top: int) -> list[Route]:
        """The ``top`` paths with the largest products by size, in order, each as its edges from the start to the cost.

        Best-first search, ordered by how strong each unfinished path can still become: the start's bound, times what
        each edge so far falls short of the best edge at its place. The best edge falls short by exactly nothing, so a
        path that is taken up is finished before the next is begun, even among equals, and no list of all paths is made.
        """
        newest = itertools.count(0, -1)
        heap = [(-float(self.at(self.bounds, self.graph.start)), next(newest), self.graph.start, cast("Route", ()))]
        found: list[Route] = []
        while heap and len(found) < top:
            strength, _, element, path = heapq.heappop(heap)
            if element.node is self.graph.output:
                found.append(path)
                continue
            best = float(self.at(self.bounds, element))
            for edge in self.graph.edges_up(element):
                if self.at(self.counts, edge.upper):
                    reach = abs(edge.slope) * float(self.at(self.bounds, edge.upper))
                    short = reach / best if best > 0 else 0.0
                    heapq.heappush(heap, (strength * short, next(newest), edge.upper, (*path, edge)))
        return sorted(found, key=lambda path: -abs(math.prod(edge.slope for edge in path)))
