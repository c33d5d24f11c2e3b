"""Derivations in LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from latex2mathml.converter import convert
from tests.render.examples import MAKERS, everything

from whygrad.render.latex import explanation_latex, prose, safe

NAMES = [make.__name__ for make in MAKERS]


def formulas(latex: str) -> list[str]:
    """The single lines of all derivations, without alignment."""
    lines = []
    for block in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", latex, re.DOTALL):
        lines += [re.sub(r"&+", " ", line).strip() for line in block.split(r" \\" + "\n")]
    return lines


@pytest.mark.parametrize("name", NAMES)
def test_braces_are_balanced_and_every_character_is_ascii(name):
    latex = explanation_latex(everything()[name], 10)
    assert latex.isascii()
    for line in formulas(latex):
        depth = 0
        for brace in re.findall(r"(?<!\\)[{}]", line):
            depth += 1 if brace == "{" else -1
            assert depth >= 0
        assert depth == 0
        assert line.count(r"\left") - line.count(r"\leftarrow") == line.count(r"\right") - line.count(r"\rightarrow")


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_a_formula_that_a_parser_takes(name):
    for line in formulas(explanation_latex(everything()[name], 10)):
        assert "<math" in convert(line)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hostile"])  # matplotlib does not know an ampersand
def test_factors_can_be_set_by_matplotlib(name):
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for factor in everything()[name].factors[:12]:
        parser.parse(f"${safe(factor.by.latex)}$")


def test_a_neuron_reads_from_the_chain_rule_to_the_number():
    assert explanation_latex(everything()["neuron"], 10) == (
        "\\begin{align*}\n"
        r"  \frac{\partial C}{\partial w} &= \underbrace{\frac{\partial C}{\partial a}}_{2\,(a - y)} \cdot "
        r"\underbrace{\frac{\partial a}{\partial z}}_{a \cdot (1 - a)} \cdot "
        r"\underbrace{\frac{\partial z}{\partial w}}_{a_{0}} \\"
        "\n"
        r"  &= \left(-0.7551\right) \cdot 0.2350 \cdot 0.6 \\"
        "\n"
        "  &= -0.1065\n"
        "\\end{align*}\n"
    )


def test_names_in_a_sentence_are_set_as_formulas():
    assert "2 paths lead from $(W_{1})_{0,0}$ to $C$." in explanation_latex(everything()["golden"], 10)


def test_a_short_sum_is_written_out_and_a_long_one_gets_a_sigma():
    assert r"\sum" not in explanation_latex(everything()["golden"], 10)
    assert r"\sum_{k=1}^{20}" in explanation_latex(everything()["batch"], 10)


def test_long_chains_are_broken_into_lines_and_shortened():
    latex = explanation_latex(everything()["deep"], 10)
    assert r"\underbrace{\cdots}_{189\text{ more}}" in latex
    assert max(line.count(r"\underbrace") for line in latex.splitlines()) <= 4


@pytest.mark.parametrize(("name", "ascii_"), [
    ("σ", r"\sigma "), ("Δ", r"\Delta "), ("Λ", r"\Lambda "), ("Α", r"\mathrm{A}"), ("é", "e"),
    ("a⟨2⟩", r"a\langle 2\rangle "),
    ("重", r"\mathrm{cjk\ unified\ ideograph\ 91cd}"),
])  # fmt: skip
def test_a_name_may_hold_any_letter_that_python_allows(name, ascii_):
    assert safe(name) == ascii_
    assert safe(safe(name)) == ascii_


def test_keys_are_indices():
    assert safe(r"\mathrm{params}_{'W1'][0,0}") == r"\mathrm{params}_{W1,0,0}"


def test_words_keep_the_characters_that_latex_reads_as_commands():
    assert prose("50 % of w_1 & {x}") == r"50 \% of w\_1 \& \{x\}"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.slow
def test_everything_compiles(tmp_path):
    body = "\n\n".join(explanation_latex(everything()[name], 10) for name in NAMES)
    document = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n" + body + "\\end{document}\n"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path,
                          capture_output=True, text=True, check=False, errors="replace")  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_case_of_a_networks_neuron_is_marked_and_left_out_elsewhere():
    latex = explanation_latex(everything()["hidden_neuron"])
    assert r"\begin{cases} \text{the slope of the cost} & \text{output layer, } l = 2 \\ \sum_i" in latex
    assert latex.count(r"\leftarrow \text{ this case}") == 1
    assert "cases" not in explanation_latex(everything()["golden"])
