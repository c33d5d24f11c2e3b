"""The corpus of training set-ups does what it says, and tools are judged by it as the page says they are."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from scripts.corpus.judging import TOOLS, US, Outcome, Report, judged
from scripts.corpus.matching import OURS, STANDS_FOR, stands_for
from scripts.corpus.recipe import KINDS, Setup, Truth, broken, spelled
from scripts.corpus.score import of
from scripts.corpus.table import BROKEN, HEALTHY, SETUPS, named
from scripts.corpus.verify import checked
from scripts.corpus.watch import LOOKS, watched
from scripts.findings_page import page

from whygrad.diagnosis.findings import FINDINGS
from whygrad.diagnosis.presets import PRESETS

QUICK = [  # a set-up, and what must be said of it
    ("waves, five sigmoid layers", "vanishing-gradients"),
    ("rings, 6 of 8 relu units silenced", "dead-units"),
    ("waves at rate 3", "rate-too-high"),
    ("rings, inputs around 100", "unscaled-inputs"),
    ("waves, targets times 1000", "unscaled-targets"),
    ("rings, hidden layers without activation", "linear-model"),
    ("rings, softmax of a single output", "softmax-of-one"),
    ("root of zero", "not-finite"),
]
QUIET = ["waves, one tanh layer", "rings, one tanh layer", "rings, two relu layers of 16", "digits, no hidden layer"]


def row(name: str) -> int:
    return SETUPS.index(named(name))


def test_the_corpus_is_large_and_its_rows_have_names_of_their_own():
    assert len(BROKEN) >= 40
    assert len(HEALTHY) >= 20
    assert len({setup.name for setup in SETUPS}) == len(SETUPS)


def test_every_truth_is_a_word_of_the_vocabulary_and_names_layers_that_are_there():
    for setup in BROKEN:
        for kind, layers in setup.truth:
            assert kind in KINDS
            assert set(layers) <= set(range(1, len(setup.recipe.hidden) + 2)), setup.name
    assert {kind for setup in BROKEN for kind, _ in setup.truth} == set(KINDS)


def test_a_broken_set_up_is_its_mended_recipe_and_the_fault():
    healthy = named("rings, one tanh layer").recipe
    setup = broken("slow", "rates", healthy, Truth("rate too low"), rate=1e-6)
    assert (setup.recipe.rate, setup.mended) == (1e-6, healthy)
    assert not setup.healthy


@pytest.mark.parametrize("name", [name for name, _ in QUICK[:6]])
def test_the_fault_matters(name):
    result = checked(named(name))
    assert result.holds, f"{name}: learned {result.broken}, mended {result.mended}"


@pytest.mark.parametrize("name", QUIET)
def test_a_healthy_set_up_learns(name):
    assert checked(named(name)).holds


def test_training_is_watched_at_moments_that_keep_their_own_weights():
    records = watched(named("rings, one tanh layer").recipe)
    assert [record.steps for record in records] == [40 * epoch for epoch in range(LOOKS + 1)]
    weights = [record.layers[0].weight for record in records]
    assert all(not np.array_equal(old, new) for old, new in itertools.pairwise(weights))
    assert all(record.layers[0].update is not None for record in records[1:])


def test_where_training_breaks_off_the_last_record_is_of_the_step_that_did_it():
    records = watched(named("waves at rate 3").recipe)
    assert len(records) < LOOKS + 1
    assert np.isfinite(records[-2].cost)
    assert not np.isfinite(records[-1].cost)


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_term_of_every_tool_has_its_place_in_the_table_that_judges_them():
    ids = {name for rule in FINDINGS for name in rule.ids}
    assert ids <= set(OURS)
    assert set(OURS.values()) <= set(STANDS_FOR)
    assert {rule.kind for preset in PRESETS.values() for rule in preset.rules} <= set(STANDS_FOR)
    assert {kind for kinds in STANDS_FOR.values() for kind in kinds} == set(KINDS)


@pytest.mark.parametrize(("name", "id_"), QUICK)
def test_what_is_wrong_is_found_and_by_its_name(name, id_):
    outcome = Outcome(named(name), US, judged(row(name))[1][US])
    assert outcome.verdict == "found"
    assert id_ in [report.term for report in outcome.right]


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_reported_of_what_is_healthy(name):
    outcome = Outcome(named(name), US, judged(row(name))[1][US])
    assert outcome.verdict == "silent", outcome.alarms


def outcome(truth: tuple[Truth, ...], *reports: Report) -> Outcome:
    return Outcome(Setup("s", "f", named(QUIET[0]).recipe, truth), "tool", reports)


def test_an_outcome_is_found_missed_something_else_silent_or_a_false_alarm():
    high, dead, linear = Truth("rate too high"), Report("dead", "dead", (2,)), Report("linear", "no nonlinearity")
    assert outcome((high,), dead).verdict == "found"
    assert outcome((high,), linear).verdict == "something else"
    assert outcome((high,)).verdict == "missed"
    assert outcome(()).verdict == "silent"
    assert outcome((), dead).verdict == "false alarm"
    noted = outcome((high,), dead._replace(note=True))
    assert (noted.verdict, noted.noted) == ("missed", True)


def test_an_outcome_is_located_when_an_alarm_that_is_right_names_one_of_the_layers():
    truth = (Truth("dead units", (1, 2)),)
    assert outcome(truth, Report("dead", "dead", (2,))).located
    assert not outcome(truth, Report("dead", "dead", (3,))).located
    assert not outcome(truth, Report("other", "input scale", (2,))).located


def test_precision_counts_reports_that_are_wrong_and_recall_what_is_not_found():
    high, dead, linear = (Truth("rate too high"),), Report("dead", "dead"), Report("linear", "no nonlinearity")
    score = of([outcome(high, dead), outcome(high, linear), outcome(high), outcome((), dead), outcome(())])
    assert (score.broken, score.healthy, score.found, score.else_, score.alarms) == (3, 2, 1, 1, 1)
    assert score.recall == pytest.approx(1 / 3)
    assert score.precision == pytest.approx(1 / 3)


def test_a_term_stands_for_causes_and_consequences_but_not_for_everything():
    assert stands_for(["dead"], (Truth("rate too high"),))
    assert not stands_for(["dead"], (Truth("wrong labels"),))
    assert not stands_for(["a term that nobody uses"], (Truth("dead units"),))


def test_the_truth_in_words():
    assert spelled((Truth("dead units", (1, 2, 3)), Truth("underflow"))) == "dead units in layers 1 to 3; underflow"
    assert spelled((Truth("saturation", (2,)),)) == "saturation in layer 2"


def test_the_page_names_what_we_miss_and_where_each_rule_was_read():
    names = ["root of zero", "rings, one tanh layer"]
    found = {row(name): {tool: Outcome(named(name), tool, reports) for tool, reports in judged(row(name))[1].items()}
             for name in names}
    missed = named("rings, sigmoid twice")
    found[row(missed.name)] = {tool: Outcome(missed, tool, ()) for tool in TOOLS}
    text = page(found, 1.0)
    assert "- rings, sigmoid twice (cost mismatch in layer 2). Found by: none." in text
    assert "1 of 2 | 50% | 100%" in text
    assert "callback/callbacks.py" in text
    assert not re.search(r"\{[a-z]+\}", text)
