"""``whygrad check``: a derivation in the user's own file, or a filled-in worksheet, judged step by step.

Exit codes: 0 every step is right, 1 a step is wrong, 2 the input is bad.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from whygrad.cli.answer import check_folder, fail, say, say_exactly, say_json, write_whole
from whygrad.errors import ArgumentError, DataError, WhygradError

if TYPE_CHECKING:
    from whygrad.checking.verdict import DerivationVerdict

WRONG, BAD_INPUT = 1, 2
LAYOUT = "f = the function, args = (its arguments), mine = {name: your gradient}; or network, x, y and mine"
SHEETS = (".json", ".md", ".markdown")


def run(file: Path, html: Path | None, as_json: bool) -> NoReturn:
    """Judge, answer in the form that was asked for, and leave with the verdict as the exit code."""
    try:
        check_folder(html, file)
        right = _graded(file, html, as_json) if file.suffix.lower() in SHEETS else _judged(file, html, as_json)
    except WhygradError as error:
        fail(error, BAD_INPUT)
    raise SystemExit(0 if right else WRONG)


def _judged(file: Path, html: Path | None, as_json: bool) -> bool:
    """The verdict on the derivation in a Python file."""
    from whygrad.render.html import page
    from whygrad.render.verdicts import verdict_renderable

    verdict = verdict_on_file(file)
    if html is not None:
        write_whole(html, page(f"The derivation in {file.name}", verdict.html()))
    if as_json:
        say_json(verdict.to_dict())
    else:
        say(verdict_renderable(verdict), *([f"\nThe page: {html}"] if html else []))
    return verdict.right


def _graded(file: Path, html: Path | None, as_json: bool) -> bool:
    """The points for a filled-in worksheet."""
    from whygrad.checking.grade import grade_file

    if not file.is_file():
        raise DataError(f"{file} does not exist or is not a file", where="", try_="whygrad check FILE.json")
    grade = grade_file(file)
    if html is not None:
        write_whole(html, grade.html())
    if as_json:
        say_json(grade.to_dict())
    else:
        say_exactly(str(grade))
    return grade.points == grade.possible


def verdict_on_file(file: Path) -> DerivationVerdict:
    """Run a learner's file and judge what it defines: ``f, args, mine``, or ``network, x, y, mine``."""
    from whygrad.checking.derivation import check_derivation
    from whygrad.cli.function import in_users_code, users_module

    if file.suffix != ".py":
        raise DataError(
            f"{file} is neither a Python file nor a worksheet",
            where="",
            try_="whygrad check FILE.py, or FILE.json or FILE.md of a worksheet",
        )
    with contextlib.redirect_stdout(sys.stderr):  # what the file prints is no part of the answer
        module = users_module(file, "whygrad check FILE.py")
        function, args, kwargs = _asked(file, module)
        mine, decimals = _needed(file, module, "mine"), getattr(module, "decimals", None)
        verdict: DerivationVerdict = in_users_code(
            file, lambda: check_derivation(function, *args, mine=mine, decimals=decimals, **kwargs)
        )
    return verdict


def _asked(file: Path, module: ModuleType) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The function or network of a file, and what it is to be called with."""
    if hasattr(module, "network"):
        return module.network, (_needed(file, module, "x"), _needed(file, module, "y")), {}
    function, given = _needed(file, module, "f"), _needed(file, module, "args")
    if not callable(function):
        raise ArgumentError(
            f"f in {file.name} is of type {type(function).__name__}, not a function",
            where=str(file),
            try_="f = the name of the function that computes the cost",
        )
    if isinstance(given, Mapping):
        return function, (), dict(given)
    return function, tuple(given) if isinstance(given, (tuple, list)) else (given,), {}


def _needed(file: Path, module: ModuleType, name: str) -> Any:
    if not hasattr(module, name):
        raise ArgumentError(f"{file.name} defines no {name}", where=str(file), try_=LAYOUT)
    return getattr(module, name)
