"""A worksheet as Markdown: to read in a terminal, to fill in, and to hand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whygrad.checking.answers import mark
from whygrad.render import worksheet_parts as share
from whygrad.render.numbers import number
from whygrad.render.words import spoken

if TYPE_CHECKING:
    from whygrad.checking.questions import Question, Written
    from whygrad.checking.worksheet import Exercise, Lookup, Worksheet

BLANK = "____"


def sheet_markdown(sheet: Worksheet, key: bool) -> str:
    """The sheet with blanks; with the key behind it."""
    lines = [f"# Backpropagation by hand: {sheet.title}", "", mark(sheet.kind, sheet.seed, sheet.count), ""]
    lines += share.how_to(sheet)
    if sheet.table is not None:
        lines += ["", *_table(sheet.table)]
    for exercise in sheet.exercises:
        lines += ["", *_exercise(exercise, BLANK)]
    if key:
        lines += ["", "# Answer key"]
        for exercise in sheet.exercises:
            lines += ["", *_key(exercise)]
    return "\n".join(lines) + "\n"


def _table(table: Lookup) -> list[str]:
    cells = [[name.text for name in table.columns]]
    cells += [[number(row[0]), *(f"{x:.4f}" for x in row[1:])] for row in table.rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = [f"| {' | '.join(cell.rjust(n) for cell, n in zip(row, widths, strict=True))} |" for row in cells]
    return [lines[0], f"|{'|'.join('-' * (n + 1) + ':' for n in widths)}|", *lines[1:]]


def _exercise(exercise: Exercise, blank: str) -> list[str]:
    lines = [f"## Exercise {exercise.number}", "", *(f"    {line.text}" for line in exercise.statement), ""]
    given = ", ".join(f"{name.text} = {share.array_text(value)}" for name, value in share.given(exercise))
    lines.append(f"Given: `{given}`")
    for part, questions in share.parts(exercise):
        lines += ["", f"### {_headline(part)}", "", *(f"- `{q.blank}` = {blank}" for q in questions)]
    return lines


def _headline(part: str) -> str:
    found = share.equation(part)
    return part if found is None else f"{part}, {found.text}"


def _key(exercise: Exercise) -> list[str]:
    lines = [f"## Exercise {exercise.number}"]
    for part, questions in share.parts(exercise):
        lines += ["", f"### {_headline(part)}", ""]
        for question in questions:
            lines += _answer(question)
    return lines


def _answer(question: Question) -> list[str]:
    lines = [f"- {question.name.text} = {_worked(question.written, question.value)}"]
    lines += [f"  - through {path.through.text}: {_worked(path.written, path.value)}" for path in question.paths]
    return lines


def _worked(written: Written, value: float) -> str:
    return " = ".join(spoken(step.text) for step in share.steps(written, value))
