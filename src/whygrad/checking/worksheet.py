"""Worksheets: derivations to do by hand, with numbers that are easy, and a key that shows every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.checking.answers import SCHEMA, VERSION
from whygrad.checking.ladder import LADDER, Table
from whygrad.checking.numbers import GRID, TABLE_ENDS
from whygrad.checking.questions import Derivation, Question
from whygrad.derivatives import grad
from whygrad.errors import ArgumentError, public
from whygrad.explain.explanation import Name
from whygrad.explain.symbol import latex_name
from whygrad.rules.activations import sigmoid

if TYPE_CHECKING:
    from whygrad.checking.grade import Grade

MOST = 50  # exercises on one sheet


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is given, what is asked, and the key.

    ``statement``: its equations. ``given``: numbers by name. ``questions``: blanks in the order of the derivation,
    each with its answer and how to find it. ``sizes``, ``activations``: of a network, else empty.
    """

    number: int
    statement: tuple[Name, ...]
    given: tuple[tuple[Name, float], ...]
    questions: tuple[Question, ...]
    sizes: tuple[int, ...]
    activations: tuple[str, ...]


@dataclass(frozen=True)
class Lookup:
    """A table of values to read off, rounded to four decimals: ``columns`` are names, ``rows`` numbers."""

    columns: tuple[Name, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Worksheet:
    """A sheet of exercises of one kind. The same kind, seed and count give the same sheet on every machine.

    ``print(sheet)`` and ``sheet.markdown()`` for a terminal, ``sheet.html()`` to print on paper, ``sheet.latex()``;
    ``sheet.to_dict()`` is the JSON to fill in; with ``key=True`` the answers come with every step. ``sheet.grade(...)``
    gives points.
    """

    kind: str
    title: str
    seed: int
    exercises: tuple[Exercise, ...]
    table: Lookup | None

    @property
    def count(self) -> int:
        """How many exercises are on the sheet."""
        return len(self.exercises)

    @public
    def grade(self, answers: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Grade:
        """Points for answers: ``{"z^1_0": 0.5, ...}``, or one such mapping for each exercise.

        An answer is a number, or a text such as "0.50" or "1/4"; None and a missing one are not given. A step that
        follows from the learner's own earlier numbers is right, whatever these are.
        """
        from whygrad.checking.grade import grade

        return grade(self, answers)

    def __str__(self) -> str:
        return self.markdown()

    @public
    def markdown(self, key: bool = False) -> str:
        """The sheet as Markdown to fill in and hand to ``whygrad check``; ``key``: with the answers below."""
        from whygrad.render.worksheet_text import sheet_markdown

        return sheet_markdown(self, key)

    @public
    def html(self, key: bool = False) -> str:
        """The sheet as one page to print; ``key``: with the answers on pages of their own."""
        from whygrad.render.worksheet_html import sheet_page

        return sheet_page(self, key)

    @public
    def latex(self, key: bool = False) -> str:
        """The sheet as a LaTeX document; ``key``: with the answers on pages of their own."""
        from whygrad.render.worksheet_latex import sheet_latex

        return sheet_latex(self, key)

    def to_dict(self, key: bool = False) -> dict[str, Any]:
        """Plain data for JSON: the sheet with a null for every blank, or with the right answers."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "kind": self.kind,
            "seed": self.seed,
            "count": self.count,
            "exercises": [
                {
                    "equations": [line.text for line in exercise.statement],
                    "given": {name.text: value for name, value in exercise.given},
                    "answers": {q.blank: q.value if key else None for q in exercise.questions},
                }
                for exercise in self.exercises
            ],
        }

    def _repr_html_(self) -> str:
        from whygrad.render.worksheet_html import sheet_fragment

        return sheet_fragment(self, key=False)


@public
def worksheet(kind: str, seed: int = 0, count: int = 1) -> Worksheet:
    """A worksheet with ``count`` exercises of one kind; another seed gives other numbers.

    Kinds, from easy to hard: ``chain``, ``long-chain`` (weights only), ``twice``, ``branch`` (values that are used
    twice), ``1-1``, ``2-1``, ``1-1-1``, ``2-2-1``, ``2-2-2`` (networks with sigmoid; neurons per layer),
    ``1-1-1-relu``, ``2-2-1-relu``, ``2-2-2-relu`` (no table is needed), ``cross-entropy``.

    >>> sheet = worksheet("chain", seed=0)
    >>> [question.blank for question in sheet.exercises[0].questions]
    ['a1', 'a2', 'a3', 'C', 'dC/da3', 'dC/da2', 'dC/da1', 'dC/dw3', 'dC/dw2', 'dC/dw1']

    Raises ArgumentError for a kind that is not there, and for a seed or count that is not a whole number.
    """
    if str(kind) not in LADDER:
        raise ArgumentError(f"there is no kind of worksheet called {kind!r}", try_="one of " + ", ".join(LADDER))
    seed, count = _whole("seed", seed, 0, 2**53), _whole("count", count, 1, MOST)
    rung = LADDER[kind]
    exercises = tuple(_exercise(kind, i, found) for i, found in enumerate(derivations(kind, seed, count), start=1))
    return Worksheet(kind, rung.title, seed, exercises, _lookup(rung.table))


def derivations(kind: str, seed: int, count: int) -> list[Derivation]:
    """The derivations that a sheet asks for."""
    return [LADDER[kind].drawn(VERSION, seed, i) for i in range(count)]


def _exercise(kind: str, number: int, derivation: Derivation) -> Exercise:
    rung = LADDER[kind]
    given = tuple((Name(label, latex_name(label)), x) for label, x in derivation.given.items())
    return Exercise(number, rung.statement, given, derivation.questions, rung.sizes, rung.activations)


def _lookup(table: Table) -> Lookup | None:
    """σ(z) and its slope, and where the cost needs it, logarithms: all of them from the rules."""
    if not table:
        return None
    z = np.arange(-TABLE_ENDS, TABLE_ENDS + GRID, GRID)
    columns, names = [z, sigmoid(z)], [Name("z", "z"), Name("σ(z)", r"\sigma(z)")]
    if table == "sigmoid and log":
        columns += [np.log(sigmoid(z)), np.log(1 - sigmoid(z))]
        names += [Name("log σ(z)", r"\log \sigma(z)"), Name("log(1 - σ(z))", r"\log(1 - \sigma(z))")]
    else:
        columns.append(grad(lambda x: np.sum(sigmoid(x)))(z))
        names.append(Name("σ'(z)", r"\sigma'(z)"))
    rows = tuple(tuple(round(float(x), 4) for x in row) for row in zip(*columns, strict=True))
    return Lookup(tuple(names), rows)


def _whole(name: str, given: Any, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or not least <= given <= most:
        shown = repr(given) if not isinstance(given, int) or abs(given) < 10**99 else "a number of many digits"
        raise ArgumentError(f"{name}={shown}", try_=f"a whole number from {least} to {most}")
    return int(given)
