"""Room at the end of rows: whole panels are computed, and a gap between rows that would begin a page apart is not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.jit import training
from tests.jit.training import assert_as_in_plain_python

import whygrad as wg
from whygrad.jit.arena import PAGE
from whygrad.jit.loop import StepLoop
from whygrad.jit.native.cpu import TILE


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [5, 40, 200])
def test_rows_a_page_apart_have_a_gap_that_nobody_computes(
    monkeypatch: pytest.MonkeyPatch, batch: int, dtype: str, threads: str
) -> None:
    monkeypatch.setenv("WHYGRAD_THREADS", threads)
    size = np.dtype(dtype).itemsize
    wide, pitch = PAGE // size, (PAGE + TILE.panel_bytes) // size
    one = training.step(np.tanh, 2, "plain")
    state, data = training.problem((30, wide, wide, 3), dtype, 250)
    order = np.random.default_rng(1).integers(0, 250, (3, batch))
    loop = StepLoop(one, state, data, batch)
    widths = [int(n) for n in re.findall(rf"^#   \w+: {dtype}\[.*?(\d+)\]", loop.source, re.MULTILINE)]
    assert pitch in widths
    assert not re.search(rf"\(\d+, {pitch}\), \({pitch}, 1\)|range\({pitch}\)", loop.source)
    assert_as_in_plain_python(loop, one, (state, data), order, 0.001, 1e-10 if dtype == "float64" else 1e-4)


def test_arrays_of_the_callers_own_have_no_gap() -> None:
    n = PAGE // 4
    product = wg.jit(lambda A, B: np.tanh(A @ B), "native")
    A, B = np.ones((9, n), np.float32), np.full((n, n), 1e-4, np.float32)
    np.testing.assert_allclose(product(A, B), np.tanh(A @ B), rtol=1e-5)
    widths = dict(re.findall(r"^#   (\w+): float32\[\d+, (\d+)\]", product.source, re.MULTILINE))
    assert widths["A"] == widths["B"] == str(n)
