"""Zero explained: every cause, planted one at a time, is named with its numbers; and what is healthy gets no word."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import whygrad as wg
from whygrad.diagnosis.values import why_values
from whygrad.errors import ArgumentError, DtypeError


def cause(f, *args, wrt=0, **kwargs):
    """The only cause of the only value asked about."""
    report = why_values(f, *args, wrt=wrt, **kwargs)
    (found,) = report.values[0].causes
    return found


# ── zero factors ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_relu_that_is_off_is_named_with_its_line_and_its_number():
    def neuron(w, x):
        z = w * x
        a = wg.relu(z)
        return a * 3

    found = cause(neuron, -2.0, 1.5)
    assert (found.kind, found.walls[0].operation, found.walls[0].count) == ("zero factor", "relu", 1)
    assert found.what == "a factor of w is exactly 0: relu is off: z = -3 is not above 0"
    assert found.walls[0].place.code == "a = wg.relu(z)"


@pytest.mark.parametrize(
    ("f", "args", "said"),
    [
        (lambda w, x: (w * x) ** 2 + x, (3.0, 0.0), "it is multiplied by x = 0"),
        (lambda w: 0.0 * w + 1.0, (3.0,), "it is multiplied by the constant 0"),
        (lambda x: np.clip(x, -1.0, 1.0) * 2, (5.0,), "x = 5 is outside np.clip's bound 1"),
        (lambda x: np.clip(x, -1.0, 1.0) * 2, (-5.0,), "x = -5 is outside np.clip's bound -1"),
        (lambda x, y: 2 * np.maximum(x, y), (1.0, 2.0), "x = 1, and np.maximum takes the other one, y = 2"),
        (lambda x: np.sum(np.where(x > 0, x, 0.0)), (-1.0,), "np.where does not take x: x > 0 is False there"),
        (lambda x: (x - 2.0) ** 2, (2.0,), "the slope of power is 2 * (x - 2)"),
        (lambda x: x**2, (0.0,), "the slope of power is 2 * x = 2 * 0 = 0 at x = 0"),
    ],
)
def test_a_zero_factor_is_said_with_the_numbers_that_make_it(f, args, said):
    found = cause(f, *args)
    assert found.kind == "zero factor"
    assert said in found.what


def test_the_numbers_that_max_does_not_choose_are_told_so():
    found = cause(lambda x: 2 * np.max(x), np.array([0.5, 3.0, -2.0]))
    assert found.names == ("x[0]", "x[2]")
    assert "x[0] = 0.5 is not the largest" in found.what


def test_a_unit_that_is_off_for_every_row_is_dead_with_n_stated():
    X = np.array([[1.0, 2.0], [0.5, 1.0], [2.0, 0.1]])

    def loss(W, X):
        z = X @ W.T
        return np.sum(wg.relu(z) ** 2)

    found = cause(loss, np.array([[1.0, 1.0], [-1.0, -1.0]]), X)
    assert (found.kind, found.names, found.evidence["n"]) == ("dead", ("W[1, 0]", "W[1, 1]"), 3)
    assert "for all n = 3 rows" in found.what
    assert "relu is off: z[0, 1] = -3 is not above 0" in found.what


def test_a_zero_of_one_example_only_is_told_from_a_dead_unit():
    X = np.array([[1.0, 2.0], [-3.0, -1.0], [2.0, 0.1]])

    def loss(X, W):
        z = X @ W.T
        return np.sum(wg.relu(z) ** 2)

    found = cause(loss, X, np.array([[1.0, 1.0]]))
    assert (found.kind, found.indices) == ("zero factor", ((1, 0), (1, 1)))
    assert "for this row only: in 2 of the 3 rows it is not 0" in found.what
    assert found.walls[0].off == (1, 3)


def test_a_dead_input_column_blocks_its_weights():
    X = np.array([[1.0, 0.0], [-3.0, 0.0]])
    found = cause(lambda W, X: np.sum((X @ W.T) ** 2), np.ones((1, 2)), X)
    assert (found.kind, found.names) == ("dead", ("W[0, 1]",))
    assert "it is multiplied by X[0, 1] = 0" in found.what


def test_a_second_zero_factor_further_on_is_mentioned_because_undoing_the_first_would_not_help():
    def cost(w, x):
        z = w * x
        return wg.relu(z - 1.0) * 2

    found = cause(cost, 3.0, 0.0)
    assert "multiplied by x = 0" in found.what
    assert len(found.also) == 1
    assert found.also[0].startswith("relu is off")


# ── no path ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def unused(x, y):
    h = y * 2  # noqa: F841  # that it is not used is the point
    return x * x


@pytest.mark.parametrize(
    ("f", "args", "wrt", "said"),
    [
        (unused, (1.0, 2.0), "y", "y moves h, but nothing of that is used in computing C"),
        (lambda x, y: x * 2, (1.0, 2.0), "y", "y is not used in computing C"),
        (lambda x, y: x * wg.stop_gradient(y), (1.0, 2.0), "y", "wg.stop_gradient holds y constant"),
        (lambda x: np.round(x) * 2, (1.2,), "x", "np.round(x) cuts x off: flat between its steps"),
        (lambda x: 1.0 * np.argmax(x), (np.array([1.0, 2.0]),), "x", "np.argmax(x) cuts x[0] off"),
        (lambda x: np.sum((x > 0.5) * 2.0), (np.array([1.0, 0.0]),), "x", "a yes/no answer has no slope"),
        (
            lambda x: np.sum(x.astype(int)) * 2.0,
            (np.array([1.0, 0.0]),),
            "x",
            "a whole number or a yes/no stays the same",
        ),
        (lambda x: np.sum(x[:2] ** 2), (np.array([1.0, 2.0, 3.0]),), "x", "x[:2] does not take x[2]"),
        (lambda x: 2.0, (1.0,), "x", "x is not used in computing C"),
    ],
)
def test_a_missing_path_is_said_with_the_operation_where_it_ends(f, args, wrt, said):
    found = cause(f, *args, wrt=wrt)
    assert found.kind == "no path"
    assert said in found.what


def test_a_result_that_only_counts_has_no_path_and_says_so():
    def accuracy(z, labels):
        return np.mean(np.argmax(z, axis=1) == labels)

    report = why_values(accuracy, np.eye(3), np.arange(3))
    assert report["z"].causes[0].kind == "no path"
    assert "np.argmax(z, axis=1) cuts z[0, 0] off" in report["z"].causes[0].what
    assert report.no_slope == {"labels": "int64"}
    assert "labels  int64 numbers, which have no gradient" in str(report)


def test_whole_numbers_asked_about_are_answered_and_nothing_else_is():
    report = why_values(lambda x, n: np.sum(x[n]), np.ones(3), np.array([0, 1]), wrt="n")
    assert (report.values, report.no_slope) == ((), {"n": "int64"})


# ── cancelling, too small, saturated ─────────────────────────────────────────────────────────────────────────────────


def test_paths_that_cancel_are_shown_with_their_sum_and_the_derivation():
    def cost(x):
        return x * 3 - (x + x + x)

    found = cause(cost, 2.0)
    assert found.kind == "cancelling"
    assert found.evidence == {"paths": 4, "sum": 0, "sum of sizes": 6, "cancellation": 1}
    assert found.what.startswith("4 paths from x cancel: 3 + (-1) + (-1) + … (4 paths) = 0")
    assert (found.derivation.path_count, found.derivation.value) == (4, 0)


def test_a_softmax_that_is_summed_cancels_up_to_rounding():
    found = cause(lambda z: np.sum(wg.softmax(z)), np.array([1.0, 2.0, 3.0]))
    assert (found.kind, len(found.names)) == ("cancelling", 3)
    assert abs(found.evidence["sum"]) < 1e-15 < found.evidence["sum of sizes"]


def test_a_product_too_small_for_its_dtype_underflows_with_its_true_power_of_ten():
    def shrink(x):
        for _ in range(10):
            x = x * np.float32(1e-6)
        return x

    found = cause(shrink, np.float32(1.0))
    assert found.kind == "underflow"
    assert found.evidence["log10 in float64"] == pytest.approx(-60, abs=1e-5)
    assert found.evidence["log10 of the smallest number"] == pytest.approx(np.log10(1.4e-45), abs=0.01)
    assert "10^-60.0 in size, and float32 ends at 10^-44.9" in found.what
    assert found.walls[0].reason == "here the product becomes too small on its way back"


def test_an_underflow_of_float64_is_told_by_logarithms_alone():
    def shrink(x):
        for _ in range(1000):
            x = x * 1e-6
        return x

    found = cause(shrink, 1.0)
    assert found.kind == "underflow"
    assert found.evidence["log10 of the strongest path"] == pytest.approx(-6000, rel=1e-9)


def test_a_float16_gradient_that_float32_would_hold_underflows():
    def loss(x):
        return (x * np.float16(1e-4)) * np.float16(1e-4)

    found = cause(loss, np.float16(1.0))
    assert found.kind == "underflow"
    assert "float16 ends at 10^-7.2" in found.what


def test_an_exponential_that_became_0_is_no_exact_zero():
    found = cause(lambda w: 2 * np.exp(w), np.float32(-200.0))
    assert found.kind == "underflow"
    assert "computed in float64 it is 2.77e-87" in found.what


@pytest.mark.parametrize("z", [40.0, 800.0, np.float32(30.0)])
def test_a_sigmoid_whose_slope_rounds_to_0_is_saturated_not_dead(z):
    found = cause(lambda z: 2 * wg.sigmoid(z), z)
    assert found.kind == "saturated"
    assert "its slope rounds to 0" in found.what


def test_a_saturated_slope_that_is_not_0_is_said_with_its_number():
    found = cause(lambda w, x: wg.sigmoid(w * x), 20.0, 1.0)
    assert found.kind == "saturated"
    assert found.evidence["slope"] == pytest.approx(2.06e-9, rel=1e-2)
    assert "saturated, not 0: the gradient by w is 2.06e-09" in found.what


# ── healthy, bad input, forms ────────────────────────────────────────────────────────────────────────────────────────


def test_healthy_gradients_get_no_finding(rng):
    W, X, Y = rng.normal(size=(3, 4)), rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
    report = why_values(lambda W, X, Y: np.mean((np.tanh(X @ W.T) - Y) ** 2), W, X, Y)
    assert report.healthy
    assert "No gradient asked about is zero" in str(report)
    assert [value.zeros for value in report.values] == [0, 0, 0]


def test_one_element_or_a_value_in_the_middle_can_be_asked_about():
    def loss(W, x):
        h = W @ x
        return np.sum(wg.relu(h))

    args = np.array([[1.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 2.0])
    report = why_values(loss, *args, wrt=("W", (1, 0)))
    assert (report.values[0].name, report.values[0].zeros, report.values[0].shape) == ("W[1, 0]", 1, ())
    assert "h[1] = -1 is not above 0" in why_values(loss, *args, wrt="h")["h"].causes[0].what
    with pytest.raises(ArgumentError, match="no value called 'q'"):
        why_values(loss, *args, wrt="q")


def test_arguments_without_any_floating_point_number_are_refused_by_name():
    with pytest.raises(DtypeError, match=r"no argument of <lambda> is of floating point: x \(int64\)"):
        why_values(lambda x: 2 * np.sum(x), np.arange(3))


@pytest.mark.parametrize("given", [3, "text"])
def test_what_is_no_function_is_refused(given):
    with pytest.raises(ArgumentError, match="is not a function"):
        why_values(given, 1.0)


def test_empty_arrays_have_no_zeros():
    report = why_values(lambda x, y: np.sum(x) + y * 2, np.zeros(0), 1.0)
    assert report.healthy


def test_the_report_is_data_html_and_text_at_80_columns():
    report = why_values(lambda x, y: np.max(x) + 0.0 * y, np.array([1.0, 2.0]), 1.0)
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [v["name"] for v in data["values"]] == ["x", "y"]
    assert data["values"][0]["causes"][0]["names"] == ["x[0]"]
    assert max(map(len, str(report).splitlines())) <= 80
    assert report.html().startswith('<section class="wg-why">')


def test_of_many_zeros_some_are_looked_at_and_the_report_says_how_many():
    report = why_values(lambda x: np.sum(x[:1]), np.ones(1000))
    assert (report["x"].zeros, report["x"].looked_at) == (999, 64)
    assert "999 of 1,000 are exactly 0; 64 looked at" in str(report)


def test_a_large_network_is_followed_without_listing_every_edge(rng):
    net = wg.Network([200, 300, 300, 10], activation="relu", cost="half_squared_error", seed=0)
    X, Y = rng.uniform(size=(100, 200)), rng.uniform(size=(100, 10))
    net.biases[0][7] = -1000
    report = why_values(net.architecture.mean_cost, net.parameters, X, Y, wrt=("W^1", (7, 0)))
    assert report.values[0].causes[0].kind == "dead"


# ── planted in random programs ───────────────────────────────────────────────────────────────────────────────────────

SMOOTH = (np.tanh, np.sin, lambda v: np.exp(-v), lambda v: v * 0.7 + 0.1, lambda v: 1.0 / (1.0 + v * v), np.arctan)
ZEROS = {
    "relu": (lambda v: wg.relu(v - 100.0), "zero factor"),
    "multiply": (lambda v: v * 0.0, "zero factor"),
    "minimum": (lambda v: np.minimum(v, -5.0), "zero factor"),
    "where": (lambda v: np.where(v > 1e6, v, 1.0), "zero factor"),
    "stop_gradient": (wg.stop_gradient, "no path"),
    "round": (np.round, "no path"),
    "subtract": (lambda v: v - v, "cancelling"),
}


@settings(max_examples=200)
@given(
    planted=st.sampled_from(sorted(ZEROS)),
    before=st.lists(st.integers(0, len(SMOOTH) - 1), max_size=3),
    after=st.lists(st.integers(0, len(SMOOTH) - 1), max_size=3),
    x=st.floats(0.3, 1.5),
    size=st.integers(1, 3),
)
def test_a_zero_planted_anywhere_in_a_program_is_named(planted, before, after, x, size):
    plant, kind = ZEROS[planted]

    def program(x, beside):
        v = x
        for i in before:
            v = SMOOTH[i](v)
        v = plant(v)
        for i in after:
            v = SMOOTH[i](v + 0.01)
        return np.sum(v) + np.sum(beside**2)

    report = why_values(program, np.linspace(x, x + 0.2, size), np.array([1.0, 2.0]))
    assert report["beside"].healthy
    (found,) = report["x"].causes
    assert (found.kind, len(found.names)) == (kind, size)
    if kind != "cancelling":
        assert planted in {wall.operation for wall in found.walls}


MIXED = (
    np.tanh,
    wg.relu,
    lambda v: np.maximum(v, 0.2),
    lambda v: np.clip(v, -0.5, 0.5),
    lambda v: np.where(v > 0, v * 2, 0.5),
    lambda v: v[np.array([2, 0, 0])],
    lambda v: np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [-1.0, 1.0, 0.0]]) @ v,
    lambda v: v - v[::-1],
    lambda v: v - np.mean(v),
    lambda v: v * np.array([0.0, 1.0, 1.0]),
    lambda v: v + np.max(v),
    lambda v: np.round(v) + v * 0.5,
    wg.softmax,
)


@settings(max_examples=120)
@given(
    st.lists(st.integers(0, len(MIXED) - 1), min_size=1, max_size=3),
    st.lists(st.floats(-2, 2).map(lambda x: round(x, 1)), min_size=3, max_size=3),
)
def test_every_zero_of_a_random_program_gets_a_cause_that_is_true(operations, start):
    def program(x):
        v = x
        for i in operations:
            v = MIXED[i](v)
        return np.sum(v * np.array([1.0, 2.0, 3.0]))

    x = np.array(start)
    report = why_values(program, x)
    value = report["x"]
    explained = {index[0]: one for one in value.causes for index in one.indices}
    for i in np.flatnonzero(value.gradient == 0).tolist():
        found = explained[i]
        assert found.kind in ("no path", "zero factor", "cancelling")
        why = wg.explain(program, x, wrt=("x", (i,)))
        paths = why.paths(top=300)
        if why.path_count > len(paths):
            continue
        if found.kind == "cancelling":
            assert found.evidence["sum of sizes"] == pytest.approx(sum(abs(path.value) for path in paths))
            assert sum(path.value for path in paths) == pytest.approx(0, abs=1e-12)
        else:
            assert all(path.value == 0 for path in paths)
