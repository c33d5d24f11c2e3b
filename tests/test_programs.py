"""Random programs, differentiated in every way there is: the ways must agree, and a wrong rule must show."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts.check_programs import Program, Tally, check, disagreements, random_program, report, traced

from whygrad.graph.show import show
from whygrad.graph.verify import broken_promises
from whygrad.rules.define import NUMPY

pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:.*degrees of freedom")

PROGRAMS = st.builds(
    lambda seed, length, shared, dtype: random_program(np.random.default_rng(seed), length, shared, dtype),
    st.integers(0, 2**32 - 1), st.integers(3, 30), st.booleans(), st.sampled_from(["float64", "float64", "float32"]))


@pytest.mark.slow
@settings(max_examples=500)
@given(PROGRAMS)
def test_reverse_mode_forward_mode_and_measurement_agree_on_random_programs(program: Program) -> None:
    assert not disagreements(program, Tally()), str(program)


@settings(max_examples=50)
@given(PROGRAMS)
def test_the_graphs_of_random_programs_keep_every_promise(program: Program) -> None:
    nodes = traced(program)
    assert not broken_promises(nodes)
    assert len(show(nodes).splitlines()) == len(nodes)


@pytest.mark.peers("torch")
@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(3, 30))
def test_pytorch_agrees_on_random_programs(seed: int, length: int) -> None:
    tally = Tally()
    program = random_program(np.random.default_rng(seed), length, shared=True)
    assert not disagreements(program, tally, ("torch",)), str(program)


@pytest.mark.slow
@pytest.mark.peers("jax")
def test_jax_agrees_on_random_programs() -> None:
    tally = Tally()
    for seed in range(10):
        program = random_program(np.random.default_rng(seed), 12, shared=True)
        assert not disagreements(program, tally, ("jax",)), str(program)
    assert tally.compared["jax"] >= 8


@pytest.fixture
def wrong_tanh(monkeypatch: pytest.MonkeyPatch) -> None:
    right: Any = NUMPY[np.tanh]
    wrong = dataclasses.replace(right, pulls=(lambda g, out, x: 1.001 * g * (1 - out**2),))
    monkeypatch.setitem(NUMPY, np.tanh, wrong)


@pytest.mark.usefixtures("wrong_tanh")
def test_a_rule_that_is_wrong_by_a_thousandth_is_found_and_the_program_cut_down() -> None:
    tally = check(seed=0, numbers=range(0, 40, 2), peers=())
    assert tally.failures
    assert all("tanh" in failure for failure in tally.failures)
    assert "--seed 0 --only" in tally.failures[0]
    assert f"{len(tally.failures)} failures" in report(tally)


def test_the_same_numbers_give_the_same_programs() -> None:
    first, again = (check(seed=3, numbers=range(4), peers=()) for _ in range(2))
    assert report(first) == report(again)
    assert first.programs == 4
    assert first.steps > 12
    assert not first.failures
