"""The graph of single numbers: steps that stand alone, and slopes that are 0 by chance."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.explain.elements import flat_push, on_other_values
from whygrad.graph.record import record


def test_a_step_standing_alone_runs_on_other_values_and_leaves_the_program_as_it_is():
    def cost(W, x):
        z = W @ x
        return np.sum(z)

    program = record(cost, (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.0, 5.0])), {})
    z = program.find("z")
    before, tape = [x.copy() for x in z.input_values()], list(program.tape)
    alone = on_other_values(z, [np.full((2, 2), 7.0), np.array([10.0, 20.0])])
    assert flat_push(alone, 0, np.array([[1.0, 0.0], [0.0, 1.0]])).tolist() == [10, 20]  # row by row the other x
    assert flat_push(alone, 1, np.array([1.0, 0.0])).tolist() == [7, 7]
    assert flat_push(z, 0, np.array([[1.0, 0.0], [0.0, 1.0]])).tolist() == [0, 5]
    assert (alone.rule, alone.parents, alone.within is z.within) == (z.rule, (), False)
    assert all(np.array_equal(x, y) for x, y in zip(z.input_values(), before, strict=True))
    assert len(program.tape) == len(tape)


@pytest.mark.parametrize("times", [np.matmul, lambda W, x: np.einsum("jk,k->j", W, x), lambda W, x: W * x])
def test_a_slope_that_is_zero_because_its_partner_is_zero_is_still_a_path(times):
    def cost(W, x):
        z = times(W, x)
        return np.sum(z**2)

    why = wg.explain(cost, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.0, 5.0]), wrt=("W", (1, 0)))
    assert (why.value, why.path_count) == (0, 1)
    assert [f.value for f in why.factors if f.by.text == "W[1, 0]"] == [0]
