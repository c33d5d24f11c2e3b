"""Decompositions: NumPy's results, the triangle that is read, equal values, and agreement with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, UnsupportedError


def positive(rng, n, *stack):
    return rng.uniform(-0.5, 0.5, (*stack, n, n)) + np.diag(np.arange(2.0, n + 2))


def assert_slope_is_measured(f, x, rng) -> None:
    v = rng.uniform(-1, 1, x.shape)
    h = 1e-5
    measured = (f(x + h * v) - f(x - h * v)) / (2 * h)
    assert np.sum(wg.grad(f)(x) * v) == pytest.approx(measured, rel=1e-6, abs=1e-8)


CALLS = {
    "eigh": np.linalg.eigh,
    "eigh of the upper triangle": lambda a: np.linalg.eigh(a, UPLO="U"),
    "qr": np.linalg.qr,
    "qr of a tall matrix": lambda a: np.linalg.qr(a[..., :2]),
    "qr of a wide matrix": lambda a: np.linalg.qr(a[..., :2, :]),
    "r alone": lambda a: (np.linalg.qr(a, mode="r"),),
    "svd": np.linalg.svd,
    "svd of a tall matrix": lambda a: np.linalg.svd(a[..., :2], full_matrices=False),
    "svd of a wide matrix": lambda a: np.linalg.svd(a[..., :2, :], full_matrices=False),
    "singular values alone": lambda a: (np.linalg.svd(a[..., :2], compute_uv=False),),
    "cholesky": lambda a: (np.linalg.cholesky(a),),
    "upper cholesky": lambda a: (np.linalg.cholesky(a, upper=True),),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("stack", [(), (2,), (2, 1)])
def test_every_part_has_numpys_value_and_the_measured_slope(name, stack, rng) -> None:
    call, a = CALLS[name], positive(rng, 3, *stack)
    parts, expected = wg.vjp(call, a)[0], call(a)
    assert type(parts) is type(expected)
    for i, (ours, theirs) in enumerate(zip(parts, expected, strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
        w = rng.uniform(-1, 1, np.shape(theirs))
        assert_slope_is_measured(lambda a, i=i, w=w: np.sum(w * call(a)[i]), a, rng)


def test_the_parts_have_numpys_names(rng) -> None:
    a = positive(rng, 3)
    assert wg.grad(lambda a: np.linalg.eigh(a).eigenvalues[0])(a).shape == (3, 3)
    assert wg.grad(lambda a: np.linalg.svd(a).S[0])(a).shape == (3, 3)
    assert wg.grad(lambda a: np.linalg.qr(a).R[0, 0])(a).shape == (3, 3)


@pytest.mark.parametrize(
    ("call", "zeros"),
    [
        (np.linalg.cholesky, np.triu),
        (lambda a: np.linalg.cholesky(a, upper=True), np.tril),
        (lambda a: np.linalg.eigh(a)[1], np.triu),
        (lambda a: np.linalg.eigvalsh(a, "U"), np.tril),
    ],
)
def test_the_gradient_lies_in_the_triangle_that_is_read(call, zeros, rng) -> None:
    g = wg.grad(lambda a: np.sum(call(a) ** 3))(positive(rng, 3))
    k = 1 if zeros is np.triu else -1
    np.testing.assert_array_equal(zeros(g, k), np.zeros((3, 3)))
    assert np.count_nonzero(g) == 6


def test_equal_eigenvalues_have_finite_slopes() -> None:
    """The mean of equal eigenvalues is smooth, and its slope exact; their vectors' turning counts as 0."""
    for a in (np.eye(3), np.diag([2.0, 2.0, 5.0])):
        np.testing.assert_allclose(wg.grad(lambda a: np.sum(np.linalg.eigvalsh(a)))(a), np.eye(3), atol=1e-14)
        assert np.isfinite(wg.grad(lambda a: np.linalg.eigh(a).eigenvectors[0, 0])(a)).all()
        assert np.isfinite(wg.hessian(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(a)).all()


def test_eigenvalues_that_differ_by_rounding_count_as_equal(rng) -> None:
    q, _ = np.linalg.qr(rng.uniform(-1, 1, (4, 4)))
    a = q @ np.diag([1.0, 1.0, 1.0, 3.0]) @ q.T
    assert np.abs(wg.grad(lambda a: np.sum(np.linalg.eigh(a)[1] ** 3))(a)).max() < 100


@pytest.mark.parametrize("a", [np.eye(3), np.zeros((3, 3)), np.diag([2.0, 2.0, 0.0]), np.ones((4, 2)), np.ones((2, 4))])
def test_equal_and_zero_singular_values_have_finite_slopes(a) -> None:
    for part in range(3):
        assert np.isfinite(wg.grad(lambda a, part=part: np.sum(np.linalg.svd(a, full_matrices=False)[part]))(a)).all()


def test_the_largest_singular_value_of_a_matrix_of_ones_has_the_slope_of_its_vectors() -> None:
    np.testing.assert_allclose(
        wg.grad(lambda a: np.linalg.svd(a, compute_uv=False)[0])(np.ones((4, 1))), np.full((4, 1), 0.5)
    )


def test_what_can_not_be_decomposed_is_one_error_at_the_users_line() -> None:
    for call, a in ((np.linalg.cholesky, -np.eye(2)), (lambda a: np.linalg.qr(a)[0], np.ones((2, 2)))):
        with pytest.raises(ArgumentError, match=r"not positive definite|full column rank") as caught:
            wg.grad(lambda a, call=call: np.sum(call(a)))(a)
        assert __file__ in caught.value.where
    with pytest.raises(ArgumentError, match="look for NaN"):
        wg.grad(lambda a: np.sum(np.linalg.svd(a, compute_uv=False)))(np.full((2, 2), np.nan))


@pytest.mark.parametrize(
    "call",
    [
        np.linalg.svd,
        lambda a: np.linalg.qr(a, mode="complete"),
        lambda a: np.linalg.qr(a, mode="raw"),
        lambda a: np.linalg.svd(a, hermitian=True),
    ],
)
def test_parts_that_the_matrix_does_not_determine_are_refused(call) -> None:
    with pytest.raises(UnsupportedError):
        wg.vjp(call, np.ones((3, 2)))


SQUARE, TALL, WIDE = [(3, 3), (2, 4, 4)], [(5, 3)], [(3, 5)]
WITH_PYTORCH = [
    *((name, shape) for name in ("eigh", "eigvalsh", "cholesky") for shape in SQUARE),
    *(("qr", shape) for shape in SQUARE + TALL),
    *((name, shape) for name in ("svd", "svdvals") for shape in SQUARE + TALL + WIDE),
]


@pytest.mark.peers("torch")
@pytest.mark.parametrize(("name", "shape"), WITH_PYTORCH)
def test_gradients_are_pytorchs(name, shape, rng, torch) -> None:
    """PyTorch spreads the gradient of a symmetric matrix over both triangles, so both are asked of b -> (b + bᵀ)/2."""
    b = rng.uniform(-1, 1, shape) + 3 * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)
    how = {"full_matrices": False} if name == "svd" else {}

    def cost(linalg, b, number):
        """Squares of all parts, weighted: vectors are unique up to their sign, and squares do not see it."""
        if name in ("eigh", "cholesky", "eigvalsh"):
            b = (b + (b.mT if linalg is torch.linalg else np.swapaxes(b, -1, -2))) / 2
        parts = getattr(linalg, name)(b, **how)
        parts = parts if isinstance(parts, tuple) else (parts,)
        weights = [np.random.default_rng(0).uniform(0.5, 1.5, tuple(part.shape)) for part in parts]
        return sum((number(w) * part**2).sum() for w, part in zip(weights, parts, strict=True))

    ours = wg.grad(lambda b: cost(np.linalg, b, np.asarray))(b)
    theirs = torch.tensor(b, requires_grad=True)
    cost(torch.linalg, theirs, torch.tensor).backward()
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-8, atol=1e-10)
