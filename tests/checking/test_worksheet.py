"""Worksheets: the numbers, the key, and that every answer is the engine's."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.checking.ladder import LADDER
from whygrad.checking.worksheet import derivations
from whygrad.errors import ArgumentError

NETWORKS = [name for name, kind in LADDER.items() if kind.activations and name not in ("chain", "long-chain")]
EXACT = [name for name, kind in LADDER.items() if not kind.table]
SEEDS = range(3)


def answers(sheet, exercise=0):
    return {question.blank: question.value for question in sheet.exercises[exercise].questions}


def network_of(sheet):
    """The same network as an ``nn.Network``, with x and y."""
    exercise, kind = sheet.exercises[0], LADDER[sheet.kind]
    given = {name.text: value for name, value in exercise.given}
    cost = "cross_entropy" if sheet.kind == "cross-entropy" else "squared_error"
    net = wg.Network(exercise.sizes, activation=list(kind.activations), cost=cost, dtype="float64")
    for l in range(1, len(exercise.sizes)):
        for j in range(exercise.sizes[l]):
            net.biases[l - 1][j] = given[f"b^{l}_{j}"]
            for k in range(exercise.sizes[l - 1]):
                net.weights[l - 1][j, k] = given[f"w^{l}_{j}{k}"]
    x = [given[f"a^0_{k}"] for k in range(exercise.sizes[0])]
    y = [given[f"y_{j}"] for j in range(exercise.sizes[-1])]
    return net, x, y


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_key_of_a_network_is_what_its_equations_say(kind, seed):
    sheet = wg.worksheet(kind, seed)
    key = answers(sheet)
    net, x, y = network_of(sheet)
    for row in net.equations(x, y).rows:
        for index, value in np.ndenumerate(row.left):
            below = "".join(map(str, index))
            letter = {"BP1": "delta", "BP2": "delta", "BP3": "dC/db", "BP4": "dC/dw"}[row.name]
            assert key[f"{letter}^{row.layer}_{below}"] == pytest.approx(value, abs=1e-12)
    assert key["C"] == pytest.approx(net.explain_bias(1, 0, x, y).cost, abs=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_key_of_a_network_is_what_its_explanations_say(kind):
    sheet = wg.worksheet(kind, 5)
    key = answers(sheet)
    net, x, y = network_of(sheet)
    for blank, value in key.items():
        if blank.startswith("dC/da^"):
            layer, j = int(blank[6]), int(blank[8])
            why = net.explain_activation(layer, j, x, y)
            assert value == pytest.approx(why.value, abs=1e-12)


def test_a_chain_agrees_with_the_gradient_of_the_function():
    sheet = wg.worksheet("chain", 3)
    given, key = {name.text: value for name, value in sheet.exercises[0].given}, answers(sheet)

    def cost(a0, w1, w2, w3, y):
        return (w3 * (w2 * (w1 * a0)) - y) ** 2

    found = wg.grad(cost, argnums=(1, 2, 3))(*(given[name] for name in ("a0", "w1", "w2", "w3", "y")))
    assert [key[f"dC/dw{i}"] for i in (1, 2, 3)] == pytest.approx([float(g) for g in found])


def test_a_value_that_is_used_twice_lists_both_paths_and_their_sum():
    for question in wg.worksheet("branch", 2).exercises[0].questions:
        if question.blank in ("dC/du", "dC/da"):
            assert len(question.paths) == 2
            assert sum(path.value for path in question.paths) == pytest.approx(question.value)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_path_into_the_next_layer_is_listed_and_they_add_up(seed):
    found = {q.blank: q for q in wg.worksheet("2-2-2", seed).exercises[0].questions}
    question = found["dC/da^1_0"]
    assert [path.through.text for path in question.paths] == ["z^2_0", "z^2_1"]
    assert sum(path.value for path in question.paths) == pytest.approx(question.value)
    assert question.written.letters.text == "w^2_00 * δ^2_0 + w^2_10 * δ^2_1"


@pytest.mark.parametrize("kind", LADDER)
def test_formulas_with_the_numbers_put_in_give_the_answer(kind):
    names = {"log": np.log, "σ": lambda z: 1 / (1 + np.exp(-z)), "relu": lambda z: max(z, 0), "where": np.where}
    for question in wg.worksheet(kind, 1).exercises[0].questions:
        value = eval(question.written.numbers.text, {"__builtins__": {}}, dict(names))
        assert float(value) == pytest.approx(question.value, rel=5e-3, abs=2e-3), question.blank


def test_cross_entropy_shows_how_the_slope_cancels():
    found = {q.blank: q for q in wg.worksheet("cross-entropy", 0).exercises[0].questions}
    assert found["delta^2_0"].written.letters.text.endswith(" = a^2_0 - y_0")
    assert "(1 - a^2_0)" in found["delta^2_0"].written.letters.text


@pytest.mark.parametrize("kind", LADDER)
def test_the_numbers_are_easy_by_hand(kind):
    for seed in range(6):
        (derivation,) = derivations(kind, seed, 1)
        assert all((2 * value).is_integer() for value in derivation.given.values())
        for value in derivation.numbers:
            assert 0.02 <= abs(value) <= 20
            if kind in EXACT:
                assert round(value, 2) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_no_neuron_is_dead_or_saturated_and_every_sigma_is_in_the_table(kind):
    for seed in range(3):
        sheet = wg.worksheet(kind, seed)
        key = answers(sheet)
        for blank, value in key.items():
            if blank.startswith("sigma'"):
                assert value == 1 or 0.1 <= value < 0.25
        if sheet.table is not None:
            rows = [row[0] for row in sheet.table.rows]
            layer = LADDER[kind].activations.index("sigmoid") + 1
            assert all(z in rows for blank, z in key.items() if blank.startswith(f"z^{layer}_"))


def test_the_table_is_the_engines_to_four_decimals():
    table = wg.worksheet("1-1").table
    assert [name.text for name in table.columns] == ["z", "σ(z)", "σ'(z)"]
    for z, value, slope in table.rows:
        assert value == pytest.approx(float(wg.sigmoid(z)), abs=5.1e-5)
        assert slope == pytest.approx(float(wg.grad(wg.sigmoid)(z)), abs=5.1e-5)


@pytest.mark.parametrize("kind", LADDER)
def test_the_same_seed_gives_the_same_sheet_and_others_give_others(kind):
    assert wg.worksheet(kind, 3) == wg.worksheet(kind, 3)
    assert len({tuple(derivations(kind, seed, 1)[0].given.values()) for seed in range(6)}) >= 4


def test_a_seed_stands_for_these_numbers_for_ever():
    assert [value for _, value in wg.worksheet("chain", 0).exercises[0].given] == [-1.0, 0.5, -1.0, 1.0, -0.5]


def test_several_exercises_have_their_own_numbers_and_the_first_is_that_of_one():
    sheet = wg.worksheet("2-1", 4, count=3)
    assert [exercise.number for exercise in sheet.exercises] == [1, 2, 3]
    assert len({exercise.given for exercise in sheet.exercises}) == 3
    assert sheet.exercises[0] == wg.worksheet("2-1", 4).exercises[0]


def test_a_sheet_is_plain_data_that_can_not_be_changed():
    sheet = wg.worksheet("chain")
    with pytest.raises(dataclasses.FrozenInstanceError):
        sheet.seed = 2
    assert json.loads(json.dumps(sheet.to_dict())) == sheet.to_dict()
    assert set(sheet.to_dict()["exercises"][0]["answers"].values()) == {None}


def test_steps_can_be_taken_again_from_other_numbers():
    derivation = derivations("2-2-2", 1, 1)[0]
    own = {question.blank: question.value for question in derivation.questions}
    assert derivation.follow("dC/db^1_0", own | {"delta^1_0": 0.5}) == 0.5
    assert derivation.follow("sigma'(z^1_0)", own | {"a^1_0": 0.5}) == 0.25
    assert np.isnan(derivations("cross-entropy", 1, 1)[0].follow("C", own | {"a^2_0": -1.0}))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("3-3-3",), "there is no kind of worksheet called '3-3-3'"),
        ((None,), "there is no kind of worksheet called None"),
        (("chain", -1), "seed=-1"),
        (("chain", 1.5), "seed=1.5"),
        (("chain", True), "seed=True"),
        (("chain", 0, 0), "count=0"),
        (("chain", 0, 51), "count=51"),
    ],
)
def test_bad_arguments_get_one_clear_error(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        wg.worksheet(*arguments)
