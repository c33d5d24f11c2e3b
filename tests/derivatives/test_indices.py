"""Indices of every whole-number type pick the same places, and send a gradient back to the same places."""

import numpy as np
import pytest

import whygrad as wg

SMALL = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64")  # int64 is what they are compared with
FORMS = {
    "rows": lambda x, i: x[i],
    "rows of a part": lambda x, i: x[:, 3:90][i],
    "rows and a column": lambda x, i: x[i, 1],
    "rows and columns": lambda x, i: x[i, i],
    "columns": lambda x, i: x[:, i],
    "take": np.take,
    "take along an axis": lambda x, i: np.take(x, i, axis=1),
    "one row after another": lambda x, i: sum(x[i[t]] for t in range(4)),
}
HOW = {
    "eager": lambda f: f,
    "numpy": lambda f: wg.jit(f, backend="numpy"),
    "native": wg.jit,
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", SMALL)
def test_small_whole_numbers_find_what_large_ones_find(dtype: str, form: str, how: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 400))  # a place in it is a larger number than any of 8 or 16 bits
    wide = np.array([[7, 99], [127, 0], [99, 99], [120, 126]])
    narrow = wide.astype(dtype)

    def f(x: np.ndarray, i: np.ndarray) -> np.ndarray:
        return np.sum(FORMS[form](x, i) ** 3)

    value, gradient = HOW[how](wg.value_and_grad(f))(x, narrow)
    wanted, slopes = wg.value_and_grad(f)(x, wide)
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32"])
def test_a_place_beyond_what_the_indexs_type_holds_gets_its_gradient(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, i = rng.normal(size=(250, 400)), rng.integers(0, 250, 30)  # 249 × 400 is more than 2^16
    slopes = wg.grad(lambda x, i: np.sum(x[i] ** 3))(x, i.astype(dtype))
    expected = np.zeros_like(x)
    np.add.at(expected, i, 3 * x[i] ** 2)
    np.testing.assert_allclose(slopes, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("how", ["numpy", "native"])
def test_negative_indices_count_from_the_end_and_what_is_outside_is_refused(dtype: str, how: str) -> None:
    x = np.arange(1200.0).reshape(300, 4)
    f = HOW[how](lambda x, i: np.sum(x[i, 1] + x[i, 0]))
    i = np.array([-1, -100, 5], dtype)
    assert f(x, i) == np.sum(x[i, 1] + x[i, 0])
    with pytest.raises(wg.errors.WhygradError, match="-120 "):
        HOW[how](lambda x, i: np.sum(x[:100][i]))(x, np.array([0, -120, 5], dtype))
