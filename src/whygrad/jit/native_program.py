"""A program on native code: lowered, printed, compiled or found on disk, and called with arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from whygrad.errors import OutOfRangeError
from whygrad.jit.arena import arrays_apart
from whygrad.jit.expand import expanded
from whygrad.jit.far import done_again
from whygrad.jit.loops import Printed, printed
from whygrad.jit.lowering import lowered
from whygrad.jit.native.cache import native as loaded
from whygrad.jit.native.team import thread_count
from whygrad.jit.passes import optimized
from whygrad.jit.profile import Profile, profiled
from whygrad.jit.program import Program, Var
from whygrad.jit.reuse import with_shared_memory
from whygrad.jit.roll import rolled
from whygrad.jit.work import seconds_of_turn

Run = Callable[[Sequence[np.ndarray]], list[Any]]
Attempt = Callable[[Sequence[Any]], list[Any] | None]
Profiler = Callable[[Sequence[np.ndarray]], Profile]


class Native(NamedTuple):
    """The printed source of a program, the function that runs it, one that does if what it is given fits, and one that
    looks where its time goes.
    """

    source: str
    run: Run
    attempt: Attempt
    profile: Profiler


def native(program: Program) -> Native:
    """Lower, print, and compile."""
    low = with_shared_memory(lowered(rolled(done_again(optimized(expanded(program))))))
    page = printed(low, thread_count())
    code = loaded(page.source, [(page.shape(x), x.dtype.name) for x in page.arrays])
    return Native(page.source, *_runners(low.program, low.constants, page, code))


class Bound(NamedTuple):
    """A program whose inputs and results stay in the same arrays.

    ``calls``: by the number of threads, all of which find the same numbers; ``seconds``: that a turn of its loop may
    take on one thread; ``inputs``: those that it has laid out anew; ``results``: its outputs, in order; ``profile``:
    looks where the time goes with that many threads, in that many turns of the loop.
    """

    source: str
    calls: Mapping[int, Callable[[], int]]
    seconds: float
    inputs: Mapping[Var, np.ndarray]
    results: Sequence[np.ndarray]
    profile: Callable[[int, int], Profile]


def bound(program: Program, arrays: Mapping[Var, np.ndarray], own: Set[Var]) -> Bound:
    """The program on these arrays. ``own``: the inputs that it may lay out anew, with room at the end of rows or a copy
    for each thread.
    """
    low = with_shared_memory(lowered(program))
    page = printed(low, thread_count(), given={*arrays, *low.constants} - own)
    code = loaded(page.source, [(page.shape(x), x.dtype.name) for x in page.arrays])
    held = {**{x: np.asarray(array, order="C") for x, array in low.constants.items()}, **arrays}
    held |= _own_memory(page, [x for x in page.arrays if x in own or x not in held])
    inputs = {x: page.seen(x, held[x]) for x in own}
    for x, array in inputs.items():
        array[...] = arrays[x]
    results = [page.seen(x, held[x]) for x in low.program.outputs if isinstance(x, Var)]
    counts = {page.threads, 1} if page.is_flexible else {page.threads}
    memory = [held[x] for x in page.arrays]
    calls = {n: code.bind(memory, n) for n in counts}

    def profile(threads: int, turns: int) -> Profile:
        status, found = profiled(page, memory, threads, turns)
        assert found is not None, status  # its indices are checked before a run
        return found

    return Bound(page.source, calls, seconds_of_turn(low.kernels), inputs, results, profile)


def _own_memory(page: Printed, own: Sequence[Var]) -> dict[Var, np.ndarray]:
    """Arrays for these, with room at the end of rows where the program wants it.

    They begin where lines of the cache do: two threads that write to halves of a row share none of them.
    """
    return dict(zip(own, arrays_apart((page.shape(x), x.dtype) for x in own), strict=True))


def _runners(
    program: Program, constants: dict[Var, np.ndarray], page: Printed, code: Any
) -> tuple[Run, Attempt, Profiler]:
    """Call the program with arrays: new ones for its results, its own for what only it uses."""
    given_along = {x: np.asarray(array, order="C") for x, array in constants.items()}
    scratch = [x for x in page.arrays if x in page.scratch and x not in program.outputs]
    places = {x: i for i, x in enumerate(page.arrays)}
    idle: list[list[Any]] = []  # as many as there have been callers at once: each has memory of its own
    inputs = [places[x] for x in program.inputs]
    results = [(places[x], x.shape, x.dtype) for x in program.outputs if isinstance(x, Var)]
    threads = page.threads

    def called(given: Sequence[Any], call: Callable[[list[Any], int], int | None]) -> list[Any] | None:
        try:
            fixed = idle.pop()
        except IndexError:
            memory = given_along | _own_memory(page, scratch)
            fixed = [memory.get(x) for x in page.arrays]
        arrays = fixed.copy()
        for place, x in zip(inputs, given, strict=True):
            arrays[place] = x
        for place, shape, dtype in results:
            arrays[place] = np.empty(shape, dtype)
        status = call(arrays, threads)
        idle.append(fixed)
        if status:
            raise OutOfRangeError(
                "an index is outside the array that it picks from",
                why="found while the compiled program ran",
                try_="check the whole numbers given to the function",
            )
        return None if status is None else [arrays[place][()] for place, _, _ in results]

    def attempt(given: Sequence[Any]) -> list[Any] | None:
        return called(given, code.attempt) if len(given) == len(inputs) else None

    def laid_out(given: Sequence[np.ndarray], call: Callable[[list[Any], int], int]) -> list[Any]:
        numbers = called([np.require(np.asarray(x), requirements=("C", "A")) for x in given], call)
        assert numbers is not None
        return numbers

    def run(given: Sequence[np.ndarray]) -> list[Any]:
        numbers = attempt(given)  # None: strides, an address or a dtype that the quick look does not know
        return laid_out(given, code.run) if numbers is None else numbers

    def profile(given: Sequence[np.ndarray]) -> Profile:
        found: list[Profile] = []

        def timed(arrays: list[Any], threads: int) -> int:
            status, profile = profiled(page, arrays, threads)
            found.extend([profile] if profile else [])
            return status

        laid_out(given, timed)
        return found[0]

    return run, attempt, profile
