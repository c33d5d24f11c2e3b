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
from typing import Any

import numpy as np
import numpy.typing as npt

from whygrad.backward import Semiring, arrivals
from whygrad.explain.elements import Edge, Edges, Element, ElementGraph
from whygrad.graph.node import Node

Vector = npt.NDArray[Any]


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

    def strongest(self, top: int) -> list[tuple[Edge, ...]]:
        """The ``top`` paths with the largest products by size, in order, each as its edges from the start to the cost.

        Best-first search. The strongest reading says exactly how strong each unfinished path can still become, so
        finished paths come out in order, and no list of all paths is ever made. Among equals the longest comes first:
        the search then finishes one path before it begins the next, instead of beginning all of them.
        """
        tie = itertools.count(0, -1)
        start = self.graph.start
        heap: list[tuple[float, int, float, Element, tuple[Edge, ...]]] = []
        heapq.heappush(heap, (-float(self.at(self.bounds, start)), next(tie), 1.0, start, ()))
        found: list[tuple[Edge, ...]] = []
        while heap and len(found) < top:
            _, _, product, element, path = heapq.heappop(heap)
            if element.node is self.graph.output:
                found.append(path)
                continue
            for edge in self.graph.edges_up(element):
                if self.at(self.counts, edge.upper):
                    further = product * edge.slope
                    bound = abs(further) * float(self.at(self.bounds, edge.upper))
                    heapq.heappush(heap, (-_rounded(bound), next(tie), further, edge.upper, (*path, edge)))
        return found


def _rounded(x: float) -> float:
    """x to 12 digits: paths with the same factors are equals, in whatever order rounding has multiplied them."""
    mantissa, exponent = math.frexp(x)
    return math.ldexp(round(mantissa * 2**40), exponent - 40) if math.isfinite(x) else x
