"""What a learner hands in: a mapping of gradients, or a function of theirs that returns one."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from whygrad.errors import ArgumentError, DataError, WhygradError, is_users


def numbers_of(mine: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The learner's gradients by name. A function of the learner's is called with the arguments it is judged on."""
    if callable(mine):
        mine = _called(mine, args, kwargs)
    if not isinstance(mine, Mapping):
        raise ArgumentError(
            f"mine is of type {type(mine).__name__}",
            why="your gradients are told by the names of the values they are by",
            try_='mine={"W1": ..., "b1": ...}, or a function that returns such a dict',
        )
    if not mine or all(value is None for value in mine.values()):
        raise ArgumentError("mine holds no number", try_='mine={"W1": ..., "b1": ...}')
    return mine


def _called(mine: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What the learner's function returns; what goes wrong in it is told as theirs."""
    name = getattr(mine, "__name__", "mine")
    try:
        signature = inspect.signature(mine)
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            f"{name} can not be called with these arguments: {error}",
            why="a backward function takes the arguments that the function it differentiates takes",
            try_=f"def {name}(*args): ...",
        ) from None
    except ValueError:  # some callables of C code do not tell
        pass
    try:
        return mine(*args, **kwargs)
    except WhygradError:
        raise
    except Exception as error:
        raise DataError(
            f"your function {name} stopped with {type(error).__name__}: {error}", where=_line_of(error)
        ) from error


def _line_of(error: Exception) -> str | None:
    """The learner's own line that was running: the innermost one outside the libraries it calls."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if is_users(frame)]
    lines = dict(traceback.walk_tb(error.__traceback__))
    return f"{frames[-1].f_code.co_filename}:{lines[frames[-1]]}, in {frames[-1].f_code.co_name}" if frames else None
