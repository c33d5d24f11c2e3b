"""What a cause of zero is, and the sentence that says it with its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from whygrad.diagnosis.places import log10_smallest, spoken
from whygrad.diagnosis.walls import SQUISHING, Spot, Wall
from whygrad.explain.elements import Element
from whygrad.explain.explain import explain_program
from whygrad.explain.formulas import name_of

if TYPE_CHECKING:
    from whygrad.diagnosis.zero import Zeros
    from whygrad.explain.explanation import Explanation

Kind = Literal["no path", "zero factor", "dead", "cancelling", "underflow", "saturated", "unknown"]
Told = tuple[str, dict[str, float], tuple[str, ...]]  # a sentence, what was measured, what to try
FURTHER = 64  # zero factors above which it is looked whether more follow


@dataclass(frozen=True, eq=False)
class Cause:
    """Why some numbers of a value have the gradient they have.

    ``names`` and ``indices``: the numbers concerned, of those looked at; ``walls``: where the first one's paths end;
    ``also``: further zero factors above these, which would remain if these were not 0. ``evidence``: what was measured.
    ``derivation``: the explanation of the first number's gradient, where paths add up to something that can be shown.
    """

    kind: Kind
    what: str
    names: tuple[str, ...]
    indices: tuple[tuple[int, ...], ...]
    walls: tuple[Wall, ...]
    also: tuple[str, ...]
    evidence: Mapping[str, float]
    try_: tuple[str, ...]
    derivation: Explanation | None = None


@dataclass(frozen=True, eq=False)
class Telling:
    """Says why numbers are 0, of which it is known what kind of cause they have."""

    zeros: Zeros

    def cause(self, kind: Kind, members: list[int]) -> Cause:
        """The cause that these numbers, all of one kind and with the same paths' ends, have in common."""
        element = Element(self.zeros.node, members[0])
        name = name_of(self.zeros.program, element).text
        spots = list(self.zeros.blocked.get(members[0], ()))
        walls = self.zeros.walls.described(spots) or self._narrow(kind, element)
        told = {
            "no path": self._no_path,
            "zero factor": self._zero_factor,
            "dead": self._dead,
            "cancelling": self._cancelling,
            "underflow": self._underflow,
            "saturated": self._saturated,
            "unknown": self._unknown,
        }[kind]
        what, evidence, try_ = told(element, name, walls)
        indices = tuple(tuple(int(i) for i in np.unravel_index(m, self.zeros.node.shape)) for m in members)
        derivation = explain_program(self.zeros.program, self._asked(element)) if kind == "cancelling" else None
        names = tuple(name_of(self.zeros.program, Element(self.zeros.node, m)).text for m in members)
        return Cause(kind, what, names, indices, walls, self._also(spots), evidence, try_, derivation)

    def _narrow(self, kind: Kind, element: Element) -> tuple[Wall, ...]:
        """Where the strongest path becomes too small, or is flattest, if no factor of it is 0."""
        routes = self.zeros.strongest(element, 1) if kind != "unknown" else []
        if kind not in ("underflow", "saturated") or not routes:
            return ()
        if kind == "saturated":
            flat = [e for e in routes[0] if e.upper.node.rule and e.upper.node.rule.name in SQUISHING]
            return (
                (self.zeros.walls.narrow(min(flat, key=lambda e: abs(e.slope)), "the flattest slope"),) if flat else ()
            )
        power = 0.0
        for edge in reversed(routes[0]):
            power += float(np.log10(abs(edge.slope)))
            if power < log10_smallest(edge.lower.node.dtype):
                return (self.zeros.walls.narrow(edge, "here the product becomes too small on its way back"),)
        return ()

    def _asked(self, element: Element) -> Any:
        label = self.zeros.program.label(self.zeros.node)
        index = (
            tuple(int(i) for i in np.unravel_index(element.index, self.zeros.node.shape))
            if self.zeros.node.shape
            else ()
        )
        return (label, index) if index else label

    def _also(self, spots: list[Spot]) -> tuple[str, ...]:
        """Zero factors further up: making the first ones something else would not be enough."""
        above = list(dict.fromkeys(Element(s.node, s.row) for s in spots if s.node is not None and s.row is not None))
        spots = []
        for element in above[:FURTHER]:
            ends = self.zeros.walls.around(element)
            if ends.alive or len(above) > FURTHER:
                return ()
            spots += ends.spots
        return tuple(dict.fromkeys(wall.reason for wall in self.zeros.walls.described(spots)[:3]))

    def _no_path(self, _: Element, name: str, walls: tuple[Wall, ...]) -> Told:
        output = self.zeros.program.label(self.zeros.program.output)
        cut = any(w.kind == "no slope" for w in walls)
        reasons = dict.fromkeys(w.reason for w in walls[:3])
        what = f"no path with slopes leads from {name} to {output}: {'; '.join(reasons)}"
        try_: tuple[str, ...] = ()
        if any(w.operation == "stop_gradient" for w in walls):
            try_ = ("leave wg.stop_gradient out, if the value should learn",)
        elif cut:
            try_ = (
                "something smooth in its place: wg.softmax for argmax, wg.sigmoid(k * x) for x > 0, x for np.round(x)",
            )
        elif all(w.kind == "not used" for w in walls):
            try_ = (f"use it in computing {output}, or leave it out of the arguments",)
        return what, {}, try_

    def _zero_factor(self, _: Element, name: str, walls: tuple[Wall, ...]) -> Told:
        first = next(w for w in walls if w.kind == "zero slope")
        evidence: dict[str, float] = {"paths that end there": first.count}
        factors = [w for w in walls if w.kind != "no slope"]
        if len(factors) > 1:
            said = "; ".join(f"{w.reason} ({w.count} ends)" if w.count > 1 else w.reason for w in factors[:3])
            return f"every path from {name} meets a factor of exactly 0: {said}", evidence, ()
        what = f"a factor of {name} is exactly 0: {first.reason}"
        if first.count > 1:
            what = f"all {first.count} ways on from {name} have a factor of exactly 0; in the first, {first.reason}"
        if first.off and first.off[0] < first.off[1]:
            what += f"; for this row only: in {first.off[1] - first.off[0]} of the {first.off[1]} rows it is not 0"
        elif first.off and first.off[1] > 1:
            what += f"; so it is in all {first.off[1]} rows"
        return what, evidence, _try_for(first)

    def _dead(self, _: Element, name: str, walls: tuple[Wall, ...]) -> Told:
        wall = walls[0]
        said = f"for all n = {wall.count} rows a factor of {name} is exactly 0; in the first, {wall.reason}"
        return f"dead over the given data: {said}", {"n": wall.count}, _try_for(wall)

    def _cancelling(self, element: Element, name: str, _: tuple[Wall, ...]) -> Told:
        carried = float(self.zeros.paths.at(self.zeros.paths.influence, element))
        total = float(self.zeros.paths.at(self.zeros.paths.gradient, element))
        count = int(self.zeros.paths.at(self.zeros.paths.counts, element))
        shown = [float(np.prod([e.slope for e in route])) for route in self.zeros.strongest(element, 3)]
        terms = " + ".join(f"({spoken(v)})" if v < 0 else spoken(v) for v in shown)
        more = f" + … ({count:,} paths)" if count > len(shown) else ""
        said = f"{terms}{more} = {spoken(total)}, while their sizes add up to {spoken(carried)}"
        what = f"{count:,} paths from {name} cancel: {said}"
        evidence = {"paths": count, "sum": total, "sum of sizes": carried, "cancellation": 1 - abs(total) / carried}
        return what, evidence, ("nothing, if the result does not depend on it by symmetry: print(cause.derivation)",)

    def _underflow(self, element: Element, name: str, walls: tuple[Wall, ...]) -> Told:
        dtype, smallest = str(self.zeros.node.dtype), log10_smallest(self.zeros.node.dtype)
        longer, log = (
            self.zeros.in_longer(element.index),
            -np.inf if self.zeros.graph is None else self.zeros.log10(element),
        )
        evidence = {"log10 of the smallest number": smallest}
        if np.isfinite(log):
            evidence["log10 of the strongest path"] = log
        met = f": {walls[0].reason}" if walls and walls[0].kind == "zero slope" else ""
        if longer:
            assert self.zeros.recomputed is not None
            power = float(np.log10(abs(longer)))
            evidence[f"log10 in {self.zeros.recomputed[1]}"] = power
            real = f"computed in {self.zeros.recomputed[1]} it is {_scientific(longer)} = 10^{power:.1f} in size"
        elif self.zeros.graph is None:
            real = "an exponential is never 0"
        else:
            exact = float(self.zeros.paths.at(self.zeros.paths.gradient, element))
            real = (
                f"it is {exact:.3g} = 10^{log:.1f} in size"
                if exact
                else f"the strongest path's product is 10^{log:.1f}"
            )
        what = f"{name} underflows: in {dtype} it becomes 0{met}; {real}, and {dtype} ends at 10^{smallest:.1f}"
        return (
            what,
            evidence,
            (
                "a longer dtype",
                "logarithms of the factors instead of the factors: wg.log_softmax, np.logaddexp",
                "scale the result up before, and the gradient down after",
            ),
        )

    def _saturated(self, element: Element, name: str, walls: tuple[Wall, ...]) -> Told:
        longer = self.zeros.in_longer(element.index)
        wall = next((w for w in walls if w.operation in SQUISHING), None)
        try_ = (
            "smaller inputs or weights, so that it is not saturated",
            "a cost of the logits (cross-entropy) if this is the output",
            "relu or another function that does not flatten",
        )
        if wall is not None and wall.kind == "zero slope":
            real = (
                f"; computed in {self.zeros.recomputed[1]} the gradient is {_scientific(longer)}"
                if longer and self.zeros.recomputed
                else ""
            )
            return f"saturated: {wall.reason}{real}", ({"longer": float(longer)} if longer else {}), try_
        flat = self.zeros.flattest(element)
        assert flat is not None
        rule, slope, said = flat
        value = float(self.zeros.gradient[element.index])
        what = (
            f"saturated, not 0: the gradient by {name} is {value:.3g}, because {rule}'s slope is {slope:.3g} at {said}"
        )
        return what, {"slope": slope, "gradient": value}, try_

    def _unknown(self, _: Element, name: str, __: tuple[Wall, ...]) -> Told:
        if self.zeros.graph is None:
            what = f"the gradient by {name} is 0, and its paths are too many to follow one by one"
            return what, {}, ("fewer examples at a time",)
        return f"the gradient by {name} is 0, and no cause was found", {}, ("wg.explain of this number",)


def _try_for(wall: Wall) -> tuple[str, ...]:
    if wall.operation == "relu":
        return (
            "wg.leaky_relu, or a larger bias",
            "a lower learning rate: a large step can push a unit off for good",
            'He initialisation (init="he")',
        )
    if wall.operation in ("maximum", "minimum"):
        return ("a bound that the numbers do not reach, or a smooth one: wg.softplus for np.maximum(x, 0)",)
    if wall.operation == "where":
        return ("nothing, if the other branch is meant here",)
    if wall.operation in ("multiply", "matmul", "einsum", "dot"):
        return ("random numbers for weights of 0; another look at the data, where an input is 0 in every example",)
    return ()


def _scientific(value: Any) -> str:
    """Three digits of a number that may be too small for a float: 3.67e-348."""
    power = int(np.floor(np.log10(abs(value))))
    mantissa, carried = f"{float(value / np.power(type(value)(10), power)):.2e}".split("e")
    digits = mantissa.rstrip("0").rstrip(".")
    return f"{digits}e{power + int(carried):+03d}"
