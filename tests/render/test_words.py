"""The sentences that the terminal and the page share."""

from __future__ import annotations

import math

import pytest
from tests.render.examples import everything

from whygrad.render import words


@pytest.mark.parametrize(("python", "spoken"), [
    ("2 * (a - y)", "2 · (a - y)"), ("x ** 2", "x^2"), ("((a * b))", "a · b"), ("(a) + (b)", "(a) + (b)"), ("", ""),
    ("f(x)", "f(x)"),
])  # fmt: skip
def test_a_formula_is_spoken_as_people_write_it(python, spoken):
    assert words.spoken(python) == spoken


def test_a_long_list_keeps_its_ends_and_says_how_much_it_left_out():
    assert words.ends(range(100), 6) == (range(3), 94, range(97, 100))


def test_leaving_out_a_single_item_would_save_nothing():
    assert words.ends(range(7), 6) == (range(7), 0, ())


def test_shares_of_the_listed_paths_are_parts_of_all_paths():
    why = everything()["batch"]
    paths = why.paths(20)
    shares = words.shares(why, paths)
    assert math.isclose(sum(shares), 1.0)
    total = sum(abs(path.value) for path in paths)
    assert all(math.isclose(share, abs(path.value) / total) for share, path in zip(shares, paths, strict=True))


def test_terms_shown_and_the_rest_add_up_to_the_factor():
    (factor,) = everything()["batch"].factors
    shown, more, rest = words.terms(factor)
    assert len(shown) + more == 20
    assert math.isclose(sum(term.value for term in shown) + rest, factor.value)


def test_a_line_of_code_names_the_file_but_not_its_folder():
    found = words.lines(everything()["neuron"])
    assert [line.code for line in found] == ["z = w * a0 + b", "a = wg.sigmoid(z)", "C = (a - y) ** 2"]
    assert all(line.place.startswith("examples.py:") for line in found)


def test_where_the_source_is_gone_the_line_has_no_code():
    assert {line.code for line in words.lines(everything()["hostile"])} == {""}


def test_values_on_the_way_run_from_the_value_asked_about_to_the_cost():
    on_the_way, beside = words.values(everything()["neuron"])
    assert [name for name, _ in on_the_way] == ["w", "z", "a", "C"]
    assert {name for name, _ in beside} == {"b", "a0", "y"}


def test_an_element_depends_as_its_array_does():
    assert words.depends(everything()["golden"]) == "W1 moves C through z1, a1, z2, a2."
