"""What to say when an operation on traced values can not be done: which one, on what, and what the user calls it."""

from __future__ import annotations

import dis
import linecache
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import numpy as np

from whygrad.errors import (
    ArgumentError,
    DtypeError,
    LinAlgError,
    MissingMethodError,
    OutOfRangeError,
    ShapeError,
    TracedValueError,
    UnsupportedError,
    WhygradError,
    user_frame,
)
from whygrad.rules.define import Value

# Words by which NumPy's messages tell shapes that do not fit from other mistakes.
ABOUT_SHAPES = ("shape", "broadcast", "mismatch", "dimension", "size", "must match", "operand")

# What every ufunc of NumPy's accepts, and a traced value can not honour.
UFUNC_OPTIONS = ("out", "where", "casting", "order", "dtype", "subok", "signature")


def failed(name: str, args: tuple[Value, ...], params: Mapping[str, Any], error: Exception) -> WhygradError:
    """NumPy's exception inside an operation, as one error in the user's words."""
    frame = user_frame(sys._getframe(1))
    operands = " and ".join(described(x, frame) for x in args)
    options = "".join(f", {key}={value!r}" for key, value in params.items())
    numpys = str(error).partition("\n")[0]
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{name} of {operands} failed: {numpys}")
    if isinstance(error, IndexError) and not isinstance(error, np.exceptions.AxisError):
        return OutOfRangeError(f"{name} of {operands}{options}: {numpys}")
    if isinstance(error, ValueError) and any(word in numpys for word in ABOUT_SHAPES):
        return ShapeError(f"{name} of {operands}{options}: the shapes do not fit", why=numpys,
                          try_=_advice(name, args, frame))
    return ArgumentError(f"{name} of {operands}{options} is not possible", why=numpys)


def _advice(name: str, args: tuple[Value, ...], frame: FrameType | None) -> str | None:
    shapes = [np.shape(_bare(x)) for x in args]
    if name == "matmul" and len(shapes) == 2 and len(shapes[1]) == 2:
        left, right = (known_as(x, frame) or letter for x, letter in zip(args, "xy", strict=True))
        needed = f"{left} @ {right} needs as many numbers in a row of {left} as {right} has rows"
        return f"{needed}; {right}.T has shape {shapes[1][::-1]}"
    if name not in ("reshape", "concatenate", "matmul") and len(shapes) == 2:
        return "sizes, counted from the right, must be equal or 1; x[:, None] makes a column, x[None, :] a row"
    return None


def described(x: Value, frame: FrameType | None) -> str:
    """A value in an error message: what the user calls it, and its shape."""
    name, value = known_as(x, frame), _bare(x)
    if not isinstance(value, (np.ndarray, np.generic)):
        return repr(value) if name is None else f"{name} = {value!r}"
    if not value.shape:
        return f"{name} (a number)" if name else "a number"
    return f"{name} {value.shape}" if name else f"an array of shape {value.shape}"


def known_as(x: Value, frame: FrameType | None = None) -> str | None:
    """The user's name for a value: its own, or the variable of the running user code that holds it."""
    own = getattr(x, "name", None)
    if own:
        return str(own)
    value = _bare(x)
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    frame = frame or user_frame(sys._getframe(1))
    scopes = (frame.f_locals, frame.f_globals) if frame else ()
    return next((name for scope in scopes for name, held in _held(scope) if _bare(held) is value), None)


def _held(scope: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every variable, and what stands one level inside those that are dicts, lists and tuples."""
    for name, value in list(scope.items()):
        yield name, value
        if isinstance(value, dict):
            yield from ((f"{name}[{key!r}]", x) for key, x in value.items())
        elif isinstance(value, (list, tuple)):
            yield from ((f"{name}[{i}]", x) for i, x in enumerate(value))


def _bare(x: Value) -> Value:
    """The plain value under any number of traces."""
    while hasattr(x, "apply_rule") and hasattr(x, "value"):
        x = x.value
    return x


def describe(x: Value) -> str:
    """A traced value in an error message: name, shape and dtype."""
    value, name = _bare(x), known_as(x)
    kind = f"{value.dtype} array of shape {value.shape}" if value.shape else f"{value.dtype} number"
    return f"{name!r}, a {kind}" if name else f"({kind})"


def unsupported(name: str) -> UnsupportedError:
    """The error for a function without a rule."""
    return UnsupportedError(f"{name} has no rule, so its derivative is not known",
                            why="whygrad refuses what it can not differentiate rather than guess",
                            try_=f"write it with supported functions, or define its rule: "
                                 f"wg.define({name.rpartition('.')[2]!r}, ...)")


def lost(what: str, x: Value, why: str, instead: str) -> TracedValueError:
    """The error for a value about to leave its trace; the user's own line tells what was meant by it."""
    frame = user_frame(sys._getframe(1))
    if frame is not None and dis.opname[frame.f_code.co_code[frame.f_lasti]] == "STORE_SUBSCR":
        what, why = "assignment of {} into a plain NumPy array", "a plain array forgets how it was computed"
        instead = "y = wg.at(y)[i].set(v) instead of y[i] = v; or all values in a list, and wg.array(values) of it"
    elif frame is not None and ".dot(" in linecache.getline(frame.f_code.co_filename, frame.f_lineno):
        instead = "X @ w or np.dot(X, w) instead of X.dot(w), which NumPy never hands on"
    return TracedValueError(what.format(f"the traced value {describe(x)}"), why=f"{why}, and its gradient with it",
                            try_=instead)


def closed_trace() -> TracedValueError:
    """The error for a value that outlived its trace."""
    return TracedValueError("a traced value was used after its function returned",
                            why="it was kept outside the function (in a list, a global, an attribute)",
                            try_="return what you need from the function")


def not_real(name: str, dtype: np.dtype[Any]) -> DtypeError:
    """The error for an operation that left the real numbers."""
    if dtype.kind != "c":
        return DtypeError(f"{name} of something that is not an array of numbers",
                          why="its other input holds Python objects, dates or texts", try_="np.asarray(x, float) of it")
    return DtypeError(f"{name} gave complex numbers ({dtype})", why="whygrad computes derivatives of real functions",
                      try_="compute the real and the imaginary part as two real values")


def missing_method(name: str) -> AttributeError:
    """The error for a method of arrays that traced values lack; anything else is an ordinary AttributeError."""
    if name.startswith("_") or not hasattr(np.ndarray, name):
        return AttributeError(f"a traced value has no attribute {name!r}")
    return MissingMethodError(f"traced arrays have no .{name}", why="its derivative is not known, or it would lose it",
                              try_=f"np.{name}(x)" if hasattr(np, name) else "wg.stop_gradient(x) for a constant")


def refuse_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse ``out=``, ``where=`` and other options of NumPy's ufuncs."""
    if options.get("out") is not None:
        raise TracedValueError(f"np.{name} would write a traced value into a plain NumPy array",
                               why="a plain array forgets how its numbers were computed, and their gradients with them",
                               try_="a = a + x instead of a += x or out=a")
    for option in UFUNC_OPTIONS:
        if options.get(option) is not None:
            raise UnsupportedError(f"np.{name}(..., {option}=...) has no gradient rule",
                                   why=f"whygrad supports np.{name} without {option}=", try_=f"leave {option}= out")
