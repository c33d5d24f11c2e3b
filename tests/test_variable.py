"""Variables: values that build their graph as the program runs, and walk it once when asked."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import DtypeError, NotScalarError, ShapeError, TracedValueError


def test_backward_fills_the_gradient_of_everything_on_the_way() -> None:
    a0, w, b = wg.Variable(0.6), wg.Variable(1.5), wg.Variable(-0.4)
    z = w * a0 + b
    a = 1 / (1 + np.exp(-z))
    C = (a - 1.0) ** 2
    assert C.grad is None
    C.backward()
    assert C.value == pytest.approx(0.1425369566, abs=1e-10)
    assert (w.grad, b.grad, a0.grad) == pytest.approx((-0.1064681504, -0.1774469173, -0.2661703760), abs=1e-10)
    assert a.grad == pytest.approx(-0.7550813376, abs=1e-10)
    assert z.grad == b.grad
    assert C.grad == 1.0


def test_the_chain_without_squish_has_the_gradients_worked_by_hand() -> None:
    w1, w2, w3 = wg.Variable(2.0), wg.Variable(3.0), wg.Variable(0.5)
    C = (w3 * (w2 * (w1 * 1.0)) - 2.0) ** 2
    C.backward()
    assert (C.value, w1.grad, w2.grad, w3.grad) == (1.0, 3.0, 2.0, 12.0)


def test_running_backward_twice_gives_the_same_gradients() -> None:
    x = wg.Variable(np.array([1.0, 2.0]))
    y = np.sum(x * x)
    y.backward()
    first = x.grad.copy()
    y.backward()
    np.testing.assert_array_equal(x.grad, first)


def test_a_value_that_backward_does_not_reach_keeps_no_gradient() -> None:
    x, other = wg.Variable(1.0), wg.Variable(1.0)
    (x * 2).backward()
    assert other.grad is None


def test_an_array_result_needs_the_gradient_that_arrives() -> None:
    x = wg.Variable(np.array([1.0, 2.0]))
    y = x * x
    with pytest.raises(NotScalarError, match=r"backward\(\) of 'y'.*shape \(2,\)"):
        y.backward()
    with pytest.raises(ShapeError, match=r"gradient of shape \(3,\)"):
        y.backward(np.ones(3))
    y.backward([1.0, 10.0])
    np.testing.assert_array_equal(x.grad, [2.0, 40.0])


def test_names_are_the_users_own() -> None:
    weight = wg.Variable(2.0)
    total = weight * 3
    assert (weight.name, total.name) == ("weight", "total")
    assert wg.Variable(1.0, name="w^1_00").name == "w^1_00"
    assert repr(weight) == "Variable(2., name='weight')"
    total.backward()
    assert repr(weight) == "Variable(2., name='weight', grad=3.)"
    assert repr(wg.Variable(np.arange(3.0), "row")) == "Variable([0., 1., 2.], name='row')"


def test_loops_and_branches_build_the_graph_as_they_run() -> None:
    x = wg.Variable(1.5)
    y, steps = x, 0
    while y < 10:
        y = y * y if y > 2 else y * 2
        steps += 1
    y.backward()
    assert (y.value, steps) == (81.0, 3)  # (2x)⁴
    assert x.grad == pytest.approx(4 * 16 * 1.5**3)


def test_comparisons_give_plain_answers() -> None:
    x = wg.Variable(1.0)
    assert type(x > 0) is np.bool_
    assert isinstance(wg.Variable(np.ones(2)) > 0, np.ndarray)
    assert x == 1.0
    assert len({x, x, wg.Variable(1.0)}) == 2


def test_numpys_functions_and_methods_work_on_variables() -> None:
    x, w = wg.Variable(np.arange(6.0).reshape(2, 3)), wg.Variable(np.ones((3, 2)))
    cost = np.mean(np.concatenate([np.tanh(x @ w).ravel(), x[0]])) + np.linalg.norm(w)
    cost.backward()
    f = lambda x, w: np.mean(np.concatenate([np.tanh(x @ w).ravel(), x[0]])) + np.linalg.norm(w)
    for ours, expected in zip((x.grad, w.grad), wg.grad(f, (0, 1))(x.value, w.value), strict=True):
        np.testing.assert_allclose(ours, expected)


def test_float32_stays_float32() -> None:
    x = wg.Variable(np.ones(3, np.float32))
    np.sum(np.exp(x) / 2).backward()
    assert x.grad.dtype == np.float32


def test_deep_graphs_are_walked_without_recursion() -> None:
    assert sys.getrecursionlimit() < 20_000
    x = y = wg.Variable(1.0)
    for _ in range(20_000):
        y = y + 1e-5
    y.backward()
    assert x.grad == 1.0


def test_inside_grad_a_variable_is_a_constant_of_the_outer_world() -> None:
    v = wg.Variable(3.0)
    g = wg.grad(lambda x: x**2 * v**2)(2.0)  # 2 x v² = 36, still a function of v
    assert g.value == 36.0
    g.backward()
    assert v.grad == 24.0  # 4 x v


def test_a_gradient_in_a_variable_can_be_differentiated_again() -> None:
    v = wg.Variable(2.0)
    wg.grad(lambda x: x**3)(v).backward()
    assert v.grad == 12.0


def test_gradients_are_the_callers_own_arrays() -> None:
    x, y, seed = wg.Variable(np.zeros(2)), wg.Variable(np.zeros(2)), np.ones(2)
    (x + y).backward(seed)
    x.grad += 1
    np.testing.assert_array_equal(y.grad, 1)
    np.testing.assert_array_equal(seed, 1)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_value_never_changes_so_a_graph_never_goes_stale() -> None:
    mine = np.ones(2)
    w = wg.Variable(mine)
    mine += 1
    np.testing.assert_array_equal(w.value, 1)
    with pytest.raises(TracedValueError, match=r"(?s)assignment to the value of 'w'.*w = wg.Variable"):
        w.value = np.zeros(2)
    with pytest.raises(ValueError, match="read-only"):
        w.value[0] = 5
    with pytest.raises(TracedValueError, match=r"(?s)assignment into the traced array 'w'.*\.at\[i\]\.set"):
        w[0] = 5


def test_whole_numbers_complex_numbers_and_texts_are_no_variables() -> None:
    assert wg.Variable(3).value == 3.0
    for wrong, what in ((np.arange(3), "int64"), (1j * np.ones(2), "complex"), ("3", "a str")):
        with pytest.raises(DtypeError, match=f"the value of a Variable is .*{what}"):
            wg.Variable(wrong)


def test_a_variable_of_a_traced_value_would_forget_it_and_is_refused() -> None:
    with pytest.raises(TracedValueError, match="a Variable of the traced value 'x'"):
        wg.grad(lambda x: wg.Variable(x) * 2)(1.0)


def test_what_would_cut_a_variable_off_is_refused_with_its_name() -> None:
    import math

    speed = wg.Variable(1.0)
    for cut in (float, math.sin, np.asarray, pickle.dumps):
        with pytest.raises(TracedValueError, match="'speed'"):
            cut(speed)
    assert copy.deepcopy(speed) is speed
    assert int(speed) == 1
    assert f"{speed:.2f}" == "1.00"


def test_a_whole_number_result_has_no_gradient() -> None:
    x: Any = wg.Variable(np.array([1.0, 3.0]))
    assert not isinstance(np.argmax(x), wg.Variable)
