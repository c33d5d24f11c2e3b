from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import DtypeError, ShapeError
from whygrad.rules.shapes import array


def test_an_array_of_traced_and_plain_numbers_is_traced(rng: np.random.Generator) -> None:
    assert_gradient(lambda x: np.sum(array([[x[0, 0], 1.0], (2, x[1, 1] * 3)]) ** 2), rng.normal(size=(2, 2)))


def test_an_array_of_traced_arrays_and_lists_is_traced(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 2))
    assert_gradient(lambda x: np.sum(array([[x[0], [1.0, 2.0]], [x[1] ** 2, np.ones(2)]]) ** 2), x)
    np.testing.assert_array_equal(wg.vjp(lambda x: array([x[0], [1.0, 2.0]]), x)[0], np.array([x[0], [1.0, 2.0]]))


def test_an_array_of_plain_numbers_is_numpys() -> None:
    for numbers in ([[1, 2], [3, 4]], [1.5, 2], 3.0, [], [[]], [True, False], np.ones(2)):
        np.testing.assert_array_equal(array(numbers), np.array(numbers), strict=True)
    assert array([1, 2], dtype=np.float32).dtype == np.float32


def test_pythons_own_numbers_follow_the_dtype_of_the_traced_ones() -> None:
    value = wg.vjp(lambda x: array([[x[0], 1.5], [2, 3]]), np.ones(1, np.float32))[0]
    assert value.dtype == np.float32
    assert wg.vjp(lambda x: array([x[0], 1.5], dtype=np.float64), np.ones(1, np.float32))[0].dtype == np.float64


def test_a_ragged_array_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"number 0 has \(2,\), number 1 has \(1,\)"):
        wg.grad(lambda x: np.sum(array([[x[0], 1.0], [x[1]]])))(np.zeros(2))


def test_a_cast_to_floating_point_keeps_the_slope_and_a_cast_to_whole_numbers_has_none() -> None:
    x = np.array([1.5, -2.5])
    gradient = wg.grad(lambda x: np.sum(x.astype(np.float32) * 2))(x)
    assert gradient.tolist() == [2, 2]
    assert gradient.dtype == np.float64
    assert wg.grad(lambda x: np.sum(x * x.astype(int)))(x).tolist() == [1, -2]
    assert wg.grad(lambda x: np.sum(x * x.astype(bool)))(x).tolist() == [1, 1]


def test_a_cast_to_complex_is_refused() -> None:
    with pytest.raises(DtypeError, match="complex"):
        wg.grad(lambda x: np.sum(x.astype(complex)))(np.zeros(2))
