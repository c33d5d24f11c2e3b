"""A program on native code: lowered, printed, compiled or found on disk, and called with arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

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
from whygrad.jit.program import Program, Var
from whygrad.jit.reuse import with_shared_memory
from whygrad.jit.roll import rolled

Run = Callable[[list[np.ndarray]], list[Any]]


def native(program: Program) -> tuple[str, Run]:
    """The printed source of a program, and the function that runs it."""
    low = with_shared_memory(lowered(rolled(done_again(optimized(expanded(program))))))
    page = printed(low, thread_count())
    code = loaded(page.source, [(page.shape(x), x.dtype.name) for x in page.arrays])
    return page.source, _runner(low.program, low.constants, page, code)


def bound(
    program: Program, arrays: dict[Var, np.ndarray], results: list[np.ndarray], own: Set[Var]
) -> tuple[str, Callable[[], int], dict[Var, np.ndarray]]:
    """The source, and a call, of a program whose inputs and results stay in the same arrays.

    ``own``: the inputs that it may lay out anew, with room at the end of rows; the arrays that replace them are
    returned.
    """
    low = with_shared_memory(lowered(program))
    outputs = {x for x in low.program.outputs if isinstance(x, Var)}
    page = printed(low, thread_count(), given={*arrays, *low.constants, *outputs} - own)
    code = loaded(page.source, [(page.shape(x), x.dtype.name) for x in page.arrays])
    held = {x: np.asarray(array, order="C") for x, array in low.constants.items()} | arrays
    held |= dict(zip([x for x in low.program.outputs if isinstance(x, Var)], results, strict=True))
    held |= _own_memory(page, [x for x in page.arrays if x in own or (x in page.scratch and x not in held)])
    views = {x: held[x][..., : x.shape[-1]] if x in page.padded else held[x] for x in own}
    for x, view in views.items():
        view[...] = arrays[x]
    return page.source, code.bind([held[x] for x in page.arrays], page.threads), views


def _own_memory(page: Printed, own: Sequence[Var]) -> dict[Var, np.ndarray]:
    """Arrays for these, with room at the end of rows where the program wants it.

    They begin where lines of the cache do: two threads that write to halves of a row share none of them.
    """
    return dict(zip(own, arrays_apart((page.shape(x), x.dtype) for x in own), strict=True))


def _runner(program: Program, constants: dict[Var, np.ndarray], page: Printed, code: Any) -> Run:
    """Calls the program with arrays: new ones for its results, its own for what only it uses."""
    own = {x: np.asarray(array, order="C") for x, array in constants.items()}
    own |= _own_memory(page, [x for x in page.arrays if x in page.scratch and x not in program.outputs])
    places = {x: i for i, x in enumerate(page.arrays)}
    fixed = [own.get(x) for x in page.arrays]
    inputs = [places[x] for x in program.inputs]
    results = [(places[x], x.shape, x.dtype) for x in program.outputs if isinstance(x, Var)]

    def run(given: list[np.ndarray]) -> list[Any]:
        arrays: list[Any] = list(fixed)
        for place, array in zip(inputs, given, strict=True):
            arrays[place] = np.asarray(array, order="C")
        for place, shape, dtype in results:
            arrays[place] = np.empty(shape, dtype)
        status = code.run(arrays, page.threads)
        if status:
            raise OutOfRangeError(
                "an index is outside the array that it picks from",
                why="found while the compiled program ran",
                try_="check the whole numbers given to the function",
            )
        return [arrays[place][()] for place, _, _ in results]

    return run
