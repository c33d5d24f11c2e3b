"""Products with the rows of a table that a list names, the examples of a batch, read where they lie.

Copied to a batch first, they take 3 µs of a step of 784-30-10, which has 19. Of many rows the tiles make copies anyway.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.matmul import PLACE_BYTES, few_rows, multiply_listed, multiply_turned
from whygrad.jit.native.memory import ArrayAt
from whygrad.jit.native.numbers import kind_of
from whygrad.jit.native.short import ShortWriter, is_short
from whygrad.jit.native.tile import TURN, Sums
from whygrad.jit.native.writing import I64, POINTER, Int

FEW_PLACES = 64  # more rows are copied tile by tile, as the general product does
DEPTH = 136  # k at a time: 9 KB of a panel, and 17 of 32 rows, which stay in the first-level cache
COPIED = 24  # rows from which on the first tile puts this part of a panel together for the others


class PickedWriter(ShortWriter):
    """Writes products with picked rows. Steps are in bytes."""

    def row(self, X: Int, places: Int, i: int, X_step: int) -> Int:
        """Where row number places[i] of the table begins."""
        return X + Int(X.b, self.load(places + i * PLACE_BYTES, I64)) * X_step

    def tile_of_picked(self, shape: tuple[int, int], X_step: int, B_step: int, C_step: int,
                       copies: bool) -> ir.Function:
        """(X, places, B, C, K, more, copy): a tile of C = X[places, :K] @ B[:K], which is added to C if there is more.

        ``shape``: its rows, and the vectors of each. ``copies``: B's rows are put together at ``copy`` on the way.
        """
        made, b = self.function(".".join(map(str, ("picked", *shape, X_step, B_step, C_step, int(copies)))), 7)
        if b is None:
            return made
        X, places, B, C, K, more, copy = self.integers(b, made)
        rows = [b.inttoptr(self.row(X, places, i, X_step).value, POINTER) for i in range(shape[0])]
        sums = Sums(self, rows, B, copy, shape[1])
        sums.add(self.size, B_step, K // TURN, copies=copies)
        sums.add(self.size, B_step, K - K // TURN * TURN, steps=1, copies=copies)
        totals = [(x, C + (i * C_step + v * TILE.vector_bytes)) for i, row in enumerate(sums.totals())
                  for v, x in enumerate(row)]
        with b.if_else(more.compare("!=", 0)) as (added, first):
            with added:
                for x, place in totals:
                    self.store(b.fadd(x, self.load(place, self.vector)), place)
            with first:
                for x, place in totals:
                    self.store(x, place)
        b.ret_void()
        return made

    def picked_rows(self, K: int, width: int, X_step: int, B_step: int, C_step: int, asks: bool) -> ir.Function:
        """(X, places, following, B, C, first, last, alpha): these rows of C += alpha * X[places].T @ B.

        ``asks``: for the same columns of X[following] meanwhile.
        """
        made, b = self.function(".".join(map(str, ("picked_short", K, width, X_step, B_step, C_step, int(asks)))), 7, 1)
        if b is not None:
            X, places, following, *rest = self.integers(b, made)
            columns, later = ([self.row(X, at, k, X_step) for k in range(K)] for at in (places, following))
            self.add_rows(columns, width, self.size, B_step, C_step, rest, made.args[-1], later if asks else ())
        return made


def multiply_picked(b: ir.IRBuilder, X: ArrayAt, places: ArrayAt, B: ArrayAt, C: ArrayAt) -> None:
    """C = X[places] @ B, where the rows of B and C are whole vectors of numbers beside one another.

    A few rows are read where they lie. If there are tiles enough to read it, the first one brings a part of a panel of
    B together in the first-level cache.
    """
    writer, M = PickedWriter(b.module, kind_of(X.dtype)), places.shape[0]
    if M > FEW_PLACES:
        multiply_listed(b, X, places, B, C, Int(b, 0), Int(b, M), writer.constant(1.0), writer.constant(0.0))
        return
    (x, x_steps), (at, _), (y, y_steps), (z, z_steps) = (array.bytes(b) for array in (X, places, B, C))
    K, zero = B.shape[0], Int(b, 0)
    copies = M >= COPIED
    depth = -(-K // -(-K // DEPTH) // TURN) * TURN if copies else K
    strips = list(writer.strips(B.shape[1] * writer.size))
    room = writer.scratch(b, depth * max(strip[2] for strip in strips) * TILE.vector_bytes) if copies else zero
    with writer.loop(zero, Int(b, K), depth) as k:
        count = (Int(b, K) - k).at_most(depth)
        for begin, end, vectors, most in strips:
            together, wide = copies and vectors >= TILE.vectors, vectors * TILE.vector_bytes
            with writer.loop(Int(b, begin), Int(b, end), wide) as column:
                part, step = y + k * y_steps[0] + column, y_steps[0]
                for first, rows in few_rows(M, most):
                    tile = writer.tile_of_picked((rows, vectors), x_steps[0], step, z_steps[0], together and not first)
                    writer.call(b, tile, x + k * writer.size, at + first * PLACE_BYTES, part,
                                z + column + first * z_steps[0], count, k, room)
                    if together:
                        part, step = room, wide


def add_picked(b: ir.IRBuilder, X: ArrayAt, places: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Int, i1: Int,
               alpha: Any, following: ArrayAt | None = None) -> None:
    """C[i0:i1] += alpha * X[places].T[i0:i1] @ B, under the same conditions, as `add_short` does.

    `following`: the places that will be picked next. Their rows are asked for bit by bit: all at once, a core waits for
    its 24 requests to memory, 2.5 µs for 10 rows of 784.
    """
    writer, K = PickedWriter(b.module, kind_of(X.dtype)), places.shape[0]
    if not is_short(K, B.shape[1] * writer.size):
        multiply_turned(b, X, places, B, C, i0, i1, alpha, writer.constant(1.0))
        return
    (x, x_steps), (at, _), (y, y_steps), (z, z_steps) = (array.bytes(b) for array in (X, places, B, C))
    then = at if following is None else following.bytes(b)[0]
    width, asks = B.shape[1] * writer.size, following is not None
    made = writer.picked_rows(K, width, x_steps[0], y_steps[0], z_steps[0], asks)
    writer.call(b, made, x, at, then, y, z, i0, i1, alpha)
