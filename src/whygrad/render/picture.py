"""Pictures of computations: an explanation, a recorded program, or an eager variable and all it was made from."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.backward import GRADIENT, Semiring, arrivals, newest_first, pull
from whygrad.explain.explanation import Explanation
from whygrad.explain.formulas import name_of
from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.render.diagram import MOST_BOXES, Arrow, Box, Diagram, Kind, folded
from whygrad.render.numbers import number, shape_text
from whygrad.render.svg import diagram_svg

if TYPE_CHECKING:
    from whygrad.derivatives import Variable
    from whygrad.explain.elements import Element
    from whygrad.explain.routes import Routes

SPELLED_OUT = 12  # boxes: up to here a gradient is written ∂C/∂z = ..., beyond only its number
EVERY_STEP = 16  # values: up to here unnamed steps have boxes of their own, beyond they become part of the arrow
NOT_YET = "backward has not run yet: no gradient has arrived anywhere"
SIGNS = {
    "add": "+",
    "subtract": "−",
    "multiply": "×",
    "divide": "÷",
    "power": "^",
    "negative": "−",
    "matmul": "@",
    "transpose": "ᵀ",
    "square": "x²",
    "sum": "Σ",
}


@dataclass(frozen=True)
class Picture:
    """A drawing that shows itself in notebooks; ``svg()`` is the text of its file."""

    source: str

    def svg(self) -> str:
        """The picture as one SVG element: complete, for light and dark, without script."""
        return self.source

    def _repr_svg_(self) -> str:
        return self.source


def explanation_picture(why: Explanation) -> Picture:
    """The computation, with the way from the value asked about to the cost highlighted.

    Where arrays lie on the way, the single numbers between the value and the cost are drawn, if they are not too many.
    """
    if why.routes is not None and any(node.shape for node in _on_the_way(why)):
        numbers = _numbers(why, why.routes)
        if numbers is not None:
            return Picture(diagram_svg(numbers))
    one = np.ones((), why.program.output.dtype)[()]
    return program_picture(why.program, arrivals({why.program.output: one}, GRADIENT), _asked_about(why))


def program_picture(
    program: Program, gradients: Mapping[Node, Any] | None = None, asked_about: Node | None = None
) -> Picture:
    """A recorded program from left to right. ``gradients``: what arrived at its values; None: backward has not run."""
    title = f"the computation of {program.function}"
    return Picture(diagram_svg(_diagram(title, program.output, program.labels, gradients, asked_about)))


def variable_picture(variable: Variable) -> Picture:
    """An eager variable and everything it was computed from, with the gradients that ``backward()`` has left there."""
    labels: dict[Node, str] = {}
    turns: Counter[str] = Counter()
    for node in newest_first({variable: None})[::-1]:
        if node.name:
            turns[node.name] += 1
            labels[node] = node.name if turns[node.name] == 1 else f"{node.name}⟨{turns[node.name]}⟩"
    arrived = {
        node: grad for node in newest_first({variable: None}) if (grad := getattr(node, "grad", None)) is not None
    }
    title = f"the computation of {labels.get(variable, 'a variable')}"
    return Picture(diagram_svg(_diagram(title, variable, labels, arrived or None, None)))


def _asked_about(why: Explanation) -> Node | None:
    if why.routes is not None:
        return why.routes.paths.graph.start.node
    return next((node for node, label in why.program.labels.items() if label == why.wrt.text), None)


def _on_the_way(why: Explanation) -> list[Node]:
    assert why.routes is not None
    graph = why.routes.paths.graph
    return [graph.start.node, *(node for node, _ in graph.blocks)]


# ── single numbers, as far as they lie between the value asked about and the cost ────────────────────────────────────


def _numbers(why: Explanation, routes: Routes) -> Diagram | None:
    """One box for each named number on the way; None where they are more than a picture can hold."""
    found: dict[Element, int] = {routes.paths.graph.start: 0}
    arrows = []
    strongest = {(f.by, f.of) for path in why.paths(1) for f in path.factors}
    for element in _walked(found):
        stretches = [routes.stretch(edge) for edge in routes.ways_up(element)]
        for stretch in stretches:
            found.setdefault(stretch[-1].upper, len(found))
        if len(found) > MOST_BOXES:
            return None
        for stretch in stretches:
            factor = routes.factor(stretch)
            is_strongest = (factor.by, factor.of) in strongest
            end = found[stretch[-1].upper]
            arrows.append(Arrow(found[element], end, number(factor.value), is_strongest, on_the_way=True))
    boxes = tuple(_number_box(why, routes, element, spell_out=len(found) <= SPELLED_OUT) for element in found)
    return Diagram(f"the paths from {why.wrt} to {why.of} in {why.function}", boxes, tuple(arrows))


def _walked(found: Mapping[Element, int]) -> Iterator[Element]:
    """The keys of a mapping that grows while it is walked."""
    for place in itertools.count():
        if place == len(found):
            return
        yield list(found)[place]


def _number_box(why: Explanation, routes: Routes, element: Element, *, spell_out: bool) -> Box:
    name = name_of(why.program, element).text
    shown = name if spell_out else ""
    arrived = routes.paths.at(routes.paths.gradient, element)
    is_cost = element.node is why.program.output
    kind: Kind = "cost" if is_cost else "given" if element.node.rule is None else "value"
    return Box(
        name,
        number(element.value),
        _gradient(why.of.text, shown, arrived),
        kind,
        hint=_hint(element.node),
        marked=element == routes.paths.graph.start or is_cost,
        on_the_way=True,
    )


# ── whole programs ───────────────────────────────────────────────────────────────────────────────────────────────────


def _diagram(
    title: str,
    output: Node,
    labels: Mapping[Node, str],
    gradients: Mapping[Node, Any] | None,
    asked_about: Node | None,
) -> Diagram:
    nodes = newest_first({output: None})[::-1]
    merged = len(nodes) > EVERY_STEP
    kept = {node: place for place, node in enumerate(n for n in nodes if not merged or n in labels or n is output)}
    moved = _moved_by(asked_about, nodes)
    spell_out = len(kept) <= SPELLED_OUT
    boxes = tuple(
        replace(
            _box(node, labels, gradients, output, spell_out=spell_out),
            by=_sign(node) if node in labels and not merged else "",
            on_the_way=node in moved,
            marked=node is asked_about or (node is output and node in moved),
        )
        for node in kept
    )
    arrows = tuple(
        Arrow(kept[source], kept[node], slope, on_the_way=source in moved and node in moved)
        for node in kept
        for source, slope in _sources(node, kept)
    )
    notes = (NOT_YET,) if gradients is None else ()
    return folded(Diagram(title, boxes, arrows, notes))


def _moved_by(node: Node | None, nodes: Sequence[Node]) -> set[Node]:
    """A value and everything computed from it."""
    moved = {node} if node is not None else set()
    for other in nodes:
        if any(parent in moved for _, parent in other.parents):
            moved.add(other)
    return moved


def _sources(node: Node, kept: Mapping[Node, int]) -> list[tuple[Node, str]]:
    """The boxes that a box is computed from, with its local derivative where both are single numbers."""
    if all(parent in kept for _, parent in node.parents):
        return [
            (parent, _slope(node, parent, pull(node, arg, _one(node)) if _single(node, parent) else None))
            for arg, parent in node.parents
        ]
    inside = Semiring(lambda n, arg, g: pull(n, arg, g) if n is node or n not in kept else None, lambda a, b: a + b)
    reached = _inputs(node, kept)
    single = _single(node) and all(_single(n) for n in reached)
    slopes = arrivals({node: _one(node)}, inside) if single else {}
    return [(source, _slope(node, source, slopes.get(source))) for source in reached if source in kept]


def _inputs(node: Node, kept: Mapping[Node, int]) -> list[Node]:
    """Everything below a box down to the next boxes, those included."""
    found: dict[Node, None] = {}
    stack = [parent for _, parent in node.parents]
    while stack:
        below = stack.pop()
        if below not in found:
            found[below] = None
            stack += [] if below in kept else [parent for _, parent in below.parents]
    return list(found)


def _single(*nodes: Node) -> bool:
    return all(node.shape == () and node.dtype.kind == "f" for node in nodes)


def _one(node: Node) -> Any:
    return np.ones(node.shape, node.dtype)[()]


def _slope(node: Node, source: Node, slope: Any) -> str:
    return "" if slope is None or not _single(node, source) else number(slope)


def _box(
    node: Node, labels: Mapping[Node, str], gradients: Mapping[Node, Any] | None, output: Node, *, spell_out: bool
) -> Box:
    name, sign = labels.get(node, ""), _sign(node)
    kind: Kind = "cost" if node is output else "given" if node.rule is None else "value" if name else "operation"
    gradient = ""
    if gradients is not None and node in gradients:
        gradient = _gradient(labels.get(output, "C"), name if spell_out else "", gradients[node])
    base = name.partition("⟨")[0].partition("[")[0] if name else sign
    return Box(name or sign or "constant", _value(node), gradient, kind, group=base, hint=_hint(node))


def _value(node: Node) -> str:
    return f"shape {shape_text(node.shape)}" if node.shape else number(node.value)


def _gradient(of: str, name: str, gradient: Any) -> str:
    """``∂C/∂z = -0.1774``; the norm of an array's."""
    what = f"∂{of}/∂{name}" if name and len(name) <= 8 and len(of) <= 4 else "∂"
    if np.ndim(gradient):
        return f"{what}: norm {number(np.linalg.norm(np.ravel(gradient).astype(float)))}"
    return f"{what} = {number(gradient)}"


def _sign(node: Node) -> str:
    """The operation in a few characters, with the constant it was given: ``+``, ``^ 2``, ``1 ÷``, ``exp``."""
    if node.rule is None:
        return ""
    sign = SIGNS.get(node.rule.name, node.rule.name)
    if len(node.inputs) == 2 and len(node.parents) == 1:
        constant = node.inputs[1 - node.parents[0][0]]
        if np.ndim(constant) == 0 and sign in "+−×÷^":
            return f"{sign} {number(constant)}" if node.parents[0][0] == 0 else f"{number(constant)} {sign}"
    return sign


def _hint(node: Node) -> str:
    """The user's line, shown when the pointer rests on the box: the file's name, not its folder."""
    if node.site is None:
        return ""
    return f"{node.site.file.replace(chr(92), '/').rpartition('/')[2]}:{node.site.line}, in {node.site.function}"
