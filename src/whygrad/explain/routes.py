"""From edges between single numbers to the factors and paths that people read: between named values, with formulas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from whygrad.explain.elements import Edge, Element
from whygrad.explain.explanation import Factor, Formula, Name, Path, Term
from whygrad.explain.formulas import edge_formula, name_of, number
from whygrad.explain.meaning import meaning_of
from whygrad.explain.paths import Paths
from whygrad.graph.record import Program

WRITTEN_TERMS = 50  # terms of a sum that get a formula in names; the rest show their number


@dataclass(frozen=True, eq=False)
class Routes:
    """The ways from one number to the cost, as factors between named values."""

    program: Program
    paths: Paths

    def ways_up(self, element: Element) -> list[Edge]:
        """The edges from an element that lead on to the cost."""
        return [e for e in self.paths.graph.edges_up(element) if self.paths.at(self.paths.counts, e.upper)]

    def is_stop(self, element: Element) -> bool:
        """A factor ends at a value that has a name, or where paths part."""
        return element.node in self.program.labels or len(self.ways_up(element)) != 1

    def is_same(self, edges: tuple[Edge, ...]) -> bool:
        """The upper end is the lower one in another place and without a name of its own (``W.T``)."""
        rules = [e.upper.node.rule for e in edges]
        moved = all(rule is not None and rule.linear and not rule.variadic for rule in rules)
        return moved and all(e.slope == 1.0 for e in edges) and edges[-1].upper.node not in self.program.labels

    def stretch(self, edge: Edge) -> tuple[Edge, ...]:
        """``edge`` and those after it, up to the next stop."""
        edges = [edge]
        while not self.is_stop(edges[-1].upper):
            edges += self.ways_up(edges[-1].upper)
        return tuple(edges)

    def factor(self, edges: tuple[Edge, ...]) -> Factor:
        """The local derivative along consecutive edges, given upwards."""
        lower, upper = edges[0].lower, edges[-1].upper
        return Factor(
            of=name_of(self.program, upper),
            by=name_of(self.program, lower),
            value=math.prod(e.slope for e in edges),
            formula=edge_formula(self.program, edges),
            meaning=meaning_of(self.program, edges, self.paths.graph),
            where=_line_of(upper),
            rules=tuple(e.upper.node.rule.name for e in edges if e.upper.node.rule),
        )

    @cached_property
    def stretches(self) -> tuple[tuple[Edge, ...], ...]:
        """The single way up from the start, as stretches, until the cost or the first place where paths part."""
        element, found = self.paths.graph.start, []
        while len(ways := self.ways_up(element)) == 1:
            found.append(self.stretch(ways[0]))
            element = found[-1][-1].upper
        return tuple(found)

    @property
    def merge(self) -> Element:
        """Where the single way ends: the cost, or the first element from which several ways lead on."""
        return self.stretches[-1][-1].upper if self.stretches else self.paths.graph.start

    def factors(self) -> tuple[Factor, ...]:
        """What multiplies to the gradient, from the cost down. See ``Explanation.factors``."""
        stretches, merge = self.stretches, self.merge
        if merge.node is self.program.output:
            return tuple(self.factor(edges) for edges in reversed(stretches))
        called = merge
        if stretches and self.is_same(stretches[-1]):
            stretches, called = stretches[:-1], stretches[-1][0].lower
        return (self.sum_at(merge, called), *(self.factor(edges) for edges in reversed(stretches)))

    def sum_at(self, element: Element, called: Element) -> Factor:
        """Everything that arrives at an element where paths merge, term by term, the largest first.

        Its line is that of its use in the largest term.
        """
        stretches = [self.stretch(edge) for edge in self.ways_up(element)]
        weighed = sorted(
            ((math.prod(e.slope for e in edges), self._arrived(edges[-1].upper), edges) for edges in stretches),
            key=lambda term: -abs(term[0] * term[1]),
        )
        terms = tuple(
            Term(name_of(self.program, edges[-1].upper), slope, arrived, self._written(edges, slope, i))
            for i, (slope, arrived, edges) in enumerate(weighed)
        )
        output = name_of(self.program, Element(self.program.output, 0))
        by = name_of(self.program, called)
        return Factor(
            of=output,
            by=by,
            value=self._arrived(element),
            formula=_sum_formula(output, terms),
            meaning="how much the cost changes with it, added up over the paths it takes"
            if terms
            else "no path leads to the cost",
            kind="sum",
            terms=terms,
            term_count=len(terms),
            where=_line_of(weighed[0][2][0].upper if weighed else element),
        )

    def _written(self, edges: tuple[Edge, ...], slope: float, rank: int) -> Formula:
        if rank < WRITTEN_TERMS:
            return edge_formula(self.program, edges)
        plain = number(slope)
        return Formula(plain.text, plain.latex)

    def _arrived(self, element: Element) -> float:
        return float(self.paths.at(self.paths.gradient, element))

    def strongest(self, top: int) -> tuple[Path, ...]:
        """The strongest paths, as factors between named values."""
        return tuple(self._path(edges) for edges in self.paths.strongest(top))

    def _path(self, edges: tuple[Edge, ...]) -> Path:
        parts: list[list[Edge]] = []
        for edge in edges:
            if not parts or (self.is_stop(edge.lower) and not self.is_same(tuple(parts[-1]))):
                parts.append([])
            parts[-1].append(edge)
        factors = tuple(self.factor(tuple(part)) for part in reversed(parts))
        return Path(
            math.prod(e.slope for e in edges),
            factors,
            tuple(f.of for f in factors) + ((factors[-1].by,) if factors else ()),
        )

    def coverage(self, top: int) -> float:
        """The strongest paths' share of the sum of all paths' absolute values; 1 where that sum is 0."""
        total = float(self.paths.at(self.paths.influence, self.paths.graph.start))
        carried = sum(abs(math.prod(e.slope for e in edges)) for edges in self.paths.strongest(top))
        return min(1.0, carried / total) if total > 0 else 1.0


def _line_of(element: Element) -> str:
    return str(element.node.site) if element.node.site else ""


def _sum_formula(of: Name, terms: tuple[Term, ...]) -> Formula:
    """``∂C/∂z2[0] · W2[0, 0] + ∂C/∂z2[1] · W2[1, 0]``; long sums are cut after two terms."""
    if not terms:
        return Formula("0", "0")
    shown = terms if len(terms) <= 3 else terms[:2]
    text = " + ".join(
        f"∂{of}/∂{t.through} * {t.formula.text}" if t.formula.text != "1" else f"∂{of}/∂{t.through}" for t in shown
    )
    latex = " + ".join(
        rf"\frac{{\partial {of.latex}}}{{\partial {t.through.latex}}}"
        + (rf" \cdot {t.formula.latex}" if t.formula.latex != "1" else "")
        for t in shown
    )
    cut = len(terms) > len(shown)
    return Formula(text + (f" + … ({len(terms)} terms)" if cut else ""), latex + (r" + \cdots" if cut else ""))
