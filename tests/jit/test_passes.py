"""Passes: every one leaves a legal program that computes the same numbers."""

from __future__ import annotations

import numpy as np
import optree
import pytest
from tests.jit.programs import EXAMPLES

import whygrad as wg
from whygrad.jit.capture import capture
from whygrad.jit.check import broken_promises
from whygrad.jit.expand import expanded
from whygrad.jit.in_place import added_in_place
from whygrad.jit.interpret import interpret
from whygrad.jit.passes import dead, merged, optimized, simplified
from whygrad.jit.program import Op, Program, Var, listing
from whygrad.jit.roll import rolled
from whygrad.rules.table import RULES

PASSES = {
    "dead": dead,
    "merged": merged,
    "simplified": simplified,
    "optimized": optimized,
    "expanded": expanded,
    "added in place": added_in_place,
}


def captured(name: str) -> tuple[Program, list[np.ndarray]]:
    function, args, argnums = EXAMPLES[name]
    program = capture(wg.value_and_grad(function, argnums), args, {}).program
    return program, [np.asarray(x) for x in optree.tree_leaves(args)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_captured_program_is_legal_and_computes_what_the_function_does(name: str) -> None:
    program, inputs = captured(name)
    assert broken_promises(program) == []
    function, args, argnums = EXAMPLES[name]
    want = optree.tree_leaves(wg.value_and_grad(function, argnums)(*args))
    for x, y in zip(interpret(program, inputs), want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("step", PASSES)
def test_a_pass_leaves_a_legal_program_with_the_same_numbers(name: str, step: str) -> None:
    program, inputs = captured(name)
    want = interpret(program, inputs)
    program = PASSES[step](program)
    assert broken_promises(program) == []
    for x, y in zip(interpret(program, inputs), want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
def test_all_passes_one_after_the_other_leave_a_legal_program(name: str) -> None:
    program, inputs = captured(name)
    want = interpret(program, inputs)
    for step in (optimized, expanded, optimized, rolled, added_in_place):
        program = step(program)
        assert broken_promises(program) == [], step.__name__
    for x, y in zip(interpret(program, inputs), want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def of(function, *args) -> Program:  # type: ignore[no-untyped-def]
    return optimized(capture(function, args, {}).program)


def rules_of(program: Program) -> list[str]:
    return [op.rule.name for op in program.ops if isinstance(op, Op)]


def test_equal_steps_are_computed_once() -> None:
    assert rules_of(of(lambda x: np.exp(x) + np.exp(x), np.ones(3))).count("exp") == 1


def test_a_step_that_nothing_needs_goes() -> None:
    def wasteful(x):  # type: ignore[no-untyped-def]
        np.exp(x)
        return x + 1.0

    assert rules_of(of(wasteful, np.ones(3))) == ["add"]


def test_a_transpose_of_a_product_becomes_a_product_of_transposes() -> None:
    program = of(lambda x, y: (x @ y).T, np.ones((2, 3)), np.ones((3, 4)))
    assert rules_of(program) == ["transpose", "transpose", "matmul"]


def test_the_gradient_of_a_linear_layer_needs_no_transposed_result() -> None:
    program = of(wg.grad(lambda W, x: np.sum((x @ W.T) ** 2)), np.ones((4, 3)), np.ones((5, 3)))
    assert rules_of(program)[-1] == "matmul"


def test_what_the_user_computes_from_constants_alone_is_computed_once() -> None:
    program = of(lambda x: x * (np.float64(2.0) ** 3), np.ones(3))
    assert rules_of(program) == ["multiply"]


def test_a_change_by_a_product_becomes_one_step() -> None:
    def step(W, x, y, rate):  # type: ignore[no-untyped-def]
        return W - rate * (x.T @ y)

    program = added_in_place(of(step, np.ones((3, 4)), np.ones((5, 3)), np.ones((5, 4)), 0.1))
    assert rules_of(program) == ["transpose", "negative", "matmul_add"]


def test_a_product_that_is_also_needed_elsewhere_is_not_absorbed() -> None:
    def step(W, x, y):  # type: ignore[no-untyped-def]
        g = x @ y
        return W - g, g

    program = added_in_place(of(step, np.ones((3, 4)), np.ones((3, 2)), np.ones((2, 4))))
    assert "matmul_add" not in rules_of(program)


def test_zero_times_a_slope_that_may_be_infinite_stays_zero() -> None:
    f = wg.grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)))
    x = np.array([0.0, 1.0, 2.0])
    program = optimized(capture(f, (x,), {}).program)
    np.testing.assert_array_equal(interpret(program, [x])[0], [0.0, 1.0, 0.5])


def test_the_checker_finds_what_is_wrong() -> None:
    x, y, z = Var((2,), np.dtype(float)), Var((3,), np.dtype(float)), Var((2,), np.dtype(float))
    add = RULES["add"]
    wrong = {
        "read before": Program("p", (x,), {}, (Op(z, add, (x, z)),), (z,)),
        "computed twice": Program("p", (x,), {}, (Op(z, add, (x, 1.0)), Op(z, add, (x, 2.0))), (z,)),
        "not computed": Program("p", (x,), {}, (), (z,)),
        "returns": Program("p", (x,), {}, (Op(y, add, (x, 1.0)),), (y,)),
    }
    for said, program in wrong.items():
        assert any(said in line for line in broken_promises(program)), said


def test_a_listing_has_a_line_for_each_step_with_the_users_names() -> None:
    program = of(lambda x: np.sum(np.tanh(x)), np.ones(3))
    assert listing(program).splitlines()[0] == "lambda(x: float64[3])".replace("lambda", "program")
    assert "tanh(x)" in listing(program)


def test_slopes_that_choose_among_numbers_stay_in_the_precision_of_what_they_multiply() -> None:
    x = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
    for f in (lambda x: np.sum(np.maximum(x, x.T) ** 2), lambda x: np.sum(np.clip(x, -1, 1) * x)):
        slope = wg.jit(wg.grad(f), backend="native")
        np.testing.assert_allclose(slope(x), wg.grad(f)(x), rtol=1e-6)
        assert "float64" not in slope.source
