"""Why is the gradient None, zero, NaN? Asked as people asked it in public, with the answer's text checked."""

from __future__ import annotations

import numpy as np

import whygrad as wg
from whygrad.diagnosis.values import why_values


def answer(f, *args, **kwargs):
    """The report's text on one line, so that its wrapping does not matter."""
    return " ".join(str(why_values(f, *args, **kwargs)).split())


def test_why_is_the_gradient_of_a_value_in_the_middle_none():
    """pytorch#2677, #5479, tutorials#3186: only leaves keep a gradient there; here any value is asked about by name."""

    def final(x, kernel):
        y = np.convolve(x, kernel, mode="valid")
        return np.sum(y)

    text = answer(final, np.arange(4.0), np.array([1.0, 2.0]), wrt="y")
    assert "No gradient asked about is zero" in text
    assert "y float64, 3: 1" in text  # ∂sum/∂y is 1 for each of the three numbers


def test_why_is_the_gradient_none_after_a_view():
    """pytorch#8474, #19778: X = tensor(...).view(2, 1, 1) is a new value in the middle; both have a gradient here."""

    def total(X):
        X_view = X.reshape(2, 1, 1)
        return np.sum(X_view)

    X = np.array([0.25, 0.75])
    assert "X_view float64, 2 × 1 × 1: 1" in answer(total, X, wrt="X_view")
    assert "X float64, 2: 1" in answer(total, X, wrt="X")


def test_why_is_it_none_when_the_value_went_through_argmax():
    """pytorch#1339: y = max(y, 1)[1] in the middle of a model."""

    def two_models(W1, W2, x):
        scores = W1 @ x
        choice = np.argmax(scores)
        return np.sum(W2[choice] ** 2)

    text = answer(two_models, np.eye(3, 2), np.ones((3, 2)), np.array([1.0, 2.0]), wrt="W1")
    assert "no path with slopes leads from W1[0, 0] to C" in text
    assert "np.argmax(scores) cuts scores[0] off" in text
    assert "choice = np.argmax(scores)" in text
    assert "wg.softmax for argmax" in text


def test_why_is_it_none_when_the_value_was_detached():
    def loss(w, x):
        target = wg.stop_gradient(w * x)
        return (target - 1.0) ** 2

    text = answer(loss, 2.0, 3.0, wrt="w")
    assert "wg.stop_gradient holds" in text
    assert "leave wg.stop_gradient out, if the value should learn" in text


def test_why_is_it_none_for_a_parameter_that_is_never_used():
    def forward(used, forgotten, x):
        h = used * x
        return h**2

    text = answer(forward, 1.0, 2.0, 3.0, wrt="forgotten")
    assert "forgotten is not used in computing C" in text
    assert "use it in computing C, or leave it out of the arguments" in text


def test_why_is_it_zero_for_a_whole_relu_layer():
    def loss(W, b, X):
        z = X @ W.T + b
        return np.mean(wg.relu(z) ** 2)

    text = answer(loss, np.ones((2, 2)), np.array([-10.0, 0.0]), np.eye(2), wrt="b")
    assert "1 of 2 are exactly 0" in text
    assert "dead over the given data: for all n = 2 rows a factor of b[0] is exactly 0" in text
    assert "relu is off: z[0, 0] = -9 is not above 0" in text


def test_the_first_nan_on_the_way_back_is_not_taken_for_its_source():
    """pytorch#160016: anomaly mode points at the power, where NaN is first seen; the root made the inf behind it."""

    def distance(a, b):
        squared = (a - b) ** 2
        total = np.sum(squared)
        return np.sqrt(total)

    text = answer(distance, np.ones(2), np.ones(2))
    assert "inf comes from sqrt" in text
    assert "return np.sqrt(total)" in text
    assert "reaches gradient by total → gradient by squared → gradient by a" in text
    assert "comes from power" not in text


def test_infinity_can_be_asked_for_like_nan():
    """pytorch#160016: a gradient that is infinite, and becomes NaN only in the optimizer."""
    text = answer(lambda x: 2 * np.sqrt(x), 0.0)
    assert "inf is born on the way back: sqrt" in text
    assert "Gradient by x (float64): is inf" in text


def test_sizes_and_values_are_printed_where_nan_is_born():
    """pytorch#143658."""

    def loss(p, q):
        ratio = p / q
        return np.sum(p * np.log(ratio))

    text = answer(loss, np.array([[0.5, 0.0]]), np.array([[0.5, 0.5]]), wrt="p")
    assert "np.log(ratio)[0, 1] = -inf; 1 of 2 numbers, shape 1 × 2" in text
    assert "operand ratio[0, 1] = 0 (float64, shape 1 × 2)" in text


def test_tips_for_debugging_nan_in_gradients():
    """jax#475 and #347: a root in a branch that np.where does not take; here it stays 0, and the report says so."""

    def fail(x):
        norm = np.sqrt(np.sum(x**2, axis=1))
        kept = np.where(norm > 0.5, norm, 1.0)
        return np.sum(kept)

    x = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
    report = why_values(fail, x)
    assert not report.births
    assert np.isfinite(report["x"].gradient).all()
    assert "np.where does not take norm[2]: norm > 0.5 is False there" in report["x"].causes[0].also


def test_a_vector_field_whose_unused_branch_overflows_needs_the_double_where():
    """diffrax#742 and its answer: NaN that appears only in the gradient, from a branch that was never taken."""

    def field(t, y):
        grown = np.exp(t)
        safe = np.where(t < 700.0, grown * y, 0.0)
        return np.sum(safe)

    text = answer(field, np.array([1.0, 800.0]), 2.0)
    assert "exp" in text
    assert "np.where does not take this number, so 0 comes back; but the slope is infinite, and 0 · inf is NaN" in text
    assert "np.where(t < 700.0, t, 1.0) as the operand" in text


def test_a_graph_that_was_drawn_too_early_is_not_confused_with_zero_gradients():
    """nn-zero-to-hero#40: zeros that only mean "not run yet"; a gradient that is really zero has a reason."""
    report = why_values(lambda a, b: a * b, 2.0, 3.0)
    assert [float(v.gradient) for v in report.values] == [3.0, 2.0]
    assert report.healthy


def test_gradients_that_a_loss_scaler_would_rescue_are_underflow_and_not_dead():
    """trackio#262: gradients under a loss scaler misread as vanished."""

    def loss(w):
        return w * np.float16(1e-5) * np.float16(1e-4)

    text = answer(loss, np.float16(1.0))
    assert "w underflows: in float16 it becomes 0" in text
    assert "scale the result up before, and the gradient down after" in text
