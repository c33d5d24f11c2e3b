"""Two layers of a network, run and recorded, whose numbers are written with letters for indices: ``w^{l+1}_kj``.

What a number reaches is read from the record, and what each slope is, from the rules: a derivation puts nothing in by
hand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from whygrad.errors import ArgumentError
from whygrad.explain.elements import Edge, Element, element_graph
from whygrad.explain.formulas import Writer
from whygrad.explain.ratios import Ratio
from whygrad.explain.symbol import POWER, Symbol, symbol
from whygrad.explain.symbolic import slope_of
from whygrad.graph.node import named
from whygrad.graph.record import Program, record
from whygrad.rules.arithmetic import positive
from whygrad.rules.define import Value, at, make

Function = Callable[..., Value]
NEURONS = 3  # of every layer
J, K = 1, 2  # the neuron that stands for "j" in the layer in question, and the one that stands for "k" in the others

# An activation and its slope of which nothing is known but their names; the numbers behind them are never shown.
sigma_prime = make("σ'", "z", np.cos, pulls=(None,), written=r"\sigma'({z})", because=("a slope",))
sigma = make(
    "σ",
    "z",
    np.sin,
    slopes=(lambda out, z: sigma_prime(z),),
    written=r"\sigma({z})",
    because=("how much the activation changes with the weighted input",),
    tested_at=(at((2, 3)),),
)


class Layers:
    """Layers l-1, l and l+1, or L-2, L-1 and L where the equation is about the output layer."""

    def __init__(self, activation: Function | None, output: bool) -> None:
        self.program = _run(activation or sigma)
        self.here = 2 if output else 1
        self.called = ("L-2", "L-1", "L") if output else ("l-1", "l", "l+1")

    @cached_property
    def z(self) -> Element:
        """The weighted input of neuron j."""
        return self.element(f"z{self.here}", J)

    @cached_property
    def a(self) -> Element:
        """The activation of neuron j."""
        return self.element(f"a{self.here}", J)

    @cached_property
    def weight(self) -> Element:
        """The weight from neuron k to neuron j of layer l."""
        return self.element("W1", J, K)

    @cached_property
    def bias(self) -> Element:
        """The bias of neuron j of layer l."""
        return self.element("b1", J)

    @cached_property
    def delta(self) -> Symbol:
        """The name of neuron j's error."""
        return error_of(self.symbol(self.z))

    def element(self, label: str, *index: int) -> Element:
        """One number of the value called ``label``."""
        node = self.program.find(label)
        return Element(node, int(np.ravel_multi_index(index, node.shape)))

    def symbol(self, element: Element) -> Symbol:
        """``a^{l-1}_k``: the number's name, with the letters that stand for its layer and neuron."""
        label = self.program.label(element.node)
        layer = int(label[1:])
        layers = (layer, layer - 1) if label[0] == "W" else (layer,)
        neurons = "".join("j" if n == self.here else "k" for n in layers)
        above = self.called[layer] if len(self.called[layer]) == 1 else f"{{{self.called[layer]}}}"
        letter = label[0].lower()
        return Symbol(f"{letter}^{above}_{neurons}", f"{letter}^{{{self.called[layer]}}}_{{{neurons}}}", POWER)

    def ways(self, lower: Element, label: str) -> list[list[Edge]]:
        """The ways from a number up to those of the value called ``label``, each as its edges."""
        graph, upper = element_graph(self.program.output, lower), self.program.find(label)
        ways = [[edge] for edge in graph.edges_up(lower)]
        while any(way[-1].upper.node is not upper for way in ways):
            ways = [[*way, edge] for way in ways for edge in graph.edges_up(way[-1].upper)]
        return ways

    def slope(self, way: list[Edge]) -> Symbol:
        """The slope along a way, as the rules write it."""
        product = symbol(1)
        for edge in way:
            product = product * Writer(self.program, self.symbol).slope(edge)
        return product

    def only(self, lower: Element, label: str) -> list[Edge]:
        """The one way up; an activation that mixes neurons has several."""
        ways = self.ways(lower, label)
        if len(ways) != 1:
            raise ArgumentError(
                f"the activation makes every output depend on {len(ways)} weighted inputs",
                why="σ' is a slope per neuron; this activation has a whole Jacobian",
                try_="net.equations(x, y), which works with the full Jacobian",
            )
        return ways[0]


def activation_slope(activation: Function, z: Symbol, a: Symbol | None = None) -> Ratio:
    """σ'(z) of an activation, as a formula of z, and of its value a where that is shorter."""
    program = record(activation, (0.6,), {})
    (leaf,) = program.leaves.values()
    names = {leaf: z} | ({program.output: a} if a is not None and program.output is not leaf else {})
    return slope_of(program, leaf, names)


def cost_slope(cost: Function, a: Symbol, y: Symbol) -> Ratio:
    """∂C/∂a of a cost, for one output of one example, as a formula."""
    program = record(cost, (np.array([0.6]), np.array([0.3])), {})
    leaves = list(program.leaves.values())
    return slope_of(program, leaves[0], dict(zip(leaves, (a, y), strict=True)))


def error_of(z: Symbol) -> Symbol:
    """δ^l_j, the name of ∂C/∂z^l_j."""
    return Symbol("δ" + z.text[1:], r"\delta" + z.latex[1:], POWER)


def d(of: Symbol | str, by: Symbol) -> Symbol:
    """∂of/∂by."""
    above = Symbol(of) if isinstance(of, str) else of
    return Symbol(f"∂{above.text}/∂{by.text}", rf"\frac{{\partial {above.latex}}}{{\partial {by.latex}}}")


def _run(activation: Function) -> Program:
    """z = W a + b, a = σ(z), twice, on any numbers, under any cost."""

    def network(a0: Value, W1: Value, b1: Value, W2: Value, b2: Value) -> Value:
        z1 = named(W1 @ a0 + b1, "z1")
        a1 = named(positive(activation(z1)), "a1")
        z2 = named(W2 @ a1 + b2, "z2")
        a2 = named(positive(activation(z2)), "a2")
        return np.sum(a2**2)

    rng = np.random.default_rng(0)
    square = (NEURONS, NEURONS)
    shapes = (NEURONS, square, NEURONS, square, NEURONS)
    return record(network, tuple(rng.uniform(0.2, 0.8, shape) for shape in shapes), {})
