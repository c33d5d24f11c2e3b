"""Why a gradient is 0 or nothing but rounding: no path, a zero factor, cancelling paths, or too small a number.

What is said is computed: a zero factor is a slope that is exactly 0; paths cancel when their products are not 0 and add
up to nothing; a product is too small when its logarithm, added up along the strongest path, lies below the dtype's
smallest number, or when it is not 0 computed again in a longer dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from whygrad.diagnosis.births import Births
from whygrad.diagnosis.causes import Cause, Kind, Telling
from whygrad.diagnosis.places import log10_smallest, spoken
from whygrad.diagnosis.walls import SQUISHING, Spot, Walls
from whygrad.errors import ArgumentError
from whygrad.explain.elements import Edges, Element, ElementGraph, elements_graph
from whygrad.explain.formulas import name_of
from whygrad.explain.paths import Paths, Reading, Route, read
from whygrad.graph.node import Node
from whygrad.graph.record import Program

MOST = 64  # numbers of one value that are looked at one by one; of more zeros, that many at equal distances
TINY = 1e-6  # a gradient below is looked at, and mentioned if something is found
EXPONENTIAL = frozenset({"exp", "exp2"})  # never 0, so a slope of 0 has underflowed
FLAT = 0.01  # a squishing function's slope below is called saturated; a sigmoid is there at |z| = 4.6
LONGDOUBLES = 100_000  # numbers in a run that is computed again in long doubles, whose products take 100 times as long
ROUNDING = 8.0  # machine epsilons of what the paths carry: a sum below is nothing but rounding


# The base-10 logarithm of the strongest path's size: where products underflow, sums of logarithms do not.
LOG_STRONGEST = Reading(lambda v, edges: v + _logs(edges), np.maximum, 0.0, -np.inf, float)


@dataclass(frozen=True, eq=False)
class Zeros:
    """The numbers of one value whose gradient is 0 (or tiny), looked at one by one.

    ``births``: the sweep; ``longer``: the gradient of the same value computed in a longer dtype, if there is one; asked
    only when needed.
    """

    births: Births
    node: Node
    indices: npt.NDArray[np.intp]
    longer: Callable[[], tuple[npt.NDArray[Any], str] | None]

    @property
    def program(self) -> Program:
        """The recorded run."""
        return self.births.program

    @cached_property
    def gradient(self) -> npt.NDArray[Any]:
        """∂result/∂value, flat."""
        return np.ravel(self.births.gradient(self.node))

    @cached_property
    def walls(self) -> Walls:
        """Follows numbers to where their paths end."""
        return Walls(self.program, self.births.gradient)

    @cached_property
    def blocked(self) -> Mapping[int, list[Spot]]:
        """The numbers none of whose paths reach the result, with the paths' ends."""
        found = {i: self.walls.around(Element(self.node, i)) for i in self.indices.tolist() if self.gradient[i] == 0}
        return {i: ends.spots for i, ends in found.items() if not ends.alive}

    @cached_property
    def graph(self) -> ElementGraph | None:
        """The single numbers above those that some path leads on from; None where they are too many."""
        living = np.array([i for i in self.indices.tolist() if i not in self.blocked], np.intp)
        try:
            return elements_graph(self.program.output, self.node, living) if len(living) else None
        except ArgumentError:
            return None

    @cached_property
    def paths(self) -> Paths:
        """The graph of the living, read for sums of paths."""
        assert self.graph is not None
        return Paths(self.graph)

    @cached_property
    def strength(self) -> Mapping[Node, Any]:
        """log10 of the strongest path from each number of the graph."""
        assert self.graph is not None
        return read(self.graph, LOG_STRONGEST)

    @cached_property
    def recomputed(self) -> tuple[npt.NDArray[Any], str] | None:
        """The gradient in a longer dtype, and that dtype's name."""
        slow = self.node.dtype == np.float64 and sum(node.size for node in self.program.tape) > LONGDOUBLES
        return None if slow else self.longer()

    def causes(self) -> tuple[Cause, ...]:
        """One cause for all numbers that are 0 for the same reason, the commonest first."""
        groups: dict[Any, list[int]] = {}
        for index in self.indices.tolist():
            spots = self.blocked.get(index)
            kind = self._kind_of_blocked(index, spots) if spots is not None else self._kind_of_living(index)
            if kind:
                ends = frozenset((s.kind, s.node, s.arg) for s in spots or ())
                groups.setdefault((kind, ends), []).append(index)
        ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
        return tuple(Telling(self).cause(kind, members) for (kind, _), members in ordered)

    # ── which kind ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _kind_of_blocked(self, index: int, spots: list[Spot]) -> Kind:
        """A number all of whose paths end."""
        zero = [s for s in spots if s.kind == "zero slope"]
        if not zero:
            return "no path"
        rules = {s.node.rule.name for s in zero if s.node is not None and s.node.rule is not None}
        if rules <= SQUISHING:
            return "saturated"
        if rules <= EXPONENTIAL or self.in_longer(index):
            return "underflow"
        return "dead" if self._is_dead(zero) else "zero factor"

    def _kind_of_living(self, index: int) -> Kind | None:
        """A number with at least one path whose product is not 0."""
        here = float(self.gradient[index])
        if self.graph is None:
            return "unknown" if here == 0 else None
        element = Element(self.node, index)
        log, exact = self.log10(element), float(self.paths.at(self.paths.gradient, element))
        carried = float(self.paths.at(self.paths.influence, element))
        if not np.isfinite(carried):
            return None  # NaN or inf on the way: that is a birth's story
        epsilon = float(np.finfo(self.node.dtype).eps)
        nothing = ROUNDING * epsilon * carried
        if int(self.paths.at(self.paths.counts, element)) > 1 and carried > 0 and max(abs(here), abs(exact)) <= nothing:
            return "cancelling"
        if here == 0:
            return "underflow" if exact != 0 or log < log10_smallest(self.node.dtype) else "unknown"
        return "saturated" if abs(here) <= TINY and self.flattest(element) else None

    def log10(self, element: Element) -> float:
        """log10 of the size of the strongest path's product; -inf if there is none that is not 0."""
        found = self.strength.get(element.node)
        return -np.inf if found is None else float(found[element.index])

    def in_longer(self, index: int) -> Any:
        """The number's gradient in the longer dtype (it may be too small for a float); 0 where that is not known."""
        value = 0.0 if self.recomputed is None else self.recomputed[0].ravel()[index]
        return value if np.isfinite(value) else 0.0

    @staticmethod
    def _is_dead(spots: list[Spot]) -> bool:
        """All paths end at the same operation, in every one of its (two or more) rows: never on over the given data."""
        ends = {(s.node, s.arg) for s in spots}
        if len(ends) != 1:
            return False
        node = spots[0].node
        if node is None or len(node.shape) < 2 or any(s.row is None for s in spots):
            return False
        width = max(int(np.prod(node.shape[1:], dtype=int)), 1)
        rows = {int(s.row) // width for s in spots if s.row is not None}
        return node.shape[0] > 1 and len(rows) == node.shape[0]

    def strongest(self, element: Element, top: int) -> list[Route]:
        """The strongest paths from one number of the graph."""
        return Paths(replace(self.graph, start=element)).strongest(top) if self.graph is not None else []

    def flattest(self, element: Element) -> tuple[str, float, str] | None:
        """The flattest squishing function on the strongest path: its name, slope and place; None if none is flat."""
        flat = [
            (abs(e.slope), e)
            for route in self.strongest(element, 1)
            for e in route
            if e.upper.node.rule is not None and e.upper.node.rule.name in SQUISHING and abs(e.slope) < FLAT
        ]
        if not flat:
            return None
        slope, edge = min(flat, key=lambda entry: entry[0])
        rule = edge.upper.node.rule
        assert rule is not None
        said = f"{name_of(self.program, edge.lower)} = {spoken(edge.lower.value)}"
        return rule.name, slope, said


def _logs(edges: Edges) -> Any:
    with np.errstate(divide="ignore"):
        return np.log10(np.abs(edges.slopes))
