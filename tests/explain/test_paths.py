"""Four readings of one sweep, each against every path written down, on random small graphs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import whygrad as wg
from whygrad.explain.elements import Element, element_graph
from whygrad.explain.paths import COUNT, GRADIENT, INFLUENCE, STRONGEST, Paths, read
from whygrad.graph.record import record

SEEDS = range(30)


def random_function(seed):
    """A cost that mixes products, functions, matrices, choices and values used again; and a place to try it."""
    rng = np.random.default_rng(seed)
    steps = [(rng.integers(7), rng.random(2), rng.normal(size=(3, 3))) for _ in range(rng.integers(2, 5))]

    def cost(x):
        values = [x]
        for kind, picks, matrix in steps:
            a, b = (values[int(pick * len(values))] for pick in picks)
            made = [lambda a, b, m: np.tanh(a), lambda a, b, m: a * b, lambda a, b, m: a - b, lambda a, b, m: m @ a,
                    lambda a, b, m: a[np.array([2, 0, 0])], lambda a, b, m: np.maximum(a, b),
                    lambda a, b, m: np.sum(a) * m[0] + a]
            values.append(made[kind](a, b, matrix))
        return np.sum(values[-1] * values[-2])

    return cost, rng.normal(size=3)


def every_path(graph, element):
    """All ways from an element to the output, by walking them; the values are products of slopes."""
    if element.node is graph.output:
        return [()]
    return [(edge, *rest) for edge in graph.edges_up(element) for rest in every_path(graph, edge.upper)]


def graph_of(seed, index):
    cost, x = random_function(seed)
    program = record(cost, (x,), {})
    return element_graph(program.output, Element(program.leaves["x"], index))


def at_start(graph, reading):
    arrived = read(graph, reading).get(graph.start.node)
    return 0 if arrived is None else arrived[graph.start.index]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_reading_is_what_all_paths_together_say(seed):
    for index in range(3):
        graph = graph_of(seed, index)
        products = [math.prod(edge.slope for edge in path) for path in every_path(graph, graph.start)]
        sizes = [abs(product) for product in products]
        assert at_start(graph, COUNT) == len(products)
        assert at_start(graph, GRADIENT) == pytest.approx(math.fsum(products), rel=1e-9, abs=1e-9)
        assert at_start(graph, INFLUENCE) == pytest.approx(math.fsum(sizes), rel=1e-9, abs=1e-12)
        assert at_start(graph, STRONGEST) == pytest.approx(max(sizes, default=0), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_strongest_paths_come_in_exact_order_and_none_is_missed(seed):
    for index in range(3):
        graph = graph_of(seed, index)
        sizes = sorted((abs(math.prod(e.slope for e in p)) for p in every_path(graph, graph.start)), reverse=True)
        for top in (1, 3, 1000):
            found = [abs(math.prod(edge.slope for edge in path)) for path in Paths(graph).strongest(top)]
            assert found == pytest.approx(sizes[:top], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_path_is_listed_twice(seed):
    graph = graph_of(seed, 0)
    found = Paths(graph).strongest(1000)
    assert len({tuple((e.lower, e.upper, e.arg) for e in path) for path in found}) == len(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_reading_is_the_engines_gradient(seed):
    cost, x = random_function(seed)
    gradient = wg.grad(cost)(x)
    for index in range(3):
        graph = graph_of(seed, index)
        assert at_start(graph, GRADIENT) == pytest.approx(gradient[index], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_cancellation_is_the_share_of_influence_that_the_sum_loses(seed):
    for index in range(3):
        graph = graph_of(seed, index)
        products = [math.prod(edge.slope for edge in path) for path in every_path(graph, graph.start)]
        total = math.fsum(map(abs, products))
        expected = 1 - abs(math.fsum(products)) / total if total else 0.0
        assert Paths(graph).cancellation == pytest.approx(expected, abs=1e-9)


def test_counts_beyond_any_machine_number_are_exact():
    def deep(x):
        for _ in range(100):
            x = x * x
        return np.sum(x)

    why = wg.explain(deep, np.array([0.9999, 1.0]), wrt=("x", 0))
    assert why.path_count == 2**100
    assert why.cancellation == pytest.approx(0, abs=1e-12)


def test_equally_strong_paths_are_found_without_opening_all_of_them():
    def deep(x):
        for _ in range(20):
            x = x * x * 1.0001
        return np.sum(x)

    why = wg.explain(deep, np.array([0.99999937, 1.0]), wrt=("x", 0))
    strongest = why.paths(3)
    assert [path.value for path in strongest] == pytest.approx([why.value / 2**20] * 3, rel=1e-9)
