"""Where the paths from one number end: a slope of exactly 0, an operation without slope, a number that nobody takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from whygrad.backward import SLOPES_MAY_BE_INFINITE, newest_first
from whygrad.diagnosis.places import Operand, Place, is_elementwise, operands, place_of, spoken
from whygrad.diagnosis.remedies import expression, operation
from whygrad.explain.elements import Edge, Element, Indices, local_jacobian
from whygrad.explain.formulas import edge_formula, moved_from, name_of, partner_of
from whygrad.graph.node import Node
from whygrad.graph.record import Program

Kind = Literal["zero slope", "no slope", "not taken", "not used", "narrow"]
SQUISHING = frozenset("sigmoid tanh softmax log_softmax gelu silu softplus erf arctan elu logaddexp logsumexp".split())
MOVING = frozenset({"reshape", "transpose", "broadcast_to", "cast", "getitem"})
WORDS = {  # operations whose zero slope is better said than computed
    "replace": "{name} is overwritten",
    "prod": "another number of the product with {name} is 0",
    "cumprod": "another number of the product with {name} is 0",
}


@dataclass(frozen=True)
class Wall:
    """An operation where paths end. ``reason``: why, in words with numbers; ``count``: how many paths' ends are there.

    ``kind``: "zero slope" (the local derivative is exactly 0 for these numbers), "no slope" (the operation has none at
    all), "not taken" (it picks other numbers), "not used"; "narrow" where a path goes on, but carries next to
    nothing. ``off``: in how many rows (examples) the slope is 0 in the same column (unit), and how many rows there are.
    """

    kind: Kind
    place: Place
    reason: str
    count: int
    operands: tuple[Operand, ...]
    off: tuple[int, int] | None
    operation: str


class Spot(NamedTuple):
    """One end of a path: ``element`` meets input ``arg`` of ``node``, at number ``row`` of it, and goes no further."""

    kind: Kind
    node: Node | None
    arg: int
    element: Element
    row: int | None


class Ends(NamedTuple):
    """The first ends of all paths from a number; ``alive``: at least one path may go on to the result."""

    spots: list[Spot]
    alive: bool


@dataclass(frozen=True, eq=False)
class Walls:
    """Follows numbers up until their paths end. ``gradient``: what the sweep brought to each value."""

    program: Program
    gradient: Callable[[Node], Any]

    @cached_property
    def users(self) -> Mapping[Node, list[tuple[Node, int]]]:
        """For every value the operations on the way to the result that take it, those without slope too."""
        found: dict[Node, list[tuple[Node, int]]] = {}
        for node in newest_first({self.program.output: None}):
            for arg, parent in node.parents:
                found.setdefault(parent, []).append((node, arg))
        return found

    def around(self, element: Element) -> Ends:
        """Follow an element, number by number, to where its paths end; further only where the gradient is 0 too."""
        spots: list[Spot] = []
        alive = element.node is self.program.output or bool(np.ravel(self.gradient(element.node))[element.index] != 0)
        frontier: dict[Node, set[int]] = {element.node: {element.index}}
        while frontier and not alive:
            node = min(frontier, key=lambda n: n.number)
            indices = np.array(sorted(frontier.pop(node)), np.intp)
            users = self.users.get(node, [])
            if not users:
                spots += [Spot("not used", None, 0, Element(node, i), None) for i in indices.tolist()]
            for user, arg in users:
                ended, on = self._through(node, indices, user, arg)
                spots += ended
                upper = np.ravel(self.gradient(user))
                alive = alive or bool((upper[on] != 0).any())
                if len(on):
                    frontier.setdefault(user, set()).update(on.tolist())
        return Ends(spots, alive)

    def _through(self, node: Node, indices: Indices, user: Node, arg: int) -> tuple[list[Spot], Indices]:
        """One use of some numbers of a value: the paths that end there, and the numbers to which the others lead on."""
        rule, none = user.rule, np.zeros(0, np.intp)
        with np.errstate(**SLOPES_MAY_BE_INFINITE):
            edges = local_jacobian(user, arg, indices)
        if rule is None or edges is None:
            return [Spot("no slope", user, arg, Element(node, i), None) for i in indices.tolist()], none
        missing = np.setdiff1d(indices, edges.columns)
        kind: Kind = "not taken" if rule.linear else "zero slope"
        spots = [Spot(kind, user, arg, Element(node, i), None) for i in missing.tolist()]
        zero = edges.slopes == 0
        ends = zip(edges.columns[zero].tolist(), edges.rows[zero].tolist(), strict=True)
        spots += [Spot("zero slope", user, arg, Element(node, column), row) for column, row in ends]
        return spots, np.unique(edges.rows[~zero])

    def described(self, spots: list[Spot]) -> tuple[Wall, ...]:
        """The ends as walls: those at the same operation together, described by the first; the largest first."""
        groups: dict[Any, list[Spot]] = {}
        for spot in spots:
            groups.setdefault((spot.kind, spot.node, spot.arg), []).append(spot)
        ordered = sorted(groups.values(), key=lambda group: -len(group))
        return tuple(self._wall(sorted(group, key=lambda spot: spot.row or 0)) for group in ordered)

    def _wall(self, group: list[Spot]) -> Wall:
        spot = group[0]
        if spot.node is None or spot.node.rule is None:
            name = name_of(self.program, spot.element).text
            return Wall(
                "not used",
                place_of(self.program, spot.element.node, spot.element.index),
                self._unused(spot.element, name),
                len(group),
                (),
                None,
                "",
            )
        node, index = spot.node, spot.row
        at = index if index is not None else _met_at(spot.element, node)
        given = operands(self.program, node, at) if 0 not in node.shape else ()
        reason = self._reason(spot, at, given)
        place = place_of(self.program, node, index if index is not None else None)
        name = node.rule.name if node.rule else ""
        return Wall(spot.kind, place, reason, len(group), given, self._off(spot), name)

    def narrow(self, edge: Edge, reason: str) -> Wall:
        """A place that a path passes, where it loses most of what it carries."""
        node, index = edge.upper.node, edge.upper.index
        assert node.rule is not None
        given = operands(self.program, node, index)
        return Wall("narrow", place_of(self.program, node, index), reason, 1, given, None, node.rule.name)

    def _unused(self, element: Element, name: str) -> str:
        moved = {element.node}
        for node in self.program.tape:
            if any(parent in moved for _, parent in node.parents):
                moved.add(node)
        ends = [self.program.labels[n] for n in moved if n in self.program.labels and n is not element.node]
        asked = [operation(self.program, n) for n in moved if n.dtype.kind != "f"]
        output = self.program.label(self.program.output)
        if asked and not ends:
            return f"{name} only decides ({', '.join(sorted(asked)[:3])}), and a yes/no answer has no slope"
        if not ends:
            return f"{name} is not used in computing {output}"
        return f"{name} moves {', '.join(sorted(ends)[:3])}, but nothing of that is used in computing {output}"

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _reason(self, spot: Spot, at: int, given: tuple[Operand, ...]) -> str:
        node, rule = spot.node, None if spot.node is None else spot.node.rule
        assert node is not None and rule is not None
        element = known(self.program, spot.element)
        name = name_of(self.program, element).text
        value = spoken(element.value) if element.node.dtype.kind == "f" else ""
        if spot.kind == "no slope":
            return self._no_slope(spot, name)
        if spot.kind == "not taken":
            return f"{operation(self.program, node)} does not take {name}"
        made = rule.name
        if made == "where":
            condition = node.inputs[0]
            said = expression(self.program, condition) if isinstance(condition, Node) else "its condition"
            return f"np.where does not take {name}: {said} is {bool(given[0].value)} there"
        if made in ("maximum", "minimum", "fmax", "fmin") and len(given) == 2:
            return self._bounded(spot, given[1 - spot.arg])
        if made == "relu":
            return f"relu is off: {name} = {value} is not above 0"
        if made in ("max", "min"):
            return f"{name} = {value} is not the {'largest' if made == 'max' else 'smallest'}"
        if made in WORDS:
            return WORDS[made].format(name=name)
        return self._product_or_slope(spot, at, given, f"{name} = {value}")

    def _bounded(self, spot: Spot, other: Operand) -> str:
        """np.maximum and np.minimum, written so or as np.clip, which is one after the other."""
        node, element = spot.node, spot.element
        assert node is not None and node.rule is not None
        clipped = node.site is not None and "clip(" in node.site.expression
        below = element.node
        if clipped and below.site == node.site and below.parents and below.parents[0][1].shape == below.shape:
            element = Element(below.parents[0][1], element.index)
        said = f"{name_of(self.program, element)} = {spoken(element.value)}"
        if clipped:
            return f"{said} is outside np.clip's bound {other.text}"
        return f"{said}, and np.{node.rule.name} takes the other one, {other.text}"

    def _product_or_slope(self, spot: Spot, at: int, given: tuple[Operand, ...], said: str) -> str:
        node = spot.node
        assert node is not None and node.rule is not None
        edge = Edge(spot.element, Element(node, at), spot.arg, 0.0)
        if node.rule.name == "multiply":
            return f"it is multiplied by {_zero(given[1 - spot.arg])}"
        partner = partner_of(edge) if spot.row is not None else None
        if partner is not None:
            other, index = partner
            name = name_of(self.program, Element(other, index)).text if isinstance(other, Node) else "a constant"
            return f"it is multiplied by {name} = 0"
        if node.rule.name in SQUISHING:
            return f"{node.rule.name} is flat at {said}: its slope rounds to 0"
        convention = f" ({node.rule.convention})" if node.rule.convention and said.endswith(" = 0") else ""
        if spot.row is None or not is_elementwise(node):
            return f"the slope of {node.rule.name} is 0 at {said}{convention}"
        formula = edge_formula(self.program, (edge,))
        parts = [formula.text, *([formula.numbers] if formula.numbers else [])]
        parts += ["0"] if parts[-1] != "0" else []
        return f"the slope of {node.rule.name} is {' = '.join(parts)} at {said}{convention}"

    def _no_slope(self, spot: Spot, name: str) -> str:
        node = spot.node
        assert node is not None and node.rule is not None
        rule = node.rule
        if rule.name == "stop_gradient":
            return f"wg.stop_gradient holds {name} constant"
        because = rule.because[0 if rule.variadic else spot.arg]
        if rule.pull(spot.arg) is not None:
            because = f"a value of {node.dtype} has no slope"
        return f"{operation(self.program, node)} cuts {name} off: {because}"

    def _off(self, spot: Spot) -> tuple[int, int] | None:
        """In the column of the number that is off: in how many rows the slope is 0, and how many rows there are."""
        node, rule = spot.node, None if spot.node is None else spot.node.rule
        if node is None or rule is None or len(node.shape) < 2 or spot.row is None or rule.slopes is None:
            return None
        slope = rule.slopes[spot.arg]
        local = slope(node.value, *node.input_values(), **node.params) if callable(slope) else slope
        table = np.broadcast_to(np.asarray(local, float), node.shape).reshape(node.shape[0], -1)
        column = table[:, spot.row % table.shape[1]]
        return int((column == 0).sum()), len(column)


def known(program: Program, element: Element) -> Element:
    """The number as its user knows it: the same one before it was only moved to another place."""
    while element.node not in program.labels and element.node.rule is not None and element.node.rule.name in MOVING:
        node = element.node
        if not node.parents:
            break
        index = moved_from(node, element.index)
        if index is None:
            break
        element = Element(node.parents[0][1], index)
    return element


def _met_at(element: Element, node: Node) -> int:
    """The first number of a result that is made of ``element``, where the operation works number by number; else 0."""
    if not is_elementwise(node):
        return 0
    shape = element.node.shape
    places = np.broadcast_to(np.arange(int(np.prod(shape, dtype=int))).reshape(shape), node.shape).ravel()
    return int(np.flatnonzero(places == element.index)[0])


def _zero(operand: Operand) -> str:
    return operand.text if "=" in operand.text else f"the constant {operand.text}"
