"""Room at the end of rows: every tile of a product is a whole one, and rows do not all begin at one place of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from whygrad.jit.arena import PAGE
from whygrad.jit.kernels import Kernel, Lowered, Product, Turns
from whygrad.jit.native.cpu import TILE
from whygrad.jit.program import Var
from whygrad.jit.views import of
from whygrad.jit.work import LARGE_PRODUCT, work_of

GAP = TILE.panel_bytes  # between rows that would begin a page apart


class Room(NamedTuple):
    """So many numbers are computed of each row, and rows stand ``pitch`` numbers apart."""

    columns: int
    pitch: int


def with_room(low: Lowered, given: Set[Var], threads: int, dealt: Set[Var]) -> dict[Var, Room]:
    """The arrays of the program's own that products write or read row by row, with rows of whole panels.

    Columns at the edge of a tile cost as much as three whole tiles: 784 × 30 by 10 took 32 µs, and 8 µs with room.
    More than one panel are as many as the threads can deal evenly: the thread with one more would keep all waiting.
    Rows a page apart, 1024 or 2048 numbers, compete for the same lines of the first-level cache, of A, B and C alike:
    with a gap between them, products of 1024 × 2048 × 2048 take a tenth less.
    ``dealt``: weights of which threads have rows, so that columns are not dealt out.
    """
    wanted: dict[Var, int] = {}
    homes = [(x, home.base) for x, home in low.homes.items()]
    given = given | {base for x, base in homes if x.size == base.size and x.shape != base.shape}

    def add(x: Var, columns: int) -> None:
        if x.dtype.kind == "f" and len(x.shape) == 2 and x not in given and x not in low.homes:
            wanted[x] = max(-(-x.shape[-1] // columns) * columns, wanted.get(x, 0))

    def panels(x: Var, shared: bool) -> int:
        """Columns that make whole panels of it."""
        panel = TILE.panel_bytes // x.dtype.itemsize
        return panel * threads if shared and x.shape[-1] > panel else panel

    for kernel in _products(low.kernels):
        out, left, right = (low.resolved(of(x)).base for x in (kernel.op.out, kernel.left.base, kernel.right.base))
        shared = work_of(kernel) >= LARGE_PRODUCT and dealt.isdisjoint((out, right))
        add(out, panels(out, shared))
        add(left, 1)
        if kernel.right.strides[-1] == 1 or kernel.right.shape[-1] == 1:
            add(right, panels(right, shared))
    rooms = {x: Room(columns, columns + _gap(x, columns)) for x, columns in wanted.items()}
    return {x: room for x, room in rooms.items() if room.pitch != x.shape[-1]}


def _gap(x: Var, columns: int) -> int:
    """How many numbers the rows of an array have to stand further apart."""
    return 0 if columns * x.dtype.itemsize % PAGE or x.shape[0] == 1 else GAP // x.dtype.itemsize


def _products(kernels: Sequence[Kernel]) -> Iterator[Product]:
    for kernel in kernels:
        if isinstance(kernel, Product):
            yield kernel
        elif isinstance(kernel, Turns):
            yield from _products(kernel.body)
