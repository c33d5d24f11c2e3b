"""``wg.checkpoint``: less memory, and the same derivatives."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import TracedValueError

LAYERS, PIECE, NUMBERS = 256, 16, 10_000
VALUES = 2 * LAYERS * NUMBERS * 8  # bytes of what the chain computes: two values a layer


def chain(h: Any, layers: int) -> Any:
    for _ in range(layers):
        h = np.tanh(1.01 * h)
    return h


def whole(x: Any) -> Any:
    return np.sum(chain(x, LAYERS))


def in_pieces(x: Any) -> Any:
    piece = wg.checkpoint(lambda h: chain(h, PIECE))
    for _ in range(LAYERS // PIECE):
        x = piece(x)
    return np.sum(x)


def nested(x: Any) -> Any:
    inner = wg.checkpoint(lambda h: chain(h, PIECE // 4))
    outer = wg.checkpoint(lambda h: inner(inner(inner(inner(h)))))
    for _ in range(LAYERS // PIECE):
        x = outer(x)
    return np.sum(x)


def peak(f: Callable[[Any], Any]) -> float:
    """The most memory that the gradient of ``f`` takes, as a part of the bytes of all its values."""
    x = np.linspace(-1.0, 1.0, NUMBERS)
    gc.collect()
    gc.disable()  # what only a collection would free is not freed in time
    tracemalloc.start()
    try:
        wg.grad(f)(x)
        return tracemalloc.get_traced_memory()[1] / VALUES
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_checkpointed_chain_remembers_its_pieces_and_the_values_of_one() -> None:
    assert peak(whole) > 0.95
    remembered = (LAYERS / PIECE + 2 * PIECE) / (2 * LAYERS)  # what enters each piece, and all of one: 9 %
    assert peak(in_pieces) < remembered + 0.03


def test_checkpoints_in_checkpoints_remember_still_less() -> None:
    assert peak(nested) < 0.08


@pytest.mark.parametrize("f", [in_pieces, nested])
def test_a_checkpointed_chain_has_the_same_gradient(f: Any) -> None:
    x = np.linspace(-1.0, 1.0, 5)
    np.testing.assert_array_equal(wg.grad(f)(x), wg.grad(whole)(x))
    np.testing.assert_allclose(wg.jvp(f, (x,), (x,))[1], wg.jvp(whole, (x,), (x,))[1])


def test_a_checkpointed_function_has_the_same_second_and_third_derivatives() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * x[::-1] ** 2)

    saving, twice = wg.checkpoint(f), wg.checkpoint(lambda x: wg.checkpoint(np.sin)(x) @ x[::-1] ** 2)
    x = np.linspace(-1.0, 2.0, 4)
    for g in (saving, twice):
        np.testing.assert_allclose(wg.hessian(g)(x), wg.hessian(f)(x))
        np.testing.assert_allclose(wg.jacobian(wg.hessian(g))(x), wg.jacobian(wg.hessian(f))(x))


def test_a_checkpointed_function_takes_and_returns_structures_of_several_types() -> None:
    def f(p: Any, rows: Any, how: str) -> Any:
        picked = p["table"][rows]
        return {"out": picked * p["scale"], "norm": np.sum(picked**2), "rows": rows, "how": how}

    p = {"table": np.arange(6, dtype=np.float32).reshape(3, 2), "scale": 1.5}
    rows = np.array([0, 2, 2])
    found, expected = wg.checkpoint(f)(p, rows, "by row"), f(p, rows, "by row")
    assert (found["how"], type(found["norm"])) == ("by row", np.float32)
    for name in ("out", "norm", "rows"):
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype

    def cost(f: Any) -> Any:
        return lambda p: np.sum(f(p, rows, "")["out"]) + f(p, rows, "")["norm"]

    found, expected = wg.grad(cost(wg.checkpoint(f)))(p), wg.grad(cost(f))(p)
    np.testing.assert_allclose(found["table"], expected["table"])
    assert found["table"].dtype == np.float32
    assert found["scale"] == pytest.approx(expected["scale"])


def test_a_checkpointed_function_of_no_floating_point_is_still_called() -> None:
    assert wg.checkpoint(lambda n: n + 1)(2) == 3
    assert wg.grad(lambda x: x * wg.checkpoint(lambda n: n + 1)(2))(1.0) == 3.0


def test_a_float_that_forgot_its_gradient_is_refused_in_a_checkpointed_function_too() -> None:
    with pytest.raises(TracedValueError, match="a float forgets how it was computed"):
        wg.grad(wg.checkpoint(math.sin))(1.0)


def test_an_index_that_is_written_into_later_is_computed_with_as_it_was() -> None:
    row = np.array([0])
    pick = wg.checkpoint(lambda x, i: np.sum(x[i]))

    def cost(x: Any) -> Any:
        first = pick(x, row)
        row[0] = 2
        return first + 10 * pick(x, row)

    np.testing.assert_array_equal(wg.grad(cost)(np.ones(3)), [1.0, 0.0, 10.0])


def test_a_compiled_function_runs_a_checkpointed_one_openly() -> None:
    def cost(x: Any) -> Any:
        return np.sum(wg.checkpoint(np.tanh)(x))

    x = np.linspace(-1.0, 1.0, 5)
    compiled = wg.jit(wg.grad(cost), backend="numpy")
    np.testing.assert_allclose(compiled(x), wg.grad(cost)(x), rtol=1e-12)
    assert "checkpoint" not in compiled.source
    nested = wg.jit(wg.grad(lambda x: np.sum(wg.checkpoint(wg.checkpoint(np.tanh))({"a": x}["a"]))), backend="numpy")
    np.testing.assert_allclose(nested(x), wg.grad(cost)(x), rtol=1e-12)
