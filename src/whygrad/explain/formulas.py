"""Formulas of single edges, in the user's names: the rules run on symbols, element by element."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.explain.elements import Edge, Element, flat_push, on_other_values, one_at
from whygrad.explain.explanation import Formula, Name
from whygrad.explain.symbol import ATOM, POWER, PRODUCT, Symbol, latex_name, symbol
from whygrad.graph.node import Node
from whygrad.graph.record import Program

LONGEST = 90  # characters of a formula put in place of an unnamed value; beyond that its number says more
NOISE = 1e-7  # nearer to a short number than this, the short one is meant: a float32 holds 0.6 as 0.60000002

Spelling = Callable[[Element], Symbol]


def name_of(program: Program, element: Element) -> Name:
    """``w``, ``W1[0, 0]``; in networks ``w^1_00``, and ``z^1_0(x3)`` for the third example of a batch."""
    label, shape = program.label(element.node), element.node.shape
    if shape == ():
        return Name(label, latex_name(label))
    index = tuple(int(i) for i in np.unravel_index(element.index, shape))
    layered = re.fullmatch(r"([A-Za-z])\^(\d+)", label)
    if not layered:
        text = f"{label}[{', '.join(map(str, index))}]"
        return Name(text, latex_name(text))
    letter, layer = layered.groups()
    example, index = (index[:1], index[1:]) if letter in "az" and len(index) == 2 else ((), index)
    below = ("" if max(index) < 10 else ",").join(map(str, index))
    letter = letter.lower()
    of = "".join(f"(x{i})" for i in example), "".join(f"(x_{{{i}}})" for i in example)
    return Name(f"{letter}^{layer}_{below}{of[0]}", f"{letter}^{{{layer}}}_{{{below}}}{of[1]}")


@dataclass(frozen=True)
class Writer:
    """Writes formulas about one program's values; ``spell`` decides how a named number appears: by name or by value."""

    program: Program
    spell: Spelling

    def element(self, x: Any, index: int) -> Any:
        """One number: by its name, else by the formula that made it; constants as plain numbers."""
        if not isinstance(x, Node):
            return np.ravel(x)[index].item() if np.size(x) > 1 else np.asarray(x).item()
        if x in self.program.labels:
            return self.spell(Element(x, index))
        written = self._inlined(x, index)
        return written if len(written.text) <= LONGEST else valued(Element(x, index))

    def _inlined(self, node: Node, index: int) -> Symbol:
        rule = node.rule
        if rule is None:
            return valued(Element(node, index))
        if rule.slopes is not None:
            return symbol(rule(*self.elements_of_inputs(node, index), **node.params))
        if rule.linear and len(node.parents) == len(node.inputs) == 1:
            source = moved_from(node, index)
            if source is not None:
                return symbol(self.element(node.inputs[0], source))
        whole = self.array(node)
        if "…" in whole.text:
            return valued(Element(node, index))
        position = ", ".join(str(int(i)) for i in np.unravel_index(index, node.shape))
        return (
            Symbol(f"({whole.text})[{position}]", rf"\left({whole.latex}\right)_{{{position}}}")
            if node.shape
            else whole
        )

    def elements_of_inputs(self, node: Node, index: int) -> list[Any]:
        """The inputs of an elementwise step that make its number ``index``, broadcasting considered."""
        found = []
        for x in node.inputs:
            shape = np.shape(x.value) if isinstance(x, Node) else np.shape(x)
            source = np.broadcast_to(np.arange(int(np.prod(shape, dtype=int))).reshape(shape), node.shape).ravel()[
                index
            ]
            found.append(self.element(x, int(source)))
        if not any(isinstance(x, Symbol) for x in found):
            found[0] = symbol(found[0])  # a step on constants alone is still written, not computed
        return found

    def array(self, x: Any) -> Symbol:
        """A whole array: by its name, else by the formula that made it."""
        if not isinstance(x, Node):
            return symbol(np.asarray(x).item()) if np.size(x) == 1 else Symbol("…", r"\ldots")
        if x in self.program.labels:
            label = self.program.labels[x]
            return Symbol(label, latex_name(label))
        if x.rule is None:
            return Symbol("…", r"\ldots")
        written = x.rule(*(symbol(self.array(i)) for i in x.inputs), **x.params)
        return written if len(written.text) <= LONGEST else Symbol("…", r"\ldots")

    def slope(self, edge: Edge) -> Symbol:
        """The local derivative along an edge."""
        node, rule = edge.upper.node, edge.upper.node.rule
        assert rule is not None
        if rule.slopes is not None:
            slope = rule.slopes[edge.arg]
            if not callable(slope):
                return symbol(1.0 if slope is None else slope)
            out = self.element(node, edge.upper.index)
            return symbol(slope(out, *self.elements_of_inputs(node, edge.upper.index), **node.params))
        partner = partner_of(edge)
        if partner is not None:
            return symbol(self.element(*partner))
        return number(edge.slope)


def moved_from(node: Node, index: int) -> int | None:
    """Which number of its only input a data movement put at ``index``; None if the step does more than move."""
    like = node.input_values()[0]
    came_from = flat_push(node, 0, np.arange(1.0, like.size + 1).reshape(like.shape))[index]
    source = int(came_from) - 1
    return source if 0 <= source < like.size and np.ravel(like)[source] == np.ravel(node.value)[index] else None


def partner_of(edge: Edge) -> tuple[Any, int] | None:
    """In a product (matmul, einsum, ...) the slope by one number is one number of another input: which?

    Found by running the same step with that input's numbers replaced by their own positions.
    """
    node, rule = edge.upper.node, edge.upper.node.rule
    assert rule is not None
    if rule.linear != "each" or len(node.inputs) != 2:
        return None
    values = node.input_values()
    other = 1 - edge.arg
    if np.asarray(values[other]).dtype.kind != "f":  # an index is no partner
        return None
    one = one_at(values[edge.arg], edge.lower.index).astype(float)
    positions = np.arange(1.0, np.size(values[other]) + 1).reshape(np.shape(values[other]))
    numbered = on_other_values(node, [positions if i == other else values[i] for i in range(2)])
    found = int(flat_push(numbered, edge.arg, one)[edge.upper.index]) - 1
    if 0 <= found < positions.size and np.ravel(values[other])[found] == edge.slope:
        return node.inputs[other], found
    return None


def number(x: float) -> Symbol:
    """A slope that is only a number: as a fraction 1/n where it is one, else to four significant digits."""
    parts = round(1 / x) if 1e-9 < abs(x) < 1 else 0
    if abs(parts) > 1 and 1.0 / parts == x:
        return symbol(1) / symbol(parts)
    return symbol(x) if x == round(x) else spelled(x)


def valued(element: Element) -> Symbol:
    """An element by its value, four significant digits."""
    return spelled(element.value)


def spelled(x: float) -> Symbol:
    """A number to four significant digits; 0.5250 keeps its last zero where it was rounded."""
    text = f"{x:.4g}"
    if abs(x - float(text)) > NOISE * abs(x):
        text = f"{x:#.4g}".rstrip(".")
    return Symbol(
        text,
        re.sub(r"e([-+])0*(\d+)", r"\\cdot 10^{\1\2}", text).replace("{+", "{").replace("inf", r"\infty"),
        PRODUCT if text.startswith("-") else ATOM,
    )


def edge_formula(program: Program, edges: tuple[Edge, ...]) -> Formula:
    """The product of consecutive edges' slopes (given upwards), written from the cost down."""

    def by_name(element: Element) -> Symbol:
        name = name_of(program, element)
        binds = POWER if "^" in name.latex else ATOM  # (a^1_0)^2: LaTeX refuses two powers in a row
        return Symbol(name.text, name.latex, binds)

    named, numbers = (_product(Writer(program, spell), edges) for spell in (by_name, valued))
    if named.number is not None and not math.isfinite(math.prod(e.slope for e in edges)):  # 0 · inf is not 0
        slopes = [spelled(e.slope) for e in reversed(edges)]
        named = numbers = Symbol(" * ".join(s.text for s in slopes), r" \cdot ".join(s.latex for s in slopes))
    return Formula(named.text, named.latex, "" if numbers.text == named.text else numbers.text)


def _product(writer: Writer, edges: tuple[Edge, ...]) -> Symbol:
    product = symbol(1)
    for edge in reversed(edges):
        product = product * writer.slope(edge)
    return product
