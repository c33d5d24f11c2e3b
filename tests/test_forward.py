"""The forward sweep: how a change of the inputs moves every value."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.forward import tangents
from whygrad.graph.node import Trace
from whygrad.rules.define import at, make
from whygrad.rules.sums import sum_


def test_changes_add_up_where_paths_meet() -> None:
    with Trace() as trace:
        x, y = trace.leaf(np.float64(2.0)), trace.leaf(np.float64(3.0))
        out = x * y + np.sin(x)
    assert tangents(out, {x: np.float64(1.0), y: np.float64(10.0)}) == pytest.approx(3 + np.cos(2) + 20)
    assert tangents(out, {y: np.float64(1.0)}) == 2.0


def test_what_no_change_reaches_stays_still() -> None:
    with Trace() as trace:
        x, y = trace.leaf(np.ones(2, np.float32)), trace.leaf(np.float64(3.0))
        out = x * 2
    still = tangents(out, {y: np.float64(1.0)})
    assert (still.shape, still.dtype, still.any()) == ((2,), np.float32, False)


def test_a_change_is_broadcast_like_the_value_it_changes() -> None:
    _, change = wg.jvp(lambda b: np.ones((2, 3)) + b, (np.zeros(3),), (np.arange(3.0),))
    np.testing.assert_array_equal(change, [[0, 1, 2]] * 2)


@pytest.mark.parametrize("linear", ["", "each"])
def test_a_structural_rule_is_pushed_by_its_forward_or_by_transposing_its_pull(linear: str) -> None:
    spread = make("spread", "x", lambda x: np.stack([x, 2 * x]), pulls=(lambda g, out, x: g[0] + 2 * g[1],),
                  linear=linear, written="{x}", because=("two copies of it",), tested_at=(at((3,)),))
    _, change = wg.jvp(spread, (np.zeros(3),), (np.arange(3.0),))
    np.testing.assert_array_equal(change, [[0, 1, 2], [0, 2, 4]])
    np.testing.assert_array_equal(wg.jacobian(lambda x: spread(x)[:, 0])(np.zeros(3)), [[1, 0, 0], [2, 0, 0]])


def test_a_pull_that_ignores_g_pushes_nothing() -> None:
    flat = make("flat", "x", np.zeros_like, pulls=(lambda g, out, x: np.zeros(x.shape),), written="0",
                because=("nothing gets through",), tested_at=(at((3,)),))
    _, change = wg.jvp(flat, (np.ones(3),), (np.ones(3),))
    np.testing.assert_array_equal(change, 0)


def test_forward_mode_costs_one_pass_however_many_outputs() -> None:
    calls = []
    double = make("double", "x", lambda x: calls.append(1) or 2 * x, pulls=(lambda g, out, x: 2 * g,), linear="each",
                  written="2{x}", because=("twice the input itself",), tested_at=(at((3,)),))
    out, change = wg.jvp(lambda x: [double(x), sum_(x)], (np.ones(3),), (np.ones(3),))
    assert len(calls) == 2  # once for the value, once for the change
    np.testing.assert_array_equal(out[0], change[0])
