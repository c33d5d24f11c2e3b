"""Linear systems: the results that are not one array, the edges, and agreement with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError, UnsupportedError, WhygradError

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def matrix(rng, *shape):
    return rng.uniform(-1, 1, shape) + 3 * np.eye(shape[-1])


def assert_slope_is_measured(f, x, rng) -> None:
    v = rng.uniform(-1, 1, x.shape)
    h = 1e-5
    measured = (f(x + h * v) - f(x - h * v)) / (2 * h)
    assert np.sum(wg.grad(f)(x) * v) == pytest.approx(measured, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    "function", [np.linalg.inv, lambda a: np.linalg.solve(a, np.ones(2)), lambda a: np.linalg.matrix_power(a, -1)]
)
def test_a_singular_matrix_is_one_error_at_the_users_line(function) -> None:
    with pytest.raises(ArgumentError, match="the matrix is singular") as caught:
        wg.grad(lambda a: np.sum(function(a)))(SINGULAR)
    assert __file__ in caught.value.where
    assert "pinv" in caught.value.try_


def test_the_determinant_of_a_singular_matrix_has_a_slope(rng) -> None:
    np.testing.assert_allclose(wg.grad(np.linalg.det)(SINGULAR), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-14)
    np.testing.assert_allclose(wg.grad(np.linalg.det)(np.zeros((3, 3))), np.zeros((3, 3)))
    thin = np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 2.0]) + np.outer([0.0, 1.0, 1.0], [1.0, 0.0, 3.0])  # rank 2 of 3
    assert_slope_is_measured(np.linalg.det, thin, rng)
    with pytest.raises(ArgumentError, match="singular"):
        wg.hessian(np.linalg.det)(SINGULAR)


def test_slogdet_is_numpys_named_tuple_and_its_sign_has_no_slope(rng) -> None:
    a = matrix(rng, 2, 3, 3)
    a[1, 0] *= -1
    result, pull = wg.vjp(np.linalg.slogdet, a)
    expected = np.linalg.slogdet(a)
    np.testing.assert_array_equal(result.sign, expected.sign)
    np.testing.assert_allclose(result.logabsdet, expected.logabsdet)
    sign, logabs = np.ones(2), np.zeros(2)
    np.testing.assert_array_equal(pull(type(expected)(sign, logabs))[0], np.zeros_like(a))
    assert_slope_is_measured(lambda a: np.sum(np.linalg.slogdet(a).logabsdet), a, rng)


def test_the_log_determinant_of_a_singular_matrix_has_a_value_but_an_error_for_a_slope() -> None:
    assert np.linalg.slogdet(SINGULAR).logabsdet == -np.inf
    with pytest.raises(ArgumentError, match="singular"):
        wg.grad(lambda a: np.linalg.slogdet(a)[1])(SINGULAR)


@pytest.mark.parametrize("columns", [(), (2,)])
def test_least_squares_gives_all_four_results(columns, rng) -> None:
    a, b = rng.uniform(-1, 1, (5, 3)), rng.uniform(-1, 1, (5, *columns))
    (solution, residuals, rank, singular), _ = wg.vjp(lambda a: np.linalg.lstsq(a, b), a)
    expected = np.linalg.lstsq(a, b)
    for ours, theirs in zip((solution, residuals, rank, singular), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        assert np.shape(ours) == np.shape(theirs)
    assert_slope_is_measured(lambda a: np.sum(np.linalg.lstsq(a, b)[0] ** 2), a, rng)
    assert_slope_is_measured(lambda a: np.sum(np.linalg.lstsq(a, b)[1] ** 2), a, rng)
    assert_slope_is_measured(lambda b: np.sum(np.linalg.lstsq(a, b, rcond=None)[0] ** 2), b, rng)


def test_least_squares_without_a_unique_solution_reports_no_residuals(rng) -> None:
    a, b = rng.uniform(-1, 1, (2, 3)), rng.uniform(-1, 1, 2)
    (solution, residuals, rank, _), _ = wg.vjp(lambda a: np.linalg.lstsq(a, b), a)
    np.testing.assert_allclose(solution, np.linalg.lstsq(a, b)[0])
    assert residuals.shape == (0,)
    assert rank == 2


@pytest.mark.parametrize("rcond", [None, 0.3, -1])
def test_least_squares_cuts_off_where_numpy_does(rcond, rng) -> None:
    u, _ = np.linalg.qr(rng.uniform(-1, 1, (4, 4)))
    a, b = u[:, :3] * [3.0, 1.0, 0.5], rng.uniform(-1, 1, 4)
    (solution, residuals, rank, _), _ = wg.vjp(lambda a: np.linalg.lstsq(a, b, rcond), a)
    expected = np.linalg.lstsq(a, b, rcond)
    np.testing.assert_allclose(solution, expected[0], rtol=1e-10, atol=1e-14)
    assert (rank, residuals.shape) == (expected[2], expected[1].shape)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5, 8])
def test_powers_of_stacked_matrices_have_numpys_value(n, rng) -> None:
    a = matrix(rng, 2, 3, 3)
    np.testing.assert_allclose(
        wg.vjp(lambda a: np.linalg.matrix_power(a, n), a)[0], np.linalg.matrix_power(a, n), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    "function",
    [
        np.linalg.inv,
        np.linalg.det,
        np.linalg.slogdet,
        np.linalg.cholesky,
        np.linalg.eigh,
        lambda a: np.linalg.solve(a, np.ones(2)),
        lambda a: np.linalg.matrix_power(a, 2),
    ],
)
def test_a_matrix_that_is_not_square_is_a_shape_error(function) -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        wg.vjp(function, np.ones((2, 3)))


@pytest.mark.parametrize("name", ["inv", "qr", "svd", "cholesky", "eigh", "det", "pinv", "svdvals", "matrix_norm"])
def test_a_vector_is_no_matrix(name) -> None:
    with pytest.raises(WhygradError, match=r"\(3,\)"):
        wg.vjp(getattr(np.linalg, name), np.ones(3))


@pytest.mark.parametrize("name", ["trace", "diagonal", "matrix_transpose"])
def test_the_last_two_axes_are_the_matrix(name, rng) -> None:
    x, function = rng.uniform(-1, 1, (2, 3, 3)), getattr(np.linalg, name)
    out, pull = wg.vjp(function, x)
    np.testing.assert_array_equal(out, function(x))
    w = rng.uniform(-1, 1, out.shape)
    v = rng.uniform(-1, 1, x.shape)
    assert np.sum(pull(w)[0] * v) == pytest.approx(np.sum(w * function(v)), rel=1e-12)  # linear in x


def test_a_right_side_of_another_length_is_named_with_its_matrix() -> None:
    with pytest.raises(WhygradError, match=r"\(3, 3\) and \(2,\)"):
        wg.grad(lambda a: np.sum(np.linalg.solve(a, np.ones(2))))(np.eye(3))


def test_a_list_may_be_the_matrix_or_the_right_side() -> None:
    np.testing.assert_allclose(
        wg.grad(lambda b: np.sum(np.linalg.solve([[2.0, 0.0], [0.0, 4.0]], b)))(np.ones(2)), [0.5, 0.25]
    )
    np.testing.assert_allclose(
        wg.grad(lambda a: np.sum(np.linalg.solve(a, [1.0, 1.0])))(np.diag([2.0, 4.0])),
        [[-0.25, -0.125], [-0.125, -0.0625]],
    )


def test_a_slope_of_the_rank_does_not_exist_and_unsymmetric_eigenvalues_are_refused() -> None:
    np.testing.assert_array_equal(wg.grad(lambda a: np.sum(a) * np.linalg.matrix_rank(a))(SINGULAR), np.ones((2, 2)))
    for function in (np.linalg.eig, np.linalg.eigvals):
        with pytest.raises(UnsupportedError, match="eigh"):
            wg.vjp(function, np.eye(2))


def test_tensor_equations_over_chosen_axes_have_numpys_solution(rng) -> None:
    a, b = rng.uniform(-1, 1, (2, 6, 3)), rng.uniform(-1, 1, (6,))
    result = wg.vjp(lambda a: np.linalg.tensorsolve(a, b, axes=(0,)), a)[0]
    np.testing.assert_allclose(result, np.linalg.tensorsolve(a, b, axes=(0,)), rtol=1e-10)


@pytest.mark.peers("torch")
@pytest.mark.parametrize("name", ["inv", "det", "pinv", "slogdet", "solve", "matrix_power", "lstsq"])
def test_gradients_are_pytorchs(name, rng, torch) -> None:
    extra = {"solve": (rng.uniform(-1, 1, (2, 3, 2)),), "matrix_power": (3,)}.get(name, ())
    a = matrix(rng, 2, 3, 3)
    if name == "lstsq":
        a, extra = rng.uniform(-1, 1, (5, 3)), (rng.uniform(-1, 1, (5, 2)),)
    pick = {"slogdet": 1, "lstsq": 0}.get(name)

    def cost(library, result):
        return (
            library.sin(result if pick is None else result[pick]).sum()
            if library is torch
            else np.sum(np.sin(result if pick is None else result[pick]))
        )

    ours = wg.grad(lambda a: cost(np, getattr(np.linalg, name)(a, *extra)))(a)
    theirs = torch.tensor(a, requires_grad=True)
    cost(
        torch,
        getattr(torch.linalg, name)(theirs, *[torch.tensor(x) if isinstance(x, np.ndarray) else x for x in extra]),
    ).backward()
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-9, atol=1e-11)
