"""A worksheet as a LaTeX document; needs amsmath and geometry and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whygrad.render import worksheet_parts as share
from whygrad.render.latex import aligned, prose, safe
from whygrad.render.numbers import latex_number

if TYPE_CHECKING:
    from whygrad.checking.questions import Question, Written
    from whygrad.checking.worksheet import Exercise, Lookup, Worksheet
    from whygrad.explain.explanation import Name

HEAD = r"""\documentclass[11pt,a4paper]{article}
\usepackage{amsmath}
\usepackage[margin=18mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\jot}{4pt}
\allowdisplaybreaks
\newcommand{\blank}[1]{\par\vspace{7pt}\makebox[2.2cm][l]{$\displaystyle #1=$}%
  \dotfill\,$=$\,\framebox[2.6cm]{\rule{0pt}{11pt}}}
\begin{document}
"""


def sheet_latex(sheet: Worksheet, key: bool) -> str:
    """The whole document; the key starts on a new page."""
    possible = sum(len(exercise.questions) for exercise in sheet.exercises)
    lines = [
        rf"\section*{{Backpropagation by hand: {prose(sheet.title)}}}",
        rf"Name \hrulefill\quad Date \hrulefill\quad Points \rule{{1cm}}{{0.4pt}} of {possible}",
        "",
        prose(" ".join(share.how_to(sheet))).replace(r"$\partial $C/$\partial $z", r"$\partial C/\partial z$"),
        "",
    ]
    lines += _table(sheet.table) if sheet.table is not None else []
    lines += _separated([_exercise(exercise, sheet.count) for exercise in sheet.exercises])
    if key:
        lines += [r"\newpage", rf"\section*{{Answer key: {prose(sheet.title)}}}"]
        for exercise in sheet.exercises:
            lines += _title(exercise, sheet.count) + _key(exercise)
    return HEAD + "\n".join(lines) + "\n\\end{document}\n"


def _separated(exercises: list[list[str]]) -> list[str]:
    """Every exercise on a page of its own."""
    lines = exercises[0]
    for exercise in exercises[1:]:
        lines += [r"\newpage", *exercise]
    return lines


def _table(table: Lookup) -> list[str]:
    """The table in two halves, side by side."""
    half = -(-len(table.rows) // 2)
    head = " & ".join(f"${safe(name.latex)}$" for name in table.columns)
    stacks = []
    for rows in (table.rows[:half], table.rows[half:]):
        body = " \\\\\n".join(
            " & ".join(f"${latex_number(x) if i == 0 else f'{x:.4f}'}$" for i, x in enumerate(row)) for row in rows
        )
        columns = "r" * len(table.columns)
        stacks.append(f"\\begin{{tabular}}[t]{{{columns}}}\n{head} \\\\ \\hline\n{body}\n\\end{{tabular}}")
    return [r"{\small", "\\qquad\n".join(stacks) + "}", ""]


def _title(exercise: Exercise, count: int) -> list[str]:
    return [rf"\subsection*{{Exercise {exercise.number}}}"] if count > 1 else []


def _exercise(exercise: Exercise, count: int) -> list[str]:
    given = [rf"\mbox{{${safe(name.latex)} = {share.array_latex(value)}$}}" for name, value in share.given(exercise)]
    statement = aligned([safe(line.latex).replace(" = ", " &= ", 1) for line in exercise.statement])
    lines = [*_title(exercise, count), statement, r"\begin{center}", "\\quad\n".join(given), r"\end{center}"]
    for part, questions in share.parts(exercise):
        lines.append(_heading(part))
        lines += [rf"\blank{{{safe(question.name.latex)}}}" for question in questions]
        lines.append("")
    return lines


def _heading(part: str) -> str:
    found = share.equation(part)
    written = f" \\quad \\textmd{{${safe(found.latex)}$}}" if found is not None else ""
    return rf"\subsubsection*{{{prose(part)}{written}}}"


def _key(exercise: Exercise) -> list[str]:
    lines = []
    for part, questions in share.parts(exercise):
        lines += [_heading(part), aligned([line for question in questions for line in _answer(question)])]
    return lines


def _answer(question: Question) -> list[str]:
    lines = [_worked(question.name, question.written, question.value)]
    lines += [
        rf"&\quad \text{{through }} {safe(path.through.latex)}\text{{: }} {_sides(path.written, path.value)}"
        for path in question.paths
    ]
    return lines


def _worked(name: Name, written: Written, value: float) -> str:
    return f"{safe(name.latex)} &= {_sides(written, value)}"


def _sides(written: Written, value: float) -> str:
    return " = ".join(safe(side.latex) for side in share.steps(written, value))
