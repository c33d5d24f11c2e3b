from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient, kept

import whygrad as wg
from whygrad.errors import OutOfRangeError

INDICES = {
    "a number": np.s_[1],
    "a number from the end": np.s_[-1, -2],
    "a slice": np.s_[:, 1:3],
    "a slice with a step": np.s_[::-1, ::2],
    "an ellipsis and a new axis": np.s_[..., None, 0],
    "a list": [2, 0],
    "an array with repeats": np.array([0, 2, 0]),
    "an array of negative numbers": np.array([[-1, 0], [-3, -1]]),
    "arrays for two axes": (np.array([0, 1, 0]), np.array([3, 3, 3])),
    "an array and a slice": (slice(1, None), np.array([0, 0, 2])),
    "an array, a new axis and a number": (np.array([0, 2]), None, 1),
    "np.ix_": np.ix_([0, 2], [1, 1, 3]),
    "a mask": np.arange(12).reshape(3, 4) % 3 == 0,
    "a mask of rows": np.array([True, False, True]),
    "a mask of one axis and a slice": (slice(None), np.array([True, False, False, True])),
    "True": True,
    "nothing": (),
    "an empty list": [],
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_every_kind_of_index_has_its_gradient(index: object, rng: np.random.Generator) -> None:
    assert_gradient(lambda x: np.sum(x[index] ** 2 + x[index]), rng.normal(size=(3, 4)))


def test_a_place_that_is_picked_twice_gets_both_gradients() -> None:
    gradient = wg.grad(lambda x: np.sum(x[np.array([1, 1, 0])] * np.array([1.0, 10.0, 100.0])))(np.zeros(3))
    np.testing.assert_array_equal(gradient, [100, 11, 0])


def test_rows_that_are_picked_twice_get_both_gradients() -> None:
    weights = np.arange(8.0).reshape(4, 2)
    gradient = wg.grad(lambda x: np.sum(x[np.array([2, -1, 0, 2])] * weights))(np.zeros((3, 2)))
    np.testing.assert_array_equal(gradient, [[4, 5], [0, 0], [8, 11]])


def test_second_derivatives_pass_through_an_index(rng: np.random.Generator) -> None:
    x = rng.normal(size=4)
    hessian = wg.hessian(lambda x: np.sum(x[np.array([0, 0, 3])] ** 3))(x)
    np.testing.assert_allclose(hessian, np.diag([12 * x[0], 0, 0, 6 * x[3]]))


TRACED = {
    "the largest number of each row": lambda x: np.sum(x[np.arange(3), np.argmax(x, axis=1)] ** 2),
    "numbers in a traced order": lambda x: np.sum(x[np.argsort(x[:, 0])] * np.arange(12.0).reshape(3, 4)),
    "one traced number": lambda x: np.sum(x[np.argmin(x[:, 1])] ** 2),
    "a traced number in a list": lambda x: np.sum(x[[np.argmin(x[:, 1]), 0, 0]] ** 2),
    "a traced mask": lambda x: np.sum(x[x > 0] ** 3),
    "two traced masks": lambda x: np.sum(x[(x > -0.5) & ~(x > 0.5)] ** 3),
    "traced places": lambda x: np.sum(x[np.nonzero(x > 0)] ** 3),
    "whole numbers made from traced ones": lambda x: np.sum(x[np.abs(x[:, 0]).astype(int) % 3] ** 2),
}


@pytest.mark.parametrize("f", TRACED.values(), ids=TRACED)
def test_an_index_may_be_traced(f: object, rng: np.random.Generator) -> None:
    assert_gradient(f, rng.normal(size=(3, 4)))


def test_a_traced_index_stays_an_input_where_every_operation_is_kept(rng: np.random.Generator) -> None:
    seen = []

    def f(x: object) -> object:
        picked = x[np.argmax(x)]
        seen.append(picked)
        return picked

    kept(f, rng.normal(size=5))
    assert [parent.rule.name for _, parent in seen[0].parents if parent.rule] == ["argmax"]


def test_an_index_array_that_changes_later_does_not_change_the_gradient() -> None:
    index = np.array([0, 1])

    def f(x: object) -> object:
        picked = x[index]
        index[:] = 2
        return np.sum(picked)

    np.testing.assert_array_equal(wg.grad(f)(np.zeros(3)), [1, 1, 0])


def test_an_index_that_is_out_of_range_is_one_error_with_line_index_and_shape() -> None:
    with pytest.raises(OutOfRangeError, match=r"(?s)\(3,\).*7.*test_indexing\.py"):
        wg.grad(lambda weights: weights[7])(np.zeros(3))


def test_an_index_with_a_slope_is_refused() -> None:
    with pytest.raises(OutOfRangeError, match="indexed with a traced float64"):
        wg.grad(lambda x: x[x[0]])(np.zeros(3))


def test_too_many_indices_are_refused() -> None:
    with pytest.raises(IndexError, match="too many indices"):
        wg.grad(lambda x: x[0, 0])(np.zeros(3))


def test_float32_stays_float32_and_empty_arrays_work() -> None:
    assert wg.grad(lambda x: np.sum(x[np.array([0, 0])]))(np.zeros(2, np.float32)).dtype == np.float32
    assert wg.grad(lambda x: np.sum(x[1:1]))(np.zeros(2)).tolist() == [0, 0]
    assert wg.grad(lambda x: np.sum(x[np.zeros(0, int)]))(np.zeros((0, 3))).shape == (0, 3)
