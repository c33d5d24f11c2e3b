from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import OutOfRangeError, ShapeError, TracedValueError, UnsupportedError
from whygrad.rules.updates import at

ORDINARY = {
    "a number": 1,
    "a slice": np.s_[:, 1:3],
    "an array": np.array([2, 0]),
    "a mask": np.arange(12).reshape(3, 4) % 5 == 0,
}
METHODS = ("set", "add", "subtract", "multiply", "divide", "power", "min", "max")


@pytest.mark.parametrize("index", ORDINARY.values(), ids=ORDINARY)
@pytest.mark.parametrize("method", METHODS)
def test_the_changed_array_and_its_gradient_are_right(method: str, index: object, rng: np.random.Generator) -> None:
    x, v = rng.uniform(0.5, 2, size=(3, 4)), 1.3
    numpys = {
        "set": lambda a, b: b,
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "divide": np.divide,
        "power": np.power,
        "min": np.minimum,
        "max": np.maximum,
    }[method]
    expected = x.copy()
    expected[index] = numpys(x[index], v)
    np.testing.assert_allclose(getattr(at(x)[index], method)(v), expected)
    assert_gradient(lambda x: np.sum(getattr(at(x)[index], method)(v) ** 2), x)
    assert_gradient(lambda x: np.sum(getattr(at(x)[index], method)(2 * x[0, 0]) ** 2), x)
    assert_gradient(lambda v: np.sum(getattr(at(x)[index], method)(v) ** 2 + 0 * v), np.array(v))


def test_x_at_is_at_x(rng: np.random.Generator) -> None:
    x = rng.normal(size=3)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x.at[1].set(5.0) ** 2))(x), 2 * x * [1, 0, 1])
    np.testing.assert_array_equal(wg.grad(lambda x: x.at[1].get() ** 2)(x), 2 * x * [0, 1, 0])


def test_of_two_numbers_set_at_one_place_the_last_one_counts() -> None:
    index = np.array([0, 2, 0])
    gradient = wg.grad(lambda v: np.sum(at(np.zeros(3))[index].set(v) * np.array([1.0, 10, 100])))(np.ones(3))
    np.testing.assert_array_equal(gradient, [0, 100, 1])
    assert_gradient(lambda v: np.sum(at(np.zeros((3, 2)))[index].set(v) ** 2), np.arange(1.0, 7).reshape(3, 2))


def test_numbers_added_at_one_place_are_all_added() -> None:
    index = np.array([0, 2, 0])
    np.testing.assert_array_equal(at(np.zeros(3))[index].add(np.array([1.0, 2, 3])), [4, 0, 2])
    assert_gradient(lambda v: np.sum(at(np.ones(3))[index].add(v) ** 3), np.array([1.0, 2, 3]))


@pytest.mark.parametrize("method", METHODS[3:])
def test_other_changes_refuse_an_index_that_names_a_place_twice(method: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{method}.*one place twice"):
        wg.grad(lambda x: np.sum(getattr(x.at[np.array([1, 1])], method)(2.0)))(np.ones(3))


def test_a_traced_index_may_say_where(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    assert_gradient(lambda x: np.sum(at(x)[np.argmax(x[:, 0])].set(x[0] * 2) ** 2), x)
    assert_gradient(lambda x: np.sum(at(x)[np.argsort(x[:, 0])].add(x) ** 2), x)
    assert_gradient(lambda x: np.sum(at(x)[x > 0].set(x[x > 0] ** 2)), x)


def test_the_new_numbers_take_the_arrays_dtype_and_shape() -> None:
    x = np.zeros((2, 3), np.float32)
    out, gradient = wg.value_and_grad(lambda v: np.sum(at(x)[:, 0].set(v)))(np.ones((1, 1, 2)))
    assert out.dtype == np.float32
    assert gradient.shape == (1, 1, 2)


def test_an_index_or_a_shape_that_does_not_fit_is_the_users_error() -> None:
    with pytest.raises(OutOfRangeError, match=r"\(3,\): index 9 is out of bounds"):
        wg.grad(lambda x: np.sum(x.at[9].set(1.0)))(np.zeros(3))
    for method in ("set", "add"):
        with pytest.raises(ShapeError, match=r"\(2,\)"):
            wg.grad(lambda x, method=method: np.sum(getattr(x.at[0], method)(np.ones(2))))(np.zeros(3))


def test_the_array_itself_is_unchanged() -> None:
    x = np.zeros(3)
    at(x)[0].set(1.0)
    assert x.tolist() == [0, 0, 0]


WRITES = {
    "put": lambda x: np.put(x, [0], [1.0]),
    "place": lambda x: np.place(x, [True, False, True], [1.0]),
    "putmask": lambda x: np.putmask(x, [True, False, True], [1.0]),
    "copyto": lambda x: np.copyto(x, 1.0),
    "fill_diagonal": lambda x: np.fill_diagonal(x[:, None], 1.0),
    "put_along_axis": lambda x: np.put_along_axis(x, np.array([0]), 1.0, 0),
}


@pytest.mark.parametrize("name", WRITES)
def test_functions_that_write_into_an_array_are_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(TracedValueError, match=rf"(?s)np\.{name} writes.*try:.*(at\[|where)"):
        wg.grad(WRITES[name])(np.zeros(3))
