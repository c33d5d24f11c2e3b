"""NaN and inf traced to the operation where they are born, forwards and backwards, with the numbers that met there."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import whygrad as wg
from whygrad.diagnosis.steps import first_bad_step, why_step
from whygrad.diagnosis.values import why_values
from whygrad.errors import ArgumentError


def births(f, *args, **kwargs):
    return why_values(f, *args, **kwargs).births


# ── forwards ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "args", "operation", "kind", "because", "advice"),
    [
        (lambda p: np.sum(np.log(p)), (np.array([0.5, 0.0]),), "log", "-inf", "goes to -inf at 0", "np.log(p + 1e-12)"),
        (
            lambda p: np.sum(np.log(p)),
            (np.array([0.5, -2.0]),),
            "log",
            "NaN",
            "a negative number",
            "np.maximum(p, 1e-12)",
        ),
        (lambda x: np.sqrt(x - 2.0), (1.0,), "sqrt", "NaN", "no real root", "np.maximum(x - 2.0, 0.0)"),
        (
            lambda x: np.sum(np.exp(x)),
            (np.array([1.0, 800.0]),),
            "exp",
            "inf",
            "outgrows the dtype",
            "np.exp(x - np.max(x))",
        ),
        (lambda x: 1.0 / (1.0 + np.exp(x)), (800.0,), "exp", "inf", "outgrows the dtype", "wg.sigmoid(z)"),
        (lambda x: np.sum(x / x), (np.array([1.0, 0.0]),), "divide", "NaN", "0 / 0 is not a number", "np.where(x != 0"),
        (lambda x, y: x / y, (1.0, 0.0), "divide", "inf", "a division by 0", "x / (y + 1e-12)"),
        (lambda x: x**-1.0, (0.0,), "power", "inf", "a division by 0", "(x + 1e-12) ** "),
        (lambda x: x**0.5, (-2.0,), "power", "NaN", "no real power", "np.abs(x)"),
        (np.arccos, (1.5,), "arccos", "NaN", "only -1 to 1", "np.clip(x, -1.0, 1.0)"),
        (lambda x: x * x, (1e200,), "multiply", "inf", "too large for the dtype: float64", "float64"),
        (lambda x: np.mean(x[x > 5]), (np.ones(3),), "mean", "NaN", "the mean of no numbers", "is a mask empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_a_birth_forwards_is_named_with_reason_and_advice(f, args, operation, kind, because, advice):
    first = births(f, *args)[0]
    assert (first.way, first.place.operation, first.kind) == ("forward", operation, kind)
    assert because in first.because
    assert any(advice in text for text in first.try_), first.try_


def test_the_birth_says_line_names_operands_index_and_shape():
    def entropy(p):
        l = np.log(p)
        return -np.sum(p * l)

    (birth,) = births(entropy, np.array([0.5, 0.5, 0.0]))
    assert birth.place.code == "l = np.log(p)"
    assert birth.place.function == "entropy"
    assert (birth.place.made, birth.index, birth.shape, birth.count) == ("l[2]", (2,), (3,), 1)
    assert [(o.name, o.value, o.shape, o.dtype) for o in birth.operands] == [("p[2]", 0.0, (3,), "float64")]
    assert birth.reaches == ("C (NaN)",)


def test_a_softmax_by_hand_is_traced_to_its_exponential_and_not_to_where_nan_is_first_seen():
    def loss(z, y):
        e = np.exp(z)
        s = e / np.sum(e)
        return -np.sum(y * np.log(s))

    report = why_values(loss, np.array([1.0, 2000.0, 3.0]), np.array([0.0, 1.0, 0.0]))
    first = report.births[0]
    assert (first.place.operation, first.kind, first.place.made) == ("exp", "inf", "e[1]")
    assert first.reaches == ("s (NaN)", "C (NaN)")
    assert "z[1] = 2000" in str(report)


def test_nan_that_came_in_with_an_argument_is_named_by_row_and_column():
    X = np.ones((4, 3))
    X[2, 1] = np.nan
    (birth,) = births(lambda W, X: np.sum(X @ W), np.ones(3), X)
    assert (birth.way, birth.place.made, birth.index) == ("given", "X[2, 1]", (2, 1))


def test_nan_in_a_constant_of_the_program_is_found():
    mean = np.array([0.0, np.nan])
    (birth,) = births(lambda x: np.sum(x - mean), np.ones(2))
    assert (birth.way, birth.place.operation, birth.because) == ("given", "subtract", "a constant on this line is NaN")


def test_a_mask_of_minus_infinity_is_no_mistake_but_a_row_of_nothing_else_is():
    def attention(scores, mask):
        masked = np.where(mask, scores, -np.inf)
        return np.sum(wg.softmax(masked) ** 2)

    fine = why_values(attention, np.array([[1.0, 2.0]]), np.array([[True, True]]), wrt="scores")
    assert not fine.births
    assert np.isfinite(fine.result)
    (birth,) = births(attention, np.array([[1.0, 2.0]]), np.array([[False, False]]), wrt="scores")
    assert (birth.place.operation, birth.kind) == ("softmax", "NaN")
    assert "every number of a row is -inf" in birth.because


def test_what_np_where_leaves_out_is_harmless_here_and_said_to_be_so():
    report = why_values(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), np.array([1.0, 0.0]))
    assert not report.births
    assert [place.operation for place in report.left_out] == ["log"]
    assert "Harmless: made, and used nowhere" in str(report)


def test_several_births_are_counted_and_the_first_comes_first():
    def f(x, y):
        a = np.log(x)
        b = np.sqrt(y)
        c = y / x
        return a + b + c

    report = why_values(f, 0.0, -1.0)
    assert [b.place.operation for b in report.births] == ["log", "sqrt", "divide"]
    assert "and one other birth" in str(report)


# ── backwards ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_distance_of_zero_is_fine_forwards_and_its_gradient_is_traced_to_the_root():
    def distance(x, y):
        d2 = np.sum((x - y) ** 2)
        d = np.sqrt(d2)
        return d

    report = why_values(distance, np.ones(3), np.ones(3))
    (birth,) = report.births
    assert report.result == 0
    assert (birth.way, birth.place.operation, birth.kind, birth.by) == ("backward", "sqrt", "inf", "d2")
    assert (birth.slope, birth.arrived) == ("0.5 / d = 0.5 / 0", 1.0)
    assert birth.reaches == ("d2", "x")
    assert report["x"].nans == report["y"].nans == 3
    assert "np.sqrt(d2 + 1e-12)" in birth.try_


@pytest.mark.parametrize(
    ("f", "args", "operation", "advice"),
    [
        (lambda x: x**0.5, (0.0,), "power", "(x + 1e-12) ** "),
        (lambda x: np.arccos(x) * 2, (1.0,), "arccos", "np.clip(x, -1 + 1e-7, 1 - 1e-7)"),
        (np.cbrt, (0.0,), "cbrt", "np.sqrt(x + 1e-12)"),
    ],
)
def test_a_slope_that_is_infinite_at_one_point_is_named(f, args, operation, advice):
    (birth,) = births(f, *args)
    assert (birth.way, birth.place.operation) == ("backward", operation)
    assert any(advice in text for text in birth.try_)


def test_the_where_that_needs_a_second_where_gets_it():
    def cost(x):
        safe = np.where(x < 10, np.exp(x * x), 0.0)
        return np.sum(safe)

    report = why_values(cost, np.array([1.0, 2.0, 100.0]))
    assert np.isfinite(report.result)
    assert [(b.way, b.place.operation, b.kind) for b in report.births] == [
        ("forward", "exp", "inf"),
        ("backward", "exp", "NaN"),
    ]
    assert "np.where does not take this number" in report.births[1].because
    assert report.births[1].try_[0].startswith("np.where(x < 10, x * x, 1.0) as the operand")
    assert report["x"].nans == 1


def test_the_advice_that_is_given_works():
    x = np.array([1.0, 2.0, 100.0])
    fixed = why_values(lambda x: np.sum(np.where(x < 10, np.exp(np.where(x < 10, x * x, 1.0)), 0.0)), x)
    assert not fixed.births
    assert np.isfinite(fixed["x"].gradient).all()


def test_a_gradient_too_large_for_float32_is_born_where_it_overflows():
    def f(x):
        a = x * np.float32(1e30)
        return a * np.float32(1e30)

    (birth,) = births(f, np.float32(1e-35))
    assert (birth.way, birth.kind, birth.place.operation) == ("backward", "inf", "multiply")
    assert "float32 ends at 3.4e+38" in birth.because


# ── training ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_bad_step_of_training_is_found_with_its_operation():
    def cost(w, x, y):
        z = w * x
        return np.mean(np.exp(z) - y * z)

    x, y = np.array([1.0, 2.0]), np.array([3.0, 1.0])
    report = first_bad_step(cost, np.float64(5.0), [(x, y)] * 50, lambda w, g: w + 0.01 * g)
    assert report.bad_step > 1
    assert report.births[0].place.operation == "exp"
    assert f"in training step {report.bad_step}" in str(report)
    assert first_bad_step(cost, np.float64(0.1), [(x, y)] * 5, lambda w, g: w - 0.01 * g) is None
    with pytest.raises(ArgumentError, match="a batch is a ndarray"):
        first_bad_step(cost, np.float64(0.1), [x], lambda w, g: w)


def test_a_step_of_a_network_is_told_by_its_layers(rng):
    net = wg.Network([3, 4, 2], activation="relu", seed=0, dtype="float64")
    net.weights[1][0, 0] = np.inf
    X, Y = np.abs(rng.normal(size=(5, 3))), rng.normal(size=(5, 2))
    report = why_step(net.architecture.mean_cost, net.parameters, X, Y, step=7)
    assert (report.bad_step, report.births[0].place.made, report.births[0].way) == (7, "w^2_00", "given")
    assert {value.name for value in report.values} == {"W^1", "W^2", "b^1", "b^2"}


def test_the_report_of_a_birth_is_data_without_nan():
    report = why_values(lambda x: np.sum(np.log(x)), np.array([0.0, -1.0]))
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["result"] == "NaN"
    assert data["births"][0]["place"]["operation"] == "log"
    assert data["values"][0]["births"] == [0]


# ── planted in random programs ───────────────────────────────────────────────────────────────────────────────────────

TAME = (np.tanh, np.sin, lambda v: v * 0.7 + 0.1, lambda v: 1.0 / (1.0 + v * v), np.arctan, lambda v: v[::-1] * 1.1)
BIRTHS = {
    "log": (lambda v: np.log(v - v), "forward"),
    "divide": (lambda v: v / (v - v), "forward"),
    "exp": (lambda v: np.exp(v * v * 1e6 + 800.0), "forward"),
    "arccos": (lambda v: np.arccos(v * 0.0 + 3.0), "forward"),
    "square": (lambda v: np.square(v + 1e200), "forward"),
    "sqrt": (lambda v: np.sqrt(v - v), "backward"),
    "power": (lambda v: (v - v) ** 0.5, "backward"),
    "arcsin": (lambda v: np.arcsin(v * 0.0 + 1.0), "backward"),
}


@settings(max_examples=200)
@given(
    planted=st.sampled_from(sorted(BIRTHS)),
    before=st.lists(st.integers(0, len(TAME) - 1), max_size=3),
    after=st.lists(st.integers(0, len(TAME) - 1), max_size=3),
    at=st.integers(0, 2),
)
def test_a_birth_planted_anywhere_in_a_program_is_named(planted, before, after, at):
    plant, way = BIRTHS[planted]

    def program(x, beside):
        v = x
        for i in before:
            v = TAME[i](v)
        bad = plant(v)
        v = v.at[at].set(bad[at])
        for i in after:
            v = TAME[i](v + 0.01)
        return np.sum(v * v + 3.0 * v) + np.sum(beside**2)

    report = why_values(program, np.array([0.4, 0.9, 1.3]), np.array([1.0, 2.0]))
    assert not report["beside"].births
    if way == "forward" and np.isfinite(report.result) and np.isfinite(report["x"].gradient).all():
        assert not report.births  # tanh, arctan and 1 / (1 + v²) make a finite number of inf again
        return
    assert (report.births[0].way, report.births[0].place.operation) == (way, planted)
    if not np.isfinite(report.result):
        assert report.births[0].index == (at,)
