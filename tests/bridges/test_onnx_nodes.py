"""Every operator of the table, by the ONNX project's own node tests: its values, and its slopes by measurement."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.bridges.onnx_cases import EXCEPTIONS, all_cases, arrays, slopes, values

from whygrad.bridges.onnx_import import from_onnx
from whygrad.bridges.onnx_operators import table
from whygrad.errors import WhygradError

pytestmark = [pytest.mark.peers("onnx"), pytest.mark.slow]

# No node test gives these a floating-point input at all, or their answer is no floating-point number.
WITHOUT_SLOPE = frozenset(
    """
    And ArgMax ArgMin BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Constant ConstantOfShape Equal EyeLike Greater
    GreaterOrEqual IsInf IsNaN Less LessOrEqual NonZero Not Or Range Shape Size Xor
    """.split()
)
# test_onnx_import.py has models for these.
BY_HAND = frozenset("Cast CastLike GlobalLpPool MeanVarianceNormalization Trilu".split())


def test_every_node_test_of_the_supported_operators_gives_the_expected_outputs() -> None:
    assert not values().wrong
    assert values().total >= 1300


def test_every_operator_has_the_slopes_that_measurement_finds_at_its_node_tests() -> None:
    assert not slopes().wrong
    assert set(table()) - set(slopes().right) == WITHOUT_SLOPE | BY_HAND
    assert slopes().total >= 600


def test_the_exceptions_are_node_tests_and_each_is_still_one() -> None:
    for name in EXCEPTIONS:
        cases = [case for case in all_cases() if re.match(name, case.name)]
        assert cases
        for case in cases:
            with pytest.raises(WhygradError), np.errstate(all="ignore"):
                from_onnx(case.model)(*arrays(case.data_sets[0][0]))
