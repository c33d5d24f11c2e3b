"""Room at the end of an array's rows, so that every tile of a product is a whole one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from whygrad.jit.kernels import Kernel, Lowered, Product, Turns
from whygrad.jit.native.cpu import TILE
from whygrad.jit.program import Var
from whygrad.jit.views import of
from whygrad.jit.work import LARGE_PRODUCT, work_of


def with_room(low: Lowered, given: Set[Var], threads: int, dealt: Set[Var]) -> dict[Var, int]:
    """The arrays of the program's own that products write or read row by row, with rows of whole panels.

    Columns at the edge of a tile cost as much as three whole tiles: 784 × 30 by 10 took 32 µs, and 8 µs with room.
    More than one panel are as many as the threads can deal evenly: the thread with one more would keep all waiting.
    ``dealt``: weights of which threads have rows, so that columns are not dealt out.
    """
    wanted: dict[Var, int] = {}
    homes = [(x, home.base) for x, home in low.homes.items()]
    given = given | {base for x, base in homes if x.size == base.size and x.shape != base.shape}

    def add(x: Var, shared: bool) -> None:
        columns = TILE.panel_bytes // x.dtype.itemsize
        if x.dtype.kind == "f" and len(x.shape) == 2 and x not in given and x not in low.homes:
            columns *= threads if shared and x.shape[-1] > columns else 1
            wide = -(-x.shape[-1] // columns) * columns
            if wide != x.shape[-1]:
                wanted[x] = max(wide, wanted.get(x, 0))

    for kernel in _products(low.kernels):
        out, right = low.resolved(of(kernel.op.out)).base, low.resolved(of(kernel.right.base)).base
        shared = work_of(kernel) >= LARGE_PRODUCT and dealt.isdisjoint((out, right))
        add(out, shared)
        if kernel.right.strides[-1] == 1 or kernel.right.shape[-1] == 1:
            add(right, shared)
    return wanted


def _products(kernels: Sequence[Kernel]) -> Iterator[Product]:
    for kernel in kernels:
        if isinstance(kernel, Product):
            yield kernel
        elif isinstance(kernel, Turns):
            yield from _products(kernel.body)
