"""How a command answers: text for people or JSON on stdout, one message on stderr, and an exit code.

0    it worked                       2    the command line itself is wrong
1    bad input, or it failed       130    stopped by Ctrl-C
"""

from __future__ import annotations

import functools
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from whygrad.errors import ArgumentError, WhygradError

P = ParamSpec("P")

WIDEST = 100  # columns: longer lines are hard to read, however wide the terminal
FAILED, READER_GONE, STOPPED = 1, 141, 130
NO_PLACE = str(Path(typer.__file__).parent)  # who called the command is no place in anybody's code


class _Console(Console):
    """A console that tells when nobody reads on, instead of leaving by itself."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(stream: Any = None) -> Console:
    """Where people read: colours if the terminal shows them and NO_COLOR is not set; never wider than is readable."""
    made = _Console(file=stream or sys.stdout, markup=False, highlight=False, emoji=False)
    made.width = min(made.width, WIDEST)
    return made


def say(*parts: RenderableType) -> None:
    """Print for people."""
    out = console()
    for part in parts:
        out.print(part)


def say_exactly(text: str) -> None:
    """Print for programs: no line is broken."""
    sys.stdout.write(text + "\n")


def say_json(data: Mapping[str, Any]) -> None:
    """Print one JSON document, and nothing else, on stdout."""
    say_exactly(json.dumps(spelled(data), allow_nan=False, indent=2, ensure_ascii=False))


def spelled(data: Any) -> Any:
    """The same data with the numbers that JSON lacks as "NaN", "Infinity" and "-Infinity", as in explanations."""
    if isinstance(data, Mapping):
        return {key: spelled(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [spelled(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else "Infinity" if data > 0 else "-Infinity"
    return data


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never meets half a page, and what was there stays if this fails."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as part:
        try:
            part.write(text)
            part.close()
            Path(part.name).chmod(0o666 & ~_umask())
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def check_folder(file: Path | None, *inputs: Path) -> None:
    """Refuse a place that can not be written to before the work is done, not after; and one of the files to read."""
    if file is None:
        return
    if not file.parent.is_dir():
        why = f"the folder {file.parent} does not exist"
    elif file.exists() and not file.is_file():
        why = "it is a folder" if file.is_dir() else "it is a device or a pipe, not a file"
    elif file.exists() and any(given.exists() and file.samefile(given) for given in inputs):
        why = "it is the file to read, which would be lost"
    else:
        return
    raise ArgumentError(f"{file} can not be written", where="", why=why)


def _umask() -> int:
    """What the user does not allow for new files; a temporary file starts more private than that."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def fail(error: WhygradError, code: int = FAILED) -> NoReturn:
    """Print what, where, why and what to try on stderr, and leave."""
    err = console(sys.stderr)
    err.print(Text.assemble(("whygrad: ", "bold red"), (error.what, "bold")), soft_wrap=True)
    where = None if (error.where or "").startswith(NO_PLACE) else error.where
    for label, text in (("where", where), ("why", error.why), ("try", error.try_)):
        if text:
            err.print(Text.assemble((f"  {label + ':':<7}", "dim"), text), soft_wrap=True)
    raise SystemExit(code)


def answers(command: Callable[P, None]) -> Callable[P, None]:
    """Whatever happens inside a command ends in one message and an exit code, never in a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.stderr.write("\nstopped\n")
            raise SystemExit(STOPPED) from None
        except BrokenPipeError:  # `whygrad demo | head`: nobody reads on, and nothing is wrong
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(READER_GONE) from None
        except WhygradError as error:
            fail(error)
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            fail(WhygradError(f"{name}{error.strerror or error}", where=""))
        except MemoryError:
            fail(WhygradError("there is not enough memory for this", where="", try_="fewer examples or smaller layers"))
        except Exception as error:
            if os.environ.get("WHYGRAD_TRACEBACK"):
                raise
            fail(
                WhygradError(
                    f"{type(error).__name__}: {error}",
                    where="",
                    why="this is a mistake in whygrad",
                    try_="report it, with what WHYGRAD_TRACEBACK=1 shows",
                )
            )

    return run
