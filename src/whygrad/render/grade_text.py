"""Marks on a filled-in worksheet, for a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from whygrad.render.numbers import counted, number
from whygrad.render.text import WIDTH, plain_text
from whygrad.render.words import spoken

if TYPE_CHECKING:
    from whygrad.checking.grade import Grade, Mark

STYLES = {"exact": "green", "rounding": "green", "carried forward": "yellow", "wrong": "bold red", "not given": "dim"}
SIGNS = {"exact": "✓", "rounding": "✓", "carried forward": "✓→", "wrong": "✗", "not given": "–"}


def grade_text(grade: Grade, width: int = WIDTH) -> str:
    """The marks as plain text."""
    return plain_text(grade_renderable(grade), width)


def grade_renderable(grade: Grade) -> RenderableType:
    """The marks for a rich console."""
    parts: list[RenderableType] = [Text(headline(grade), style="bold")]
    for number_, marks in enumerate(grade.exercises, start=1):
        if len(grade.exercises) > 1:
            points = sum(mark.points for mark in marks)
            parts += [Text(), Text(f"Exercise {number_}: {points} of {len(marks)}", style="bold cyan")]
        parts += [Text(), _table(marks)]
    parts += [Text(), *(Text(sentence) for sentence in sentences(grade))]
    return Group(*parts)


def headline(grade: Grade) -> str:
    """``22 of 27 points   2-2-2, seed 4``."""
    sheet = grade.sheet
    return f"{grade.points} of {counted(grade.possible, 'point')}   {sheet.kind}, seed {sheet.seed}"


def sentences(grade: Grade) -> list[str]:
    """What is to be said: the wrong steps with their mistakes and corrected lines, and what was carried on."""
    said = []
    for place, marks in enumerate(grade.exercises, start=1):
        where = f"Exercise {place}: " if len(grade.exercises) > 1 else ""
        wrong = [mark for mark in marks if mark.verdict == "wrong"]
        carried = [mark for mark in marks if mark.verdict == "carried forward"]
        empty = sum(mark.verdict == "not given" for mark in marks)
        if wrong:
            said.append(f"{where}The first wrong step is {wrong[0].question.name}.")
        said += [f"  {_about(mark)}" for mark in wrong]
        if carried:
            said.append(f"{where}Carried forward: {len(carried)}, right from a number that was wrong.")
        if empty:
            said.append(f"{where}Left empty: {empty} of {len(marks)}.")
    return said or ["Every step is right."]


def corrected(mark: Mark) -> str:
    """The line as it should be, from the learner's own earlier numbers."""
    question = mark.question
    line = f"{question.name} = {spoken(question.written.letters.text)} = {number(mark.follows)}"
    return f"{line}, from your earlier numbers" if starts_elsewhere(mark) else line


def starts_elsewhere(mark: Mark) -> bool:
    """The learner's earlier numbers lead to another one here than the right one."""
    return number(mark.follows) != number(mark.right)


def mine(mark: Mark) -> str:
    """What the learner wrote, shortened if it was computed."""
    return "" if mark.mine is None else mark.mine.text if len(mark.mine.text) <= 9 else number(mark.mine.value)


def _about(mark: Mark) -> str:
    likely = f"Probably {mark.mistake}. " if mark.mistake else ""
    note = f" ({mark.note})" if mark.note else ""
    return f"{mark.question.name}: you wrote {mine(mark)}{note}. {likely}Right: {corrected(mark)}"


def _table(marks: tuple[Mark, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 1))
    for column in ("", "step", "yours", "right", "verdict"):
        table.add_column(
            column, justify="right" if column in ("yours", "right") else "left", no_wrap=column != "verdict"
        )
    for mark in marks:
        style = STYLES[mark.verdict]
        verdict = f"{mark.verdict}: {mark.note}" if mark.note else mark.verdict
        if mark.verdict == "carried forward":
            verdict = f"carried forward: {number(mark.follows)} follows from your numbers"
        table.add_row(
            Text(SIGNS[mark.verdict], style=style),
            Text(mark.question.name.text, style="bold"),
            Text(mine(mark)),
            Text(number(mark.right)),
            Text(verdict, style=style),
        )
    return table
