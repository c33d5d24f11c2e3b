"""``wg.jit``: the same numbers as the function on every backend, from a program that can be read and runs as it
stands."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import optree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jit.programs import EXAMPLES

import whygrad as wg
from whygrad.errors import ArgumentError, DtypeError, OutOfRangeError, TracedValueError, UnsupportedError

BACKENDS = ("numpy", "native")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_compiled_gradient_is_the_gradient(name: str, backend: str) -> None:
    function, args, argnums = EXAMPLES[name]
    gradient = wg.value_and_grad(function, argnums)
    compiled = wg.jit(gradient, backend=backend)
    for _ in range(2):  # the second call runs what the first one made
        got, wanted = optree.tree_leaves(compiled(*args)), optree.tree_leaves(gradient(*args))
        for x, y in zip(got, wanted, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)
    assert compiled.backend == backend


@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_stays_float32(backend: str) -> None:
    function, args, _ = EXAMPLES["network"]
    single = optree.tree_map(lambda x: x.astype(np.float32), args)
    got = wg.jit(wg.value_and_grad(lambda p, x, y: function(p, x, y) + np.sum(wg.relu(x)), (0, 1)), backend)(*single)
    wanted = wg.value_and_grad(lambda p, x, y: function(p, x, y) + np.sum(wg.relu(x)), (0, 1))(*single)
    for x, y in zip(optree.tree_leaves(got), optree.tree_leaves(wanted), strict=True):
        assert x.dtype == y.dtype == np.float32
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_source_runs_as_it_is_and_gives_the_same_numbers(name: str) -> None:
    function, args, argnums = EXAMPLES[name]
    compiled = wg.jit(wg.value_and_grad(function, argnums), backend="numpy")
    wanted = optree.tree_leaves(compiled(*args))
    names: dict[str, Any] = dict(compiled.constants)
    exec(compiled.source, names)
    inputs = [np.asarray(x) for x in optree.tree_leaves(args)]
    for x, y in zip(names["program"](*inputs), wanted, strict=True):
        np.testing.assert_array_equal(x, y)


def test_each_line_of_the_source_names_its_rule_and_the_users_line() -> None:
    compiled = wg.jit(wg.grad(EXAMPLES["neuron"][0]), backend="numpy")
    compiled(1.5, -0.4, np.ones(3))
    steps = [line for line in compiled.source.splitlines() if " = " in line and line.startswith("    ")]
    assert steps
    assert all("  # " in line and "programs.py:" in line for line in steps)
    assert any("sigmoid" in line for line in steps)
    assert any("derivative of" in line for line in steps)


def test_an_argument_of_another_shape_gets_a_program_of_its_own() -> None:
    total = wg.jit(lambda x: np.sum(x**2), backend="numpy")
    assert total(np.ones(3)) == 3
    assert total(np.ones((2, 2))) == 4


def test_whole_numbers_texts_and_none_are_built_in() -> None:
    def power(x: Any, n: int, how: str, extra: None) -> Any:
        return sum(x**k for k in range(n)) if how == "sum" else x

    compiled = wg.jit(power, backend="numpy")
    assert compiled(2.0, 3, "sum", None) == 7
    assert compiled(2.0, 4, "sum", None) == 15
    assert compiled(2.0, 4, "same", None) == 2


def test_a_branch_on_a_traced_number_is_refused_with_its_line() -> None:
    def branching(x: Any) -> Any:
        return x if np.sum(x) > 0 else -x  # the line that is named

    with pytest.raises(
        TracedValueError, match=r"wg\.jit can not look at the numbers(.|\n)*test_compiled\.py"
    ) as caught:
        wg.jit(branching)(np.ones(3))
    assert "np.where" in str(caught.value)


@pytest.mark.parametrize("use", [
    lambda x: x * float(x[0]), lambda x: x[: int(x[0])], lambda x: np.asarray(x) + x, lambda x: x[x > 0],
    lambda x: x[np.flatnonzero(x)], lambda x: list(range(np.argmax(x))),
])  # fmt: skip
def test_what_would_keep_the_examples_numbers_is_refused(use: Any) -> None:
    with pytest.raises((TracedValueError, UnsupportedError)) as caught:
        wg.jit(use, backend="numpy")(np.array([1.0, 2.0]))
    assert "try:" in str(caught.value)


def test_what_is_refused_inside_a_gradient_is_refused_too() -> None:
    with pytest.raises(TracedValueError):
        wg.jit(wg.grad(lambda x: x if x > 0 else -x))(1.0)


def test_a_rule_without_native_form_falls_back_openly() -> None:
    solve = wg.jit(np.linalg.solve)
    np.testing.assert_allclose(solve(2 * np.eye(3), np.ones(3)), 0.5)
    assert solve.backend == "numpy"
    assert "solve" in solve.why_not
    with pytest.raises(UnsupportedError, match="solve"):
        wg.jit(np.linalg.solve, backend="native")(2 * np.eye(3), np.ones(3))


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_the_callers_own(backend: str) -> None:
    same = wg.jit(lambda x: (x, x.T, x[0], 2.0, x + 0.0), backend=backend)
    x = np.arange(6.0).reshape(2, 3)
    first = same(x)
    for part in first[:3]:
        part[...] = -1.0
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(2, 3))
    second = same(x)
    np.testing.assert_array_equal(second[0], x)
    np.testing.assert_array_equal(second[1], x.T)
    assert second[3] == 2.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_that_are_not_contiguous_are_read_right(backend: str) -> None:
    x = np.arange(24.0).reshape(4, 6)
    double = wg.jit(lambda x: 2.0 * x, backend=backend)
    for look in (x[:, ::2], x.T, x[::-1], np.broadcast_to(x[0], (3, 6))):
        np.testing.assert_array_equal(double(look), 2.0 * look)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_in_any_order_of_bytes_and_at_any_address_are_read_right(backend: str) -> None:
    double = wg.jit(lambda x: 2.0 * x, backend=backend)
    x = np.arange(6.0)
    swapped, shifted = x.astype(x.dtype.newbyteorder()), np.zeros(49, np.uint8)[1:].view(float)
    shifted[...] = x
    assert not swapped.dtype.isnative
    assert not shifted.flags.aligned
    for look in (x, swapped, shifted, x):
        np.testing.assert_array_equal(double(look), 2.0 * x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_call_runs_the_program_of_its_own_arguments_whatever_was_called_before(backend: str) -> None:
    first = wg.jit(lambda *xs, scale=1: scale * xs[0][0], backend=backend)
    x, flat, single = np.array([[3.0, 4.0]]), np.array([5.0, 6.0]), np.ones((1, 2), np.float32)
    calls = [((x,), {}), ((flat,), {}), (([x],), {}), ((x, flat), {}), ((x,), {"scale": 2}), ((single,), {})]
    wanted = [x[0], flat[0], x, x[0], 2 * x[0], single[0]]
    rng = np.random.default_rng(0)
    for i in (*range(6), *rng.integers(0, 6, 200)):
        args, options = calls[i]
        got = first(*args, **options)
        assert got.dtype == wanted[i].dtype
        np.testing.assert_array_equal(got, wanted[i])
        assert f"{got.dtype}[" in first.source
    for wrong in ((None,), (), (1,)):
        with pytest.raises((TypeError, IndexError)):
            first(*wrong)
    np.testing.assert_array_equal(first(x), x[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_arrays_and_single_numbers_work(backend: str) -> None:
    f = wg.jit(lambda x: np.sum(x * 2.0), backend=backend)
    assert f(np.zeros(0)) == 0.0
    assert f(np.zeros((0, 3))) == 0.0
    assert f(np.float64(4.0)) == 8.0
    assert f(3.0) == 6.0


def test_an_index_outside_the_array_is_refused_by_native_code() -> None:
    rows = wg.jit(lambda x, i: np.sum(x[i]), backend="native")
    x = np.arange(6.0).reshape(3, 2)
    assert rows(x, np.array([0, -1])) == 10.0
    with pytest.raises(OutOfRangeError):
        rows(x, np.array([0, 3]))


def test_labels_pick_the_right_probability() -> None:
    def cost(z: Any, labels: Any) -> Any:
        return -np.mean(wg.log_softmax(z)[np.arange(4), labels])

    z, labels = np.arange(12.0).reshape(4, 3) % 5, np.array([0, 2, 1, -1])
    got, wanted = wg.jit(wg.grad(cost), "native")(z, labels), wg.grad(cost)(z, labels)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-15)


def test_nan_and_inf_come_out_as_they_would_from_numpy() -> None:
    f = wg.jit(lambda x: (np.sum(x), np.max(x), x * 0.0, wg.sigmoid(x)), backend="native")
    for special in (np.nan, np.inf, -np.inf):
        x = np.array([1.0, special, -2.0])
        with np.errstate(invalid="ignore"):
            for got, wanted in zip(f(x), (np.sum(x), np.max(x), x * 0.0, wg.sigmoid(x)), strict=True):
                np.testing.assert_allclose(got, wanted)


def test_second_derivatives_compile() -> None:
    f = EXAMPLES["slices"][0]
    x, v = np.linspace(-1, 1, 12), np.ones(12)
    got = wg.jit(lambda x, v: wg.hvp(f, (x,), (v,)), backend="native")(x, v)
    np.testing.assert_allclose(got, wg.hvp(f, (x,), (v,)), rtol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((5, 7), (7, 1)),
        ((5, 1), (1, 7)),
        ((5, 7), (7,)),
        ((1, 1), (1, 1)),
        ((0, 3), (3, 1)),
        ((3, 0), (0, 1)),
        ((1, 7), (7, 1)),
    ],
)
def test_products_with_a_single_column_are_loops_of_their_own(backend: str, x: Any, y: Any) -> None:
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=x), rng.normal(size=y)

    def cost(A: Any, T: Any, b: Any) -> Any:
        return np.sum((A @ b) ** 2) + np.sum(np.tanh(T.T @ b))

    compiled = wg.jit(wg.value_and_grad(cost, (0, 1, 2)), backend=backend)
    got, wanted = (optree.tree_leaves(f(A, A.T.copy(), b)) for f in (compiled, wg.value_and_grad(cost, (0, 1, 2))))
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    if backend == "native" and x[1] > 1:  # otherwise a derivative is a row times a matrix
        assert "multiply_" not in compiled.source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_sums_over_products_that_are_finished_block_by_block_are_whole(
    dtype: str, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(2048, 64)).astype(dtype), (rng.normal(size=(64, 256)) / 8).astype(dtype)

    def sums(x: Any, W: Any) -> Any:
        z = np.tanh(x @ W)
        return np.sum(z**2), np.sum(z, axis=0), np.max(z, axis=1), np.mean(z * x[:, :1]), np.max(x @ W)

    compiled = wg.jit(sums, backend="native")
    for got, wanted in zip(compiled(x, W), sums(x.astype(float), W.astype(float)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5 if dtype == "float32" else 1e-11, atol=2e-4)


def test_threads_may_call_one_program_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", "1")  # no team keeps calls apart: each needs memory of its own in between
    function = wg.jit(lambda x, w: np.tanh(np.tanh(x @ w) @ w) @ w, backend="native")
    w = np.random.default_rng(0).normal(size=(24, 24)) / 5
    inputs = [np.random.default_rng(i).normal(size=(24, 24)) for i in range(4)]
    wanted = [function(x, w) for x in inputs]
    wrong = [0] * len(inputs)

    def call(i: int) -> None:
        for _ in range(3000):
            wrong[i] += not np.array_equal(function(inputs[i], w), wanted[i])

    workers = [threading.Thread(target=call, args=(i,)) for i in range(len(inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == [0] * len(inputs)


@pytest.mark.parametrize("columns", [2, 3, 5, 6, 7, 9, 11, 13, 15])
@pytest.mark.parametrize("rows", [2, 3, 8])
def test_short_loops_are_compiled_though_llvm_gets_some_of_them_wrong(rows: int, columns: int) -> None:
    x = np.random.default_rng(1).normal(size=(rows, columns)).astype(np.float32)
    found = wg.jit(lambda x: x * x[:1] + x, backend="native")(x)  # 8 × 7: LLVM 20 ended the process
    np.testing.assert_allclose(found, x * x[:1] + x, rtol=1e-6)


def test_bad_input_is_one_error_that_says_what_to_try() -> None:
    with pytest.raises(ArgumentError, match="needs a function"):
        wg.jit(3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="backend 'cuda' is not known"):
        wg.jit(np.sum, backend="cuda")
    with pytest.raises(ArgumentError, match="nothing has been compiled yet"):
        _ = wg.jit(np.sum).source
    with pytest.raises(DtypeError, match="float16"):
        wg.jit(np.sum)(np.ones(3, np.float16))
    with pytest.raises(DtypeError, match="complex"):
        wg.jit(np.sum)(np.ones(3, complex))
    with pytest.raises(TracedValueError, match="jit the whole"):
        wg.grad(wg.jit(np.sum))(np.ones(3))


@settings(max_examples=40)
@given(
    st.tuples(*[st.sampled_from([1, 3, 6, 10, 16, 31, 32, 64, 100, 130, 300])] * 3),
    st.sampled_from(["ab", "aTb", "abT", "aTbT", "stack"]),
    st.sampled_from(["float32", "float64"]), st.sampled_from([1, 2, 3]), st.booleans(),
)  # fmt: skip
def test_products_of_any_shape_and_arrangement_are_numpys(
    sizes: tuple[int, int, int], kind: str, dtype: str, threads: int, added: bool
) -> None:
    M, K, N = sizes
    rng = np.random.default_rng(0)
    a = rng.normal(size=(K, M) if "aT" in kind else (M, K)).astype(dtype)
    b = rng.normal(size=(N, K) if "bT" in kind else (K, N)).astype(dtype)
    c = rng.normal(size=(M, N)).astype(dtype)

    def product(a: Any, b: Any, c: Any) -> Any:
        left, right = a.T if "aT" in kind else a, b.T if "bT" in kind else b
        out = np.stack([left, -left]) @ right if kind == "stack" else left @ right
        return c - 0.5 * out if added else np.tanh(out + c)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHYGRAD_THREADS", str(threads))
        found = wg.jit(product, backend="native")(a, b, c)
    wanted = product(*(x.astype(np.float64) for x in (a, b, c)))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=0, atol=(1e-4 if dtype == "float32" else 1e-12) * K**0.5)
