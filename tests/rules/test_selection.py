from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import OutOfRangeError

SELECTED = {
    "take": lambda x: np.take(x, [5, 0, 0]),
    "take rows": lambda x: np.take(x, [[0, 1], [2, -1]], axis=0),
    "take one": lambda x: np.take(x, 2, axis=1),
    "take nothing": lambda x: np.take(x, [], axis=0),
    "take with wrap": lambda x: np.take(x, [17, -5], mode="wrap"),
    "take with clip": lambda x: np.take(x, [17, -5], mode="clip"),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(x, axis=1)[:, :2], axis=1),
    "compress": lambda x: np.compress([True, False, True], x, axis=0),
    "compress by traced": lambda x: np.compress(x[0] > 0, x, axis=1),
    "extract": lambda x: np.extract(x > 0, x),
    "choose": lambda x: np.choose(np.array([0, 1, 2, 0]), x),
    "choose by traced": lambda x: np.choose(np.argmax(x, axis=0) % 2, [x[0] ** 2, 3.0]),
    "where": lambda x: np.where(x > 0, x**2, 1.0),
    "where, numbers in lists": lambda x: np.where([True, False, True, True], x, [1.0, 2, 3, 4]),
    "where with one argument": lambda x: x[np.where(x > 0)],
    "select": lambda x: np.select([x > 1, x > 0], [x**2, x**3], default=-1.0),
    "select without default": lambda x: np.select([x > 0], [x]),
    "piecewise": lambda x: np.piecewise(x, [x < 0, x >= 0.5], [lambda v: v**2, lambda v: 3 * v, 7.0]),
    "piecewise with one condition": lambda x: np.piecewise(x[0], x[0] < 0, [np.sin, np.exp]),
    "piecewise where a later condition wins": lambda x: np.piecewise(x, [x < 1, x < 0], [np.sin, np.exp]),
    "piecewise of a number": lambda x: np.piecewise(x[0, 0], [x[0, 0] < 0, x[0, 0] >= 0], [np.sin, np.exp]),
    "bincount by traced": lambda x: np.bincount(np.argmax(x, axis=0), x[0] ** 2),
    "bincount": lambda x: np.bincount(np.array([0, 2, 2, 0]), x[0], minlength=5),
    "sort": np.sort,
    "sort columns": lambda x: np.sort(x, axis=0),
    "sort all": lambda x: np.sort(x, axis=None),
    "partition": lambda x: np.partition(x, 2)[:, 2],
    "partition all": lambda x: np.partition(x, 2, axis=None)[2],
    "unique": lambda x: np.unique(np.concatenate([x, x])),
    "unique rows": lambda x: np.unique(np.concatenate([x, x]), axis=0),
}


@pytest.mark.parametrize("name", SELECTED)
def test_selected_numbers_have_numpys_values_and_their_gradients(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    numpys = SELECTED[name](x)
    ours = wg.vjp(SELECTED[name], x)[0]
    np.testing.assert_array_equal(ours, numpys)
    assert ours.dtype == numpys.dtype
    assert_gradient(
        lambda x: (
            np.sum(SELECTED[name](x) ** 2 * np.arange(1, 1 + np.size(numpys)).reshape(np.shape(numpys))) + 0 * np.sum(x)
        ),
        x,
    )


def test_sorting_equal_numbers_gives_each_its_own_place() -> None:
    gradient = wg.grad(lambda x: np.sum(np.sort(x, stable=True) * np.array([1.0, 10, 100])))(np.array([2.0, 1.0, 2.0]))
    assert gradient.tolist() == [10, 1, 100]


def test_unique_also_answers_where_and_how_often() -> None:
    x = np.array([3.0, 1.0, 3.0])
    answers = []
    wg.grad(
        lambda x: answers.extend(np.unique(x, return_index=True, return_inverse=True, return_counts=True)) or np.sum(x)
    )(x)
    for ours, numpys in zip(
        answers[1:], np.unique(x, return_index=True, return_inverse=True, return_counts=True)[1:], strict=True
    ):
        np.testing.assert_array_equal(ours, numpys)


def test_where_keeps_nan_out_of_the_gradient_of_the_branch_not_taken() -> None:
    with np.errstate(divide="ignore"):
        gradient = wg.grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)))(np.array([0.0, 2.0]))
    assert gradient.tolist() == [0.0, 0.5]


def test_a_position_out_of_range_is_the_users_error() -> None:
    with pytest.raises(OutOfRangeError, match="9"):
        wg.grad(lambda x: np.sum(np.take(x, [0, 9])))(np.zeros(3))
