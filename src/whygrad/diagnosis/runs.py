"""Running a function so that it can be asked about its zeros and NaNs: whatever it returns, in any precision."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import optree

from whygrad.backward import gradients
from whygrad.errors import DtypeError, WhygradError
from whygrad.graph.node import Node, named
from whygrad.graph.record import Program, record

LONGER: dict[str, Any] = {"float16": np.float64, "float32": np.float64, "float64": np.longdouble}
QUIET: Any = {"all": "ignore"}


def run(f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Program:
    """The recorded run. A result without slope (a count, a constant) is kept: then no path leads to it."""

    @functools.wraps(f)
    def asked(*args: Any, **kwargs: Any) -> Any:
        result = f(*args, **kwargs)
        if isinstance(result, Node):
            return named(result * 1.0, "C") if result.dtype.kind != "f" and result.shape == () else result
        leaves = optree.tree_leaves(cast("Any", (args, kwargs)))
        traced = next((x for x in leaves if isinstance(x, Node)), None)
        if traced is None or np.ndim(result) or np.asarray(result).dtype.kind not in "fiub":
            return result
        return traced.within.leaf(np.float64(result), "C")

    if not callable(f):
        return record(f, args, kwargs)
    asked.__name__ = getattr(getattr(f, "func", f), "__name__", type(f).__name__)  # a partial's is its function's
    with np.errstate(**QUIET):
        try:
            return record(asked, args, kwargs)
        except WhygradError:
            refuse_whole_numbers(f, args, kwargs)
            raise


def refuse_whole_numbers(f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """An error that is about the arguments: there is nothing to differentiate by."""
    leaves: list[Any] = optree.tree_leaves(cast("Any", (args, dict(kwargs))))
    if not any(isinstance(x, (float, Node)) or getattr(x, "dtype", np.dtype(int)).kind in "fc" for x in leaves):
        if any(isinstance(x, int) and not isinstance(x, bool) for x in leaves):
            return
        given = (
            ", ".join(f"{name} ({what})" for name, what in without_slope(f, args, kwargs).items()) or "there are none"
        )
        raise DtypeError(
            f"no argument of {getattr(f, '__name__', 'the function')} is of floating point: {given}",
            why="only numbers that can change by a little have a gradient",
            try_="x.astype(float)",
        )


def without_slope(f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, str]:
    """The arguments that have no gradient because of what they are: name and dtype or type."""
    try:
        bound = inspect.signature(f).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return {}
    found = {}
    for name, value in bound.items():
        leaves: list[Any] = optree.tree_leaves(value)
        kinds = [str(getattr(x, "dtype", "")) for x in leaves]
        if kinds and all(kind and np.dtype(kind).kind in "iub" for kind in kinds):
            found[name] = " and ".join(sorted(set(kinds)))
    return found


def in_longer_dtype(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], label: str, dtype: np.dtype[Any]
) -> tuple[npt.NDArray[Any], str] | None:
    """The gradient by the value called ``label`` when every floating-point argument is of a longer dtype.

    None where there is none (float64 is the longest on some machines), or where the function can not run on it.
    """
    longer = LONGER.get(str(dtype))
    if longer is None or np.finfo(longer).nmant <= np.finfo(dtype).nmant:
        return None
    lengthened = optree.tree_map(lambda x: _as(x, longer), cast("Any", (args, dict(kwargs))))
    try:
        program = run(f, *cast("Any", lengthened))
        node = program.find(label)
        with np.errstate(**QUIET):
            flow = gradients({program.output: np.ones((), program.output.dtype)}, [node])[0]
    except (WhygradError, TypeError, ValueError, np.linalg.LinAlgError):
        return None
    return np.asarray(flow), np.dtype(longer).name if longer is not np.longdouble else "longdouble"


def _as(x: Any, dtype: Any) -> Any:
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f":
        return np.asarray(x).astype(dtype)[()]
    return dtype(x) if isinstance(x, float) else x
