"""Rules of the user's own: right ones work everywhere, wrong ones are refused when they are defined."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import RuleError
from whygrad.rules.define import NUMPY, RULES, at


def test_a_rule_with_slopes_works_in_every_mode_and_order():
    cube = wg.define("cube", "x", lambda x: x * x * x, slopes=lambda out, x: 3 * x**2)
    x = np.array([1.0, -2.0])
    np.testing.assert_array_equal(cube(x), x**3)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(cube(x)))(x), 3 * x**2)
    assert wg.check_gradient(lambda x: cube(np.sin(x)), x)
    assert wg.hessian(cube)(2.0) == 12.0


def test_numpys_functions_may_be_used_in_a_slope():
    wave = wg.define("wave", "x", np.sin, slopes=(lambda out, x: np.cos(x),))
    assert wg.grad(wg.grad(wave))(0.5) == pytest.approx(-np.sin(0.5))


def test_a_rule_of_two_inputs_broadcasts_like_any_other():
    product = wg.define("product", "x y", np.multiply, slopes=(lambda out, x, y: y, lambda out, x, y: x))
    gx, gy = wg.grad(lambda x, y: np.sum(product(x, y)), (0, 1))(np.ones((2, 3)), np.arange(3.0))
    np.testing.assert_array_equal(gx, [[0, 1, 2]] * 2)
    np.testing.assert_array_equal(gy, [2, 2, 2])


def test_a_rule_with_pulls_states_how_gradients_come_back():
    turn = wg.define("turn", "x", lambda x: x[::-1], pulls=lambda g, out, x: g[::-1], linear="each",
                     tested_at=(at((4,)), at((3, 2))))
    x = np.arange(3.0)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(turn(x) * x[0]))(x), [3, 0, 0])
    assert wg.check_gradient(turn, x)


def test_the_domain_is_found_when_it_is_not_all_numbers():
    root = wg.define("root", "x", np.sqrt, slopes=lambda out, x: 0.5 / out, singular=True)
    assert root.tested_at[0].between == (0.5, 2.0)


def test_a_forward_that_gives_a_python_number_is_fine():
    total = wg.define("total", "x", lambda x: float(np.sum(x)), pulls=lambda g, out, x: g * np.ones(x.shape))
    np.testing.assert_array_equal(wg.grad(total)(np.ones(3)), np.ones(3))


@pytest.mark.parametrize(("slopes", "which"), [
    ((lambda out, x, y: 2 * y, lambda out, x, y: x), "x"),
    ((lambda out, x, y: y, lambda out, x, y: -x), "y"),
    ((lambda out, x, y: y, 1.0), "y")])
def test_a_wrong_slope_is_refused_with_the_input_and_both_numbers(slopes, which):
    with pytest.raises(RuleError, match=rf"derivative for {which} is wrong") as caught:
        wg.define("product", "x y", np.multiply, slopes=slopes)
    assert "computed" in str(caught.value)
    assert "measured" in str(caught.value)


def test_a_gradient_of_the_wrong_shape_is_refused():
    with pytest.raises(RuleError, match=r"gradient for x has shape \(3,\), x itself \(2, 3\)"):
        wg.define("total", "x", np.sum, pulls=lambda g, out, x: g * np.ones(3), tested_at=(at((2, 3)),))


def test_an_incomplete_definition_is_refused():
    for row, said in (({}, "either slopes= .* or pulls="),
                      ({"slopes": (1.0, 1.0)}, r"1 inputs \(x\) but 2 derivative")):
        with pytest.raises(RuleError, match=said):
            wg.define("f", "x", np.exp, **row)
    with pytest.raises(RuleError, match="can not be tried on arrays of shape"):
        wg.define("dot", "x y", np.matmul, pulls=(lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x.T @ g))


def test_defining_a_rule_leaves_the_table_as_it_was():
    before = len(RULES), len(NUMPY)
    wg.define("exp", "x", np.exp, slopes=lambda out, x: out)
    assert (len(RULES), len(NUMPY)) == before
