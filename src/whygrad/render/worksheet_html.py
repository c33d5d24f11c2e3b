"""A worksheet and its grade as one page each, made to be printed: the key starts on a page of its own."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from whygrad.render import worksheet_parts as share
from whygrad.render.html import mathml
from whygrad.render.lettering import FAMILY
from whygrad.render.numbers import number
from whygrad.render.theme import colours
from whygrad.render.words import spoken
from whygrad.render.worksheet_picture import exercise_picture

if TYPE_CHECKING:
    from whygrad.checking.questions import Question, Written
    from whygrad.checking.worksheet import Exercise, Lookup, Worksheet
    from whygrad.explain.explanation import Name

STYLE = (
    colours(".wg-sheet") + f".wg-sheet{{font:15px/1.45 {FAMILY};color:var(--ink);background:var(--paper);"
    "max-width:50rem;margin:0 auto;padding:1rem 1.25rem;box-sizing:border-box}"
    ".wg-sheet h1{font-size:1.55em;line-height:1.3;margin:0 0 .3rem;font-weight:600}"
    ".wg-sheet h2{break-after:avoid;font-size:1.12rem;margin:1.5rem 0 .4rem;font-weight:600}"
    ".wg-sheet h3{font-size:1em;margin:1em 0 .3em;font-weight:600;break-after:avoid;display:flex;"
    "flex-wrap:wrap;gap:.2rem 1.2rem;align-items:baseline}"
    ".wg-sheet h3 math{font-weight:400;color:var(--faint)}"
    ".wg-sheet p{margin:.3rem 0}.wg-sheet .faint{color:var(--faint)}"
    ".wg-sheet .who{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;margin:.7rem 0;color:var(--faint)}"
    ".wg-sheet .who span{flex:1 1 8rem;border-bottom:1px solid var(--edge);padding-bottom:.15rem}"
    ".wg-sheet .who span+span+span{flex:0 1 8rem}"
    ".wg-sheet .set{display:flex;flex-wrap:wrap;gap:.6rem 2rem;align-items:flex-start;break-inside:avoid}"
    ".wg-sheet .set>div{flex:1 1 13rem}.wg-sheet .set svg{flex:0 0 auto;max-width:100%;height:auto}"
    ".wg-sheet .given{display:flex;flex-wrap:wrap;gap:.35rem 1.3rem;align-items:center}"
    ".wg-sheet table{border-collapse:collapse;font-size:.92em;font-variant-numeric:tabular-nums;color:inherit}"
    ".wg-sheet .tables{display:flex;align-items:flex-start;flex-wrap:wrap;gap:.4rem 1.6rem;margin:.6rem 0;"
    "break-inside:avoid}"
    ".wg-sheet th{font-weight:500;color:var(--faint);border-bottom:1px solid var(--edge)}"
    ".wg-sheet th,.wg-sheet td{padding:.08rem .55rem;text-align:right}"
    ".wg-sheet .two{display:grid;grid-template-columns:1fr 1fr;column-gap:2em}"
    ".wg-sheet .blank{display:grid;grid-template-columns:minmax(4.6em,auto) 1fr auto 6em;column-gap:.5em;"
    "align-items:center;break-inside:avoid;min-height:2.35em}"
    ".wg-sheet .work{border-bottom:1px dotted var(--edge);height:1.3em}"
    ".wg-sheet .box{border:1px solid var(--edge);border-radius:4px;height:1.8em}"
    "@media(max-width:36rem){.wg-sheet .two{grid-template-columns:1fr}}"
    ".wg-sheet .answer{padding:.18rem 0;break-inside:avoid}"
    ".wg-sheet .path{margin-left:1.6em;color:var(--faint)}"
    ".wg-sheet math{font-size:1.06em;math-style:compact}"
    ".wg-sheet .key h3{margin:.75em 0 .15em}.wg-sheet .key .answer{padding:.07em 0}"
    ".wg-sheet .blank math,.wg-sheet .answer math{font-size:1.14em}"
    ".wg-sheet .key{break-before:page;border-top:2px solid var(--line);margin-top:2rem;padding-top:1rem}"
    ".wg-sheet .exercise+.exercise{break-before:page}"
    ".wg-sheet .made{font-size:.85em;color:var(--faint);margin:0}"
    "@page{size:A4;margin:15mm 14mm}"
    "@media print{.wg-sheet{padding:0;max-width:none;font-size:12.5px}.wg-sheet .key{border:0;margin:0;padding:0}}"
)


def sheet_page(sheet: Worksheet, key: bool) -> str:
    """The sheet as a complete file that loads nothing."""
    return document(f"Worksheet: {sheet.title}", sheet_fragment(sheet, key))


def document(title: str, body: str) -> str:
    """A complete file, on white paper: it is meant to be printed."""
    return (
        '<!doctype html>\n<html lang="en" data-theme="light">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>body{{margin:0;background:#fff}}{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def sheet_fragment(sheet: Worksheet, key: bool) -> str:
    """The sheet; with the answers on pages of their own behind it."""
    possible = sum(len(exercise.questions) for exercise in sheet.exercises)
    parts = [
        f"<h1>Backpropagation by hand: {escape(sheet.title)}</h1>{_made(sheet)}",
        f'<div class="who"><span>Name</span><span>Date</span><span>Points&emsp;&emsp;of {possible}</span></div>',
        f"<p>{escape(' '.join(share.how_to(sheet)))}</p>",
        _table(sheet.table) if sheet.table is not None else "",
        *(_exercise(exercise, sheet.count) for exercise in sheet.exercises),
    ]
    if key:
        answers = "".join(_key(exercise, sheet.count) for exercise in sheet.exercises)
        title = f"<h1>Answer key: {escape(sheet.title)}</h1>{_made(sheet)}"
        parts.append(f'<section class="key">{title}{answers}</section>')
    return f'<main class="wg-sheet">{"".join(parts)}</main>'


def _made(sheet: Worksheet) -> str:
    """How to make the same sheet again."""
    made = f"{sheet.kind} --seed {sheet.seed}" + (f" --count {sheet.count}" if sheet.count > 1 else "")
    return f'<p class="made">whygrad worksheet {escape(made)}</p>'


def formula(name: Name) -> str:
    """A formula as MathML."""
    return mathml(tight(name.latex), spoken(name.text))


def tight(latex: str) -> str:
    """A minus sign that belongs to a number stands close to it, unlike one between two numbers."""
    return re.sub(r"(^|[=(&]|\\left\(|\\\\)(\s*)-(\d+(?:\.\d+)?)", r"\1\2{-\3}", latex)


def _table(table: Lookup) -> str:
    """The table in three columns of rows, so that it takes little paper."""
    head = "<tr>" + "".join(f"<th>{formula(name)}</th>" for name in table.columns) + "</tr>"
    rows = [
        "<tr>" + "".join(f"<td>{number(x) if i == 0 else f'{x:.4f}'}</td>" for i, x in enumerate(row)) + "</tr>"
        for row in table.rows
    ]
    columns = 3 if len(table.columns) < 4 else 2
    each = -(-len(rows) // columns)
    stacks = ("".join(rows[i : i + each]) for i in range(0, len(rows), each))
    return '<div class="tables">' + "".join(f"<table>{head}{stack}</table>" for stack in stacks) + "</div>"


def _exercise(exercise: Exercise, count: int) -> str:
    title = f"<h2>Exercise {exercise.number}</h2>" if count > 1 else ""
    statement = "".join(f'<p class="statement">{formula(line)}</p>' for line in exercise.statement)
    numbers = "".join(
        f"<span>{mathml(tight(f'{name.latex} = {share.array_latex(value)}'), name.text)}</span>"
        for name, value in share.given(exercise)
    )
    blanks = "".join(_part(part, list(map(_blank, questions))) for part, questions in share.parts(exercise))
    return (
        f'<section class="exercise">{title}<div class="set"><div>{statement}</div>{exercise_picture(exercise)}</div>'
        f'<p class="given"><span>Given:</span>{numbers}</p>{blanks}</section>'
    )


def _part(part: str, lines: list[str]) -> str:
    """A part of the derivation under its equation; many short lines stand in two columns."""
    found = share.equation(part)
    heading = f"<h3>{escape(part)}{formula(found) if found is not None else ''}</h3>"
    short = part.startswith(("BP3", "BP4")) and len(lines) > 2
    return f'{heading}<div class="{"two" if short else "one"}">{"".join(lines)}</div>'


def _blank(question: Question) -> str:
    name = mathml(f"{question.name.latex} =", question.name.text)
    return (
        f'<div class="blank"><span>{name}</span><span class="work"></span><span>=</span><span class="box"></span></div>'
    )


def _key(exercise: Exercise, count: int) -> str:
    title = f"<h2>Exercise {exercise.number}</h2>" if count > 1 else ""
    return title + "".join(_part(part, list(map(_answer, questions))) for part, questions in share.parts(exercise))


def _answer(question: Question) -> str:
    paths = "".join(
        f'<div class="answer path">through {formula(path.through)}: {worked(None, path.written, path.value)}</div>'
        for path in question.paths
    )
    return f'<div class="answer">{worked(question.name, question.written, question.value)}</div>{paths}'


def worked(name: Name | None, written: Written, value: float) -> str:
    """``name = letters = numbers = result``: a line that may break before an equals sign."""
    sides = share.steps(written, value)
    first, *rest = [*([name] if name is not None else []), *sides]
    return " ".join([formula(first), *(mathml(tight(f"= {side.latex}"), f"= {spoken(side.text)}") for side in rest)])
