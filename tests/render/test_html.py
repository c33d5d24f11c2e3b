"""Explanations as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from tests.render.examples import HOSTILE, MAKERS, everything

from whygrad.render.html import explanation_html, mathml, page

NAMES = [make.__name__ for make in MAKERS]
VOID = {"meta", "br", "img", "hr", "input", "link"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects them and the texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well_formed_and_needs_no_script_and_no_network(name):
    read_page = read(page(name, explanation_html(everything()[name], 10)))
    assert not [tag for tag, _ in read_page.tags if tag in ("script", "link", "img", "iframe", "object")]
    for tag, attributes in read_page.tags:
        for key, value in attributes.items():
            assert not key.startswith("on")
            assert key in ("xmlns", "xmlns:xlink") or "//" not in (value or ""), f"{tag} {key}={value}"
    assert not re.search(r"url\(|@import", page(name, explanation_html(everything()[name], 10)))


def test_nothing_of_the_users_is_read_as_html():
    html = explanation_html(everything()["hostile"], 10)
    assert "<script" not in html
    assert any("<script>" in text for text in read(html).texts)  # shown as it is spelled
    assert "<script" not in page(HOSTILE, "")


def test_a_neuron_shows_formulas_numbers_and_meanings():
    html = explanation_html(everything()["neuron"], 10)
    texts = " ".join(" ".join(read(html).texts).split())
    for said in (
        "Values on the way",
        "how wrong the output is",
        "how responsive the neuron is",
        "how active the input is",
        "(-0.7551) × 0.2350 × 0.6 =",
        "One path leads from w to C.",
        "z = w * a0 + b",
    ):
        assert said in texts
    assert html.count("<math") > 10
    assert html.count("<svg") == 1


def test_styles_reach_only_what_belongs_to_the_explanation():
    html = explanation_html(everything()["golden"], 10)
    for style in re.findall(r"<style>(.*?)</style>", html, re.DOTALL):
        rules = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", style)
        for selector in re.findall(r"([^{}]+)\{[^{}]*\}", rules):
            assert all(re.search(r"\.wg-(why|diagram)\b", one) for one in selector.split(",")), selector


def test_numbers_that_are_none_are_readable():
    texts = " ".join(read(explanation_html(everything()["not_a_number"], 10)).texts)
    assert "NaN" in texts
    assert "The gradient is NaN because" in texts


def test_bars_have_the_length_of_their_share_and_the_color_of_their_sign():
    html = explanation_html(everything()["golden"], 10)
    assert html.count('class="bar minus"') == 4  # two terms, two paths, all negative
    assert 'style="width:100%"' in html
    assert 'style="width:95%"' in html


def test_a_formula_that_can_not_be_set_is_written_as_text():
    assert mathml(r"\frac", "a < b") == "<code>a &lt; b</code>"
    assert mathml("x" * 5000, "a long one") == "<code>a long one</code>"


def test_a_notebook_shows_the_same():
    assert everything()["neuron"]._repr_html_() == explanation_html(everything()["neuron"], 10)


def test_the_case_of_a_networks_neuron_is_a_formula_and_left_out_elsewhere():
    page, other = (explanation_html(everything()[name]) for name in ("hidden_neuron", "golden"))
    assert "Output layer or hidden layer" in page
    assert "<mtext>the&#x000A0;slope&#x000A0;of&#x000A0;the&#x000A0;cost</mtext>" in page
    assert page.count("this&#x000A0;case") == 1
    assert "Output layer or hidden layer" not in other


def test_a_prime_is_kept_and_stands_beside_its_letter():
    assert "<mi>&#x003C3;</mi><mo lspace='0' rspace='0'>&#x02032;</mo>" in mathml(r"\sigma'(z^{2})", "σ'(z^2)")
