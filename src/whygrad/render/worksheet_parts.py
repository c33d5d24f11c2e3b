"""What the text, the page and the LaTeX of a worksheet share: words, given numbers as arrays, questions by part."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from whygrad.explain.derive import derivation
from whygrad.explain.explanation import Name
from whygrad.render.numbers import latex_number, number

if TYPE_CHECKING:
    from whygrad.checking.questions import Question, Written
    from whygrad.checking.worksheet import Exercise, Worksheet


def how_to(sheet: Worksheet) -> list[str]:
    """What to do, in a few sentences."""
    said = ["Work from the top: every step needs only numbers that are given or that you have found before."]
    if sheet.table is not None:
        said.append("Read σ from the table and round to four decimals.")
        if any(name.text.startswith("log") for name in sheet.table.columns):
            said.append("log is the natural logarithm.")
    if any("relu" in exercise.activations for exercise in sheet.exercises):
        said.append("relu(z) is z where z is positive, else 0.")
    if sheet.exercises[0].sizes and not any(name.text == "a0" for name, _ in sheet.exercises[0].given):
        said.append("δ is the error of a neuron, ∂C/∂z.")
    return [*said, "A step that is right for your own earlier numbers gets its point, even if those are wrong."]


def parts(exercise: Exercise) -> Iterator[tuple[str, list[Question]]]:
    """The questions by part of the derivation."""
    for part, questions in itertools.groupby(exercise.questions, key=lambda question: question.part):
        yield part, list(questions)


def equation(part: str) -> Name | None:
    """The equation that a part is named after, BP1 to BP4."""
    if not re.match(r"BP[1-4]:", part):
        return None
    result = derivation(part[:3]).result
    return Name(result.text, result.latex)


def given(exercise: Exercise) -> list[tuple[Name, npt.NDArray[np.float64]]]:
    """The given numbers: one layer's as a vector or matrix, ``W^1`` for all ``w^1_jk``, single ones as they are."""
    groups: dict[str, list[tuple[Name, float]]] = {}
    for name, value in exercise.given:
        groups.setdefault(name.text.partition("_")[0], []).append((name, value))
    found = []
    for label, numbers in groups.items():
        values = np.array([value for _, value in numbers])
        if len(numbers) == 1:
            found.append((numbers[0][0], values[0]))
            continue
        columns = int(numbers[-1][0].text[-1]) + 1 if label.startswith("w") else 0
        head, _, layer = (label.upper() if columns else label).partition("^")
        name = Name(f"{head}^{layer}", f"{head}^{{{layer}}}") if layer else Name(head, head)
        found.append((name, values.reshape(-1, columns) if columns else values))
    return found


def array_text(value: npt.NDArray[np.float64]) -> str:
    """``[[1, 2], [3, 4]]``."""
    return f"[{', '.join(map(array_text, value))}]" if np.ndim(value) else number(value)


def array_latex(value: npt.NDArray[np.float64]) -> str:
    """A matrix, or a vector as a column."""
    if not np.ndim(value):
        return latex_number(value)
    rows = np.reshape(value, (len(value), -1))
    inside = r" \\ ".join(" & ".join(map(latex_number, row)) for row in rows)
    return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"


def steps(written: Written, value: float) -> list[Name]:
    """The right sides of the key: with letters, with numbers, and the result; what says nothing new is left out."""
    found = [written.letters, written.numbers, Name(number(value), latex_number(value))]
    return [one for i, one in enumerate(found) if one.text not in [earlier.text for earlier in found[:i]]]
