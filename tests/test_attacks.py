"""Mistakes that people make, and inputs that nobody expects: each ends in the right number or in one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, DtypeError, TracedValueError

X = np.array([1.0, 2.0, 3.0])
THREE = wg.Variable(3.0)
ROWS = np.random.default_rng(0).normal(size=(20, 2))
LABELS = (ROWS[:, 0] > 0).astype(int)


def total(x: Any) -> Any:
    return np.sum(x**2)


# ── numbers that would be wrong in silence ───────────────────────────────────────────────────────────────────────────


def test_where_with_a_python_number_keeps_float32() -> None:
    x = X.astype(np.float32)
    value, gradient = wg.value_and_grad(lambda x: np.sum(np.where(x > 1, x, 0.0)))(x)
    assert value.dtype == np.sum(np.where(x > 1, x, 0.0)).dtype == gradient.dtype == np.float32


def test_a_pull_does_not_see_what_happens_to_its_primals_later() -> None:
    x = X.copy()
    _, pull = wg.vjp(total, x)
    x[:] = 0
    np.testing.assert_array_equal(pull(1.0)[0], 2 * X)


@pytest.mark.parametrize("size", [1e10, 1e16, 1e200])
@pytest.mark.parametrize("function", [np.logaddexp, np.logaddexp2])
def test_the_shares_of_two_equal_numbers_are_one_half_however_large_they_are(function: Any, size: float) -> None:
    assert wg.grad(function, argnums=(0, 1))(size, size) == (0.5, 0.5)


@pytest.mark.parametrize("function", [np.logaddexp, np.logaddexp2])
def test_far_apart_numbers_have_shares_zero_and_one_also_in_the_second_derivative(function: Any) -> None:
    assert wg.grad(function, argnums=(0, 1))(np.inf, 0.0) == (1.0, 0.0)
    assert wg.grad(function, argnums=(0, 1))(-3000.0, 3000.0) == (0.0, 1.0)
    for x in (-3000.0, 3000.0):
        assert wg.grad(wg.grad(function))(x, -x) == 0.0


def test_masked_arrays_are_refused_because_their_mask_would_be_forgotten() -> None:
    masked = np.ma.array(X, mask=[False, True, False])
    with pytest.raises(DtypeError, match="MaskedArray"):
        wg.grad(total)(masked)
    with pytest.raises(DataError, match="4 number"):
        wg.Network([2, 2]).fit(np.ma.masked_greater(ROWS, 1), LABELS, epochs=1, progress=False)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_refused_because_its_products_are_not_those_of_arrays() -> None:
    with pytest.raises(DtypeError, match="matrix"):
        wg.grad(lambda x: np.sum(x * x))(np.matrix([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(("args", "kwargs", "says"), [
    ((1.0, 2.0), {}, "too many positional arguments"), ((), {}, "missing a required argument: 'x'"),
    ((1.0,), {"q": 2.0}, "unexpected keyword argument 'q'"),
])
def test_explain_calls_a_function_only_with_the_arguments_it_takes(args: Any, kwargs: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        wg.explain(total, *args, **kwargs)


def test_arguments_behind_a_star_keep_their_number_beside_other_parameters() -> None:
    def cost(x: Any, y: Any = 2.0, *rest: Any, k: Any = 3.0, **more: Any) -> Any:
        return x * y * k * sum(rest, 0.0 + x)

    assert wg.explain(cost, 1.0, 2.0, 3.0, 4.0, k=5.0, wrt="rest[1]").value == 10.0


@pytest.mark.parametrize("weights", [np.zeros((3, 2), int), [[0.0, 0.0]] * 3])
def test_weights_that_could_not_hold_what_is_learned_are_refused_before_training(weights: Any) -> None:
    net = wg.Network([2, 3, 2])
    net.weights[0] = weights
    before = net.weights[1].copy()
    with pytest.raises(ArgumentError, match="weight"):
        net.fit(ROWS, LABELS, epochs=1, progress=False)
    np.testing.assert_array_equal(net.weights[1], before)


def test_read_only_weights_are_refused_before_training() -> None:
    net = wg.Network([2, 3, 2])
    net.weights[0].flags.writeable = False
    with pytest.raises(ArgumentError, match="read-only"):
        net.fit(ROWS, LABELS, epochs=1, progress=False)


# ── one clear error ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("other", [
    Fraction(1, 3), np.array([1, 2, 2], object), np.timedelta64(timedelta(seconds=3)), np.array(["a"])[0], 10**400,
])
def test_objects_that_are_no_numbers_are_one_error(other: Any) -> None:
    with pytest.raises((DtypeError, ArgumentError), match="multiply") as caught:
        wg.grad(lambda x: np.sum(x * other))(X)
    assert "test_attacks.py" in str(caught.value)


@pytest.mark.parametrize("wrt", [None, (), ("x", 1, 2), ["x", 1], 1.5, True])
def test_wrt_that_names_nothing_is_one_error(wrt: Any) -> None:
    with pytest.raises(ArgumentError, match="wrt="):
        wg.explain(total, X, wrt=wrt)


@pytest.mark.parametrize("explained", [
    lambda: wg.explain(total, wg.Variable(2.0)),
    lambda: wg.explain(lambda x: x * THREE, 2.0),
    lambda: wg.grad(lambda x: wg.explain(total, x).value)(2.0),
])
def test_traced_values_in_an_explanation_are_one_error(explained: Callable[[], Any]) -> None:
    with pytest.raises(TracedValueError, match="traced value"):
        explained()


@pytest.mark.parametrize("argnums", [None, 1.0, "x", True, np.int64(1)])
def test_argnums_that_are_no_numbers_of_arguments_are_one_error(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match="argnums"):
        wg.grad(lambda x, y: x * y, argnums=argnums)(2.0, 3.0)


@pytest.mark.parametrize("g", [np.ones(3) * 1j, "abc", None, [[1.0], [1.0, 2.0]]])
def test_a_gradient_that_is_not_real_is_refused_and_its_imaginary_part_not_dropped(g: Any) -> None:
    with pytest.raises((DtypeError, ValueError), match="pull") as pulled:
        wg.vjp(lambda x: x * 2, X)[1](g)
    assert "test_attacks.py" in str(pulled.value)
    if g is not None:
        with pytest.raises((DtypeError, ValueError), match="backward"):
            (wg.Variable(X) * 2).backward(g)


def test_bare_numbers_in_place_of_tuples_are_one_error() -> None:
    for derivative in (wg.jvp, wg.hvp):
        with pytest.raises(ArgumentError, match="tuples"):
            derivative(total, 2.0, 1.0)  # type: ignore[operator]


def test_check_gradient_of_no_function_or_no_argument_is_one_error() -> None:
    with pytest.raises(ArgumentError, match="not a function"):
        wg.check_gradient(3, X)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="argnums=5"):
        wg.check_gradient(total, X, argnums=5)


@pytest.mark.parametrize(("options", "says"), [
    ({"callback": 3}, "callback=3"), ({"progress": "yes"}, "progress='yes'"),
])
def test_options_of_fit_that_can_not_be_called_are_one_error(options: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        wg.Network([2, 2]).fit(ROWS, LABELS, epochs=1, **{"progress": False, **options})


def test_an_activation_that_is_a_number_is_one_error() -> None:
    with pytest.raises(ArgumentError, match="activation=3"):
        wg.Network([2, 2], activation=3)  # type: ignore[arg-type]


def test_a_stored_network_has_whole_numbers_of_neurons_and_a_possible_name(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    wg.Network([2, 3, 2]).save(file)
    file.write_bytes(file.read_bytes().replace(b"[2, 3, 2]", b"[2.,3, 2]"))
    with pytest.raises(DataError, match=r"does not hold|is not a whole"):
        wg.Network.load(file)
    for name in ("a" * 300, "a\0b"):
        with pytest.raises(DataError):
            wg.Network.load(tmp_path / name)
        with pytest.raises(DataError, match="can not be written"):
            wg.Network([2, 3, 2]).save(tmp_path / name)


@pytest.mark.parametrize("path", [None, 3, b"net.safetensors"])
def test_a_path_that_is_none_is_one_error(path: Any) -> None:
    for use in (wg.Network([2, 2]).save, wg.Network.load):
        with pytest.raises(ArgumentError, match="path"):
            use(path)


# ── explanations of unusual functions ────────────────────────────────────────────────────────────────────────────────


def shown_in_every_form(why: Any) -> None:
    for form in (str(why), why.html(), why.latex(), why.graph.svg()):
        assert form
    json.dumps(why.to_dict(), allow_nan=False)


def test_the_gradient_of_a_matrix_that_multiplies_a_constant_vector_is_explained() -> None:
    why = wg.explain(lambda W: np.sum(W @ X), np.ones((2, 3)))
    np.testing.assert_array_equal(why.value, [X, X])
    shown_in_every_form(why)


@pytest.mark.filterwarnings("ignore:overflow")
def test_an_infinite_slope_is_explained() -> None:
    why = wg.explain(lambda x: x * 1e308 * 10, 1.0)
    assert why.value == np.inf
    shown_in_every_form(why)


def test_names_with_quotes_leave_latex_its_braces() -> None:
    key = "<b>&\"'"
    latex = wg.explain(lambda p: p[key] * p["]]>"], {key: 1.0, "]]>": 3.0}, wrt="]]>").latex()
    bare = latex.replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
