"""Products of vectors, matrices and tensors: what the table's measurements do not show."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ShapeError, WhygradError


def test_a_chain_is_multiplied_in_the_cheapest_order() -> None:
    """Left to right this chain would build a 400x400 matrix: 400 times the multiplications."""
    column, row, other = np.ones((400, 1)), np.ones((1, 400)), np.ones((400, 1))
    g = wg.grad(lambda c: np.sum(np.linalg.multi_dot([c, row, other])))(column)
    np.testing.assert_allclose(g, np.full((400, 1), 400.0))


@pytest.mark.parametrize("function", [np.dot, np.inner, np.outer, np.vdot, np.kron, np.matmul, np.linalg.multi_dot])
def test_lists_stand_for_arrays(function) -> None:
    def cost(x):
        return np.sum(
            function([x, [[1.0, 2.0], [3.0, 4.0]]])
            if function is np.linalg.multi_dot
            else function([[1.0, 2.0], [3.0, 4.0]], x)
        )

    x = np.array([[0.5, -1.0], [2.0, 1.5]])
    slope = wg.grad(cost)(x)
    h = 1e-6
    for place in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[place] = h
        assert slope[place] == pytest.approx((cost(x + step) - cost(x - step)) / (2 * h), rel=1e-8)


def test_a_list_on_either_side_of_a_product_is_an_array() -> None:
    a = np.array([[0.5, -1.0], [2.0, 1.5]])
    np.testing.assert_allclose(wg.grad(lambda a: np.sum([1.0, 2.0] @ a))(a), [[1.0, 1.0], [2.0, 2.0]])
    np.testing.assert_allclose(wg.grad(lambda a: np.sum(a @ [1.0, 2.0]))(a), [[1.0, 2.0], [1.0, 2.0]])
    np.testing.assert_allclose(
        wg.grad(lambda x: np.sum(x @ [[[1.0, 2.0]], [[3.0, 4.0]]]))(np.ones((5, 1))), np.full((5, 1), 10.0)
    )


def test_tensordot_names_both_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(2, 4\)"):
        wg.grad(lambda x: np.sum(np.tensordot(x, np.ones((2, 4)), axes=1)))(np.ones((2, 3)))


def test_cross_products_in_the_plane_are_refused_with_their_formula() -> None:
    with pytest.raises(ShapeError, match=r"three components[\s\S]*x\[\.\.\., 0\]"):
        wg.grad(lambda x: np.sum(np.cross(x, np.ones(2))))(np.ones(2))


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((3,), (2,)), ((2, 2, 3), (4, 4))])
def test_matrices_that_do_not_fit_are_one_error_with_both_shapes(shapes) -> None:
    x, y = (np.ones(shape) for shape in shapes)
    with pytest.raises(WhygradError) as caught:
        wg.grad(lambda x: np.sum(x @ y))(x)
    assert all(str(shape) in str(caught.value) for shape in shapes)
    assert __file__ in caught.value.where
