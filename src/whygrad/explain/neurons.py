"""The three factors of a neuron's weight: what arrives at its activation, its own slope, and the weight's input."""

from __future__ import annotations

from whygrad.explain.elements import Edge, Element
from whygrad.explain.equations import LayerNodes, squish
from whygrad.explain.explanation import Factor, Formula
from whygrad.explain.formulas import name_of
from whygrad.explain.letters import Function, activation_slope
from whygrad.explain.meaning import RESPONSIVE
from whygrad.explain.routes import Routes
from whygrad.explain.symbol import POWER, Symbol


def neuron_factors(routes: Routes, layer: LayerNodes, j: int, activation: Function) -> tuple[Factor, ...]:
    """∂C/∂a, σ'(z) and ∂z/∂start for neuron j of a layer, as far down as the explained number lies.

    Where the activation mixes neurons there is no σ'(z) of one neuron: then the factors are those of any function.
    """
    start, z, a = routes.paths.graph.start, Element(layer.z, j), Element(layer.a, j)
    if start == a:
        return (_arriving(routes, a),)
    slopes = squish(layer).slopes
    if slopes is None:
        return routes.factors()
    below = () if start == z else (routes.factor(_way(routes, start, z)),)
    return (_arriving(routes, a), _squishing(routes, z, a, float(slopes[0, j]), activation), *below)


def _arriving(routes: Routes, a: Element) -> Factor:
    """∂C/∂a: the cost's own slope in the output layer, else the sum over the next layer, of one neuron or many."""
    ways = routes.ways_up(a)
    edges = routes.stretch(ways[0]) if len(ways) == 1 else ()
    direct = edges and edges[-1].upper.node is routes.program.output
    return routes.factor(edges) if direct else routes.sum_at(a, a)


def _squishing(routes: Routes, z: Element, a: Element, slope: float, activation: Function) -> Factor:
    """σ'(z): the rule's own slope, or for a function of several steps the formula that the rules make of it."""
    ways = routes.ways_up(z)
    if len(ways) == 1 and (edges := routes.stretch(ways[0]))[-1].upper == a:
        return routes.factor(edges)
    of, by = name_of(routes.program, a), name_of(routes.program, z)
    named, numbers = (
        activation_slope(activation, Symbol(*of_z, POWER), Symbol(*of_a, POWER)).symbol
        for of_z, of_a in (
            ((by.text, by.latex), (of.text, of.latex)),
            ((f"{z.value:.4g}", f"{z.value:.4g}"), (f"{a.value:.4g}", f"{a.value:.4g}")),
        )
    )
    return Factor(of, by, slope, Formula(named.text, named.latex, numbers.text), RESPONSIVE)


def _way(routes: Routes, start: Element, end: Element) -> tuple[Edge, ...]:
    """The edges from a weight or a bias up to the weighted input that it is part of, leading further or not."""
    edges: tuple[Edge, ...] = ()
    at = start
    while at != end:
        edges += (next(routes.paths.graph.edges_up(at)),)
        at = edges[-1].upper
    return edges
