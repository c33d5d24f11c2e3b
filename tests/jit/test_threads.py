"""What threads do together: no two at one number, the same numbers for any count of threads, barriers where needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jit.many_threads import shared_by
from tests.jit.training import assert_as_in_plain_python, in_plain_python, leaves, problem, shares, step
from tests.jit.watched import RaceError, run

import whygrad as wg
from whygrad.errors import OutOfRangeError
from whygrad.jit import native_program, sequence
from whygrad.jit.loop import StepLoop
from whygrad.jit.pace import REST, Pace

RNG = np.random.default_rng(5)


class InPython:
    """A compiled program that runs as plain Python and watches for races."""

    barriers = 0

    def __init__(self, source: str, kinds: Any) -> None:
        self.source, self.kinds = source, kinds

    def attempt(self, arrays: Sequence[np.ndarray], threads: int) -> int:
        assert [(x.shape, x.dtype.name) for x in arrays] == self.kinds
        InPython.barriers = run(self.source, arrays, threads)
        return 0

    def bind(self, arrays: Sequence[np.ndarray], threads: int) -> Any:
        return lambda: self.attempt(arrays, threads)


@contextmanager
def in_python(threads: int) -> Iterator[None]:
    """Programs run in Python, on so many threads, and very small kernels are shared among them."""
    with shared_by(threads) as patch:
        patch.setattr(native_program, "loaded", InPython)
        yield


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([2, 3, 4, 6, 10, 16, 24, 32, 40]), min_size=2, max_size=4),
    st.sampled_from([1, 3, 4, 8, 20]), st.sampled_from(["plain", "momentum", "penalty"]),
    st.sampled_from([np.tanh, wg.relu, wg.sigmoid, shares]),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([2, 3, 4]),
)
def test_no_two_threads_meet_in_any_training_loop(
    sizes: list[int], batch: int, update: str, activation: Any, dtype: str, threads: int
) -> None:
    with in_python(threads):
        one = step(activation, len(sizes) - 2, update)
        state, data = problem(sizes, dtype)
        order = RNG.integers(0, 23, (3, batch))
        loop = StepLoop(one, state, data, batch)
        assert_as_in_plain_python(loop, one, (state, data), order, 0.05, 1e-10 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize(
    ("sizes", "batch", "update"),
    [
        ((24, 32, 32, 3), 20, "plain"),  # columns, and a square matrix that is read turned
        ((40, 16, 4), 8, "plain"),  # by depth, each thread its rows of the first weights
        ((40, 16, 16, 2), 8, "momentum"),
        ((32, 64, 64, 64, 2), 16, "penalty"),
        ((40, 100, 10), 32, "plain"),  # a small matrix that is put into rows first
        ((20, 128, 3), 70, "plain"),  # rows of a large batch, read where they lie by threads that deal out columns
        ((6, 10, 3), 4, "plain"),
        ((40, 16, 4), 1, "plain"),
    ],
)
@pytest.mark.parametrize("threads", [2, 3])
def test_no_two_threads_meet(sizes: tuple[int, ...], batch: int, update: str, threads: int) -> None:
    one = step(np.tanh, len(sizes) - 2, update)
    state, data = problem(sizes, "float32")
    order = RNG.integers(0, 23, (3, batch))
    with in_python(threads):
        loop = StepLoop(one, state, data, batch)
        costs, _ = loop.run(order, (), 0.05)
    np.testing.assert_allclose(costs, in_plain_python(one, state, data, order)[1], rtol=1e-4)


def test_a_race_is_noticed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "waits_before", lambda pieces, repeats: set())
    state, data = problem((24, 32, 32, 3), "float32")
    with in_python(2), pytest.raises(RaceError, match=r"threads \d and \d at \w+\[.*\], before barrier"):
        StepLoop(step(np.tanh, 2, "plain"), state, data, 20).run(RNG.integers(0, 23, (2, 20)), (), 0.05)


def recurrence(W: Any, x: Any) -> Any:
    h, total = np.zeros((20, 18)), 0.0
    for t in range(25):
        h = np.tanh(h @ W + x[t])
        total = total + np.sum(h**2)
    return total


def images(kernels: Any, bias: Any, x: Any) -> Any:
    return np.sum(wg.max_pool2d(wg.relu(wg.conv2d(x, kernels, bias, padding=1)), 2) ** 2)


FUNCTIONS: dict[str, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    "network": (lambda W, V, x: np.sum(np.tanh(np.tanh(x @ W) @ V) ** 2), ((20, 32), (32, 24), (30, 20))),
    "sums both ways": (lambda x: np.sum(np.max(x, axis=0) * np.sum(np.exp(x), axis=1)[0]), ((40, 30),)),
    "recurrence": (recurrence, ((18, 18), (25, 20, 18))),
    "stack": (lambda A, B: np.sum(np.sin(A @ B)), ((6, 10, 12), (6, 12, 8))),
    "product turned over": (lambda A: np.sum((A @ A.T)[::-1] * (A @ A.T).T ** 2), ((33, 20),)),
    "middle axis": (lambda x: np.sum(np.max(np.tanh(x), axis=1) * np.sum(x * x, axis=1)), ((4, 9, 40),)),
    "middle axes of one": (lambda x, W: np.sum(np.max(np.sin(x @ W), axis=1) ** 2), ((40, 20), (20, 1))),
    "neighbours": (lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2) + np.sum(x[::3] * x[-1]), ((60, 20),)),
    "images": (images, ((3, 2, 3, 3), (3,), (4, 2, 8, 8))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("threads", [2, 3])
def test_no_two_threads_meet_in_a_function(name: str, threads: int) -> None:
    f, shapes = FUNCTIONS[name]
    args = tuple(RNG.normal(size=shape) / 4 for shape in shapes)
    wanted = wg.value_and_grad(f, tuple(range(len(args))))(*args)
    with in_python(threads):
        found = wg.jit(wg.value_and_grad(f, tuple(range(len(args)))), backend="native")(*args)
    assert InPython.barriers > 1
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-10)
    for x, y in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_an_index_outside_is_told_though_other_threads_wait(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)

    def f(W: Any, x: Any, rows: Any) -> Any:
        return np.sum(np.tanh(x @ W)) + np.sum(W[rows] ** 2)

    W, x = RNG.normal(size=(200, 200)), RNG.normal(size=(300, 200))
    compiled = wg.jit(wg.value_and_grad(f), backend="native")
    for _ in range(2):
        with pytest.raises(OutOfRangeError):
            compiled(W, x, np.array([3, 200]))
        with pytest.raises(OutOfRangeError):
            compiled(W, x, np.array([-201, 7]))
        np.testing.assert_allclose(compiled(W, x, np.array([3, -200]))[0], f(W, x, np.array([3, 0])))


# ── what a step of a small network waits for ─────────────────────────────────────────────────────────────────────────


def book() -> Any:
    """784-30-10 by 10."""
    state, data = problem((784, 30, 10), "float32")
    return step(wg.sigmoid, 1, "plain"), state, data, RNG.integers(0, 23, (30, 10))


def test_a_step_of_a_small_network_has_one_barrier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", "2")
    one, state, data, _ = book()
    source = StepLoop(one, state, data, 10).source
    assert "tid == 0" not in source
    assert len(re.findall(r"wait\(sync", source.partition("for t in range")[2])) == 1


@pytest.mark.parametrize("threads", ["2", "4"])
def test_fewer_threads_find_the_same_numbers_to_the_bit(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    one, state, data, order = book()
    together, alone, mixed = (StepLoop(one, state, data, 10) for _ in range(3))
    assert sorted(together._pace.calls) == [1, int(threads)]
    for loop, count in ((together, int(threads)), (alone, 1)):
        monkeypatch.setattr(loop._pace, "plan", lambda steps, most, count=count: [(count, steps)])
    monkeypatch.setattr(mixed._pace, "plan", lambda steps, most: [(1, 7), (int(threads), 11), (1, 12)])
    found = [(*loop.run(order, (), 0.5), loop.state) for loop in (together, alone, mixed)]
    for costs, _, state in found[1:]:
        np.testing.assert_array_equal(costs, found[0][0])
        for x, y in zip(leaves(state), leaves(found[0][2]), strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_a_network_trains_on_one_example(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    X, Y = RNG.uniform(size=(1, 784)).astype(np.float32), np.eye(10, dtype=np.float32)[:1]
    native, plain = (wg.Network([784, 30, 10], seed=1) for _ in range(2))
    for net, backend in ((native, "native"), (plain, "numpy")):
        net.fit(X, Y, epochs=3, batch_size=1, learning_rate=0.5, backend=backend, progress=False)
    for x, y in zip(native.weights, plain.weights, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


@pytest.mark.parametrize(
    ("sizes", "batch"), [([64, 32, 16, 10], 32), ([784, 30, 10], 100), ([1000, 64, 10, 96], 32), ([40, 16, 10, 24], 8)]
)
@pytest.mark.parametrize("threads", ["2", "3"])
def test_what_a_loop_writes_beside_what_is_shared_is_shared_wherever_it_is_written(
    sizes: list[int], batch: int, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A softmax between layers has sums that one loop makes alone, and another beside what threads deal out."""
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    X, Y = RNG.uniform(size=(batch, sizes[0])), np.eye(sizes[-1])[RNG.integers(0, sizes[-1], batch)]
    native, plain = (wg.Network(sizes, "softmax", "half_squared_error", dtype="float64", seed=3) for _ in range(2))
    for net, backend in ((native, "native"), (plain, "numpy")):
        net.fit(X, Y, epochs=3, batch_size=batch, learning_rate=0.5, backend=backend, progress=False)
    for x, y in zip(native.weights + native.biases, plain.weights + plain.biases, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-13)


def test_what_a_loop_is_given_is_what_every_thread_begins_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", "2")
    one, state, data, order = book()
    loop = StepLoop(one, state, data, 10)
    first, _ = loop.run(order, (), 0.5)
    loop.load(state)
    again, _ = loop.run(order, (), 0.5)
    np.testing.assert_array_equal(first, again)


# ── as many threads as are quickest ──────────────────────────────────────────────────────────────────────────────────


class Machine:
    """A clock, and calls that take so long on so many threads."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds, self.now, self.steps, self.used = seconds, 0.0, 0, dict.fromkeys(seconds, 0)

    def call(self, threads: int) -> int:
        self.now += self.seconds[threads] * self.steps
        self.used[threads] += self.steps
        return 0

    def run(self, pace: Pace, steps: int) -> list[int]:
        sizes = []
        for threads, self.steps in pace.plan(steps, 4096):
            pace.run(threads, self.steps)
            sizes.append(self.steps)
        return sizes


def machine(seconds: dict[int, float]) -> tuple[Machine, Pace]:
    it = Machine(seconds)
    return it, Pace({n: lambda n=n: it.call(n) for n in seconds}, 16e-6, lambda: it.now)


@pytest.mark.parametrize(("seconds", "best"), [({1: 15e-6, 2: 12e-6}, 2), ({1: 15e-6, 2: 40e-6}, 1)])
def test_most_steps_run_on_the_number_of_threads_that_is_quickest(seconds: dict[int, float], best: int) -> None:
    it, pace = machine(seconds)
    for _ in range(10):
        it.run(pace, 4096)
    assert it.used[best] > 0.9 * sum(it.used.values())


def test_what_changes_is_noticed_in_the_next_runs() -> None:
    it, pace = machine({1: 15e-6, 2: 12e-6})
    it.run(pace, 4096)
    it.seconds[2] = 40e-6  # another program has taken a core
    it.run(pace, 4096)
    it.used = {1: 0, 2: 0}
    it.run(pace, 4096)
    assert it.used[1] > 0.9 * 4096
    it.seconds[2] = 12e-6
    for _ in range(REST + 1):
        it.run(pace, 4096)
    it.used = {1: 0, 2: 0}
    it.run(pace, 4096)
    assert it.used[2] > 0.9 * 4096


def test_one_interrupted_call_changes_nothing() -> None:
    it, pace = machine({1: 15e-6, 2: 12e-6})
    it.run(pace, 4096)

    def interrupted(threads: int) -> int:
        it.now += 5e-3
        return it.call(threads)

    it.used, usual = {1: 0, 2: 0}, pace.calls[2]
    for i, (threads, it.steps) in enumerate(pace.plan(4096, 4096)):
        pace.calls[2] = (lambda: interrupted(2)) if i == 3 else usual
        pace.run(threads, it.steps)
    assert it.used[2] > 0.9 * 4096


def test_the_first_steps_on_another_number_of_threads_do_not_count() -> None:
    it, pace = machine({1: 15e-6, 2: 12e-6})
    last = 0

    def call(threads: int) -> int:
        nonlocal last
        it.now += 0.0 if threads == last else 3e-3  # what was the other core's part has to come over
        last = threads
        return it.call(threads)

    pace.calls = {n: lambda n=n: call(n) for n in (1, 2)}
    for _ in range(10):
        it.run(pace, 10_000)
    assert it.used[2] > 0.9 * sum(it.used.values())


def test_who_is_clearly_slower_is_seldom_tried_again() -> None:
    it, pace = machine({1: 14e-6, 2: 12e-6})

    def tried(runs: int) -> list[bool]:
        before, found = 0, []
        for _ in range(runs):
            before = it.used[1]
            it.run(pace, 4096)
            found.append(it.used[1] > before)
        return found

    assert all(tried(10))
    it.seconds[1] = 30e-6
    assert all(tried(2))  # once might have been an interrupt
    assert sum(tried(20)) == 20 // (REST + 1)


@given(st.integers(0, 20_000), st.integers(1, 5000))
def test_every_step_is_run_once_and_divided_alike_whatever_the_clock_says(steps: int, most: int) -> None:
    plans = []
    for seconds in ({1: 15e-6, 2: 12e-6}, {1: 1e-6, 2: 1.0}):
        it, pace = machine(seconds)
        sizes = []
        for threads, it.steps in pace.plan(steps, most):
            assert it.steps <= most
            pace.run(threads, it.steps)
            sizes.append(it.steps)
        plans.append(sizes)
    assert plans[0] == plans[1]
    assert sum(plans[0]) == steps


def test_a_loop_for_one_number_of_threads_is_not_divided() -> None:
    it, pace = machine({2: 1e-4})
    assert it.run(pace, 4000) == [4000]
