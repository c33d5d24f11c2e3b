"""Points for a filled-in worksheet: every step against the right number, and against the learner's own earlier ones."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whygrad.checking.answers import SCHEMA, VERSION, Answer, Filled, answer, read
from whygrad.checking.judge import Verdict
from whygrad.checking.ladder import LADDER
from whygrad.checking.questions import Derivation, Question
from whygrad.checking.slips import slip
from whygrad.checking.tolerance import has_two_digits, in_decimals
from whygrad.checking.worksheet import Worksheet, derivations, worksheet
from whygrad.errors import ArgumentError, DataError, public

EXACT = 1e-9  # relative: a computed number that is right to nine digits
COARSE = 0.005  # relative: a single written digit is enough where it is this near
MOST_SLACK = 0.1  # relative: what rounding on the way may add up to


@dataclass(frozen=True)
class Mark:
    """The verdict on one blank.

    ``mine``: what was written, None if nothing. ``right``: the answer. ``follows``: what this step gives from the
    learner's own earlier numbers; the same as ``right`` while these are right. ``verdict`` as in ``Judged``; all but
    "wrong" and "not given" get the point. ``mistake``: the likely one in a wrong step, where one fits.
    """

    question: Question
    verdict: Verdict
    mine: Answer | None
    right: float
    follows: float
    note: str = ""
    mistake: str = ""

    @property
    def points(self) -> int:
        """1 or 0."""
        return int(self.verdict not in ("wrong", "not given"))


@dataclass(frozen=True)
class Grade:
    """What a sheet of answers is worth: a mark for each blank of each exercise, in the order of the derivation."""

    sheet: Worksheet = field(repr=False)
    exercises: tuple[tuple[Mark, ...], ...]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All marks of all exercises."""
        return tuple(mark for marks in self.exercises for mark in marks)

    @property
    def points(self) -> int:
        """One for each step that is right, from the right numbers or from the learner's own."""
        return sum(mark.points for mark in self.marks)

    @property
    def possible(self) -> int:
        """The number of blanks."""
        return len(self.marks)

    @property
    def first_wrong(self) -> Mark | None:
        """The first step that is wrong by itself."""
        return next((mark for mark in self.marks if mark.verdict == "wrong"), None)

    def __str__(self) -> str:
        from whygrad.render.grade_text import grade_text

        return grade_text(self)

    def html(self) -> str:
        """The marks as one page to print."""
        from whygrad.render.grade_html import grade_page

        return grade_page(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "schema": "whygrad.grade",
            "version": VERSION,
            "kind": self.sheet.kind,
            "seed": self.sheet.seed,
            "count": self.sheet.count,
            "points": self.points,
            "possible": self.possible,
            "first_wrong": None if self.first_wrong is None else self.first_wrong.question.blank,
            "exercises": [[_mark_dict(mark) for mark in marks] for marks in self.exercises],
        }


def _mark_dict(mark: Mark) -> dict[str, Any]:
    return {
        "blank": mark.question.blank,
        "part": mark.question.part,
        "verdict": mark.verdict,
        "points": mark.points,
        "mine": None if mark.mine is None else mark.mine.value,
        "right": mark.right,
        "follows": mark.follows,
        "note": mark.note,
        "mistake": mark.mistake,
    }


@public
def grade_file(path: str | os.PathLike[str]) -> Grade:
    """The grade of a filled-in ``.json`` or ``.md`` file, which names its kind, seed and version.

    Raises DataError for a file that is no worksheet, and for answers that are no numbers.
    """
    where = Path(path)
    filled = read(where)
    return _graded(_sheet_of(filled, str(where)), filled.answers, str(where))


def grade(sheet: Worksheet, answers: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Grade:
    """The grade of answers by blank, for each exercise of the sheet."""
    given = [answers] if isinstance(answers, Mapping) else answers
    if not isinstance(given, list | tuple) or not all(isinstance(one, Mapping) for one in given):
        raise ArgumentError(
            f"answers of type {type(answers).__name__}",
            try_='{"z^1_0": 0.5}, or a list of one such mapping per exercise',
        )
    return _graded(sheet, tuple(given), None)


def _sheet_of(filled: Filled, where: str) -> Worksheet:
    """The sheet that a file says it is."""
    if filled.schema != SCHEMA:
        raise DataError("the file is not a worksheet", where=where, why=f'its "schema" is not "{SCHEMA}"')
    if filled.version != VERSION:
        said = "names no version" if filled.version is None else f"is of version {filled.version!r}"
        raise DataError(f"the worksheet {said}", where=where, why=f"this whygrad grades version {VERSION}")
    if str(filled.kind) not in LADDER:
        raise DataError(
            f"there is no kind of worksheet called {filled.kind!r}", where=where, try_="one of " + ", ".join(LADDER)
        )
    for name, value in (("seed", filled.seed), ("count", filled.count)):
        if not isinstance(value, int) or isinstance(value, bool):
            raise DataError(f"{name} is {value!r}", where=where, why="it must be a whole number, as it was printed")
    try:
        return worksheet(filled.kind, filled.seed, filled.count)
    except ArgumentError as error:
        raise DataError(error.what, where=where, try_=error.try_) from None


def _graded(sheet: Worksheet, answers: Sequence[Mapping[str, Any]], where: str | None) -> Grade:
    if len(answers) != sheet.count:
        raise DataError(f"answers to {len(answers)} exercise(s), where the sheet has {sheet.count}", where=where)
    found = derivations(sheet.kind, sheet.seed, sheet.count)
    return Grade(sheet, tuple(_marks(d, own, where) for d, own in zip(found, answers, strict=True)))


def _marks(derivation: Derivation, answers: Mapping[str, Any], where: str | None) -> tuple[Mark, ...]:
    """The marks of one exercise; a step without a number goes on with what follows from those before it."""
    known = [question.blank for question in derivation.questions]
    for blank in answers:
        if blank not in known:
            raise DataError(f"there is no blank called {blank!r}", where=where, try_="one of " + ", ".join(known))
    own: dict[str, float] = {}
    written: dict[str, Answer] = {}
    marks = []
    for question in derivation.questions:
        mine = answer(answers.get(question.blank), question.blank, where)
        mark = _Step(derivation, question, own, written).mark(mine)
        marks.append(mark)
        own[question.blank] = mark.follows if mine is None else mine.value
        if mine is not None:
            written[question.blank] = mine
    return tuple(marks)


@dataclass(frozen=True)
class _Step:
    """One step of a learner: the question, and the learner's earlier numbers, as values and as they were written."""

    derivation: Derivation
    question: Question
    own: dict[str, float]
    written: dict[str, Answer]

    def mark(self, mine: Answer | None) -> Mark:
        """The verdict, with its reason."""
        right, follows = self.question.value, self._follow(self.own)
        if mine is None:
            return Mark(self.question, "not given", None, right, follows)
        slack = self._slack(follows)
        if (note := _fits(mine, right, 0.0)) is not None:
            return Mark(self.question, "rounding" if note else "exact", mine, right, follows, note)
        for candidate in (follows, self._follow(self.own, afresh=True)):
            if (note := _fits(mine, candidate, slack)) is not None:
                near = abs(candidate - right) <= slack + mine.half_unit
                return Mark(self.question, "rounding" if near else "carried forward", mine, right, candidate, note)
        found = slip(
            self.derivation,
            self.question.blank,
            mine,
            self.own,
            self.written,
            lambda x: _fits(mine, x, slack) is not None,
        )
        wanted = right if abs(follows - right) <= slack else follows  # rounding alone leads nowhere else
        return Mark(self.question, "wrong", mine, right, wanted, _coarse(mine, wanted), found)

    def _follow(self, own: Mapping[str, float], *, afresh: bool = False) -> float:
        return self.derivation.follow(self.question.blank, own, afresh=afresh)

    def _slack(self, follows: float) -> float:
        """What the roundings of the learner's earlier numbers may add up to here."""
        total = 0.0
        for blank, earlier in self.written.items():
            moved = {**self.own, blank: self.own[blank] + earlier.half_unit}
            total += abs(self._follow(moved) - follows) if earlier.half_unit else 0.0
        return min(total, MOST_SLACK * abs(follows))


def _fits(mine: Answer, wanted: float, slack: float) -> str | None:
    """None if an answer is not this number; else how near it is: "" where it is exact."""
    off = abs(mine.value - wanted)
    if off <= EXACT * max(abs(wanted), 1.0):
        return ""
    if off <= _half_unit(mine, wanted):
        return f"right to {in_decimals(mine.decimals)}"
    if off <= _half_unit(mine, wanted) + slack:
        return "as near as the rounded numbers before it allow"
    return None


def _half_unit(mine: Answer, wanted: float) -> float:
    """Half of one in the last place, where at least two digits were written; else next to nothing."""
    if has_two_digits(abs(mine.value), mine.decimals):
        return mine.half_unit * (1 + EXACT)
    return COARSE * abs(wanted) if mine.decimals else EXACT


def _coarse(mine: Answer, follows: float) -> str:
    """A remark on an answer that is the right one, rounded to too few digits."""
    few = mine.decimals is not None and abs(mine.value - follows) <= mine.half_unit
    return "rounded to too few digits: write at least two" if few else ""
