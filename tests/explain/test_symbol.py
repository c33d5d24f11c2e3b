"""Formulas that write themselves: names in LaTeX, and arithmetic that leaves out what says nothing."""

import pytest

from whygrad.explain.symbol import Symbol, latex_name, symbol


@pytest.mark.parametrize(("name", "latex"), [
    ("w", "w"), ("w1", "w_{1}"), ("a_2", "a_{2}"), ("delta", r"\delta"), ("theta1", r"\theta_{1}"),
    ("loss", r"\mathrm{loss}"), ("my_loss", r"\mathrm{my\_loss}"), ("z^2", "z^{2}"), ("z^2_0", "z^{2}_{0}"),
    ("W[0, 1]", "W_{0,1}"), ("W1[0, 1]", "(W_{1})_{0,1}"), ("h⟨3⟩", "h^{(3)}"), ("h1⟨3⟩", "h_{1}^{(3)}"),
    ("h⟨3⟩[2]", "h^{(3)}_{2}"), ("params['W1'][0, 1]", r"\mathrm{params}_{\mathrm{W1},0,1}"),
    ("layers[0]['b_1']", r"\mathrm{layers}_{0,\mathrm{b\_1}}"), ("add#2", r"\mathrm{add\#2}"), ("é", "é"),
])
def test_names_are_set_as_people_write_them(name, latex):
    assert latex_name(name) == latex


def test_what_says_nothing_is_left_out():
    x, y = Symbol("x"), Symbol("y")
    assert [(1.0 * x).text, (x + 0.0).text, (x - 0.0).text, (0.0 * x).text, (x / 1.0).text, (x**1).text] == [
        "x", "x", "x", "0", "x", "x"]
    assert (symbol(2) * symbol(3)).text == "6"
    assert ((-x) * (-y)).text == "x * y"
    assert (x - (-y)).text == "x + y"
    minus_x = -x
    assert (-minus_x).text == "x"


def test_brackets_stand_where_the_meaning_needs_them():
    x, y = Symbol("x"), Symbol("y")
    assert ((x + y) * x).text == "(x + y) * x"
    assert (x - (y - x)).text == "x - (y - x)"
    assert ((x * y) ** 2).text == "(x * y) ** 2"
    assert ((-x) ** 2).text == "(-x) ** 2"
    assert (x / (y * x)).text == "x / (y * x)"
    assert (2.0 * (x - y)).latex == r"2\,(x - y)"
