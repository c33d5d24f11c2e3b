"""Many steps in one call: the compiled loop against the same steps in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError
from whygrad.jit.loop import StepLoop

RNG = np.random.default_rng(0)


def cost(W: Any, b: Any, x: Any, y: Any) -> Any:
    return np.mean((wg.sigmoid(x @ W + b) - y) ** 2)


def step(state: Any, batch: Any, extras: Any, rate: Any) -> Any:
    (W, b), (x, y) = state, batch
    C, (gW, gb) = wg.value_and_grad(cost, (0, 1))(W, b, x * extras, y)
    r = rate.astype(W.dtype)
    return (W - r * gW, b - r * gb), C, {"b": gb}


def problem(dtype: Any, n: int = 50, inputs: int = 7, outputs: int = 3) -> Any:
    state = (RNG.normal(size=(inputs, outputs)).astype(dtype), np.zeros(outputs, dtype))
    return state, (RNG.normal(size=(n, inputs)).astype(dtype), RNG.uniform(size=(n, outputs)).astype(dtype))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_a_hundred_steps_natively_are_a_hundred_steps_in_python(dtype: str, tolerance: float) -> None:
    state, data = problem(dtype)
    order, masks = RNG.integers(0, 50, (100, 5)), RNG.uniform(size=(100, 5, 7)).astype(dtype)
    loop = StepLoop(step, state, data, 5, masks[0])
    costs, sums = loop.run(order, masks, 0.5)
    wanted, total = [], np.zeros(3)
    for rows, mask in zip(order, masks, strict=True):
        state, C, stats = step(state, tuple(x[rows] for x in data), mask, np.float64(0.5))
        wanted.append(C)
        total = total + stats["b"]
    np.testing.assert_allclose(costs, wanted, rtol=tolerance)
    np.testing.assert_allclose(sums["b"], total, rtol=100 * tolerance, atol=tolerance)
    for own, python in zip(loop.state, state, strict=True):
        np.testing.assert_allclose(own, python, rtol=tolerance, atol=tolerance)


def test_a_run_in_two_calls_is_the_run_in_one_to_the_bit() -> None:
    state, data = problem("float32")
    order, masks = RNG.integers(0, 50, (40, 5)), np.ones((40, 5, 7), np.float32)
    whole, parts = (StepLoop(step, state, data, 5, masks[0]) for _ in range(2))
    whole.run(order, masks, 0.1)
    parts.run(order[:13], masks[:13], 0.1)
    parts.run(order[13:], masks[13:], 0.1)
    for x, y in zip(whole.state, parts.state, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_loaded_state_is_where_the_next_run_begins() -> None:
    state, data = problem("float64")
    order, masks = RNG.integers(0, 50, (8, 5)), np.ones((8, 5, 7))
    loop = StepLoop(step, state, data, 5, masks[0])
    first, _ = loop.run(order, masks, 0.3)
    loop.load(state)
    second, _ = loop.run(order, masks, 0.3)
    np.testing.assert_array_equal(first, second)


def test_no_steps_are_no_costs() -> None:
    state, data = problem("float64")
    costs, sums = StepLoop(step, state, data, 5, np.ones((5, 7))).run(np.zeros((0, 5), int), np.ones((0, 5, 7)), 0.1)
    assert costs.shape == (0,)
    np.testing.assert_array_equal(sums["b"], 0)


def test_rows_that_are_not_there_are_refused() -> None:
    state, data = problem("float64")
    loop = StepLoop(step, state, data, 5, np.ones((5, 7)))
    with pytest.raises(ArgumentError, match="of 50 rows"):
        loop.run(np.full((1, 5), 50), np.ones((1, 5, 7)), 0.1)
    with pytest.raises(ShapeError, match="one row of 5 row numbers"):
        loop.run(np.zeros((1, 4), int), np.ones((1, 5, 7)), 0.1)
