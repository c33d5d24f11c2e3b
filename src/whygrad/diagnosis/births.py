"""Where NaN and inf are born: the first operation that makes one of finite numbers, forwards or on the way back.

A value that is not finite is followed against the direction of the computation, number by number where the operation
works number by number, to the operations whose inputs were all finite. So what is found is the source, and not the
place where a NaN is first noticed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from whygrad.backward import GRADIENT, SLOPES_MAY_BE_INFINITE, Step, pull, pulled, sum_to_shape, sweep
from whygrad.diagnosis.places import Operand, Place, is_elementwise, operands, place_of, source, values_of
from whygrad.diagnosis.remedies import remedy
from whygrad.diagnosis.remedy_table import Situation
from whygrad.explain.elements import Edge, Element
from whygrad.explain.formulas import edge_formula, name_of
from whygrad.graph.node import Node
from whygrad.graph.record import Program

Mask = npt.NDArray[np.bool_]
Way = Literal["given", "forward", "backward"]


@dataclass(frozen=True)
class Birth:
    """One operation (or argument) where NaN or inf comes into the computation.

    ``way``: "given" as an argument or constant; "forward" in computing the result; "backward" in computing the
    gradient, of values that may all be finite. ``kind``: "NaN", "inf" or "-inf", of the first bad number, which stands
    at ``index`` of ``shape``; ``count`` numbers are bad there. ``arrived`` and ``slope``: what came back from the
    result, and the local derivative it met (backward only).
    ``reaches``: the named values it went through, and what it was there.
    """

    way: Way
    kind: str
    place: Place
    index: tuple[int, ...]
    shape: tuple[int, ...]
    count: int
    operands: tuple[Operand, ...]
    because: str
    try_: tuple[str, ...]
    reaches: tuple[str, ...]
    arrived: float | None = None
    slope: str = ""
    by: str = ""


@dataclass(frozen=True, eq=False)
class Births:
    """All births of one recorded run, with one backward sweep of it."""

    program: Program
    steps: list[Step[Any]]

    @classmethod
    def of(cls, program: Program) -> Births:
        """Run the backward sweep once, keeping every step."""
        return cls(program, sweep({program.output: np.ones((), program.output.dtype)}, GRADIENT))

    @functools.cached_property
    def _arrived(self) -> dict[Node, Any]:
        """What arrives at every value when the sweep is over."""
        total: dict[Node, Any] = {self.program.output: np.ones((), self.program.output.dtype)}
        with np.errstate(**SLOPES_MAY_BE_INFINITE):
            for step in self.steps:
                before = total.get(step.parent)
                total[step.parent] = step.flow if before is None else before + step.flow
        return total

    def gradient(self, node: Node) -> Any:
        """∂result/∂node as it was computed, in the value's own dtype; zeros where nothing arrives."""
        arrived = self._arrived.get(node)
        return np.zeros(node.shape, node.dtype) if arrived is None else np.asarray(arrived)

    # ── forwards ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def before(self, node: Node, bad: Mask) -> tuple[Birth, ...]:
        """The births of the bad numbers ``bad`` of ``node``, in the order of the computation."""
        matter: dict[Node, Mask] = {node: bad}
        above: dict[Node, Node] = {}
        found: list[tuple[Node, Mask, Way]] = []
        for at in reversed((*self.program.leaves.values(), *self.program.tape)):
            if at not in matter:
                continue
            here = matter[at]
            born, way = _born(at, here)
            if born.any():
                found.append((at, born, way))
            for arg, parent in at.parents:
                mask = _below(at, arg, here)
                if mask.any():
                    matter[parent] = matter[parent] | mask if parent in matter else mask
                    above[parent] = at
        if not found:  # an infinite constant that came through unchanged
            found = [(at, mask, "given") for at, mask in matter.items() if _constants(at, np.isinf).any()]
        return tuple(self._forward(*entry, above) for entry in sorted(found, key=lambda entry: entry[0].number))

    def _forward(self, node: Node, born: Mask, way: Way, above: Mapping[Node, Node]) -> Birth:
        index = int(np.flatnonzero(born)[0])
        value = float(np.ravel(node.value)[index])
        given = operands(self.program, node, index) if node.rule else ()
        told = remedy(Situation(self.program, node, index, way, given, value))
        return Birth(
            way,
            kind_of(value),
            place_of(self.program, node, index),
            _unravelled(node.shape, index),
            node.shape,
            int(born.sum()),
            given,
            told.because,
            told.try_,
            self._named(node, above),
        )

    def _named(self, node: Node, above: Mapping[Node, Node]) -> tuple[str, ...]:
        """The named values from ``node`` on, in the direction in which the bad number travelled."""
        names = []
        while node in above:
            node = above[node]
            if node in self.program.labels:
                value = np.ravel(node.value)
                names.append(f"{self.program.label(node)} ({kind_of(float(value[~np.isfinite(value)][0]))})")
        return tuple(dict.fromkeys(names))

    # ── backwards ────────────────────────────────────────────────────────────────────────────────────────────────────

    def behind(self, node: Node, bad: Mask) -> tuple[Birth, ...]:
        """The births of the bad numbers ``bad`` of the gradient by ``node``, first what is nearest to the result.

        Where the operation had met NaN or inf forwards already, that birth is the source, and comes first.
        """
        matter: dict[Node, Mask] = {node: bad}
        below: dict[Node, Node] = {}
        found: dict[tuple[Node, int], tuple[Birth, Mask]] = {}
        for step in reversed(self.steps):
            if step.parent not in matter:
                continue
            wrong, born = _flowed(step, matter[step.parent])
            if not wrong.any():
                continue
            below[step.node] = step.parent
            if born.any():
                found[step.node, step.arg] = self._backward(step, born, below), born
            passed = wrong & ~born
            if passed.any():
                matter[step.node] = matter[step.node] | passed if step.node in matter else passed
        births: list[Birth] = []
        for (at, _), (birth, born) in sorted(found.items(), key=lambda entry: -entry[0][0].number):
            sources = self._sources(at, born)
            births += [b for b in sources if b not in births]
            if (
                not sources or birth.arrived == 0
            ):  # elsewhere a slope of NaN or inf only repeats what went wrong forwards
                births.append(birth)
        return tuple(births)

    def _sources(self, node: Node, born: Mask) -> tuple[Birth, ...]:
        """The forward births of NaN or inf among the numbers that a step backwards used for its numbers ``born``."""
        own = ~np.isfinite(node.value) & (born if is_elementwise(node) else True)
        met = [(node, np.asarray(own, bool))]
        for arg, parent in node.parents:
            everywhere = np.ones(node.shape, bool)
            met.append((parent, _below(node, arg, born if is_elementwise(node) else everywhere)))
        births: list[Birth] = []
        for at, bad in met:
            births += [b for b in (self.before(at, bad) if bad.any() else ()) if b not in births]
        return tuple(b for b in births if b.way != "given" or b.kind == "NaN")

    def _backward(self, step: Step[Any], born: Mask, below: Mapping[Node, Node]) -> Birth:
        node, arg = step.node, step.arg
        index = int(np.flatnonzero(born)[0])
        flow, elementwise = np.asarray(_raw_flow(step)), is_elementwise(node)
        value = float(flow.ravel()[index])
        at = index if elementwise else 0
        given = operands(self.program, node, at)
        arrived = float(np.ravel(step.arrived)[index]) if elementwise else None
        lower = source(step.parent.shape, node.shape, index) if elementwise else index
        slope = self._slope(step, lower, index) if elementwise else ""
        told = remedy(Situation(self.program, node, at, "backward", given, value, arg, arrived))
        reaches = [step.parent]
        while reaches[-1] in below:
            reaches.append(below[reaches[-1]])
        names = [self.program.label(n) for n in reaches if n in self.program.labels]
        return Birth(
            "backward",
            kind_of(value),
            place_of(self.program, node, at if elementwise else None),
            _unravelled(born.shape, index),
            born.shape,
            int(born.sum()),
            given,
            told.because,
            told.try_,
            tuple(names),
            arrived,
            slope,
            name_of(self.program, Element(step.parent, lower)).text,
        )

    def _slope(self, step: Step[Any], lower: int, upper: int) -> str:
        """``0.5 / d = 0.5 / 0``: the local derivative in names and in numbers."""
        rule = step.node.rule
        assert rule is not None
        if rule.slopes is None:
            return ""
        edge = Edge(Element(step.parent, lower), Element(step.node, upper), step.arg, 1.0)
        formula = edge_formula(self.program, (edge,))
        return f"{formula.text} = {formula.numbers}" if formula.numbers else formula.text


def kind_of(value: float) -> str:
    """NaN, inf or -inf."""
    return "NaN" if value != value else "inf" if value > 0 else "-inf"


def _unravelled(shape: tuple[int, ...], index: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(index, shape)) if shape else ()


def _born(node: Node, here: Mask) -> tuple[Mask, Way]:
    """Which of the bad numbers ``here`` of a node were made of finite inputs: they are born there.

    A NaN made of infinite numbers is carried on, not born: the inf is what went wrong. But an inf that was put in on
    purpose, as a constant, is no mistake, so a NaN made of it is born where it turned into one.
    """
    if node.rule is None or (node.rule.name != "where" and _constants(node, np.isnan).any()):
        return here, "given"
    finite, meant = np.ones(node.shape, bool), np.ones(node.shape, bool)
    for x, given in zip(values_of(node), node.inputs, strict=True):
        if x.dtype.kind == "f":
            on_purpose = np.isinf(x) & (not isinstance(given, Node) or _put_in(given))
            finite &= _spread(np.isfinite(x), node)
            meant &= _spread(np.isfinite(x) | on_purpose, node)
    return here & (finite | (meant & np.isnan(node.value))), "forward"


def _spread(fine: Mask, node: Node) -> Any:
    """For each number of the result whether what it is made of is fine."""
    return np.broadcast_to(fine, node.shape) if is_elementwise(node) else bool(fine.all())


def _constants(node: Node, is_bad: Callable[[Any], Any]) -> Mask:
    """The plain numbers in an operation that are bad."""
    plain = [np.asarray(x) for x in node.inputs if not isinstance(x, Node)]
    return np.concatenate([np.zeros(0, bool), *(np.ravel(is_bad(x)) for x in plain if x.dtype.kind == "f")])


def _put_in(node: Node) -> bool:
    """Whether all that is not finite in a value was put there by np.where from a constant: a mask of -inf."""
    if node.rule is None or node.rule.name != "where":
        return False
    c, x, y = values_of(node)
    from_constant = np.where(c, not isinstance(node.inputs[1], Node), not isinstance(node.inputs[2], Node))
    return bool((np.isfinite(np.where(c, x, y)) | from_constant).all())


def _below(node: Node, arg: int, here: Mask) -> Mask:
    """Which bad numbers of an input may have made the bad numbers ``here``."""
    rule, value = node.rule, np.asarray(node.input_values()[arg])
    assert rule is not None
    bad: Mask = ~np.isfinite(value) if value.dtype.kind == "f" else np.zeros(value.shape, bool)
    if not bad.any():
        return bad
    if is_elementwise(node):
        taken = here
        if rule.name == "where":
            chosen = np.broadcast_to(np.asarray(node.input_values()[0], bool), node.shape)
            taken = here & (chosen if arg == 1 else ~chosen)
        touched: Mask = np.asarray(sum_to_shape(taken.astype(float), value.shape), float) != 0
        return bad & touched
    if rule.linear == "jointly" or (rule.linear == "each" and len(node.inputs) == 1):
        flow = pull(node, arg, here.astype(node.dtype))
        return bad if flow is None else bad & (np.asarray(flow, float) != 0)
    return bad


def _raw_flow(step: Step[Any]) -> Any:
    """What flows to the input, before broadcasting is undone where the operation works number by number."""
    if not is_elementwise(step.node):
        return step.flow
    rule = step.node.rule
    assert rule is not None
    rules_pull = rule.pull(step.arg)
    assert rules_pull is not None
    with np.errstate(**SLOPES_MAY_BE_INFINITE):
        flow = pulled(rules_pull, step.arrived, step.node, step.node.input_values())
    return np.broadcast_to(flow, step.node.shape).astype(step.flow.dtype)


def _flowed(step: Step[Any], wanted: Mask) -> tuple[Mask, Mask]:
    """Of what flowed along a step, where it is bad and matters to the numbers ``wanted``, and where it is born."""
    flow, arrived = np.asarray(_raw_flow(step)), np.asarray(step.arrived)
    if is_elementwise(step.node):
        bad = ~np.isfinite(flow)
        if wanted.shape == flow.shape:
            bad = bad & wanted
        return bad, bad & np.isfinite(np.broadcast_to(arrived, flow.shape))
    bad = ~np.isfinite(flow) & wanted
    if not bad.any():
        return bad, bad
    if np.isfinite(arrived).all():
        return bad, bad
    return ~np.isfinite(arrived), np.zeros(arrived.shape, bool)


def harmless(program: Program, blamed: tuple[Birth, ...]) -> Iterator[Place]:
    """Where NaN or inf is born and reaches neither the result nor a gradient: np.where left it out."""
    known = {(b.place.file, b.place.line, b.place.operation) for b in blamed}
    for node in program.tape:
        value = np.asarray(node.value)
        if value.dtype.kind != "f" or node.rule is None:
            continue
        born, way = _born(node, ~np.isfinite(value))
        if way == "forward" and born.any():
            place = place_of(program, node, int(np.flatnonzero(born)[0]))
            if (place.file, place.line, place.operation) not in known:
                yield place
