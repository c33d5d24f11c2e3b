"""A small run of scripts/mistakes.py: the right mistake is named, and right derivations are never reported."""

from __future__ import annotations

import pytest
from scripts.learners import KINDS, task
from scripts.mistakes import false_alarms, measure


@pytest.mark.slow
def test_the_right_mistake_is_named_in_95_of_100_random_programs():
    score = measure(100, seed=11)
    assert score.pairs == 100
    assert score.share >= 0.95, "\n".join(score.examples)
    assert score.count("not noticed") == 0


def test_nothing_is_reported_on_100_right_derivations_of_either_precision():
    assert false_alarms(100, seed=12) == []


def test_a_program_depends_on_the_seed_and_its_number_alone():
    first, again = task(3, 17)[0], task(3, 17)[0]
    assert first.forward == again.forward
    assert first.lines() == again.lines()
    assert {task(3, i)[0].kind for i in range(len(KINDS))} == {
        "chain", "dense network", "value used again", "recurrent", "matrices"
    }  # fmt: skip
