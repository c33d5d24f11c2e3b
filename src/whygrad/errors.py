"""One error type per kind of mistake; every message says what, where (the user's own line), why, and what to try.

Low-level code raises the reason; ``where`` is filled in here, from the first frame that is not whygrad's or NumPy's.
Public functions wear ``@public``: an error then reaches the user without the engine's frames in its traceback.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

NOT_THE_USERS = frozenset({"whygrad", "numpy", "optree", "functools", "contextlib"})


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame, from ``frame`` outwards, that runs the user's own code."""
    while frame is not None and not is_users(frame):
        frame = frame.f_back
    return frame


def is_users(frame: FrameType) -> bool:
    """True for code outside whygrad and the libraries it calls through."""
    return is_users_module(frame.f_globals.get("__name__"))


@functools.cache  # asked for a dozen frames at every traced operation
def is_users_module(name: object) -> bool:
    """The same, of a module's name."""
    return str(name or "").partition(".")[0] not in NOT_THE_USERS


def here() -> str | None:
    """``file:line, in function`` of the user's code that is running now."""
    frame = user_frame(sys._getframe(1))
    return None if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}"


class WhygradError(Exception):
    """What is wrong, where in the user's code, why it matters, and what to try instead.

    ``where`` defaults to the user's line that is running; pass a text for mistakes that sit elsewhere (a file's row).
    """

    def __init__(self, what: str, *, where: str | None = None, why: str | None = None, try_: str | None = None) -> None:
        self.what, self.why, self.try_ = what, why, try_
        self.where = here() if where is None else where
        lines = [what]
        lines += [
            f"  {label:<6} {text}" for label, text in (("where:", self.where), ("why:", why), ("try:", try_)) if text
        ]
        super().__init__("\n".join(lines))


class ShapeError(WhygradError, ValueError):
    """Shapes that do not fit together; the message names both."""


class DtypeError(WhygradError, TypeError):
    """Numbers that have no derivative: integers, booleans, complex numbers, objects."""


class NotScalarError(WhygradError, TypeError):
    """A gradient was asked of something that is not one number."""


class TracedValueError(WhygradError, TypeError):
    """Something was done to a traced value that would cut it off from its gradient."""


class UnsupportedError(WhygradError, NotImplementedError):
    """A function without a rule, named, with how to define one."""


class MissingMethodError(UnsupportedError, AttributeError):
    """A method of NumPy's arrays that traced values lack."""


class OutOfRangeError(WhygradError, IndexError):
    """An index outside an array, or numbers that can not be an index."""


class RuleError(WhygradError, TypeError):
    """A rule of the table that is incomplete or wrong."""


class ArgumentError(WhygradError, ValueError):
    """An argument outside what a public function accepts."""


class LinAlgError(ArgumentError, np.linalg.LinAlgError):
    """A matrix that can not be inverted, factored or decomposed."""


class DataError(WhygradError, ValueError):
    """Data that can not be learned from: NaN, labels out of range, unreadable files."""


class DivergedError(WhygradError, ArithmeticError):
    """Training produced a cost that is not a number; the message names the step."""


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Let exceptions reach the user without the engine's frames: only the user's own lines remain.

    An exception that the engine itself raised by mistake keeps its whole traceback.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # raised again, twice: only a bare raise adds no frame of its own
            ours = error.__cause__ if isinstance(error.__cause__, WhygradError) else error  # NumPy wraps some of ours
            try:
                raise ours
            except Exception:
                hide_engine(ours)
                raise

    return call


def hide_engine(error: Exception) -> None:
    """Leave only the user's frames in the traceback, unless the engine itself is at fault."""
    if isinstance(error, WhygradError):
        error.__cause__, error.__suppress_context__ = None, True
    elif not _raised_by_user(error.__traceback__):
        return
    error.__traceback__ = _only_users(error.__traceback__)


def _raised_by_user(traceback: TracebackType | None) -> bool:
    """True when the innermost frame, NumPy's own left aside, is the user's."""
    users = False
    while traceback is not None:
        room = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        users = users if room == "numpy" else room not in NOT_THE_USERS
        traceback = traceback.tb_next
    return users


def _only_users(traceback: TracebackType | None) -> TracebackType | None:
    """The same traceback without the frames that are not the user's."""
    kept = []
    while traceback is not None:
        if is_users(traceback.tb_frame):
            kept.append(traceback)
        traceback = traceback.tb_next
    result: TracebackType | None = None
    for entry in reversed(kept):
        result = TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result
