"""Functions put together at random, and their slopes: native code on any number of threads finds what NumPy does.

What is moved, shared by threads, computed again or kept in memory that is used again depends on what stands beside it,
so steps are tried in company.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.jit.many_threads import shared_by

import whygrad as wg

Step = Callable[[Any], Any]


def recurrence(x: Any) -> Any:
    """A state that each row changes."""
    h, out = 0.5 * x[0], []
    for t in range(len(x)):
        h = np.tanh(0.6 * h[::-1] + x[t])
        out.append(h)
    return np.stack(out)


def shifted(x: Any) -> Any:
    """A state that is moved by one place in each turn."""
    h, out = 0.5 * x[0], []
    for t in range(len(x)):
        h = np.concatenate([h[1:], x[t][:1]]) * 0.9 + 0.1 * x[-1 - t]
        out.append(h)
    return np.stack(out)


def pooled(x: Any) -> Any:
    """The largest of every 2 × 2 numbers."""
    return wg.max_pool2d(x[None], 2)[0] if min(x.shape) > 1 else x


def folded(x: Any) -> Any:
    """The transpose, cut into other rows."""
    columns = max(n for n in range(1, math.isqrt(x.size) + 1) if x.size % n == 0)
    return np.reshape(x.T, (columns, -1))


# Matrices to matrices; numbers stay about as large as they were.
STEPS: dict[str, Step] = {
    "sin": lambda x: np.sin(2 * x),
    "neighbours": lambda x: x[1:] - 0.5 * x[:-1] if len(x) > 1 else x,
    "every other": lambda x: x[::2, ::-1],
    "padded": lambda x: np.pad(x, ((1, 0), (2, 1))),
    "rolled": lambda x: np.roll(x, 1, axis=1) * x,
    "flipped": lambda x: np.flip(x, 0) * x[:1],
    "folded": folded,
    "square": lambda x: np.tanh(x @ x.T),
    "square turned over": lambda x: 0.1 * (x.T @ x)[::-1],
    "with its sums": lambda x: x - np.mean(x, axis=0) + np.max(x, axis=1, keepdims=True),
    "middle axis": lambda x: np.max(np.stack([x, np.sin(x), 0.5 * x], axis=1), axis=1),
    "middle sum": lambda x: np.sum(np.stack([x, np.cos(x)], axis=1) * x[:, None], axis=1),
    "side by side": lambda x: np.concatenate([x[:, 1:], np.tanh(x)], axis=1),
    "clipped": lambda x: np.maximum(x, 0.1) + np.clip(x, -1, 1),
    "pooled": pooled,
    "recurrence": recurrence,
    "shifted": shifted,
    "one column": lambda x: np.tanh(x[:, :1] + np.sum(x, axis=1, keepdims=True)),
}


@settings(max_examples=60)
@example(["with its sums", "clipped"], (40, 1), "float32", 2)  # a sum of everything whose result has an axis
@given(
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
    st.tuples(*[st.sampled_from([1, 2, 3, 5, 7, 8, 16, 17, 40])] * 2),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([1, 2, 3]),
)
def test_any_function_and_its_slopes_are_numpys(
    names: list[str], shape: tuple[int, int], dtype: str, threads: int
) -> None:
    def f(x: Any) -> Any:
        for name in names:
            x = STEPS[name](x) if x.size < 5000 else x  # squares and folds make large ones
        return x

    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    y = f(x)
    weights = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    slope = wg.grad(lambda x: np.sum(f(x) * weights))
    with shared_by(threads):
        pairs = [(wg.jit(g, backend="native"), g(x)) for g in (f, slope)]
        for compiled, wanted in pairs:
            for _ in range(3):  # a race need not be lost at once
                found = compiled(x)
                scale = max(1.0, np.abs(wanted).max(initial=0))
                assert found.dtype == wanted.dtype
                np.testing.assert_allclose(found, wanted, rtol=0, atol=scale * (1e-3 if dtype == "float32" else 1e-9))
