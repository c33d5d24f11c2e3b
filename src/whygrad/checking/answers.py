"""Answers as people write them: in JSON or Markdown, as numbers, as ``0.50``, ``0,5`` or ``1/4``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from whygrad.checking.tolerance import half_unit
from whygrad.errors import DataError

SCHEMA = "whygrad.worksheet"
VERSION = 1  # of the numbers that a seed stands for and of the file format: an old sheet is never graded by new numbers
LARGEST_FILE = 1_000_000  # bytes: a sheet of 50 exercises has about 100,000
EMPTY = re.compile(r"[_.…?\s-]*")  # what stands in a blank that was not filled in
NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d{1,9})?")
FRACTION = re.compile(r"([-+]?\d{1,15})\s*/\s*(\d{1,15})")
# Words of a bounded length: without a bound a hostile file takes hours.
MARK = re.compile(r"<!-- *(\S{1,99}) +version=(\S{1,99}) +kind=(\S{1,99}) +seed=(\S{1,99}) +count=(\S{1,99}?) *-->")
HEADING = re.compile(r"##\s+Exercise\s+(\d{1,9})\s*")
LINE = re.compile(r"\s*[-*]\s*`([^`]*)`\s*=(.*)")


@dataclass(frozen=True)
class Answer:
    """A number as it was written; ``decimals``: how many it has, None for a fraction or a computed one."""

    value: float
    text: str
    decimals: int | None

    @property
    def half_unit(self) -> float:
        """Half of one in the last place that was written."""
        return 0.0 if self.decimals is None else half_unit(self.decimals)


@dataclass(frozen=True)
class Filled:
    """A filled-in file: which sheet it says it is, and the answers by exercise; nothing is checked against a sheet."""

    schema: str
    version: Any
    kind: Any
    seed: Any
    count: Any
    answers: tuple[Mapping[str, Any], ...]


def read(path: Path) -> Filled:
    """A ``.json`` or ``.md`` file; DataError says what is wrong with any other, and where."""
    if not path.is_file():
        raise DataError(f"there is no file {path}", where="", try_="whygrad worksheet 2-2-1 --out answers.json")
    if path.stat().st_size > LARGEST_FILE:
        raise DataError(
            f"{path.name} has {path.stat().st_size:,} bytes",
            where=str(path),
            why=f"a sheet has at most {LARGEST_FILE:,}",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not text in UTF-8", where=str(path), why=str(error)) from error
    return _from_markdown(text, path) if path.suffix.lower() in (".md", ".markdown") else _from_json(text, path)


def answer(given: Any, blank: str, where: str | None) -> Answer | None:
    """An answer as a number with its decimals; None if the blank was left empty. Raises DataError for anything else."""
    if given is None:
        return None
    if isinstance(given, str):
        return _from_text(given, blank, where)
    if isinstance(given, bool) or not hasattr(given, "__float__") or getattr(given, "shape", ()) != ():
        _not_a_number(given, blank, where)
    try:
        value = float(given)
    except Exception:  # noqa: BLE001  # whatever an object that calls itself a number raises
        _not_a_number(given, blank, where)
    if not math.isfinite(value):
        _not_a_number(given, blank, where)
    written = f"{given}" if isinstance(given, int) else repr(value)
    return Answer(value, written, _decimals(written))


def _from_text(given: str, blank: str, where: str | None) -> Answer | None:
    text = given.strip().strip("`*").strip().replace("−", "-").replace("\N{EN DASH}", "-")
    if EMPTY.fullmatch(text):
        return None
    if fraction := FRACTION.fullmatch(text):
        above, below = int(fraction[1]), int(fraction[2])
        if below:
            return Answer(above / below, text, None)
    if NUMBER.fullmatch(text) and math.isfinite(value := float(text.replace(",", "."))):
        return Answer(value, text, _decimals(text))
    return _not_a_number(given, blank, where)


def _decimals(text: str) -> int | None:
    """``0.50`` has two, ``1.5e-3`` four, ``3`` none; a number of more than seven was computed, not rounded by hand."""
    mantissa, _, exponent = text.lower().replace(",", ".").partition("e")
    places = len(mantissa.partition(".")[2].rstrip("0" if mantissa.endswith(".0") else "")) - int(exponent or 0)
    return max(places, 0) if places <= 7 else None


def _not_a_number(given: Any, blank: str, where: str | None) -> NoReturn:
    try:
        shown = repr(given) if len(repr(given)) <= 40 else repr(given)[:40] + "…"
    except Exception:  # noqa: BLE001  # an int of more digits than Python prints, an object that can not be shown
        shown = f"of type {type(given).__name__}"
    raise DataError(
        f"the answer for {blank} is {shown}, which is not a number",
        where=where,
        try_="a number such as 0.15, a fraction such as 1/4, or null for no answer",
    )


# ---- JSON ------------------------------------------------------------------------------------------------------------


def _from_json(text: str, path: Path) -> Filled:
    where = str(path)

    def once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise DataError(f"{name!r} is there twice", where=where, why="only one of them can be the answer")
            found[name] = value
        return found

    def constant(name: str) -> NoReturn:
        raise DataError(f"{path.name} holds {name}, which is not a number", where=where, try_="null for no answer")

    try:
        data = json.loads(text, object_pairs_hook=once, parse_constant=constant, parse_float=_Text, parse_int=_Text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path.name} is not JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            try_="whygrad worksheet 2-2-1 --out answers.json writes a file to fill in",
        ) from error
    except RecursionError as error:
        raise DataError(f"{path.name} is nested too deeply to be a worksheet", where=where) from error
    if not isinstance(data, dict):
        raise DataError(f"{path.name} is not a worksheet", where=where, why="it holds no schema, kind and seed")
    exercises = data.get("exercises", [])
    if not isinstance(exercises, list) or not all(
        isinstance(one, dict) and isinstance(one.get("answers", {}), dict) for one in exercises
    ):
        raise DataError('"exercises" must be a list of objects with "answers"', where=where)
    version, seed, count = (_plain(data.get(name)) for name in ("version", "seed", "count"))
    answers = tuple(one.get("answers", {}) for one in exercises)
    return Filled(str(data.get("schema")), version, data.get("kind"), seed, count, answers)


class _Text(str):
    """A JSON number with the digits it was written with: 0.50 is not 0.5."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    """A whole number as an int; anything else as it is."""
    return int(value) if isinstance(value, _Text) and re.fullmatch(r"\d{1,17}", value) else value


# ---- Markdown --------------------------------------------------------------------------------------------------------


def _from_markdown(text: str, path: Path) -> Filled:
    mark = MARK.search(text)
    if mark is None:
        raise DataError(
            f"{path.name} does not say which worksheet it is",
            where=str(path),
            why="the line <!-- whygrad.worksheet version=... kind=... seed=... count=... --> is missing",
            try_="whygrad worksheet 2-2-1 --out answers.md writes a file to fill in",
        )
    answers: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := HEADING.fullmatch(line.strip()):
            if int(heading[1]) != len(answers) + 1:
                raise DataError(
                    f"exercise {heading[1]} stands where {len(answers) + 1} belongs", where=f"{path}:{number}"
                )
            answers.append({})
        elif line.startswith("# Answer key"):
            break
        elif (filled := LINE.fullmatch(line)) and answers:
            if filled[1] in answers[-1]:
                raise DataError(f"{filled[1]!r} is there twice", where=f"{path}:{number}")
            answers[-1][filled[1]] = _Text(filled[2])
    version, seed, count = (_plain(_Text(mark[i])) for i in (2, 4, 5))
    return Filled(mark[1], version, mark[3], seed, count, tuple(answers))


def mark(kind: str, seed: int, count: int, schema: str = SCHEMA, version: int = VERSION) -> str:
    """The line by which a Markdown file says which sheet it is."""
    return f"<!-- {schema} version={version} kind={kind} seed={seed} count={count} -->"
