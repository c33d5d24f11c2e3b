"""Norms of every order, over every axis: NumPy's values, and slopes at 0."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError

VECTOR_ORDERS = (None, 0, 0.5, 1, 2, 3, -1, -2, np.inf, -np.inf)
MATRIX_ORDERS = (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
CASES = [
    *((order, axis, (2, 3, 4)) for order, axis in itertools.product(VECTOR_ORDERS, (0, -1))),
    *((order, axis, (2, 3, 4)) for order, axis in itertools.product(MATRIX_ORDERS, ((0, 1), (2, 0), (-1, 1)))),
    *((order, None, (4,)) for order in VECTOR_ORDERS),
    *((order, None, (3, 4)) for order in MATRIX_ORDERS),
    (None, None, (2, 3, 4)),
    (None, None, ()),
]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("order", "axis", "shape"), CASES)
def test_every_order_has_numpys_value_and_the_measured_slope(order, axis, shape, keepdims, rng) -> None:
    x = rng.uniform(0.3, 1.0, shape) * rng.choice([-1, 1], shape)
    result, pull = wg.vjp(lambda x: np.linalg.norm(x, order, axis, keepdims), x)
    expected = np.linalg.norm(x, order, axis, keepdims)
    assert np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-12)
    w, v, h = rng.uniform(0.5, 1.5, np.shape(expected)), rng.uniform(-1, 1, shape), 1e-6
    measured = np.sum(
        w * (np.linalg.norm(x + h * v, order, axis, keepdims) - np.linalg.norm(x - h * v, order, axis, keepdims))
    ) / (2 * h)
    assert np.sum(pull(w)[0] * v) == pytest.approx(measured, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, 0.5, -1, 0])
def test_the_zero_vector_has_slope_0(order) -> None:
    np.testing.assert_array_equal(wg.grad(lambda x: np.linalg.norm(x, order))(np.zeros(3)), np.zeros(3))


@pytest.mark.parametrize("order", [1, 1.5, 3, 0.5])
def test_a_number_that_is_0_has_a_finite_slope_of_any_degree(order) -> None:
    x = np.array([0.0, 3.0, -4.0])
    g = wg.grad(lambda x: np.linalg.norm(x, order))(x)
    assert g[0] == 0
    assert np.isfinite(wg.hessian(lambda x: np.linalg.norm(x, order))(x)).all()


def test_one_zero_row_does_not_disturb_the_others() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(wg.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(x), [[0.6, 0.8], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("x", "order", "axis"),
    [(np.ones((2, 2)), 3, None), (np.ones(2), "fro", None), (np.ones((2, 2, 2)), 2, None), (np.ones((2, 2)), None, 2)],
)
def test_an_order_or_axis_that_does_not_exist_is_an_argument_error(x, order, axis) -> None:
    with pytest.raises(ArgumentError, match=r"np\.linalg\.norm"):
        wg.grad(lambda x: np.sum(np.linalg.norm(x, order, axis)))(x)


@pytest.mark.parametrize("p", [None, 1, -1, 2, -2, np.inf, "fro", "nuc"])
def test_condition_numbers_are_numpys(p, rng) -> None:
    a = rng.uniform(-1, 1, (2, 3, 3)) + 3 * np.eye(3)
    np.testing.assert_allclose(wg.vjp(lambda a: np.linalg.cond(a, p), a)[0], np.linalg.cond(a, p), rtol=1e-10)


@pytest.mark.peers("torch")
@pytest.mark.parametrize("order", [None, 0.5, 1, 2, 3, np.inf, -np.inf])
def test_vector_norms_have_pytorchs_slopes(order, rng, torch) -> None:
    x = rng.uniform(-1, 1, (3, 4))
    theirs = torch.tensor(x, requires_grad=True)
    torch.linalg.vector_norm(theirs, 2 if order is None else order, dim=1).sum().backward()
    ours = wg.grad(lambda x: np.sum(np.linalg.norm(x, order, axis=1)))(x)
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-12)
