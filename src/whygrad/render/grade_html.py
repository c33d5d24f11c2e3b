"""Marks on a filled-in worksheet as one page to print."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from whygrad.render import grade_text as words
from whygrad.render.numbers import number
from whygrad.render.worksheet_html import document, formula, worked

if TYPE_CHECKING:
    from whygrad.checking.grade import Grade, Mark

STYLE = (
    ".wg-sheet .marks{width:100%;font-size:.92rem;margin:.5rem 0}"
    ".wg-sheet .marks td,.wg-sheet .marks th{border-bottom:1px solid var(--line);"
    "padding:.25rem .6rem .25rem 0;text-align:left}"
    ".wg-sheet .marks .number{text-align:right;white-space:nowrap}.wg-sheet .marks tr{break-inside:avoid}"
    ".wg-sheet .good{color:var(--good)}.wg-sheet .bad{color:var(--bad);font-weight:600}"
    ".wg-sheet .said{background:var(--wash);padding:.55rem .8rem;border-radius:6px;margin:.6rem 0;break-inside:avoid}"
)
CLASSES = {"exact": "good", "rounding": "good", "carried forward": "good", "wrong": "bad", "not given": "faint"}


def grade_page(grade: Grade) -> str:
    """The marks as a complete file that loads nothing."""
    parts = [f"<h1>{escape(words.headline(grade))}</h1>"]
    for place, marks in enumerate(grade.exercises, start=1):
        if len(grade.exercises) > 1:
            points = sum(mark.points for mark in marks)
            parts.append(f"<h2>Exercise {place}: {points} of {len(marks)}</h2>")
        parts.append(_table(marks))
        parts += [_wrong(mark) for mark in marks if mark.verdict == "wrong"]
    parts += [f"<p>{escape(said)}</p>" for said in words.sentences(grade) if not said.startswith("  ")]
    body = f'<main class="wg-sheet"><style>{STYLE}</style>{"".join(parts)}</main>'
    return document(f"Marks: {grade.sheet.title}", body)


def _table(marks: tuple[Mark, ...]) -> str:
    rows = "".join(_row(mark) for mark in marks)
    head = '<th></th><th>step</th><th class="number">yours</th><th class="number">right</th><th>verdict</th>'
    return f'<table class="marks"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _row(mark: Mark) -> str:
    said = f"{mark.verdict}: {mark.note}" if mark.note else mark.verdict
    if mark.verdict == "carried forward":
        said = f"carried forward: {number(mark.follows)} follows from your numbers"
    return (
        f'<tr><td class="{CLASSES[mark.verdict]}">{words.SIGNS[mark.verdict]}</td>'
        f"<td>{formula(mark.question.name)}</td>"
        f'<td class="number">{escape(words.mine(mark))}</td><td class="number">{number(mark.right)}</td>'
        f'<td class="{CLASSES[mark.verdict]}">{escape(said)}</td></tr>'
    )


def _wrong(mark: Mark) -> str:
    """What was probably done, and the line as it should be."""
    likely = f"<p>Probably {escape(mark.mistake)}.</p>" if mark.mistake else ""
    question = mark.question
    line = worked(question.name, question.written, mark.right)
    if words.starts_elsewhere(mark):
        line = f"{formula(question.name)} = {formula(question.written.letters)} = {number(mark.follows)}"
        line += ", from your earlier numbers"
    wrote = f"<p>{formula(question.name)}: you wrote {escape(words.mine(mark))}.</p>"
    return f'<div class="said">{wrote}{likely}<p>Right: {line}</p></div>'
