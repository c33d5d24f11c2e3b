"""Signals: every mode and every order of lengths as NumPy has them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError, UnsupportedError


@pytest.mark.parametrize("function", [np.convolve, np.correlate])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "m"), [*itertools.product(range(1, 6), repeat=2)])
def test_every_mode_has_numpys_value_whichever_signal_is_longer(function, mode, n, m, rng) -> None:
    a, v = rng.uniform(-1, 1, n), rng.uniform(-1, 1, m)
    out, pull = wg.vjp(lambda a, v: function(a, v, mode), a, v)
    np.testing.assert_allclose(out, function(a, v, mode), rtol=1e-12, atol=1e-14)
    w = rng.uniform(-1, 1, out.shape)
    for g, x, moved in zip(
        pull(w), (a, v), (lambda e: function(e, v, mode), lambda e: function(a, e, mode)), strict=True
    ):
        expected = [np.sum(w * moved(np.eye(len(x))[i])) for i in range(len(x))]  # linear: one unit at a time
        np.testing.assert_allclose(g, expected, rtol=1e-12, atol=1e-14)


def test_what_is_not_a_signal_is_refused() -> None:
    with pytest.raises(ShapeError, match="two vectors"):
        wg.grad(lambda x: np.sum(np.convolve(x, np.ones(2))))(np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="middle"):
        wg.grad(lambda x: np.sum(np.convolve(x, np.ones(2), "middle")))(np.ones(3))


def test_interpolation_at_a_knot_has_the_slope_to_its_right() -> None:
    xp, fp = np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, -2.0])
    slopes = wg.grad(lambda x: np.sum(np.interp(x, xp, fp)))(np.array([-1.0, 0.0, 0.5, 1.0, 3.0, 4.0]))
    np.testing.assert_allclose(slopes, [0.0, 2.0, 2.0, -2.0, -2.0, 0.0])


def test_interpolated_heights_share_the_slope_by_distance() -> None:
    g = wg.grad(lambda fp: np.interp(0.25, [0.0, 1.0, 3.0], fp))(np.array([0.0, 2.0, -2.0]))
    np.testing.assert_allclose(g, [0.75, 0.25, 0.0])


def test_interpolation_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(2,\).*\(3,\)"):
        wg.grad(lambda x: np.interp(x, np.ones(2), np.ones(3)))(0.5)
    with pytest.raises(UnsupportedError, match="period"):
        wg.grad(lambda x: np.interp(x, np.ones(2), np.ones(2), period=2.0))(0.5)
    assert wg.grad(lambda x: np.interp(x, np.ones(1), np.ones(1)))(0.5) == 0.0
