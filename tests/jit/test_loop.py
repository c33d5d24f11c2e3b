"""Many steps in one call: the compiled loop against the same steps in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.jit import training
from tests.jit.training import assert_as_in_plain_python, shares

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError
from whygrad.jit.loop import StepLoop
from whygrad.jit.native.cpu import TILE

RNG = np.random.default_rng(0)
PANEL = TILE.panel_bytes // 4  # columns of a tile


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


@settings(max_examples=20)
@example([2, 16, 16, 1], 32, "plain", np.tanh, "float32", 1)  # square weights that are read turned, in a few tiles
@example([64, 128, 128, 3], 40, "plain", wg.relu, "float32", 2)
@example([30, 64, 256, 3], 32, "plain", wg.relu, "float32", 2)  # a thread's columns are few tiles, all of them many
@example([64, 100, 10], 32, "plain", wg.sigmoid, "float32", 2)  # rows of an odd number of vectors, few classes
@example([30, 50, 3], 23, "momentum", np.tanh, "float64", 1)
@given(
    st.lists(st.sampled_from([1, 2, 3, 5, 8, 10, 16, 17, 30, 32, 48, 64, 100, 130]), min_size=2, max_size=4),
    st.sampled_from([1, 2, 6, 10, 23, 32, 150]),
    st.sampled_from(["plain", "momentum", "penalty"]),
    st.sampled_from([np.tanh, wg.relu, wg.sigmoid, shares]),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([1, 2]),
)
def test_any_networks_steps_natively_are_its_steps_in_python(
    sizes: list[int], batch: int, update: str, activation: Any, dtype: str, threads: int
) -> None:
    one = training.step(activation, len(sizes) - 2, update)
    state, data = training.problem(sizes, dtype)
    order = np.random.default_rng(1).integers(0, 23, (5, batch))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHYGRAD_THREADS", str(threads))
        loop = StepLoop(one, state, data, batch)
    assert_as_in_plain_python(loop, one, (state, data), order, 0.01, 1e-10 if dtype == "float64" else 2e-4)


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("inputs", "hidden", "batch", "picked"),
    [
        (40, 6 * PANEL + 4, 128, True),
        (300, 10 * PANEL, 70, True),
        (784, 8 * PANEL + 2, 200, False),  # more rows than a right factor is read for as it lies
        (300, 3 * PANEL + 2, 128, False),
        (1, 6 * PANEL + 4, 128, False),
        (8, 2048, 100, True),  # so wide that the activations would be computed block of rows by block of rows
    ],
)
def test_the_rows_of_a_large_batch_are_copied_by_the_tiles_that_read_them(
    monkeypatch: pytest.MonkeyPatch, inputs: int, hidden: int, batch: int, picked: bool, dtype: str, threads: str
) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    one = training.step(np.tanh, 1, "plain")
    state, data = training.problem((inputs, hidden, 10), dtype, 300)
    order = np.random.default_rng(1).integers(0, 300, (4, batch))
    loop = StepLoop(one, state, data, batch)
    assert dtype != "float32" or ("multiply_picked(" in loop.source) is picked
    assert_as_in_plain_python(loop, one, (state, data), order, 0.01, 1e-10 if dtype == "float64" else 2e-4)


def test_what_comes_back_from_a_few_classes_is_a_product_with_a_small_matrix_put_into_rows() -> None:
    for sizes, batch, expected in (((20, 100, 10), 32, True), ((20, 100, 17), 32, False), ((20, 100, 10), 5, False)):
        loop = StepLoop(training.step(wg.sigmoid, 1, "plain"), *training.problem(sizes, "float32"), batch)
        assert ("multiply_short(" in loop.source) is expected, (sizes, batch)


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    ("sizes", "batch"), [((784, 20, 10), 10), ((784, 100, 3), 32), ((784, 50, 10), 40), ((784, 128, 10), 130)]
)
def test_examples_that_are_asked_for_ahead_are_the_ones_that_are_read(
    monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], batch: int, threads: str
) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    one = training.step(wg.sigmoid, 1, "plain")
    state, data = training.problem(sizes, "float32", 400)  # more than a megabyte: out of a core's own cache
    order = np.random.default_rng(1).integers(0, 400, (20, batch))
    loop = StepLoop(one, state, data, batch)
    assert "order[1 + t]" in loop.source or "order[1 + t, i]" in loop.source
    assert_as_in_plain_python(loop, one, (state, data), order, 0.01, 1e-4)


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


def two_layers(state: Any, batch: Any, extras: Any, rate: Any) -> Any:
    """Two layers and a penalty, whose gradient is where the product that computes the rest is added to."""
    x, y = batch

    def cost(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any) -> Any:
        hidden = np.tanh(x @ W1 + b1)
        return np.mean((np.tanh(hidden @ W2 + b2) @ W3 - y) ** 2) + 0.05 * (np.sum(W1**2) + np.sum(W2**2))

    C, gradient = wg.value_and_grad(cost, (0, 1, 2, 3, 4))(*state)
    return tuple(p - rate.astype(p.dtype) * g for p, g in zip(state, gradient, strict=True)), C, gradient[1]


@pytest.mark.parametrize(
    ("sizes", "batch", "dtype"),
    [
        ((500, 30, 70, 3), 32, "float32"),  # room for 32 or 48 columns: each thread's are whole panels
        ((90, 128, 96, 5), 40, "float64"),
        ((300, 48, 40, 33), 80, "float32"),  # more rows than FEW_ROWS: weights are packed, each thread's own panels
        ((40, 100, 200, 16), 130, "float64"),
        ((128, 512, 192, 2), 7, "float32"),
    ],
)
@pytest.mark.parametrize("threads", [2, 3])
def test_columns_dealt_to_threads_are_computed_as_by_one(
    sizes: tuple[int, ...], batch: int, dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", str(threads))
    rng = np.random.default_rng(1)
    a, b, c, d = sizes
    shapes = ((a, b), (b,), (b, c), (c,), (c, d))
    state = tuple((rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype) for shape in shapes)
    data = rng.normal(size=(150, a)).astype(dtype), rng.normal(size=(150, d)).astype(dtype)
    order = rng.integers(0, 150, (6, batch))
    loop = StepLoop(two_layers, state, data, batch, ())
    assert "tid * " in loop.source
    costs, sums = loop.run(order, (), 0.1)
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    total: Any = 0
    for rows, C in zip(order, costs, strict=True):
        state, wanted, gradient = two_layers(state, tuple(x[rows] for x in data), (), np.float64(0.1))
        np.testing.assert_allclose(C, wanted, rtol=tolerance)
        total = total + gradient
    np.testing.assert_allclose(sums, total, rtol=0, atol=tolerance)
    for own, python in zip(loop.state, state, strict=True):
        np.testing.assert_allclose(own, python, rtol=0, atol=tolerance)
