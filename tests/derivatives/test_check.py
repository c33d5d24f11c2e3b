"""check_gradient: agreement, mistakes, kinks and rounding are four different answers."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.rules.define import at, make


def wrong_square(factor):
    return make("square", "x", np.square, slopes=(lambda out, x: factor * x,), written="{x}^2",
                because=("wrong on purpose here",), tested_at=(at((2,)),))


def test_a_right_gradient_agrees_in_every_argument_mode_and_order():
    params = {"W": np.array([[0.5, -1.0], [1.5, 0.25]]), "b": np.array([0.1, -0.2])}
    check = wg.check_gradient(lambda p, x: np.tanh(p["W"] @ x + p["b"]), params, np.array([1.0, 0.5]))
    assert check
    assert len(check.findings) == 9
    assert {f.argument for f in check.findings} == {"argument 0['W']", "argument 0['b']", "argument 1"}
    assert "9 derivatives measured, all agree" in str(check)


@pytest.mark.parametrize("factor", [1.0, 2.002, -2.0])
def test_a_wrong_slope_is_found_with_both_numbers(factor):
    def cost(x):
        return np.sum(wrong_square(factor)(x))

    check = wg.check_gradient(cost, np.array([1.0, 2.0]))
    assert not check
    finding = check.findings[0]
    assert finding.verdict == "wrong"
    assert finding.computed / finding.measured.value == pytest.approx(factor / 2, rel=1e-6)
    assert "cost: 2 derivatives measured, wrong" in str(check)


def test_the_number_that_shows_the_mistake_is_named():
    x = np.ones((3, 2))
    check = wg.check_gradient(lambda x: np.sum(x) + np.sum(wrong_square(1.0)(x[2:, 1:])), x)
    assert check.findings[0].place == (2, 1)
    assert "seen at [2, 1]" in str(check)


def test_a_kink_is_told_from_a_mistake():
    check = wg.check_gradient(lambda x: np.sum(np.abs(x)), np.array([1.0, 0.0, -1.0]))
    assert not check
    assert {f.verdict for f in check.findings} == {"kink"}
    assert check.findings[0].place == (1,)
    assert "from the left" in str(check)


def test_a_kink_of_the_gradient_alone_shows_in_the_second_order():
    check = wg.check_gradient(lambda x: np.maximum(x, 0.0) ** 2, 0.0)
    assert {f.order: f.verdict for f in check.findings} == {"reverse": "agrees", "forward": "agrees", "second": "kink"}


def test_noise_is_called_rounding_and_not_a_mistake():
    check = wg.check_gradient(lambda x: np.sum((x + 1e12) - 1e12), np.array([0.123]))
    assert {f.verdict for f in check.findings} <= {"rounding", "kink"}
    assert not check


def test_a_gradient_of_zero_of_a_large_function_agrees():
    assert wg.check_gradient(lambda x: 1e6 + 0.0 * np.sum(x), np.ones(3))


def test_float32_is_checked_to_its_own_precision():
    x = np.linspace(0.2, 2, 5).astype(np.float32)
    assert wg.check_gradient(lambda x: np.sum(np.exp(x) * x), x)
    assert not wg.check_gradient(lambda x: np.sum(wrong_square(2.1)(x)), x)


def test_whole_numbers_and_settings_are_left_alone_unless_asked_for():
    def power(x, n, name):
        assert (n, name) == (3, "cube")
        return x ** n

    assert wg.check_gradient(power, 2.0, 3, "cube")
    assert len(wg.check_gradient(lambda x, y: x * y, 1.0, 2.0, argnums=1).findings) == 3


def test_nothing_to_move_is_refused():
    with pytest.raises(wg.errors.ArgumentError, match="no floating-point argument"):
        wg.check_gradient(lambda n: n, 3)


def test_functions_without_a_derivative_are_refused_by_name():
    with pytest.raises(wg.errors.UnsupportedError, match=r"np\.fft\.fft"):
        wg.check_gradient(lambda x: np.fft.fft(x).real, np.ones(4))
