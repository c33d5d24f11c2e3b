"""The backward sweep: every edge once, newest first, and the same walk over any semiring."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from whygrad.backward import GRADIENT, Semiring, arrivals, gradients, newest_first, pull, sum_to_shape, sweep
from whygrad.graph.node import Node, Trace


def diamonds(x: Any, count: int) -> Any:
    """Each turn doubles the number of paths: slopes 2 and 3 meet again."""
    for _ in range(count):
        x = 2.0 * x + 3.0 * x
    return x


def traced(f: Any, *values: Any) -> tuple[Node, list[Node]]:
    with Trace() as trace:
        leaves = [trace.leaf(np.asarray(v, float)) for v in values]
        return f(*leaves), leaves


def slope(node: Node, arg: int) -> float:
    flow = pull(node, arg, np.float64(1.0))
    assert flow is not None
    return float(flow)


def test_the_sweep_visits_every_edge_once_newest_first() -> None:
    out, (x,) = traced(lambda x: diamonds(x, 3), 1.0)
    steps = sweep({out: np.float64(1.0)}, GRADIENT)
    assert len(steps) == 3 * 4
    numbers = [step.node.number for step in steps]
    assert numbers == sorted(numbers, reverse=True)
    assert len({(id(step.node), step.arg) for step in steps}) == len(steps)
    assert sum(step.flow for step in steps if step.parent is x) == 5.0**3


def test_a_step_says_what_arrived_and_what_flowed_on() -> None:
    out, (x, y) = traced(lambda x, y: x * y, 3.0, 5.0)
    first, second = sweep({out: np.float64(2.0)}, GRADIENT)
    assert (first.node, first.parent, first.arrived, first.flow) == (out, x, 2.0, 10.0)
    assert (second.parent, second.flow) == (y, 6.0)


@pytest.mark.parametrize("depth", [1, 5, 100])
def test_the_same_sweep_counts_paths_exactly(depth: int) -> None:
    out, (x,) = traced(lambda x: diamonds(x, depth), 1.0)
    assert arrivals({out: 1}, Semiring(lambda node, arg, here: here, int.__add__))[x] == 2**depth


def test_the_same_sweep_finds_the_strongest_path_and_the_total_influence() -> None:
    f = lambda x: (2.0 * x - 7.0 * x) * 3.0 + np.sin(x) * x
    out, (x,) = traced(f, 0.5)
    strongest = arrivals({out: 1.0}, Semiring(lambda node, arg, here: here * abs(slope(node, arg)), max))[x]
    total = arrivals({out: 1.0}, Semiring(lambda node, arg, here: here * abs(slope(node, arg)), float.__add__))[x]
    paths = [6.0, 21.0, np.cos(0.5) * 0.5, np.sin(0.5)]
    assert strongest == pytest.approx(max(paths))
    assert total == pytest.approx(sum(paths))
    assert gradients({out: np.float64(1.0)}, [x])[0] == pytest.approx(6 - 21 + paths[2] + paths[3])


def test_nothing_flows_where_the_semiring_says_so() -> None:
    out, (x, y) = traced(lambda x, y: x * y, 3.0, 5.0)
    arrived = arrivals({out: 1}, Semiring(lambda node, arg, here: None if arg == 0 else here, int.__add__))
    assert x not in arrived
    assert arrived[y] == 1


def test_flows_that_were_passed_on_are_freed_unless_wanted() -> None:
    out, (x,) = traced(lambda x: diamonds(x, 4), 1.0)
    assert arrivals({out: np.float64(1.0)}, GRADIENT, only={x}).keys() == {x}
    assert len(arrivals({out: np.float64(1.0)}, GRADIENT)) == 1 + 3 * 4


def test_several_seeds_flow_together() -> None:
    with Trace() as trace:
        x = trace.leaf(np.float64(2.0))
        y = x * x
        z = y * 3.0
    assert gradients({z: np.float64(1.0), y: np.float64(10.0), x: np.float64(100.0)}, [x, y]) == [152.0, 13.0]


def test_a_leaf_that_nothing_reaches_gets_zeros_of_its_own_kind() -> None:
    with Trace() as trace:
        x, unused = trace.leaf(np.float64(2.0)), trace.leaf(np.ones((2, 3), np.float32))
        y = x * x
    zeros = gradients({y: np.float64(1.0)}, [unused])[0]
    assert (zeros.shape, zeros.dtype, zeros.any()) == ((2, 3), np.float32, False)


def test_newest_first_lists_what_the_outputs_depend_on_and_nothing_else() -> None:
    with Trace() as trace:
        x = trace.leaf(np.float64(1.0))
        used = x * 2.0
        aside = x * 3.0
        out = used + x
    assert [id(n) for n in newest_first({out: None})] == [id(out), id(used), id(x)]
    assert aside.number < out.number


@pytest.mark.parametrize(("big", "small"), [
    (big, small) for big in [(2, 3), (4, 2, 3), (1, 3), (2, 1, 3)] for small in [(), (1,), (3,), (1, 3), (2, 3), (2, 1)]
    if np.broadcast_shapes(big, small) == big])
def test_undoing_a_broadcast_adds_up_the_copies(big: tuple[int, ...], small: tuple[int, ...]) -> None:
    g = np.arange(float(np.prod(big))).reshape(big)
    total = sum_to_shape(g, small)
    assert total.shape == small
    padded = (1,) * (len(big) - len(small)) + small
    expected = np.zeros(padded)
    for index in itertools.product(*map(range, big)):
        expected[tuple(i if n > 1 else 0 for i, n in zip(index, padded, strict=True))] += g[index]
    np.testing.assert_array_equal(total, expected.reshape(small))
