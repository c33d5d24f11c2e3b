"""A recorded program of single numbers as questions in the order of a derivation: each one step from what came before.

Values, formulas and slopes come from the rules: run on numbers they compute, on symbols they write. The same steps run
again on a learner's own earlier numbers, which is how an error carried forward is told from a new one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from whygrad.checking.replay import program_nodes, replay
from whygrad.explain.elements import Edge, Element
from whygrad.explain.explanation import Name
from whygrad.explain.formulas import Spelling, Writer, name_of, spelled
from whygrad.explain.letters import d, error_of
from whygrad.explain.symbol import ATOM, POWER, Symbol, symbol
from whygrad.explain.symbolic import slope_of
from whygrad.graph.node import Node
from whygrad.graph.record import Program

Way = tuple[Edge, ...]  # from a value up to the next one whose gradient is asked for, or to the cost


class Ask(NamedTuple):
    """Ask for a named value, for the slope of the only step that leaves it, or for ∂C/∂value; in which part.

    ``at_once``: the way from the value to the cost is one formula, simplified: 2 (a - y), or a - y where σ' cancels.
    """

    kind: Literal["value", "slope", "gradient"]
    label: str
    part: str
    at_once: bool = False

    @property
    def blank(self) -> str:
        """What the answer is called in a file: ``z^1_0``, ``sigma'(z^1_0)``, ``delta^1_0``, ``dC/dw^1_00``."""
        if self.kind == "gradient":
            return gradient_blank(self.label)
        return f"sigma'({self.label})" if self.kind == "slope" else self.label


def gradient_blank(label: str) -> str:
    """``delta^1_0`` for ∂C/∂z^1_0, which has a letter of its own; ``dC/dw^1_00`` for others."""
    return f"delta{label[1:]}" if label.startswith("z^") else f"dC/d{label}"


@dataclass(frozen=True)
class Written:
    """A formula twice: with letters, and with the numbers put in."""

    letters: Name
    numbers: Name


@dataclass(frozen=True)
class Path:
    """One summand where paths merge: through which value, its formula, and what it contributes."""

    through: Name
    written: Written
    value: float


@dataclass(frozen=True)
class Question:
    """One blank with its answer: ``name = written.letters = written.numbers = value``.

    ``paths`` lists every path where several merge.
    """

    blank: str
    part: str
    name: Name
    written: Written
    value: float
    paths: tuple[Path, ...]


class Derivation:
    """The questions on one program and, for each, the same step from other numbers."""

    def __init__(self, program: Program, asks: tuple[Ask, ...]) -> None:
        self.program, self.asks = program, {ask.blank: ask for ask in asks}
        self._gradients = {ask.label for ask in asks if ask.kind == "gradient"}
        self._slopes = {ask.label for ask in asks if ask.kind == "slope"}
        self.right = self._answers()

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """All questions, in order."""
        return tuple(self._question(ask) for ask in self.asks.values())

    @property
    def numbers(self) -> list[float]:
        """Every number that the key shows: the answers, and what each path of a sum contributes."""
        sums = [self._ways(ask.label) for ask in self.asks.values() if ask.kind == "gradient" and not ask.at_once]
        return [*self.right.values(), *(self._along(way, self.right) for ways in sums for way in ways)]

    @property
    def given(self) -> dict[str, float]:
        """The numbers that the derivation starts from."""
        return {label: float(node.value) for label, node in self._by_label.items() if node.rule is None}

    def follow(self, blank: str, own: Mapping[str, float], *, afresh: bool = False) -> float:
        """What the step gives from ``own`` earlier answers; ``afresh``: a slope with its value computed again.

        NaN or inf where the step can not be taken from these numbers.
        """
        ask = self.asks[blank]
        node = self._by_label[ask.label]
        with np.errstate(all="ignore"):
            if ask.kind == "value":
                return self._computed(node, own)
            if ask.kind == "slope":
                (edge,) = self._above[node]
                upper = self.program.label(edge.upper.node)
                return self._local(edge, {k: x for k, x in own.items() if k != upper} if afresh else own)
            return sum(self._along(way, own) for way in self._ways(ask.label))

    @property
    def gradient_labels(self) -> list[str]:
        """The values whose gradients are asked for, in order."""
        return [ask.label for ask in self.asks.values() if ask.kind == "gradient"]

    def inputs_of(self, blank: str) -> list[str]:
        """The named numbers that a value is computed from."""
        found: dict[str, None] = {}
        nodes = [self._by_label[self.asks[blank].label]]
        while nodes:
            for _, parent in nodes.pop().parents:
                label = self.program.labels.get(parent)
                if label in self.asks or (label and parent.rule is None):
                    found[label] = None
                else:
                    nodes.append(parent)
        return sorted(found)

    def slope_above(self, label: str, own: Mapping[str, float]) -> float:
        """The slope of the first step that leaves a value."""
        with np.errstate(all="ignore"):
            return self._local(self._above[self._by_label[label]][0], own)

    def with_values(self, own: Mapping[str, float]) -> Program:
        """The same program with a learner's numbers in place of its own values."""
        again = replay(
            program_nodes(self.program),
            lambda node, value: np.float64(own.get(self.program.labels.get(node, ""), value)),
        )
        return Program(
            self.program.function,
            {label: again[node] for label, node in self.program.leaves.items()},
            again[self.program.output],
            tuple(again[node] for node in self.program.tape),
            {again[node]: label for node, label in self.program.labels.items()},
        )

    def _answers(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for blank in self.asks:
            found[blank] = self.follow(blank, found)
        return found

    # ---- numbers -----------------------------------------------------------------------------------------------------

    @cached_property
    def _by_label(self) -> dict[str, Node]:
        return {label: node for node, label in self.program.labels.items()}

    def _value(self, x: Any, own: Mapping[str, float]) -> float:
        if not isinstance(x, Node):
            return float(np.ravel(x)[0])
        label = self.program.labels.get(x, "")
        return own[label] if label in own else self._computed(x, own)

    def _computed(self, node: Node, own: Mapping[str, float]) -> float:
        if node.rule is None:
            return float(node.value)
        return float(node.rule(*(np.float64(self._value(x, own)) for x in node.inputs), **node.params))

    @cached_property
    def _above(self) -> dict[Node, list[Edge]]:
        """The edges that leave each number towards the cost."""
        above: dict[Node, list[Edge]] = {}
        for node in self.program.tape:
            for arg, parent in node.parents:
                edge = Edge(Element(parent, 0), Element(node, 0), arg, math.nan)
                above.setdefault(parent, []).append(replace(edge, slope=self._local(edge, {})))
        return above

    def _ways(self, label: str) -> list[Way]:
        """Every way from a value up to the next value whose gradient is asked for, or to the cost."""
        ways: list[Way] = [(edge,) for edge in self._above[self._by_label[label]]]
        done: list[Way] = []
        while ways:
            way = ways.pop(0)
            if self._ends(way[-1].upper.node):
                done.append(way)
            else:
                ways += [(*way, edge) for edge in self._above[way[-1].upper.node]]
        return done

    def _ends(self, node: Node) -> bool:
        return node is self.program.output or self.program.labels.get(node) in self._gradients

    def _slope(self, edge: Edge, own: Mapping[str, float]) -> float:
        asked = self._asked_slope(edge)
        return own[asked] if asked in own else self._local(edge, own)

    def _local(self, edge: Edge, own: Mapping[str, float]) -> float:
        """The rule's slope at these numbers."""
        node = edge.upper.node
        assert node.rule is not None and node.rule.slopes is not None  # the ladder's programs are of single numbers
        slope = node.rule.slopes[edge.arg]
        if not callable(slope):
            return float(1.0 if slope is None else slope)
        values = [np.float64(self._value(x, own)) for x in (node, *node.inputs)]
        return float(slope(*values, **node.params))

    def _asked_slope(self, edge: Edge) -> str:
        """The blank of this edge's slope; empty where it is not asked for."""
        label = self.program.labels.get(edge.lower.node, "")
        return f"sigma'({label})" if label in self._slopes else ""

    def _along(self, way: Way, own: Mapping[str, float]) -> float:
        arrived = 1.0
        if way[-1].upper.node is not self.program.output:
            arrived = own[gradient_blank(self.program.label(way[-1].upper.node))]
        return math.prod((self._slope(edge, own) for edge in way), start=arrived)

    # ---- formulas ----------------------------------------------------------------------------------------------------

    def _question(self, ask: Ask) -> Question:
        node, value = self._by_label[ask.label], self.right[ask.blank]
        paths: tuple[Path, ...] = ()
        if ask.kind == "value":
            written = self._both(lambda spell: self._value_formula(node, spell))
        elif ask.kind == "slope":
            (edge,) = self._above[node]
            written = self._both(lambda spell: Writer(self.program, spell).slope(edge))
        else:
            written, paths = self._gradient_formula(ask)
        return Question(ask.blank, ask.part, self._name(ask), written, value, paths)

    def _name(self, ask: Ask) -> Name:
        by = self._letter(Element(self._by_label[ask.label], 0))
        if ask.kind == "slope":
            return Name(f"σ'({by.text})", rf"\sigma'({by.latex})")
        return _name(by if ask.kind == "value" else self._gradient(by))

    def _gradient(self, by: Symbol) -> Symbol:
        return error_of(by) if by.text.startswith("z^") else d("C", by)

    def _letter(self, element: Element) -> Symbol:
        name = name_of(self.program, element)
        return Symbol(name.text, name.latex, POWER if "^" in name.latex else ATOM)

    def _both(self, write: Callable[[Spelling], Symbol]) -> Written:
        return Written(_name(write(self._letter)), _name(write(lambda element: put_in(element.value))))

    def _names(self, spell: Spelling) -> dict[Node, Symbol]:
        return {node: spell(Element(node, 0)) for node in self.program.labels}

    def _value_formula(self, node: Node, spell: Spelling) -> Symbol:
        if node.rule is None:
            return put_in(float(node.value))
        return symbol(node.rule(*Writer(self.program, spell).elements_of_inputs(node, 0), **node.params))

    def _gradient_formula(self, ask: Ask) -> tuple[Written, tuple[Path, ...]]:
        """The sum over all ways, and each way where there are several."""
        if ask.at_once:
            short = self._both(
                lambda spell: slope_of(self.program, self._by_label[ask.label], self._names(spell)).symbol
            )
            return Written(self._before_it_cancels(ask.label, short.letters), short.numbers), ()
        ways = self._ways(ask.label)
        each = [(self._way_formula(way, letters=True), self._way_formula(way, letters=False)) for way in ways]
        total = Written(*(_name(_sum([both[i] for both in each])) for i in (0, 1)))
        if len(ways) == 1:
            return total, ()
        paths = (
            Path(
                _name(self._letter(way[-1].upper)),
                Written(_name(letters), _name(numbers)),
                self._along(way, self.right),
            )
            for way, (letters, numbers) in zip(ways, each, strict=True)
        )
        return total, tuple(paths)

    def _before_it_cancels(self, label: str, short: Name) -> Name:
        """The cost's slope times σ'(z), and what it simplifies to: ``... = a - y``; a short one as it is."""
        edge = self._above[self._by_label[label]][0]
        if edge.upper.node not in self.program.labels:
            return short
        product = slope_of(self.program, edge.upper.node, self._names(self._letter)).symbol
        product = product * Writer(self.program, self._letter).slope(edge)
        if product.text == short.text:
            return short
        return Name(f"{product.text} = {short.text}", f"{product.latex} = {short.latex}")

    def _way_formula(self, way: Way, *, letters: bool) -> Symbol:
        """Slope times what arrived."""
        upper = way[-1].upper

        def spell(element: Element) -> Symbol:
            return self._letter(element) if letters else put_in(element.value)

        slope = symbol(1)
        for edge in reversed(way):
            slope = slope * self._slope_symbol(edge, spell, letters=letters)
        if upper.node is self.program.output:
            return slope
        by = self._letter(upper)
        blank = gradient_blank(self.program.label(upper.node))
        arrived = self._gradient(by) if letters else put_in(self.right[blank])
        return arrived * slope if any(map(self._asked_slope, way)) else slope * arrived

    def _slope_symbol(self, edge: Edge, spell: Spelling, *, letters: bool) -> Symbol:
        asked = self._asked_slope(edge)
        if not asked:
            return Writer(self.program, spell).slope(edge)
        if not letters:
            return put_in(self.right[asked])
        z = self._letter(edge.lower)
        return Symbol(f"σ'({z.text})", rf"\sigma'({z.latex})")


def put_in(x: float) -> Symbol:
    """A number put into a formula, a negative one in brackets."""
    written = spelled(x)
    return written if x >= 0 else Symbol(f"({written.text})", rf"\left({written.latex}\right)")


def _sum(summands: list[Symbol]) -> Symbol:
    total = summands[0]
    for summand in summands[1:]:
        total = total + summand
    return total


def _name(written: Symbol) -> Name:
    """Brackets around a negative number that opens a formula, and is raised to no power, say nothing."""
    text = re.sub(r"(^|\()\((-[^()]*)\)(?! \*\*)", r"\1\2", written.text).replace("sigmoid(", "σ(")
    latex = re.sub(r"(^|\()\\left\((-[^()]*)\\right\)(?!\^)", r"\1\2", written.latex)
    return Name(text, latex)
