"""What slopes are where they are easily got wrong: at zeros, ties, NaN, and far out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.rules.activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus
from whygrad.rules.functions import power
from whygrad.rules.softmax import log_softmax, logsumexp, softmax
from whygrad.rules.special import erf
from whygrad.rules.trigonometry import sinc_

FAR = np.array([-1000.0, -30.0, 30.0, 1000.0])
FLAT_THEN_STEEP = {
    sigmoid: [0, 0, 1, 1],
    softplus: [0, 0, 30, 1000],
    relu: [0, 0, 30, 1000],
    silu: [0, 0, 30, 1000],
    gelu: [0, 0, 30, 1000],
    elu: [-1, -1, 30, 1000],
    leaky_relu: [-10, -0.3, 30, 1000],
    np.tanh: [-1, -1, 1, 1],
    erf: [-1, -1, 1, 1],
}
SLOPES_FAR_OUT = {sigmoid: [0, 0, 0, 0], np.tanh: [0, 0, 0, 0], erf: [0, 0, 0, 0], leaky_relu: [0.01, 0.01, 1, 1]}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("f", FLAT_THEN_STEEP, ids=lambda x: getattr(x, "name", None) or getattr(x, "__name__", str(x)))
def test_activations_are_safe_far_out(f: Callable[..., Any], dtype: str) -> None:
    x = FAR.astype(dtype)
    np.testing.assert_allclose(f(x), FLAT_THEN_STEEP[f], atol=1e-10)
    g = wg.grad(lambda x: np.sum(f(x)))(x)
    np.testing.assert_allclose(g, SLOPES_FAR_OUT.get(f, [0, 0, 1, 1]), atol=1e-10)
    assert f(x).dtype == g.dtype == dtype
    second = wg.grad(lambda x: np.sum(wg.grad(lambda x: np.sum(f(x)))(x)))(x)
    np.testing.assert_allclose(second, 0.0, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_and_its_kin_are_safe_far_out(dtype: str) -> None:
    x = np.array([1000.0, -1000.0, 999.0], dtype)
    share = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(softmax(x), [share, 0, 1 - share], rtol=1e-6)
    np.testing.assert_allclose(
        log_softmax(x), [math.log(share), -2000 + math.log(share), math.log(1 - share)], rtol=1e-6
    )
    assert abs(logsumexp(x) - (1000 - math.log(share))) < 1e-4
    np.testing.assert_allclose(wg.grad(logsumexp)(x), [share, 0, 1 - share], rtol=1e-6)
    np.testing.assert_allclose(wg.grad(lambda x: log_softmax(x)[0])(x), [1 - share, 0, share - 1], rtol=1e-6)
    assert softmax(x).dtype == log_softmax(x).dtype == logsumexp(x).dtype == dtype


def test_logsumexp_of_nothing_is_minus_infinity_with_slope_0() -> None:
    value, g = wg.value_and_grad(logsumexp)(np.full(3, -np.inf))
    assert value == -np.inf
    np.testing.assert_array_equal(g, 0.0)
    value, g = wg.value_and_grad(logsumexp)(np.array([0.0, -np.inf]))
    assert value == 0.0
    np.testing.assert_array_equal(g, [1.0, 0.0])


AT_0 = [
    (np.abs, 0.0),
    (np.fabs, 0.0),
    (relu, 0.0),
    (leaky_relu, 0.01),
    (elu, 1.0),
    (np.square, 0.0),
    (np.sinc, 0.0),
    (lambda x: x**0, 0.0),
    (lambda x: x**1, 1.0),
    (lambda x: x**2, 0.0),
    (lambda x: x ** np.array(0.0), 0.0),
    (lambda x: x ** np.array(1.0), 1.0),
    (lambda x: x**1.5, 0.0),
    (lambda x: np.hypot(x, 0.0), 0.0),
    (lambda x: np.maximum(x, 0.0), 0.5),
    (lambda x: np.clip(x, 0.0, 1.0), 0.5),
    (lambda x: np.std(x * np.ones(3)), 0.0),
    (lambda x: np.prod(x * np.ones(2)), 0.0),
    (lambda x: np.heaviside(x, 0.5), 0.0),
    (lambda x: np.max(x * np.array([1.0, 3.0])), 2.0),
    (lambda x: np.fmax(x, np.nan), 1.0),
    (lambda x: np.fmin(np.nan, x), 1.0),
]


@pytest.mark.parametrize(("f", "slope"), AT_0)
def test_slopes_at_0(f: Callable[..., Any], slope: float) -> None:
    for x in (0.0, np.float32(0.0)):
        assert wg.grad(f)(x) == slope


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (np.sqrt, 0.0, np.inf),
        (np.log, 0.0, np.inf),
        (np.cbrt, 0.0, np.inf),
        (np.log1p, -1.0, np.inf),
        (np.reciprocal, 0.0, -np.inf),
        (lambda x: x**0.5, 0.0, np.inf),
        (np.arcsin, 1.0, np.inf),
    ],
)
def test_an_infinite_slope_is_returned_as_such(f: Callable[..., Any], x: float, slope: float) -> None:
    with np.errstate(divide="ignore"):
        assert wg.grad(f)(x) == slope


@pytest.mark.parametrize("f", [np.sqrt, np.log, np.arcsin, lambda x: x**-1.5, lambda x: 1 / x])
def test_a_branch_that_was_not_taken_does_not_spoil_the_gradient(f: Callable[..., Any]) -> None:
    x = np.array([-1.0, 0.0, 0.5])
    with np.errstate(all="ignore"):
        g = wg.grad(lambda x: np.sum(np.where(x > 0.2, f(x), 0.0)))(x)
        np.testing.assert_array_equal(g, [0.0, 0.0, wg.grad(f)(0.5)])


def test_powers_of_negative_numbers_with_whole_exponents() -> None:
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**3))(x), 3 * x**2)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x ** np.array([0, 1, 2])))(x), [0.0, 1.0, 6.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(wg.grad(lambda x: np.sum(x**2))(x)))(x), 2.0)
    assert wg.grad(lambda y: power(0.0, y))(2.0) == 0.0
    assert wg.grad(lambda x: np.float_power(x, 3))(np.float32(2.0)) == 12.0


@pytest.mark.parametrize(
    ("f", "sign"), [(np.max, 1.0), (np.min, -1.0), (np.maximum.reduce, 1.0), (np.minimum.reduce, -1.0)]
)
def test_ties_share_equally(f: Callable[..., Any], sign: float) -> None:
    np.testing.assert_array_equal(wg.grad(f)(sign * np.array([1.0, 2.0, 2.0, 0.0, 2.0])), [0, 1 / 3, 1 / 3, 0, 1 / 3])


def test_where_the_largest_is_nan_the_nan_is_to_blame() -> None:
    np.testing.assert_array_equal(wg.grad(np.max)(np.array([1.0, np.nan, 2.0])), [0, 1, 0])


def test_nan_is_left_out_of_nansum_and_nanmean_and_spoils_a_median() -> None:
    x = np.array([1.0, np.nan, 4.0])
    np.testing.assert_array_equal(wg.grad(np.nansum)(x), [1, 0, 1])
    np.testing.assert_array_equal(wg.grad(np.nanmean)(x), [0.5, 0, 0.5])
    assert math.isnan(wg.value_and_grad(np.median)(x)[0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.nan_to_num(x, nan=7.0)))(x), [1, 0, 1])


@pytest.mark.parametrize("zeros", [[], [1], [0, 3], [0, 1, 2, 3]])
def test_products_with_zeros_have_exact_first_and_second_derivatives(zeros: list[int]) -> None:
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[zeros] = 0.0
    others = [np.prod(np.delete(x, i)) for i in range(4)]
    np.testing.assert_array_equal(wg.grad(np.prod)(x), others)
    second = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
    np.testing.assert_array_equal(wg.hessian(np.prod)(x), second)
    running = [[np.prod(np.delete(x[: k + 1], i)) if i <= k else 0.0 for i in range(4)] for k in range(4)]
    np.testing.assert_array_equal(wg.jacobian(np.cumprod)(x), running)


def test_the_derivatives_of_sinc_at_0_are_those_of_its_series() -> None:
    second = wg.grad(wg.grad(np.sinc))
    assert math.isclose(second(0.0), -(math.pi**2) / 3, rel_tol=1e-14)
    assert math.isclose(wg.grad(wg.grad(second))(0.0), math.pi**4 / 5, rel_tol=1e-14)
    for order in (1, 2, 3, 4):  # near 0 and far from it are two formulas: they meet
        x = (order + 2) / math.pi
        left, right = sinc_(np.array([x * (1 - 1e-14), x * (1 + 1e-14)]), order=order)
        assert abs(left - right) < 1e-11


def test_erf_is_accurate_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20001), np.geomspace(1e-300, 1, 500), [0.0, -0.0, np.inf, -np.inf]])
    exact = np.array([math.erf(a) for a in x])
    np.testing.assert_allclose(erf(x), exact, rtol=6e-16, atol=0)
    np.testing.assert_allclose(
        erf(x.astype(np.float32)), [math.erf(a) for a in x.astype(np.float32)], rtol=3e-7, atol=1e-45
    )
    assert math.isnan(erf(np.nan))
    assert erf(1.0) == pytest.approx(math.erf(1.0), rel=1e-15)


def test_differences_take_edges_and_statistics_their_options() -> None:
    x = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])
    for call in (
        lambda x: np.diff(x, prepend=0.5, append=x[:, :1]),
        lambda x: np.average(x, axis=0, weights=[1.0, 3.0]),
        lambda x: np.average(x, weights=x**2, returned=True)[1],
        lambda x: np.gradient(x, 0.5, 2.0)[1],
        lambda x: np.trapezoid(x, axis=0),
        lambda x: np.var(x, correction=1),
        lambda x: np.percentile(x, [20, 80], axis=1),
    ):
        np.testing.assert_allclose(wg.vjp(call, x)[0], call(x), rtol=1e-14)
        _, moved = wg.jvp(call, (x,), (np.ones_like(x),))
        h = 1e-6
        np.testing.assert_allclose(moved, (call(x + h) - call(x - h)) / (2 * h), atol=1e-8)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.var, np.cumsum, np.cumprod, logsumexp, np.nansum])
def test_single_numbers_and_empty_arrays_work(f: Callable[..., Any]) -> None:
    assert np.shape(wg.grad(lambda x: np.sum(f(x)))(np.array(2.0))) == ()
    if f not in (np.mean, np.var, logsumexp):  # these have no value without numbers
        assert wg.grad(lambda x: np.sum(f(x)))(np.zeros(0)).shape == (0,)
