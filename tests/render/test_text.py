"""Explanations in the terminal."""

from __future__ import annotations

import re

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.render.examples import HOSTILE, MAKERS, everything

import whygrad as wg
from whygrad.render.text import explanation_renderable, explanation_text

NAMES = [make.__name__ for make in MAKERS]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_terminal_and_none_carries_color_codes(name, width):
    text = explanation_text(everything()[name], width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_a_neuron_is_explained_by_its_three_factors_with_formula_value_and_meaning():
    text = str(everything()["neuron"])
    assert text.startswith("∂C/∂w = -0.1065")
    assert "w 1.5   z 0.5   a 0.6225   C 0.1425" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "∂C/∂w = ∂C/∂a · ∂a/∂z · ∂z/∂w" in text
    assert re.search(r"∂C/∂a .*2 · \(a - y\).*2 · \(0\.6225 - 1\).*-0\.7551 +how wrong the output", text)
    assert re.search(r"∂a/∂z .*a · \(1 - a\).*0\.2350 +how responsive the", text)
    assert "(-0.7551) × 0.2350 × 0.6 = -0.1065" in text
    assert "One path leads from w to C.\n  w → z → a → C" in text
    assert re.search(r"examples\.py:\d+ +z = w \* a0 \+ b +∂z/∂w", text)


def test_where_paths_merge_each_term_is_listed_with_the_sum():
    text = str(everything()["golden"])
    assert re.search(r"z2\[0\] +W2\[0, 0\] = 2 +× \(-0\.1550\) +-0\.3101", text)
    assert re.search(r"z2\[1\] +W2\[1, 0\] = -1 +× 0\.2950 +-0\.2950", text)
    assert re.search(r"sum +-0\.6051", text)
    assert re.search(r"-0\.07733 +51 % +W1\[0, 0\] → z1\[0\] → a1\[0\] → z2\[0\] → a2\[0\] → C", text)


def test_a_neuron_of_a_network_shows_which_case_of_the_formula_is_its_own():
    text = str(everything()["hidden_neuron"])
    assert "  ∂C/∂a^1_11 = { the slope of the cost     output layer, l = 2\n" in text
    assert "               { Σ_i ∂C/∂z^2_i · w^2_i,11  hidden layer, l < 2  ← this case\n" in text
    assert "Output layer or hidden layer" not in str(everything()["golden"])


def test_of_many_terms_the_largest_are_listed_and_the_rest_is_counted_and_added_up():
    text = str(everything()["batch"])
    assert re.search(r"and 12 more +0\.002362", text)
    assert "20 paths lead from w[1] to loss." in text
    assert re.search(r"The 5 strongest carry \d+ % of what all paths contribute", text)
    assert "96 % of it cancels" in " ".join(text.split())


def test_a_chain_of_hundreds_of_factors_shows_its_two_ends():
    text = str(everything()["deep"])
    assert "189 more factors" in text
    assert "… 189 more …" in text
    assert len(text.splitlines()) < 100


def test_a_small_array_is_printed_and_a_formula_says_how_the_gradient_is_carried_on():
    text = str(everything()["array"])
    assert "2 × 2 array, norm 0.1808" in text
    assert re.search(r"-0\.1509 +-0\.07545\n +0\.05823 +0\.02911", text)
    assert "∂C/∂z1 @" in text


def test_a_zero_is_explained_by_the_factor_that_is_zero():
    assert "The gradient is zero because ∂a/∂z is zero" in " ".join(str(everything()["zero"]).split())


def test_a_value_without_a_path_is_told_so():
    text = str(everything()["without_a_path"])
    assert "The gradient is zero because no path leads from w to" in text
    assert "No path leads from w to" in text


def test_a_gradient_that_is_not_a_number_names_the_factor_where_it_begins():
    assert "The gradient is NaN because ∂C/∂a is NaN." in str(everything()["not_a_number"])


def test_names_are_never_read_as_markup():
    assert HOSTILE in str(everything()["hostile"]).replace("\n", "")
    assert "[bold]" in explanation_text(_named("[bold]"))


def _named(name: str):
    import whygrad as wg

    return wg.explain(lambda given: given[name] * 2.0, {name: 1.0}, wrt=f"given[{name!r}]")


def test_a_terminal_with_colors_gets_them():
    console = Console(width=80, force_terminal=True, color_system="truecolor")
    with console.capture() as captured:
        console.print(explanation_renderable(everything()["neuron"]))
    assert "\x1b[" in captured.get()


def test_a_single_step_has_nothing_to_multiply():
    def cost(a, b):
        return (a * b - 1.0) ** 2

    why = wg.explain(cost, 1.0, 2.0, wrt="a")
    said = str(why) + why.latex() + why.html()
    assert "The only factor" in said
    assert "4 = 4" not in said
    assert "∂C/∂a = ∂C/∂a" not in said


def test_terms_that_cancel_are_why_a_gradient_is_zero():
    why = wg.explain(lambda a: a * 2 - a * 2, 3.0)
    assert "The gradient is zero because its terms cancel." in str(why)
    assert "makes the product zero" not in str(why)


def test_zero_times_infinity_is_written_as_such():
    text = str(wg.explain(lambda a: np.sqrt(a) * 0, 0.0))
    assert "0 · inf" in text
    assert "NaN = NaN" not in text
