"""Worksheets as Markdown, HTML, LaTeX, JSON and on the command line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from latex2mathml.converter import convert
from typer.testing import CliRunner

import whygrad as wg
from whygrad.checking.ladder import LADDER
from whygrad.cli.app import app


@pytest.mark.parametrize("kind", LADDER)
def test_a_page_has_every_blank_and_the_key_only_when_asked_for(kind):
    sheet = wg.worksheet(kind, 1)
    blank, keyed = sheet.html(), sheet.html(key=True)
    assert blank.count('class="box"') == keyed.count('class="box"') == len(sheet.exercises[0].questions)
    assert "Answer key" not in blank
    assert "Answer key" in keyed
    assert keyed.count('class="answer"') == len(sheet.exercises[0].questions)
    for page in (blank, keyed):
        assert "<script" not in page
        assert "http" not in page.replace("http://www.w3.org", "")
        assert "<code>" not in page, "a formula could not be set"


def test_the_picture_shows_the_given_numbers_and_no_answer():
    page = wg.worksheet("2-2-1", 3).html()
    picture = page[page.index("<svg") : page.index("</svg>")]
    given = [value for _, value in wg.worksheet("2-2-1", 3).exercises[0].given]
    shown = re.findall(r">(?:= |b = |y = )?(-?\d+(?:\.\d+)?)</text>", picture)
    assert sorted(map(float, shown)) == sorted(given)


def test_the_key_starts_on_a_page_of_its_own():
    page = wg.worksheet("chain").html(key=True)
    assert ".wg-sheet .key{break-before:page" in page
    assert page.index('class="exercise"') < page.index('<section class="key">')


@pytest.mark.parametrize("kind", LADDER)
def test_latex_is_balanced_ascii_and_every_formula_parses(kind):
    latex = wg.worksheet(kind, 1, count=2).latex(key=True)
    assert latex.isascii()
    assert latex.count(r"\blank{") == sum(len(e.questions) for e in wg.worksheet(kind, 1, 2).exercises)
    for name in set(re.findall(r"\\begin\{(\w+\*?)\}", latex)):
        assert latex.count(rf"\begin{{{name}}}") == latex.count(rf"\end{{{name}}}")
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    for block in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", latex, re.DOTALL):
        for line in block.split(r" \\" + "\n"):
            assert "<math" in convert(re.sub(r"(?<!\\)&+", " ", line).strip())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.slow
def test_latex_compiles(tmp_path):
    for kind in LADDER:
        (tmp_path / "sheet.tex").write_text(wg.worksheet(kind, 1, 2).latex(key=True), encoding="utf-8")
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"], cwd=tmp_path,
                              capture_output=True, text=True, check=False, errors="replace")  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]


def test_markdown_says_which_sheet_it_is_and_shows_every_step_in_the_key():
    text = wg.worksheet("twice", 0).markdown(key=True)
    assert "<!-- whygrad.worksheet version=1 kind=twice seed=0 count=1 -->" in text
    sheet, key = text.split("# Answer key")
    assert sheet.count("____") == 4
    assert "- ∂C/∂a = ∂C/∂b + ∂C/∂b = " in key
    assert key.count("  - through") == 4
    assert str(wg.worksheet("twice", 0)) == wg.worksheet("twice", 0).markdown()


def test_the_key_shows_letters_numbers_and_the_result():
    text = wg.worksheet("1-1", 1).markdown(key=True)
    assert "- z^1_0 = w^1_00 · a^0_0 + b^1_0 = 0.5 · 3 + (-1) = 0.5" in text
    assert "- σ'(z^1_0) = a^1_0 · (1 - a^1_0) = 0.6225 · (1 - 0.6225) = 0.2350" in text


@pytest.mark.parametrize(
    ("ending", "first"), [(".html", "<!doctype html>"), (".tex", r"\documentclass"), (".md", "# Back"), (".json", "{")]
)
def test_the_command_writes_the_form_of_the_files_ending(tmp_path, ending, first):
    file = tmp_path / f"sheet{ending}"
    done = CliRunner().invoke(app, ["worksheet", "2-1", "--seed", "3", "--count", "2", "--out", str(file), "--key"])
    assert done.exit_code == 0, done.output
    assert "18 blanks" in done.stdout
    assert file.read_text(encoding="utf-8").startswith(first)
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_the_command_prints_json_latex_markdown_and_the_list():
    def out(*words):
        done = CliRunner().invoke(app, ["worksheet", *words])
        assert done.exit_code == 0
        return done.stdout

    assert json.loads(out("chain", "--json"))["exercises"][0]["answers"]["a1"] is None
    assert out("chain", "--latex").startswith(r"\documentclass")
    assert out("chain").startswith("# Backpropagation by hand: A chain of three weights")
    assert [line.split()[0] for line in out("list").splitlines()] == list(LADDER)


@pytest.mark.parametrize(
    "words", [["3-3"], ["chain", "--out", "sheet.docx"], ["chain", "--out", "no/such/folder/sheet.html"]]
)
def test_the_command_refuses_what_it_can_not_make(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["worksheet", *words])
    assert done.exit_code == 1
    assert "try:" in done.stderr or "why:" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_fits_its_page_in_a_browser(chromium, tmp_path):
    (tmp_path / "sheet.html").write_text(wg.worksheet("2-2-2", 0).html(key=True), encoding="utf-8")
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    target = tmp_path / "sheet.pdf"
    subprocess.run([chromium, *words, f"--print-to-pdf={target}", (tmp_path / "sheet.html").as_uri()],
                   capture_output=True, check=False, timeout=60)  # fmt: skip
    pages = len(re.findall(rb"/Type\s*/Page[^s]", target.read_bytes()))
    assert 3 <= pages <= 4
