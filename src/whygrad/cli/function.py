"""A function in the user's own file, and the numbers to run it at, from the words of the command line."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, DataError, WhygradError
from whygrad.explain.explain import Wrt, explain
from whygrad.explain.explanation import Explanation

MODULE = "users_file"  # what a user's file is called while it runs: never a name of our own, whatever the file's is


def explain_function(place: str, at: str, wrt: str | None) -> Explanation:
    """Run the file of ``FILE.py:function``, call the function at ``at`` and explain its slope by ``wrt``."""
    file, _, name = place.rpartition(":")
    args, kwargs = parse_at(at)
    with contextlib.redirect_stdout(sys.stderr):  # what the file prints is no part of the answer
        function = users_function(Path(file), name)
        check_call(function, name, args, kwargs)
        why: Explanation = in_users_code(Path(file), lambda: explain(function, *args, wrt=parse_wrt(wrt), **kwargs))
        return why


def users_module(file: Path, usage: str) -> ModuleType:
    """The user's file, run; ``usage`` is what to try where it can not be."""
    if not file.is_file():
        raise DataError(f"{file} does not exist or is not a file", where="", try_=usage)
    spec = importlib.util.spec_from_file_location(MODULE, file)
    if spec is None or spec.loader is None:
        raise DataError(f"{file.name} is not a Python file", where=str(file), try_=usage)
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module  # dataclasses and pickles look their module up
    sys.path.insert(0, str(file.resolve().parent))
    loader = spec.loader
    in_users_code(file, lambda: loader.exec_module(module))
    return module


def users_function(file: Path, name: str) -> Callable[..., Any]:
    """The function ``name`` of the user's file, which is run for it."""
    module = users_module(file, "whygrad explain FILE.py:function")
    function = getattr(module, name, None)
    if not callable(function):
        found = [key for key, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == MODULE]
        raise ArgumentError(
            f"{file.name} has no function called {name!r}",
            where=str(file),
            try_="one of " + ", ".join(found) if found else "def cost(w): ...",
        )
    return function  # type: ignore[no-any-return]  # callable() has just said so


def parse_at(text: str) -> tuple[list[Any], dict[str, Any]]:
    """``a=1,w=[1,2]`` as the arguments of a call: numbers, and lists of numbers as arrays.

    >>> parse_at("1.5, w=[1, 2]")
    ([1.5], {'w': array([1., 2.])})
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError(text)
        return [_value(arg) for arg in call.args], {str(k.arg): _value(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ArgumentError(
            f"--at {text!r} can not be read",
            where="",
            why="it is read as the arguments of a call: numbers, and lists of numbers for arrays",
            try_='--at "a=1, w=[0.5, -2]"',
        ) from None


def _value(expression: ast.expr) -> Any:
    return _arrays(ast.literal_eval(expression))


def _arrays(value: Any) -> Any:
    if isinstance(value, list):
        return np.asarray(value, float)
    return {key: _arrays(part) for key, part in value.items()} if isinstance(value, dict) else value


def parse_wrt(text: str | None) -> Wrt:
    """``w``, ``0`` for the first argument, ``W[0, 1]`` for one element; nothing means the first argument.

    >>> parse_wrt("W[0, 1]")
    ('W', (0, 1))
    """
    found = re.fullmatch(r"(.*?)\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]", text or "0")
    name, index = (found[1], tuple(int(i) for i in found[2].split(","))) if found else (text or "0", None)
    which = int(name) if re.fullmatch(r"-?\d+", name) else name
    return which if index is None else (which, index)


def check_call(function: Callable[..., Any], name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Refuse arguments that the function does not take, or that are missing, in its own names."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some callables of C code do not tell
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            f"{name}{signature} can not be called with these arguments: {error}",
            where="",
            try_='--at "' + ", ".join(f"{p}=1" for p in signature.parameters) + '"',
        ) from None


def in_users_code(file: Path, run: Callable[[], Any]) -> Any:
    """Run the user's code; what it raises is told with its line."""
    try:
        return run()
    except WhygradError:
        raise
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).resolve() == file.resolve()]
        if isinstance(error, SyntaxError):
            where = f"{error.filename or file}:{error.lineno}" if error.lineno else str(file)
        elif frames:
            where = f"{file}:{frames[-1].lineno}, in {frames[-1].name}"
        else:
            raise  # not the user's code
        raise DataError(f"the code in {file.name} stopped with {type(error).__name__}: {error}", where=where) from None
