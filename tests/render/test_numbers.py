"""Numbers as people read them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whygrad.render.numbers import (
    FULL,
    count,
    factor_number,
    latex_factor,
    latex_number,
    number,
    percent,
    rows,
    summary,
)


@pytest.mark.parametrize(("x", "text"), [
    (-0.7550813376, "-0.7551"), (0.2350037122, "0.2350"), (0.6, "0.6"), (0.49999999999999989, "0.5"), (0.0, "0"),
    (-0.0, "0"), (1.0, "1"), (-3.0, "-3"), (12345.0, "12345"), (12345.6, "12346"), (123456.7, "1.235e+05"),
    (3.62e-05, "3.62e-05"), (-3.62171e-05, "-3.622e-05"), (0.0001234, "0.0001234"), (1e-300, "1e-300"),
    (9.99996, "10.00"), (0.99999, "1.000"), (math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"),
    (np.float32(0.6), "0.6"), (np.float64(2.5), "2.5"),
])  # fmt: skip
def test_a_number_has_four_digits_and_fewer_only_where_nothing_was_rounded_away(x, text):
    assert number(x) == text


@given(st.floats(-1e300, 1e300))
def test_what_is_shown_lies_within_half_a_unit_of_the_fourth_digit(x):
    assert math.isclose(float(number(x)), x, rel_tol=0.501e-3, abs_tol=1e-310)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_full_number_gives_the_float_back(x):
    assert float(number(x, FULL)) == x


@given(st.floats())
def test_no_number_takes_more_than_eleven_characters(x):
    assert len(number(x)) <= 11


@pytest.mark.parametrize(("x", "latex"), [
    (3.62e-05, r"3.62\cdot10^{-5}"), (-1e20, r"-1\cdot10^{20}"), (0.5, "0.5"), (math.nan, r"\mathrm{NaN}"),
    (-math.inf, r"-\infty"),
])  # fmt: skip
def test_latex_writes_powers_of_ten_as_powers(x, latex):
    assert latex_number(x) == latex


def test_inside_a_product_a_minus_sign_stands_in_brackets():
    assert factor_number(-0.7550813376) == "(-0.7551)"
    assert factor_number(0.6) == "0.6"
    assert latex_factor(-0.5) == r"\left(-0.5\right)"
    assert latex_factor(1e-9) == r"\left(1\cdot10^{-9}\right)"


@pytest.mark.parametrize(("n", "text"), [
    (0, "0"), (2_621_440, "2,621,440"), (2**2000, "about 10^602"),
])  # fmt: skip
def test_counts_of_any_size_are_readable(n, text):
    assert count(n) == text


def test_a_count_of_more_digits_than_python_prints_is_readable_too():
    assert count(10**6000) == "about 10^6000"


@pytest.mark.parametrize(("share", "text"), [
    (0.98, "98 %"), (1.0, "100 %"), (0.0, "0 %"), (0.0034, "0.3 %"), (1e-9, "below 0.1 %"), (0.99999, "above 99.9 %"),
    (math.nan, "unknown"),
])  # fmt: skip
def test_a_share_is_never_rounded_to_nothing_or_to_everything(share, text):
    assert percent(share) == text


def test_an_array_is_told_by_its_shape_and_norm():
    assert summary(np.array([3.0, 4.0])) == "array of 2, norm 5"
    assert summary(np.ones((2, 2), np.float32)) == "2 × 2 array, norm 2"
    assert summary(np.array([1.0, math.nan, math.inf])) == "array of 3, 2 elements NaN or inf"
    assert summary(np.ones((0, 3))) == "empty 0 × 3 array"
    assert summary(np.float32(0.5)) == "0.5"


def test_only_small_arrays_are_printed():
    assert rows(np.array([1.0, 0.25])) == [["1", "0.25"]]
    assert rows(np.zeros((784, 30))) is None
    assert rows(np.float64(1.0)) is None
