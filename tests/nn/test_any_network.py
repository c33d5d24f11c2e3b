"""Any network learns natively what NumPy computes: widths, batches, costs and threads that nobody has thought of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError
from whygrad.nn.activations import ACTIVATIONS
from whygrad.nn.costs import COSTS
from whygrad.nn.optimizers import OPTIMIZERS

WIDTHS = [1, 2, 3, 5, 8, 10, 16, 24, 30, 32, 50, 64, 96, 100, 128, 130, 200, 256, 300, 512, 1000, 1024, 2048]
MOST_WEIGHTS = 600_000


@pytest.mark.slow
@settings(max_examples=20)
@example([8, 2048, 10], 100, "tanh", "squared_error", "sgd", 0.0, 0.0, 2, "float64")  # activations block by block
@example([1000, 64, 10, 96], 32, "softmax", "half_squared_error", "rmsprop", 0.0, 0.0, 2, "float64")  # whose sums?
@example([30, 64, 256, 10], 32, "sigmoid", "cross_entropy", "sgd", 0.0, 0.0, 2, "float32")  # each one's few tiles
@example([64, 128, 128, 3], 40, "relu", "squared_error", "sgd", 0.0, 0.0, 2, "float32")  # with vectors twice as wide
@given(
    st.lists(st.sampled_from(WIDTHS), min_size=2, max_size=4),
    st.sampled_from([1, 3, 7, 10, 32, 36, 64, 100, 150, 256]),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(COSTS)),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([1, 2, 3]),
    st.just("float64"),  # float32 and an optimizer that divides by small gradients part soon
)
def test_any_network_learns_natively_what_numpy_computes(
    sizes: list[int], batch: int, activation: str, cost: str, optimizer: str, l2: float, dropout: float, threads: int,
    dtype: str,
) -> None:
    assume(sum(a * b for a, b in pairwise(sizes)) <= MOST_WEIGHTS)
    rng = np.random.default_rng(0)
    X, Y = rng.random((2 * batch + 1, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 2 * batch + 1)]
    found = []
    for backend in ("native", "numpy"):
        try:
            net = wg.Network(sizes, activation, cost, dtype=dtype, seed=3)
        except (ArgumentError, ShapeError):
            assume(False)  # a cost that does not go with this output
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WHYGRAD_THREADS", str(threads))
            history = net.fit(X, Y, 2, batch, 1e-3, optimizer, backend=backend, progress=False, l2=l2,
                              dropout=dropout if len(sizes) > 2 else 0.0)
        found.append((history.cost, net.weights + net.biases))
    rounding = 1.0 if dtype == "float64" else 1e4
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-9 * rounding)
    for x, y in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6 * rounding, atol=1e-9 * rounding)
