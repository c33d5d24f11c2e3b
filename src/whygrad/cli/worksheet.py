"""``whygrad worksheet``: exercises to do by hand, as a page to print, LaTeX, Markdown or JSON to fill in."""

from __future__ import annotations

import json
from pathlib import Path

from whygrad.checking.ladder import LADDER
from whygrad.checking.worksheet import Worksheet, worksheet
from whygrad.cli.answer import check_folder, say, say_exactly, say_json, write_whole
from whygrad.errors import ArgumentError

FORMS = (".html", ".tex", ".md", ".json")


def run(kind: str, seed: int, count: int, out: Path | None, key: bool, latex: bool, as_json: bool) -> None:
    """Write the sheet, or print it."""
    check_folder(out)
    if out is not None and out.suffix.lower() not in FORMS:
        raise ArgumentError(f"{out} has no known ending", where="", try_="one of " + ", ".join(FORMS))
    if kind == "list":
        for name, rung in LADDER.items():
            say_exactly(f"{name:<15} {rung.title}")
        return
    sheet = worksheet(kind, seed, count)
    if out is not None:
        write_whole(out, _written(sheet, out.suffix.lower(), key))
    if as_json:
        say_json(sheet.to_dict(key=key))
    elif latex:
        say_exactly(sheet.latex(key=key))
    elif out is not None:
        blanks = sum(len(exercise.questions) for exercise in sheet.exercises)
        say(f"The worksheet, {blanks} blanks: {out}")
    else:
        say_exactly(sheet.markdown(key=key))


def _written(sheet: Worksheet, ending: str, key: bool) -> str:
    if ending == ".html":
        return sheet.html(key=key)
    if ending == ".tex":
        return sheet.latex(key=key)
    if ending == ".md":
        return sheet.markdown(key=key)
    return json.dumps(sheet.to_dict(key=key), indent=2, ensure_ascii=False) + "\n"
