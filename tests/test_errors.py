"""Bad input: one error that says what, where, why and what to try; and a traceback of the user's own lines."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad import errors
from whygrad.errors import (
    ArgumentError,
    DtypeError,
    LinAlgError,
    MissingMethodError,
    NotScalarError,
    OutOfRangeError,
    RuleError,
    ShapeError,
    TracedValueError,
    UnsupportedError,
    WhygradError,
)

SRC = Path(__file__).resolve().parent.parent / "src"
X, W = np.arange(6.0).reshape(2, 3), np.ones((4, 5))


def gradient_of(f: Callable[..., Any], *args: Any) -> Any:
    return wg.grad(f, tuple(range(len(args))))(*args)


def raised(kind: type[WhygradError], f: Callable[..., Any], *args: Any) -> WhygradError:
    with pytest.raises(kind) as caught:
        gradient_of(f, *args)
    return caught.value


# ── the message ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_error_says_what_where_why_and_what_to_try() -> None:
    error = ShapeError("the shapes do not fit", why="one is longer", try_="x[:3]")
    what, where, why, try_ = str(error).splitlines()
    assert what == "the shapes do not fit"
    assert where.startswith("  where: ")
    assert __file__ in where
    assert where.endswith(f"in {sys._getframe().f_code.co_name}")
    assert (why, try_) == ("  why:   one is longer", "  try:   x[:3]")


def test_where_can_be_told_for_mistakes_that_sit_elsewhere() -> None:
    assert str(errors.DataError("NaN", where="data.csv, row 3")) == "NaN\n  where: data.csv, row 3"


def test_every_error_is_also_the_python_error_it_resembles() -> None:
    for ours, pythons in ((ShapeError, ValueError), (DtypeError, TypeError), (NotScalarError, TypeError),
                          (TracedValueError, TypeError), (UnsupportedError, NotImplementedError),
                          (MissingMethodError, AttributeError), (OutOfRangeError, IndexError),
                          (LinAlgError, np.linalg.LinAlgError), (ArgumentError, ValueError),
                          (errors.DataError, ValueError), (errors.DivergedError, ArithmeticError)):
        assert issubclass(ours, WhygradError)
        assert issubclass(ours, pythons)


# ── what must be a single number ─────────────────────────────────────────────────────────────────────────────────────


def test_a_cost_that_is_not_a_scalar() -> None:
    def my_cost(x: Any) -> Any:
        return x * 2

    error = raised(NotScalarError, my_cost, X)
    assert "my_cost returned an array of shape (2, 3), not a single number" in str(error)
    assert "np.sum(...)" in str(error)
    assert "wg.jacobian" in str(error)


@pytest.mark.parametrize(("result", "said"), [
    (None, "returned a NoneType"), ((1.0, 2.0), "returned a tuple"), ("3", "returned a str"),
    (True, "returned a bool")])
def test_a_cost_that_is_no_number_at_all(result: Any, said: str) -> None:
    assert said in str(raised(NotScalarError, lambda x: result, 1.0))


def test_a_cost_that_is_a_whole_number() -> None:
    assert "which has no slope" in str(raised(DtypeError, np.argmax, X))


def test_has_aux_without_aux() -> None:
    with pytest.raises(ArgumentError, match="has_aux=True, but the function returned a"):
        wg.grad(lambda x: x * 2, has_aux=True)(1.0)


# ── what can be differentiated ───────────────────────────────────────────────────────────────────────────────────────


def test_an_integer_array_to_differentiate() -> None:
    error = raised(DtypeError, np.sum, np.arange(3))
    assert "argument 0 is an array of int64" in str(error)
    assert "astype(float)" in str(error)


def test_the_place_in_a_structure_is_named() -> None:
    error = raised(DtypeError, lambda p: 0.0, {"layers": [1.0, np.ones(2, bool)]})
    assert "argument 0['layers'][1] is an array of bool" in str(error)


@pytest.mark.parametrize("make", [
    lambda: gradient_of(np.sum, 1j * X),
    lambda: gradient_of(lambda x: np.sum(x * 1j), X),
    lambda: gradient_of(lambda x: np.sum(x + np.array([1j, 2, 3])), X)])
def test_complex_numbers_are_refused_by_name(make: Callable[[], Any]) -> None:
    with pytest.raises(DtypeError, match=r"complex.*complex128"):
        make()


def test_arguments_that_are_no_arrays() -> None:
    assert "argument 0 is a str, not an array" in str(raised(DtypeError, lambda x: 0.0, "text"))
    assert "argument 1 is a set" in str(raised(DtypeError, lambda x, y: 0.0, 1.0, {1.0}))


def test_argnums_outside_the_arguments() -> None:
    for argnums, said in ((1, "argnums=1, but the call has 1 positional"), ("w", "not the number of an argument"),
                          ((0, 0), "twice"), ((0, -1), "twice")):
        with pytest.raises(ArgumentError, match=said):
            wg.grad(lambda x: x, argnums)(1.0)  # type: ignore[arg-type]


def test_a_value_where_a_function_belongs() -> None:
    for transform in (wg.grad, wg.value_and_grad, wg.jacobian, wg.hessian, wg.vjp):
        with pytest.raises(ArgumentError, match="needs a function, not a float"):
            transform(3.0)  # type: ignore[operator]


# ── shapes that do not fit ───────────────────────────────────────────────────────────────────────────────────────────


def test_shapes_that_do_not_fit_are_named_with_the_users_variables() -> None:
    def cost(inputs: Any) -> Any:
        weights = W
        return np.sum(inputs @ weights)

    error = raised(ShapeError, cost, X)
    assert "matmul of inputs (2, 3) and weights (4, 5): the shapes do not fit" in str(error)
    assert "in cost" in str(error)
    assert "weights.T has shape (5, 4)" in str(error)


@pytest.mark.parametrize(("f", "said"), [
    (lambda x: x + np.ones(4), "add of x (2, 3) and an array of shape (4,)"),
    (lambda x: np.maximum(np.ones((5, 3)), x), "maximum of an array of shape (5, 3) and x (2, 3)"),
    (lambda x: np.reshape(x, (4, 2)), "reshape of x (2, 3)"),
    (lambda x: x.reshape(7), "reshape of x (2, 3)"),
    (lambda x: np.concatenate([x, W]), "concatenate"),
    (lambda x: np.broadcast_to(x, (4, 4)), "broadcast_to of x (2, 3)"),
    (lambda x: np.where(np.ones(5, bool), x, 0.0), "where"),
    (lambda x: np.einsum("ij,jk->ik", x, W), "einsum"),
    (lambda x: np.linalg.solve(W, x), "solve"),
    (lambda x: np.stack([x, x[0]]), "stack"),
])
def test_every_operation_names_the_shapes(f: Callable[..., Any], said: str) -> None:
    error = raised(WhygradError, lambda x: np.sum(f(x)), X)
    assert isinstance(error, ShapeError), error
    assert said in str(error)
    assert "(2, 3)" in str(error)


def test_parameters_in_a_dict_are_named_as_the_user_wrote_them() -> None:
    error = raised(ShapeError, lambda p, x: np.sum(p["W1"] @ x), {"W1": np.ones((2, 3))}, np.ones(4))
    assert "matmul of p['W1'] (2, 3) and x (4,)" in str(error)


def test_names_are_found_under_nested_traces() -> None:
    def inner(a: Any) -> Any:
        return np.sum(a * np.ones(4))

    error = raised(ShapeError, lambda b: np.sum(wg.grad(inner)(b)), np.ones(3))
    assert "multiply of a (3,) and an array of shape (4,)" in str(error)


def test_axes_and_indices_outside_the_array() -> None:
    assert "axis 2 is out of bounds" in str(raised(WhygradError, lambda x: np.sum(np.sum(x, axis=2)), X))
    error = raised(OutOfRangeError, lambda x: x[5, 0], X)
    assert "x (2, 3)" in str(error)
    assert "index 5 is out of bounds" in str(error)


def test_a_singular_matrix() -> None:
    assert "singular" in str(raised(LinAlgError, lambda m: np.sum(np.linalg.inv(m)), np.zeros((2, 2))))


def test_gradients_and_changes_of_another_shape_or_structure() -> None:
    _, pull = wg.vjp(lambda x: {"a": x}, X)
    with pytest.raises(ShapeError, match=r"gradient given to pull has shape \(3,\), the function's result \(2, 3\)"):
        pull({"a": np.ones(3)})
    with pytest.raises(ShapeError, match="another structure than the function's result"):
        pull([X])
    with pytest.raises(ShapeError, match=r"change given to jvp has shape \(3,\), its primal \(2, 3\)"):
        wg.jvp(lambda x: x, (X,), (np.ones(3),))
    with pytest.raises(ShapeError, match="another structure than the primals"):
        wg.hvp(np.sum, (X,), (X, X))


# ── what would cut a traced value off from its gradient ──────────────────────────────────────────────────────────────


def test_assignment_into_a_traced_array_shows_the_other_form() -> None:
    def f(x: Any) -> Any:
        x[0] = 1.0
        return np.sum(x)

    error = raised(TracedValueError, f, X)
    assert "assignment into the traced array 'x', a float64 array of shape (2, 3)" in str(error)
    assert "x = x.at[i].set(v)" in str(error)


def test_assignment_into_a_plain_array_shows_what_to_write_instead() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(2)
        y[0] = x[0, 0] ** 2
        return y.sum()

    error = raised(TracedValueError, f, X)
    assert "assignment of the traced value (float64 number) into a plain NumPy array" in str(error)
    assert "wg.at(y)[i].set(v) instead of y[i] = v" in str(error)


def test_the_dot_method_of_a_plain_array_is_answered_with_the_operator() -> None:
    error = raised(TracedValueError, lambda w: np.ones((2, 2)).dot(w).sum(), X)
    assert "X @ w or np.dot(X, w) instead of X.dot(w)" in str(error)


@pytest.mark.parametrize("convert", [float, math.sin, math.sqrt, complex, lambda x: x.item()])
def test_conversion_of_a_traced_number_to_a_float(convert: Callable[[Any], Any]) -> None:
    error = raised(TracedValueError, lambda x: convert(x) * x, 0.5)
    assert "float() of the traced value 'x', a float64 number" in str(error)
    assert "np.sin(x), not math.sin(x)" in str(error)


def test_whole_parts_and_texts_of_traced_numbers_are_allowed() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.extend([int(x), round(x), f"{x:.2f}", str(x), f"{x}"])
        return x * int(x)

    assert wg.grad(f)(2.7) == 2.0
    assert seen[:3] == [2, 3, "2.70"]
    assert seen[3] == seen[4] == "<traced 'x', a float64 number: 2.7>"


def test_a_traced_float_is_no_index_and_no_count() -> None:
    for f in (range, lambda x: [1.0, 2.0][x]):
        assert "used as an index or a count" in str(raised(TracedValueError, f, 1.0))


def test_a_question_with_many_answers_is_no_condition() -> None:
    def f(x: Any) -> Any:
        return np.sum(x) if x else 0.0

    error = raised(TracedValueError, f, X)
    assert "the truth of the traced value 'x'" in str(error)
    for hint in ("np.any", "np.all", "np.where"):
        assert hint in str(error)
    assert wg.grad(lambda x: x * 2 if x else x)(1.0) == 2.0


@pytest.mark.parametrize("put", [
    np.asarray, lambda x: np.array([x, x]), lambda x: np.zeros(3).__setitem__(0, x),
    lambda x: np.zeros(3).fill(x), np.float64])
def test_a_traced_value_in_a_plain_array(put: Callable[[Any], Any]) -> None:
    error = raised(TracedValueError, lambda x: np.sum(put(x)) + x, 1.0)
    assert "'x'" in str(error)


def test_in_place_arithmetic_and_out_on_plain_arrays() -> None:
    def add_in_place(x: Any) -> Any:
        total = np.zeros(3)
        total += x
        return np.sum(total)

    def out(x: Any) -> Any:
        return np.sum(np.exp(x, out=np.zeros(3)))

    for f in (add_in_place, out):
        error = raised(TracedValueError, f, np.ones(3))
        assert "would write a traced value into a plain NumPy array" in str(error)
        assert "a = a + x" in str(error)


def test_options_that_can_not_be_honoured() -> None:
    mask = np.ones(3, bool)
    for f, said in ((lambda x: np.exp(x, where=mask), r"np.exp(..., where=...)"),
                    (lambda x: np.add(x, 1, dtype=np.float32), "np.add(..., dtype=...)"),
                    (lambda x: np.sum(x, out=np.zeros(())), "np.sum(..., out=...)")):
        assert f"{said} has no gradient rule" in str(raised(UnsupportedError, lambda x, f=f: np.sum(f(x)), np.ones(3)))


def test_a_traced_value_kept_after_its_function_returned() -> None:
    kept: list[Any] = []
    wg.grad(lambda x: kept.append(x * 2) or x)(1.0)
    with pytest.raises(TracedValueError, match="used after its function returned"):
        kept[0] + 1
    with pytest.raises(TracedValueError, match="used after its function returned"):
        wg.grad(lambda x: x * kept[0])(1.0)


def test_a_checkpointed_function_may_not_use_traced_values_from_outside() -> None:
    with pytest.raises(TracedValueError, match="checkpointed function uses a traced value from outside"):
        wg.grad(lambda x: wg.checkpoint(lambda y: x * y)(2.0))(1.0)


def test_pickling_a_traced_value() -> None:
    assert "pickling the traced value 'x'" in str(raised(TracedValueError, lambda x: len(pickle.dumps(x)), 1.0))


# ── functions without a rule ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_function_without_a_rule_is_named_with_how_to_define_one() -> None:
    for f, name in ((np.fft.fft, "np.fft.fft"), (np.nextafter, "np.nextafter"), (np.unwrap, "np.unwrap")):
        call = (lambda x, f=f: f(x, 1.0)) if f is np.nextafter else f
        if f is np.unwrap and not _has_no_rule(f):
            continue
        error = raised(UnsupportedError, lambda x, call=call: np.sum(call(x)), np.ones(3))
        assert f"{name} has no rule" in str(error)
        assert f"wg.define('{name.rpartition('.')[2]}'" in str(error)


def _has_no_rule(f: Any) -> bool:
    with contextlib.suppress(UnsupportedError):
        wg.grad(lambda x: np.sum(f(x)))(np.ones(3))
        return False
    return True


def test_a_method_that_traced_arrays_lack() -> None:
    error = raised(MissingMethodError, lambda x: x.sort(), np.ones(3))
    assert "traced arrays have no .sort" in str(error)
    assert "np.sort(x)" in str(error)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        wg.grad(lambda x: x.colour)(1.0)


def test_an_unknown_option_of_a_numpy_function() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        wg.grad(lambda x: np.sum(x, speed=3))(np.ones(3))


# ── the traceback ────────────────────────────────────────────────────────────────────────────────────────────────────

MISTAKES = {
    "a cost that is not a scalar": "wg.grad(lambda x: x * 2)(X)",
    "shapes that do not fit": "wg.grad(lambda x: np.sum(x @ np.ones((4, 5))))(X)",
    "shapes inside a nested derivative": "wg.hessian(lambda x: np.sum(x @ np.ones((4, 5))))(X)",
    "a mistake under three public functions": "wg.hvp(wg.checkpoint(lambda x: np.sum(x.reshape(7))), (X,), (X,))",
    "an integer array": "wg.grad(lambda x: np.sum(x))(np.arange(3))",
    "a complex array": "wg.value_and_grad(lambda x: np.sum(x))(1j * X)",
    "assignment": "wg.grad(lambda x: x.__setitem__(0, 1.0))(X)",
    "float()": "wg.grad(lambda x: float(x) * x)(1.0)",
    "a function without a rule": "wg.grad(lambda x: np.sum(np.fft.fft(x)))(X)",
    "an index outside": "wg.grad(lambda x: x[7, 7])(X)",
    "a pull of another shape": "wg.vjp(lambda x: x, X)[1](np.ones(7))",
    "a mistake of the user's own": "wg.hessian(lambda x: x / UNDEFINED)(1.0)",
    "a variable in an operator": "wg.Variable(X) @ wg.Variable(X)",
    "a variable on the right": "X @ wg.Variable(X)",
    "a variable in a method": "wg.Variable(X).reshape(7)",
    "a variable in a NumPy function": "np.concatenate([wg.Variable(X), np.ones((1, 9))])",
    "a variable in a ufunc": "np.exp(wg.Variable(X), out=X)",
    "a variable's index": "wg.Variable(X)[9]",
    "a variable's attribute": "wg.Variable(X).sort()",
    "a variable in float()": "float(wg.Variable(1.0))",
    "a variable in if": "1 if wg.Variable(X) else 2",
    "a variable's backward": "wg.Variable(X).backward()",
    "a variable's value": "setattr(wg.Variable(X), 'value', X)",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_printed_traceback_shows_the_users_lines_alone(mistake: str, tmp_path: Path) -> None:
    script = tmp_path / "users_script.py"
    script.write_text(textwrap.dedent(f"""\
        import numpy as np
        import whygrad as wg
        X = np.arange(6.0).reshape(2, 3)
        def work():
            return {MISTAKES[mistake]}
        work()
        """))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False,
                         env=os.environ | {"PYTHONPATH": str(SRC)})
    assert run.returncode == 1
    traceback = run.stderr
    assert traceback.count("Traceback") == 1, traceback
    files = [line for line in traceback.splitlines() if line.lstrip().startswith("File ")]
    assert files
    assert not [line for line in files if "users_script.py" not in line], traceback
    assert "in work" in traceback
    if mistake != "a mistake of the user's own":
        assert "whygrad.errors." in traceback
        assert "users_script.py:5" in traceback.partition("where:")[2]


def test_a_mistake_of_the_engines_own_keeps_its_traceback() -> None:
    namespace: dict[str, Any] = {"__name__": "whygrad.somewhere"}
    exec("def inside(): raise KeyError('lost')", namespace)
    with pytest.raises(KeyError) as caught:
        errors.public(namespace["inside"])()
    assert [entry.name for entry in caught.traceback][-1] == "inside"


@pytest.mark.parametrize("derivative_of", [
    lambda f: wg.jacobian(f)(np.ones(2)), lambda f: wg.vjp(f, np.ones(2)), lambda f: wg.check_gradient(f, np.ones(2)),
])
@pytest.mark.parametrize(("result", "said"), [("text", "a str, which is no number"), (None, "nothing")])
def test_a_result_that_is_no_number(derivative_of: Callable[..., Any], result: Any, said: str) -> None:
    with pytest.raises(DtypeError, match=f"returned {said}"):
        derivative_of(lambda x: result)


@pytest.mark.parametrize(("row", "said"), [
    ({"slopes": lambda x: x}, "its derivative number 0 can not be called"),
    ({"slopes": "abc"}, "a derivative is a str"),
    ({"slopes": 1.0, "inputs": 3}, "inputs=3"),
])
def test_a_rule_of_the_users_that_makes_no_sense(row: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError, match=said):
        wg.define(**{"name": "f", "inputs": "x", "forward": np.sin, **row})
