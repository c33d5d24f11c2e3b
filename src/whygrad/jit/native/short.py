"""Products with a short K, where each number takes few steps: the gradient of weights over a small batch is added to
what is there, and what comes back from a few classes is new.

The general tile takes some 60 cycles to begin and to end, as long as 10 steps of k. Here K and all strides are
constants of the code, k is unrolled, and the loop over tiles is around it: 784 × 10 × 32 takes 8 µs instead of 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.memory import ArrayAt
from whygrad.jit.native.numbers import kind_of
from whygrad.jit.native.tile import TileWriter
from whygrad.jit.native.writing import Int

MOST_STEPS = 32  # of k: more would fill the cache of decoded instructions, and gain less
MOST_BYTES = 16 * 1024  # of B, half of a first-level cache
MOST_TURNED = 16  # steps of k for a B that has to be turned first


def is_short(K: int, width: int) -> bool:
    """So few steps of k that the code for them is worth its room, and so small a B, with rows of so many bytes."""
    return K <= MOST_STEPS and K * width <= MOST_BYTES


class ShortWriter(TileWriter):
    """Writes the loop over tiles. Steps are in bytes."""

    def rows(self, K: int, width: int, A_steps: Sequence[int], B_step: int, C_step: int,
             adds: bool = True) -> ir.Function:
        """(A, B, C, first, last, alpha): rows first up to last of C, in whole vectors, are added to, or made."""
        made, b = self.function(".".join(map(str, ("short", K, width, *A_steps, B_step, C_step, int(adds)))), 5, 1)
        if b is not None:
            A, *rest = self.integers(b, made)
            columns = [A + k * A_steps[1] for k in range(K)]
            self.add_rows(columns, width, A_steps[0], B_step, C_step, rest, made.args[-1], adds=adds)
        return made

    def turned(self, B: Int, shape: Sequence[int], steps: Sequence[int], width: int) -> Int:
        """A copy of a small matrix whose rows are so many bytes apart and end in zeros."""
        b, (K, N) = B.b, shape
        room = self.scratch(b, K * width)
        for k in range(K):
            for v in range(N * self.size // TILE.vector_bytes * TILE.vector_bytes, width, TILE.vector_bytes):
                self.store(ir.Constant(self.vector, [0.0] * self.lanes), room + (k * width + v))
        with self.loop(Int(b, 0), Int(b, N)) as j:
            for k in range(K):
                self.store(self.load(B + j * steps[1] + k * steps[0]), room + j * self.size + k * width)
        return room

    def add_rows(self, columns: Sequence[Int], width: int, A_step: int, B_step: int, C_step: int,
                 given: Sequence[Int], alpha: Any, following: Sequence[Int] = (), adds: bool = True) -> None:
        """The body of a function that is given (B, C, first, last); `columns`: for each k where A[0, k] is.

        `following`: where the columns are that will be read next; the same rows of them are asked for meanwhile.
        `adds`: to what is there.
        """
        B, C, first, last = given
        b = B.b
        factor = self.splat(b, alpha)
        for begin, end, vectors, most in self.strips(width):
            start = first
            for rows in sorted({most, most // 3, 1}, reverse=True):  # one row has too few sums to keep the units busy
                stop = start + (last - start) // rows * rows
                with self.loop(start, stop, rows) as i:
                    for A in following if not begin else ():
                        self.prefetch(A + i * A_step, 2)
                    with self.loop(Int(b, begin), Int(b, end), vectors * TILE.vector_bytes) as column:
                        sums = self.sums((rows, vectors), [A + i * A_step for A in columns], A_step, B + column, B_step)
                        for row, totals in enumerate(sums):
                            for v, total in enumerate(totals):
                                place = C + i * C_step + column + (row * C_step + v * TILE.vector_bytes)
                                scaled = (self.muladd(b, factor, total, self.load(place, self.vector)) if adds
                                          else b.fmul(factor, total))
                                self.store(scaled, place)
                start = stop
        b.ret_void()

    def sums(self, shape: tuple[int, int], columns: Sequence[Int], A_step: int, B: Int, B_step: int) -> list[list[Any]]:
        """One tile of A @ B, so many rows of so many vectors."""
        b, (rows, vectors) = B.b, shape
        sums = [[ir.Constant(self.vector, [0.0] * self.lanes)] * vectors for _ in range(rows)]
        for k, A in enumerate(columns):
            ys = [self.load(B + (k * B_step + v * TILE.vector_bytes), self.vector) for v in range(vectors)]
            for i, row in enumerate(sums):
                x = self.splat(b, self.load(A + i * A_step))
                row[:] = [self.muladd(b, x, y, s) for y, s in zip(ys, row, strict=True)]
            if vectors > TILE.vectors:
                sums = self.finished(b, sums)
        return sums


def add_short(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Int, i1: Int, alpha: Any) -> None:
    """C[i0:i1] += alpha * A[i0:i1] @ B, where the rows of B and C are whole vectors of numbers beside one another."""
    writer = ShortWriter(b.module, kind_of(A.dtype))
    (x, x_steps), (y, y_steps), (z, z_steps) = (array.bytes(b) for array in (A, B, C))
    made = writer.rows(B.shape[0], B.shape[1] * writer.size, x_steps, y_steps[0], z_steps[0])
    writer.call(b, made, x, y, z, i0, i1, alpha)


def multiply_short(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Int, i1: Int, alpha: Any) -> None:
    """C[i0:i1] = alpha * A[i0:i1] @ B, where C's rows are whole vectors; B is small and has any strides.

    Columns that B lacks are zeros. The tiles that the general product calls for 32 × 10 × 100 took twice as long.
    """
    writer = ShortWriter(b.module, kind_of(A.dtype))
    (x, x_steps), (y, y_steps), (z, z_steps) = (array.bytes(b) for array in (A, B, C))
    width = C.shape[1] * writer.size
    made = writer.rows(B.shape[0], width, x_steps, width, z_steps[0], adds=False)
    writer.call(b, made, x, writer.turned(y, B.shape, y_steps, width), z, i0, i1, alpha)
