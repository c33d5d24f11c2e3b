"""``jit``: trace a function once for each signature, lower it, and run the result from then on."""

from __future__ import annotations

import functools
import gc
import importlib.util
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import optree

from whygrad.errors import ArgumentError, TracedValueError, UnsupportedError, public
from whygrad.graph.node import Node

if TYPE_CHECKING:
    from whygrad.jit.capture import Captured
    from whygrad.jit.profile import Profile

# The compiler is loaded when something is compiled: who only imports whygrad does not wait for it.

BACKENDS = ("auto", "native", "numpy")
EARLIER_NAMES = {"numba": "native"}  # numba compiled the programs before whygrad did
PROGRAMS = (
    64  # kept for one function; the oldest is forgotten: a function called with ever new shapes would fill memory
)


@dataclass(frozen=True)
class Compiled:
    """One program of a function. ``why_not``: why it does not run natively, "" if it does or was not asked to.

    ``attempt`` runs it on these arrays if they fit as they are, or says None: it looks at them in a tenth of the time
    that a search for the right program takes.
    """

    source: str
    backend: str
    run: Callable[[Sequence[np.ndarray]], list[Any]]
    result: optree.PyTreeSpec
    plain: tuple[Any, ...]
    why_not: str = ""
    constants: Mapping[str, Any] = field(default_factory=dict)
    attempt: Callable[[Sequence[Any]], list[Any] | None] | None = None
    profile: Callable[[Sequence[np.ndarray]], Profile] | None = None

    def returned(self, numbers: list[Any]) -> Any:
        """What the function returns: the numbers that the program computed, and what is no number, put together."""
        results = iter(numbers)
        return self.result.unflatten([next(results) if x is None else x for x in self.plain])


class Jitted:
    """A function that has been compiled, or will be at its first call; see ``jit``."""

    def __init__(self, function: Callable[..., Any], backend: str) -> None:
        self._function, self._asked = function, backend
        self._programs: dict[Hashable, Compiled] = {}
        self._latest: Compiled | None = None
        self._bare: Compiled | None = None  # the latest that was given arrays one by one, and nothing else
        self._lock = threading.Lock()
        functools.update_wrapper(self, function)

    @public
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the function itself."""
        bare = self._bare
        if bare is not None and bare.attempt is not None and not kwargs:
            numbers = bare.attempt(args)
            if numbers is not None:
                self._latest = bare
                return bare.returned(numbers)
        compiled, traced = self._program_for(args, kwargs)
        self._bare = compiled if not kwargs and all(type(x) is np.ndarray for x in args) else self._bare
        return compiled.returned(compiled.run(traced))

    @public
    def profile(self, *args: Any, **kwargs: Any) -> Profile:
        """Where the time of ``f(*args, **kwargs)`` goes, statement by statement of ``source``; ``print`` shows it.

        The call is repeated for a quarter of a second with the processor's clock read between the statements. For the
        native backend only: UnsupportedError elsewhere, where Python's own profilers see everything.
        """
        compiled, traced = self._program_for(args, kwargs)
        if compiled.profile is None:
            raise UnsupportedError(
                f"a profile of a program on backend {compiled.backend!r}",
                why=compiled.why_not or "it was asked for",
                try_="python -m cProfile, which sees NumPy's calls",
            )
        return compiled.profile(traced)

    def _program_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Compiled, list[Any]]:
        """The program for these arguments, made now if there is none, and the arrays among them."""
        leaves, structure = optree.tree_flatten(cast("optree.PyTree[Any]", (args, kwargs)))
        traced, key = _signature(leaves, structure)
        compiled = self._programs.get(key)
        if compiled is None:
            compiled = self._compile(key, args, kwargs)
        self._latest = compiled
        return compiled, traced

    def _compile(self, key: Hashable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Compiled:
        from whygrad.jit.capture import capture

        with self._lock:
            if key not in self._programs:
                if len(self._programs) >= PROGRAMS:
                    self._programs.pop(next(iter(self._programs)))
                with collector_at_rest():
                    self._programs[key] = compiled_for(self._asked, capture(self._function, args, kwargs))
            return self._programs[key]

    @property
    def source(self) -> str:
        """The program of the last call as Python text, each line with its rule and the user's line."""
        return self._current().source

    @property
    def backend(self) -> str:
        """What ran the last call: "native" or "numpy"; ``why_not`` says why it was not native."""
        return self._current().backend

    @property
    def constants(self) -> Mapping[str, Any]:
        """What the names in ``source`` that are not inputs stand for: ``exec(f.source, dict(f.constants))`` runs it."""
        return self._current().constants

    @property
    def why_not(self) -> str:
        """What kept the last call from running natively, "" if nothing did."""
        return self._current().why_not

    def _current(self) -> Compiled:
        if self._latest is None:
            raise ArgumentError(
                "nothing has been compiled yet",
                why="a program is made for the shapes of a call",
                try_="call the function once",
            )
        return self._latest


@public
def jit(f: Callable[..., Any], backend: str = "auto") -> Jitted:
    """The same function, compiled: traced once for each shape and dtype of its arguments, then run as one program.

    Arrays and floats are given at each call; whole numbers, texts, None and booleans are built into the program, which
    is made anew for others. ``f`` may compute gradients: ``wg.jit(wg.value_and_grad(f))``. Nothing in ``f`` may depend
    on the numbers in its arrays (``if x > 0``): that raises TracedValueError with the line. Results are new arrays.

    ``backend``: "native" compiles to native code, and raises UnsupportedError where a rule has no native form; "numpy"
    runs the printed program; "auto" is native where LLVM is installed and every rule has a native form, else numpy, and
    ``.why_not`` says why. ``.source`` is the program as Python, ``.backend`` what runs it, and
    ``.profile(*args)`` says where its time goes.

    >>> import whygrad as wg
    >>> slope = jit(wg.grad(lambda x: np.sum(x ** 2)), backend="numpy")
    >>> slope(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    if not callable(f):
        raise ArgumentError(f"wg.jit needs a function, not a {type(f).__name__}", try_="wg.jit(f), then f's arguments")
    backend = EARLIER_NAMES.get(backend, backend)
    if backend not in BACKENDS:
        raise ArgumentError(
            f"backend {backend!r} is not known", why=f"there are {', '.join(BACKENDS)}", try_='backend="auto"'
        )
    return Jitted(f, backend)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Python's garbage collector waits: it would search a growing program again and again, and find nothing.

    A program of 200,000 steps takes half the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def available() -> bool:
    """Whether LLVM, which makes native code, is installed."""
    return importlib.util.find_spec("llvmlite") is not None


def compiled_for(backend: str, captured: Captured) -> Compiled:
    """The program on that backend; "auto" falls back openly."""
    from whygrad.jit.numpy_text import numpy_source
    from whygrad.jit.passes import optimized

    program = optimized(captured.program)
    why_not = ""
    if backend != "numpy":
        try:
            from whygrad.jit.native_program import native

            source, run, attempt, profile = native(program)
            return Compiled(source, "native", run, captured.result, captured.plain, attempt=attempt, profile=profile)
        except UnsupportedError as error:
            if backend == "native":
                raise
            why_not = error.what
        except ImportError as error:
            if backend == "native":
                raise UnsupportedError(
                    "backend='native' without llvmlite", why=str(error), try_="pip install llvmlite"
                ) from error
            why_not = "llvmlite is not installed"
    source, constants = numpy_source(program)
    names: dict[str, Any] = dict(constants)
    exec(compile(source, f"<whygrad {program.name}>", "exec"), names)

    def run_numpy(inputs: Sequence[np.ndarray]) -> list[Any]:
        with np.errstate(all="ignore"):
            return [np.array(x)[()] for x in names["program"](*inputs)]

    return Compiled(source, "numpy", run_numpy, captured.result, captured.plain, why_not, constants)


def _signature(leaves: list[Any], structure: optree.PyTreeSpec) -> tuple[list[Any], Hashable]:
    """The arrays among the leaves, and what a program is made for: their shapes and dtypes, and all that is no
    array.
    """
    from whygrad.jit.capture import as_leaf, is_traced, precision

    dtype = None
    traced, parts = [], []
    for x in leaves:
        if isinstance(x, Node):
            raise TracedValueError("a compiled function was given a traced value", why="it runs on plain numbers",
                                   try_="jit the whole: wg.jit(wg.grad(f)), not wg.grad(wg.jit(f))")
        if isinstance(x, np.ndarray):
            array = x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
            array = array if x.dtype.kind in "fiub" else as_leaf(array, array.dtype, "an argument")
        elif is_traced(x):
            dtype = precision(leaves) if dtype is None else dtype
            array = np.asarray(as_leaf(x, dtype, "an argument"))
        else:
            parts.append(x if isinstance(x, Hashable) else _refused(x))
            continue
        traced.append(array)
        parts.append((array.shape, array.dtype.char))
    return traced, (structure, *parts, *map(type, parts))


def _refused(x: Any) -> Any:
    raise ArgumentError(
        f"wg.jit was given a {type(x).__name__}, which is neither numbers nor can be built into a program",
        try_="arrays, numbers, texts, and dicts, lists and tuples of them",
    )
