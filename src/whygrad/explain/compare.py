"""Two costs on one neuron, side by side: which factor of the chain rule changes, and why σ' cancels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from whygrad.backward import Semiring, arrivals, pull
from whygrad.errors import ArgumentError
from whygrad.explain.explanation import Formula
from whygrad.explain.letters import Function, activation_slope, cost_slope
from whygrad.explain.ratios import Ratio, atom
from whygrad.explain.symbol import Symbol
from whygrad.graph.node import Node, named
from whygrad.graph.record import Program, record
from whygrad.rules.define import Value


@dataclass(frozen=True)
class Row:
    """One line of a derivation: ``name`` is ``∂C/∂a``; its formula (with the numbers put in), and its value."""

    name: str
    formula: Formula
    value: float


@dataclass(frozen=True)
class Side:
    """The derivation for one cost: three factors, their product ∂C/∂w, and ∂C/∂z on the way, each simplified."""

    cost: str
    cost_value: float
    factors: tuple[Row, Row, Row]
    error: Row
    gradient: Row
    slope_cancels: bool  # nothing of σ' is left in ∂C/∂z


@dataclass(frozen=True)
class Comparison:
    """Two costs on the neuron ``z = w x + b``, ``a = σ(z)``. ``changed``: which of the three factors differ."""

    activation: str
    neuron: dict[str, float]
    left: Side
    right: Side
    changed: tuple[bool, bool, bool]

    @property
    def speedup(self) -> float:
        """How many times larger the right cost's ∂C/∂w is than the left one's; inf where the left one is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.divide(self.right.gradient.value, self.left.gradient.value))

    def __str__(self) -> str:
        from whygrad.render.lessons import comparison_text

        return comparison_text(self)

    def latex(self) -> str:
        """Both derivations as LaTeX (amsmath), the changed factors marked with an arrow."""
        from whygrad.render.lessons import comparison_latex

        return comparison_latex(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"speedup": self.speedup}


def compared(
    activation: tuple[str, Function],
    left: tuple[str, Function],
    right: tuple[str, Function],
    w: float,
    b: float,
    x: float,
    y: float,
) -> Comparison:
    """The derivations of ∂C/∂w for two costs, each given with its name."""
    sides = [_side(activation[1], name, cost, w, b, x, y) for name, cost in (left, right)]
    pairs = zip(sides[0].factors, sides[1].factors, strict=True)
    first, second, third = (one.formula.text != other.formula.text for one, other in pairs)
    numbers = _neuron(activation[1], left[1], w, b, x, y)
    neuron = {name: float(numbers.find(name).value[0]) for name in ("w", "b", "x", "y", "z", "a")}
    return Comparison(activation[0], neuron, sides[0], sides[1], (first, second, third))


def _neuron(activation: Function, cost: Function, *given: float) -> Program:
    def neuron(w: Value, b: Value, x: Value, y: Value) -> Value:
        z = named(w * x + b, "z")
        a = named(+activation(z), "a")
        return cost(a, y)

    with np.errstate(all="ignore"):
        program = record(neuron, tuple(np.array([float(number)]) for number in given), {})
    if not np.isfinite(program.output.value):
        a, y = (float(program.find(name).value[0]) for name in "ay")
        raise ArgumentError(
            f"the cost is {program.output.value} at a = {a:.4g}, y = {y:.4g}",
            why="it has no slope there",
            try_="another neuron, or another activation",
        )
    return program


def _side(activation: Function, name: str, cost: Function, *given: float) -> Side:
    program = _neuron(activation, cost, *given)
    z, a, w = (program.find(label) for label in "zaw")
    numbers = {n: program.find(n) for n in ("a", "y", "z", "x")}

    def row(of: str, formula: Callable[..., Ratio], value: float) -> Row:
        by_name = formula(**{n: Symbol(n) for n in numbers}).symbol
        in_numbers = formula(**{n: Symbol(f"{float(node.value[0]):.4g}") for n, node in numbers.items()}).symbol
        return Row(of, Formula(by_name.text, by_name.latex, in_numbers.text), value)

    def wrong(a: Symbol, y: Symbol, **_: Symbol) -> Ratio:
        return cost_slope(cost, a, y)

    def squish(z: Symbol, a: Symbol, **_: Symbol) -> Ratio:
        return activation_slope(activation, z, a)

    output, error = between(program.output, a), between(program.output, z)
    factors = (
        row("∂C/∂a", wrong, output),
        row("∂a/∂z", squish, between(a, z)),
        row("∂z/∂w", lambda x, **_: atom(x), between(z, w)),
    )
    return Side(
        name,
        float(program.output.value),
        factors,
        row("∂C/∂z", lambda **names: wrong(**names) * squish(**names), error),
        row("∂C/∂w", lambda x, **names: wrong(**names) * squish(**names) * atom(x), between(program.output, w)),
        slope_cancels=slope_cancels(activation, cost),
    )


def slope_cancels(activation: Function, cost: Function) -> bool:
    """Whether the cost's slope ∂C/∂a undoes σ'(z), so that the neuron learns as fast as it is wrong."""
    slope = activation_slope(activation, Symbol("z"), Symbol("a"))
    product = cost_slope(cost, Symbol("a"), Symbol("y")) * slope
    return slope.symbol.number is None and not slope.shares_a_factor_with(product)


def between(upper: Node, lower: Node) -> float:
    """∂upper/∂lower for two single numbers, by a sweep that goes no further down than ``lower``."""

    def along(node: Node, arg: int, g: Value) -> Value | None:
        return None if node is lower else pull(node, arg, g)

    arrived = arrivals({upper: np.ones(upper.shape)}, Semiring(along, lambda a, b: a + b))
    return float(np.ravel(arrived.get(lower, 0.0))[0])
