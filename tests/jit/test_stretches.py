"""Loops over a row's numbers, parted where vectors end: every number is computed once, in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whygrad.jit.native.compile import compile_source
from whygrad.jit.native.load import load
from whygrad.jit.native.stretches import in_twos

ROWS = """
from whygrad.jit.native.words import exp

def program(tid, threads, sync, x, y, z, total):
    for k in range(3):
        s = {zero}
        for i in range({n}):
            e = {word}(x[k, i])
            s += e
{stores}
        total[k] = s
    return 0
"""
STORES = ["y[k, i] = e", "z[i] += e", "z[i] *= {two}", "y[k, i] -= z[i]"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("word", ["exp", "abs"])
@pytest.mark.parametrize("stores", [1, 4])
def test_a_row_of_any_length_is_what_python_computes(dtype, word, stores):
    rng = np.random.default_rng(stores)
    for n in (1, 3, 4, 5, 7, 8, 9, 12, 14, 15, 16, 17, 24, 30, 31, 33, 64, 100):
        body = "\n".join(f"            {line.format(two='2.0')}" for line in STORES[:stores])
        text = ROWS.format(n=n, word=word, stores=body, zero="0.0" if dtype == "float64" else "x[0, 0] - x[0, 0]")
        text = text.replace("2.0", "2.0" if dtype == "float64" else "(x[0, 0] / x[0, 0] + x[0, 0] / x[0, 0])")
        given = [rng.normal(size=(3, n)), np.zeros((3, n)), rng.normal(size=n), np.zeros(3)]
        native, plain = ([np.array(x, dtype) for x in given] for _ in range(2))
        load(compile_source(text, [(x.shape, x.dtype) for x in native])).run(native)
        names: dict = {}
        exec(text, names)
        names["program"](0, 1, 0, *plain)
        for got, wanted in zip(native, plain, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=2e-6 if dtype == "float32" else 1e-14, atol=1e-6)


@given(st.integers(1, 300), st.sampled_from([2, 4, 8, 16]))
def test_what_is_left_of_vectors_are_powers_of_two(n, lanes):
    parts = list(in_twos(n, lanes))
    assert [x for part in parts for x in range(*part)] == list(range(n))
    assert (parts[0][1] - parts[0][0]) % lanes == 0
    assert all((last - first).bit_count() == 1 for first, last in parts[1:])
