"""Slopes by measurement: right where they exist, honest where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whygrad.derivatives.measure import FLOAT32, slope


@pytest.mark.parametrize(("f", "exact"), [
    (math.sin, 1.0), (lambda t: math.exp(3 * t), 3.0), (lambda t: (t - 2) ** 4, -32.0), (lambda t: 7.0, 0.0),
    (lambda t: 1e8 + t, 1.0), (lambda t: math.atan(100 * t), 100.0), (lambda t: 1e-9 * t, 1e-9)])
def test_the_error_bar_holds_the_slope(f, exact):
    measured = slope(f)
    assert abs(measured.value - exact) <= 3 * measured.error + 1e-15
    assert measured.error <= 1e-5 * max(abs(exact), measured.size)
    assert not measured.kink


def test_smooth_functions_are_measured_to_nine_digits():
    assert slope(lambda t: math.tanh(t + 0.3)).value == pytest.approx(1 - math.tanh(0.3) ** 2, rel=1e-9)


@pytest.mark.parametrize("f", [abs, lambda t: max(t, 0.0), lambda t: t if t < 0 else 3 * t, math.floor])
def test_a_kink_is_seen_from_its_two_sides(f):
    measured = slope(f)
    assert measured.kink
    assert measured.left != measured.right


@pytest.mark.parametrize("f", [np.sqrt, np.log1p, lambda t: np.arcsin(1 + t)])
def test_the_edge_of_a_domain_is_a_kink_unless_it_is_a_step_away(f):
    assert slope(f).kink == (f is not np.log1p)


def test_steps_that_raise_are_left_out():
    measured = slope(lambda t: math.log(0.01 + t))
    assert measured.value == pytest.approx(100, rel=1e-7)
    assert not measured.kink
    assert slope(math.sqrt).kink


def test_float32_is_measured_with_larger_steps():
    measured = slope(lambda t: float(np.exp(np.float32(t))), FLOAT32)
    assert measured.value == pytest.approx(1.0, abs=1e-4)
    assert not measured.kink


def test_noise_widens_the_error_bar():
    rng = np.random.default_rng(0)
    measured = slope(lambda t: t + 1e-3 * rng.normal())
    assert abs(measured.value - 1) < 50 * measured.error
    assert measured.error > 1e-4
