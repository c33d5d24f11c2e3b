"""Where slopes are infinite or not there: what arrives as 0 stays 0, and NumPy has nothing to warn about."""

import numpy as np
import pytest

import whygrad as wg


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # NumPy's own, about the untaken branch's values
@pytest.mark.parametrize("branch", [
    np.log, np.sqrt, lambda x: 1 / x, lambda x: x**-0.5, np.arccosh, lambda x: np.sqrt(x) * np.log(x),
    lambda x: np.exp(-1 / x), lambda x: x * np.log(x),
])
def test_the_branch_that_was_not_taken_leaves_no_nan(branch):
    x = np.array([-1.0, 0.0, 2.0])
    slopes = wg.grad(lambda x: np.sum(np.where(x > 1, branch(x), 0.0)))(x)
    assert np.all(slopes[:2] == 0)
    assert slopes[2] == pytest.approx(wg.grad(branch)(2.0))


def test_an_infinite_slope_is_a_result_and_no_warning():
    assert wg.grad(np.sqrt)(0.0) == np.inf
    assert wg.jvp(np.log, (0.5,), (1.0,))[1] == 2.0


def test_plain_lists_are_the_arrays_numpy_would_make_of_them():
    slopes = wg.grad(lambda x: np.sum(x / [1, 2, 4] + np.power(x, [1, 2, 2])))(np.ones(3))
    np.testing.assert_allclose(slopes, [2.0, 2.5, 2.25])


def test_writing_into_a_captured_array_later_does_not_change_the_gradient():
    buffer, mask = np.ones(2), np.array([True, False])

    def cost(x):
        buffer[:], mask[:] = 1.0, (True, False)
        y = np.where(mask, x * buffer, 0.0)
        buffer[:], mask[:] = 5.0, False
        return np.sum(y)

    np.testing.assert_array_equal(wg.grad(cost)(np.ones(2)), [1.0, 0.0])
    assert buffer.flags.writeable
    assert mask.flags.writeable
