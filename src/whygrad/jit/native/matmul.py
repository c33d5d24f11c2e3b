"""Our own matmul for compiled programs: packing, blocking and edges around the register tile.

Every function does one thread's share and leaves barriers to its caller; none allocates or raises. A result depends on
shapes and numbers alone, not on how rows are shared among threads: each number of C is one sum, in the order of k.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir

from whygrad.jit.native.cpu import TILE, panel_columns, panels_size
from whygrad.jit.native.memory import ArrayAt
from whygrad.jit.native.numbers import kind_of
from whygrad.jit.native.tile import SHARERS, TURN, TileWriter
from whygrad.jit.native.writing import I32, I64, Int
from whygrad.jit.native.writing import room as local

__all__ = ["multiply", "multiply_few", "multiply_rows", "pack", "panel_columns", "panels_size", "rows_of"]

ROWS, PANEL = TILE.rows, TILE.panel_bytes
DEPTH = 512           # k per block: C is read and written once for each, which counts where it exceeds L3
BLOCK_BYTES = 196608  # of A per block of rows, 96 of float32: L2 keeps it while panels of B pass by
GAP = 64              # bytes between the copied rows, so that rows of 2048 bytes do not compete for the same part of L1
GATHERED = 4          # panels from which on a block of A is copied: with fewer it is read too seldom
STREAMS = 16          # panels that are packed at once: whole kilobytes of B are read
PART_DEPTH = 256      # the same where parts of panels are put together: half of the first-level cache
PLACE_BYTES = 8       # of a row's number in a list
COPIED = 4            # tiles that read a part of a panel from which on it is put together first


def rows_of(tid: Int, threads: Int, M: Int) -> tuple[Int, Int]:
    """The rows from i0 up to i1 that are this thread's, in whole tiles."""
    tiles = (M + (ROWS - 1)) // ROWS
    return (tid * tiles // threads * ROWS).at_most(M), ((tid + 1) * tiles // threads * ROWS).at_most(M)


class MatmulWriter(TileWriter):
    """Writes the loops around the tile. Steps, widths and n are in bytes."""

    def product(self) -> ir.Function:
        """(A, row_step, column_step, places, B, ldb, B_step, panel_step, C, ldc, M, K, width, is_packed, alpha, beta).

        C = beta * C + alpha * A @ B; `width` is that of C's rows. B's panels are panel_step apart; parts of those that
        are not packed are put together on the way. `places`: 0, or numbers of the rows of the table that A is, turned
        if the numbers of a column of A stand beside one another.
        """
        made, b = self.function("product", 14, 2)
        if b is None:
            return made
        A, row_step, column_step, places, *rest = self.integers(b, made)
        B, ldb, B_step, panel_step, C, ldc, M, K, width, is_packed = rest
        alpha, beta = made.args[-2:]
        zero, is_loose = Int(b, 0), is_packed.compare("==", 0)
        room, copy = self.scratch(b, BLOCK_BYTES + BLOCK_BYTES // PART_DEPTH * GAP), self.scratch(b, DEPTH * PANEL)
        tiles, rows_of_tile = self.tiles(M)
        begins = self.beginnings(A, row_step, column_step, places)
        is_picked = places.compare("!=", 0)
        is_gathered = b.or_(is_picked, width.compare(">=", GATHERED * PANEL))
        is_turned = B_step.compare("!=", self.size)
        is_copied = b.and_(is_loose, b.or_(is_turned, b.and_(is_gathered, tiles.compare(">=", COPIED))))
        in_parts = b.and_(is_loose, b.or_(is_turned, is_gathered))  # whatever M is: so are the sums, to the bit
        most_deep = self.either(in_parts, Int(b, PART_DEPTH), Int(b, DEPTH))
        most = self.either(in_parts, Int(b, BLOCK_BYTES // (ROWS * PART_DEPTH * self.size)),
                           Int(b, BLOCK_BYTES // (ROWS * DEPTH * self.size)))
        pitch = most_deep * self.size + GAP
        slot = pitch * ROWS
        blocks = ((K + most_deep - 1) // most_deep).at_least(1)
        beside = column_step.compare("==", self.size)  # the numbers of a row of A
        near, far = Int(b, self.size), Int(b, ROWS * self.size)
        steps = (self.either(is_gathered, self.either(beside, pitch, near), row_step),
                 self.either(is_gathered, self.either(beside, near, far), column_step))
        groups = (tiles + (most - 1)) // most
        together = (tiles + groups - 1) // groups
        with self.loop(zero, blocks) as block:
            start, end = (K * n // blocks // TURN * TURN for n in (block, block + 1))
            depth = self.either((block + 1).compare("==", blocks), K, end) - start
            kept = b.select(block.compare("==", 0), beta, self.constant(1.0))
            with self.loop(zero, tiles, together) as first:
                last = (first + together).at_most(tiles)
                with b.if_then(is_gathered), self.loop(first, last) as t:
                    i, rows = rows_of_tile(t)
                    there, listed = begins(i, start)
                    self.call(b, self.gather(), there, row_step, column_step, listed, rows, depth, pitch,
                              room + (t - first) * slot)
                with self.loop(zero, width, PANEL) as column:
                    panel, n = B + column // PANEL * panel_step + start * ldb, (width - column).at_most(PANEL)
                    loose = b.or_(is_copied, b.and_(is_loose, n.compare("<", PANEL)))
                    with b.if_then(loose):
                        self.call(b, self.part_of_panel(), panel, ldb, B_step, depth, n, copy)
                    right, right_step = self.either(loose, copy, panel), self.either(loose, Int(b, PANEL), ldb)
                    with self.loop(first, last) as t:
                        i, rows = rows_of_tile(t)
                        own, there = room + (t - first) * slot, A + i * row_step + start * column_step
                        following = panel + panel_step + (t - first).at_most(SHARERS - 1) * (depth // SHARERS) * ldb
                        below = self.either(column.compare("==", 0), rows * row_step, zero)  # 784 × 30: 15 % less
                        self.call(b, self.tile(), rows, self.either(is_gathered, own, there), *steps, right, right_step,
                                  C + i * ldc + column, ldc, n, depth,
                                  self.either(right_step.compare("==", PANEL), following, below), ldb, alpha, kept)
        b.ret_void()
        return made

    def tiles(self, M: Int) -> tuple[Int, Callable[[Int], tuple[Int, Int]]]:
        """How many tiles M rows are; and of a tile the first row, and how many.

        Rows are dealt in pairs and evenly, 128 as 20 × 6 + 2 × 4 and not as 21 × 6 + 2: two rows have too few sums to
        keep the units busy, and take as long as four. The first `more` tiles have one pair more than the others.
        """
        pairs = (M + 1) // 2
        tiles = ((pairs + (ROWS // 2 - 1)) // (ROWS // 2)).at_least(1)
        fewest = pairs // tiles
        more = pairs - fewest * tiles

        def rows_of_tile(t: Int) -> tuple[Int, Int]:
            i = (t * fewest + t.at_most(more)) * 2
            return i, ((fewest + Int(M.b, M.b.zext(t.compare("<", more), I64))) * 2).at_most(M - i)

        return tiles, rows_of_tile

    def beginnings(self, A: Int, row_step: Int, column_step: Int, places: Int) -> Callable[[Int, Int], tuple[Int, Int]]:
        """Of a row and a k: where they begin in A, and in the list of what is picked.

        Along one axis of A the list says how far on the numbers are; along the other, all is as if there was no list.
        """
        b, zero = A.b, Int(A.b, 0)
        by_rows = b.and_(places.compare("!=", 0), column_step.compare("==", self.size))
        by_columns = b.and_(places.compare("!=", 0), column_step.compare("!=", self.size))
        in_A = self.either(by_rows, zero, row_step), self.either(by_columns, zero, column_step)
        in_list = (self.either(by_rows, Int(b, PLACE_BYTES), zero), self.either(by_columns, Int(b, PLACE_BYTES), zero))
        return lambda i, k: (A + i * in_A[0] + k * in_A[1], places + i * in_list[0] + k * in_list[1])

    def part_of_panel(self) -> ir.Function:
        """(B, ldb, B_step, K, n, room): the first n bytes of K rows of B together: tiles that read 128 rows a kilobyte
        apart find half of them gone from the first-level cache.

        What follows them in a row is copied along, save in the last rows, after which memory might end: zeros follow.
        """
        made, b = self.function("part_of_panel", 6)
        if b is None:
            return made
        B, ldb, B_step, K, n, room = self.integers(b, made)
        with b.if_else(B_step.compare("!=", self.size)) as (turned, straight):
            with turned:
                self.call(b, self.pack_panel(), B, ldb, B_step, K, n // self.size, room)
            with straight:
                step = ldb.at_least(1)
                last = (Int(b, PANEL) - n + step - 1) // step
                any_is_last = b.and_(ldb.compare("<=", 0), n.compare("<", PANEL))  # rows that go backwards, or stay
                whole = self.either(any_is_last, Int(b, 0), (K - last).at_least(0))
                with self.loop(Int(b, 0), whole) as k:
                    for v in range(0, PANEL, TILE.vector_bytes):
                        self.store(self.load(B + k * ldb + v, self.vector), room + k * PANEL + v)
                with self.loop(whole, K) as k:
                    self.clear(room + k * PANEL)
                    self.copy_part(B + k * ldb, room + k * PANEL, n)
        b.ret_void()
        return made

    def gather(self) -> ir.Function:
        """(A, row_step, column_step, places, rows, K, pitch, room): a tile's rows of A, put close together.

        Rows as they are, `pitch` apart, or else [k][row]. Rows that are 8 KB apart, as in a matrix 2048 wide, compete
        for the same places in the caches, and each needs an address of a page.
        """
        made, b = self.function("gather", 8)
        if b is None:
            return made
        A, row_step, column_step, places, rows, K, pitch, room = self.integers(b, made)
        zero, number = Int(b, 0), local(b, I64)

        def listed(i: Int) -> Int:
            """The number of row i of the table."""
            b.store(i.value, number)
            with b.if_then(places.compare("!=", 0)):
                b.store(self.load(places + i * PLACE_BYTES, I64), number)
            return Int(b, b.load(number))

        with b.if_else(column_step.compare("==", self.size)) as (beside, other):
            with beside, self.loop(zero, rows) as i:
                source, into = A + listed(i) * row_step, room + i * pitch
                done = K // self.lanes * self.lanes
                with self.loop(zero, done, self.lanes) as k:
                    self.store(self.load(source + k * self.size, self.vector), into + k * self.size)
                with self.loop(done, K) as k:
                    self.store(self.load(source + k * self.size), into + k * self.size)
            with other:
                turned = b.and_(row_step.compare("==", self.size), rows.compare("==", ROWS))
                with b.if_else(turned) as (quick, slow):
                    with quick, self.loop(zero, K) as k:
                        self.copy_rows(A + listed(k) * column_step, room + k * (ROWS * self.size))
                    with slow, self.loop(zero, K) as k:
                        column = A + listed(k) * column_step
                        with self.loop(zero, rows) as i:
                            self.store(self.load(column + i * row_step), room + (k * ROWS + i) * self.size)
        b.ret_void()
        return made

    def copy_rows(self, source: Int, into: Int) -> None:
        """ROWS numbers that stand beside one another: 6 as 4 and 2."""
        done = 0
        while done < ROWS:
            count = 1 << ((ROWS - done).bit_length() - 1)
            kind = ir.VectorType(self.number, count)
            self.store(self.load(source + done * self.size, kind), into + done * self.size)
            done += count

    def either(self, condition: Any, x: Int, y: Int) -> Int:
        """x where the condition holds, else y."""
        return Int(x.b, x.b.select(condition, x.value, y.value))

    def pack(self) -> ir.Function:
        """(tid, threads, B, row_step, column_step, K, N, packed): this thread's panels of B."""
        made, b = self.function("pack", 8)
        if b is None:
            return made
        tid, threads, B, row_step, column_step, K, N, packed = self.integers(b, made)
        zero, panels = Int(b, 0), (N + (self.columns - 1)) // self.columns
        first, last = tid * panels // threads, (tid + 1) * panels // threads
        beside = column_step.compare("==", self.size)  # the numbers of a row of B
        whole = self.either(beside, last.at_most(N // self.columns), first)
        with self.loop(first, whole, STREAMS) as some:
            end = (some + STREAMS).at_most(whole)
            with self.loop(zero, K) as k, self.loop(some, end) as panel:
                for v in range(0, PANEL, TILE.vector_bytes):
                    x = self.load(B + k * row_step + panel * PANEL + v, self.vector)
                    self.store(x, packed + (panel * K + k) * PANEL + v)
        with self.loop(whole, last) as panel:
            column = panel * self.columns
            self.call(b, self.pack_panel(), B + column * column_step, row_step, column_step, K,
                      (N - column).at_most(self.columns), packed + panel * K * PANEL)
        b.ret_void()
        return made

    def pack_panel(self) -> ir.Function:
        """(B, row_step, column_step, K, n, packed): n columns of B, and zeros up to a panel's width."""
        made, b = self.function("pack_panel", 6)
        if b is None:
            return made
        B, row_step, column_step, K, n, packed = self.integers(b, made)
        with b.if_else(column_step.compare("==", self.size)) as (beside, other):
            with beside, self.loop(Int(b, 0), K) as k:
                self.clear(packed + k * PANEL)
                self.copy_part(B + k * row_step, packed + k * PANEL, n * self.size)
            with other:
                turned = b.and_(n.compare("==", self.columns), row_step.compare("==", self.size))
                done = self.either(turned, K // 4 * 4, Int(b, 0))
                with self.loop(Int(b, 0), done, 4) as k:
                    for column in range(0, self.columns, 4):
                        self.transpose(B + k * row_step + column_step * column, column_step,
                                       packed + k * PANEL + column * self.size)
                self.pack_singly(B, row_step, column_step, done, K, n, packed)
        b.ret_void()
        return made

    def clear(self, row: Int) -> None:
        """Zeros in a row of a panel."""
        for v in range(0, PANEL, TILE.vector_bytes):
            self.store(ir.Constant(self.vector, [0.0] * self.lanes), row + v)

    def copy_part(self, source: Int, into: Int, n: Int) -> None:
        """The first n bytes of a panel's row."""
        for kind, offset in self.pieces(n):
            self.store(self.load(source + offset, kind), into + offset)

    def transpose(self, source: Int, step: Int, into: Int) -> None:
        """4 × 4 numbers, of which four stand beside one another: from rows `step` apart to rows of a panel."""
        b, four = source.b, ir.VectorType(self.number, 4)

        def mix(x: Any, y: Any, *lanes: int) -> Any:
            return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, 4), lanes))

        w, x, y, z = (self.load(source + step * i, four) for i in range(4))
        low, high = (mix(w, x, 0, 4, 1, 5), mix(y, z, 0, 4, 1, 5)), (mix(w, x, 2, 6, 3, 7), mix(y, z, 2, 6, 3, 7))
        for row, (pair, lanes) in enumerate(((low, (0, 1, 4, 5)), (low, (2, 3, 6, 7)),
                                             (high, (0, 1, 4, 5)), (high, (2, 3, 6, 7)))):
            self.store(mix(*pair, *lanes), into + row * PANEL)

    def pack_singly(self, B: Int, row_step: Int, column_step: Int, start: Int, K: Int, n: Int, packed: Int) -> None:
        """Rows from start to K of `pack_panel`, one number at a time."""
        b = B.b
        with self.loop(start, K) as k:
            self.clear(packed + k * PANEL)
            with self.loop(Int(b, 0), n) as column:
                self.store(self.load(B + k * row_step + column * column_step), packed + k * PANEL + column * self.size)


def pack(b: ir.IRBuilder, tid: Int, threads: Int, B: ArrayAt, packed: ArrayAt) -> None:
    """This thread's part of B (K × N, any strides) into `packed`: panels [N / columns][K][columns], zeros at the edge.

    `packed` has panels_size(K, N, dtype) numbers, contiguous. The caller puts a barrier between this and `multiply`.
    """
    writer = MatmulWriter(b.module, kind_of(B.dtype))
    (at, steps), (into, _) = B.bytes(b), packed.bytes(b)
    writer.call(b, writer.outside("pack", 8), tid, threads, at, *steps, *B.shape, into)


def multiply(b: ir.IRBuilder, A: ArrayAt, packed: ArrayAt, C: ArrayAt, i0: Int, i1: Int, N: Int, K: Int,
             alpha: Any, beta: Any) -> None:
    """C[i0:i1, :N] = beta * C[i0:i1, :N] + alpha * A[i0:i1, :K] @ B, for a B that `pack` packed.

    A has any strides, so A.T costs nothing; the numbers of C's rows stand beside one another.
    """
    writer = MatmulWriter(b.module, kind_of(A.dtype))
    (x, x_steps), (y, _), (z, z_steps) = (array.bytes(b) for array in (A, packed, C))
    writer.call(b, writer.outside("product", 14, 2), x + i0 * x_steps[0], *x_steps, 0, y, PANEL, writer.size, K * PANEL,
                z + i0 * z_steps[0], z_steps[0], i1 - i0, K, N * writer.size, 1, alpha, beta)


def multiply_rows(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Int, i1: Int, alpha: Any, beta: Any) -> None:
    """C[i0:i1] = beta * C[i0:i1] + alpha * A[i0:i1] @ B, without packing B: for a B that L2 holds, or a C of few rows.

    The numbers of C's rows stand beside one another; A and B have any strides.
    """
    x, steps = A.bytes(b)
    _multiply_loose(b, (x + i0 * steps[0], *steps, 0), B, C, i0, i1, alpha, beta)


def multiply_listed(b: ir.IRBuilder, X: ArrayAt, places: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Int, i1: Int,
                    alpha: Any, beta: Any) -> None:
    """The same for X[places] as A: a tile reads a copy, which is made of the rows where they lie."""
    (x, steps), (at, _) = X.bytes(b), places.bytes(b)
    _multiply_loose(b, (x, *steps, at + i0 * PLACE_BYTES), B, C, i0, i1, alpha, beta)


def multiply_turned(b: ir.IRBuilder, X: ArrayAt, places: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Int, i1: Int,
                    alpha: Any, beta: Any) -> None:
    """The same for X[places].T as A, which has more than one row."""
    (x, steps), (at, _) = X.bytes(b), places.bytes(b)
    _multiply_loose(b, (x + i0 * steps[1], *steps[::-1], at), B, C, i0, i1, alpha, beta)


def _multiply_loose(b: ir.IRBuilder, left: tuple[Int | int, ...], B: ArrayAt, C: ArrayAt, i0: Int, i1: Int,
                    alpha: Any, beta: Any) -> None:
    """`left`: where row i0 of A begins, its steps, and where its list of rows is, or 0."""
    writer = MatmulWriter(b.module, kind_of(B.dtype))
    (y, y_steps), (z, z_steps) = B.bytes(b), C.bytes(b)
    writer.call(b, writer.outside("product", 14, 2), *left, y, *y_steps, PANEL // writer.size * y_steps[1],
                z + i0 * z_steps[0], z_steps[0], i1 - i0, B.shape[0], B.shape[1] * writer.size, 0, alpha, beta)


def multiply_few(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, M: int, N: int, K: int,
                 alpha: Any, beta: Any) -> None:
    """C = beta * C + alpha * A @ B for constant, small M, N, K: calls of the tile one after another, and nothing else.

    N is whole panels, K at most DEPTH. B is packed if it has one axis; otherwise the numbers of its rows stand beside
    one another. The loops of `multiply` and their divisions took 0.25 µs for 32 × 16 × 16, its tiles 0.08.
    """
    writer = MatmulWriter(b.module, kind_of(A.dtype))
    (x, x_steps), (y, y_steps), (z, z_steps) = (array.bytes(b) for array in (A, B, C))
    ldb, panel_step = (PANEL, K * PANEL) if len(B.shape) == 1 else (y_steps[0], PANEL)
    for panel in range(N * writer.size // PANEL):
        place = y + panel * panel_step
        for i, few in few_rows(M):
            tile = writer.outside(f"tile{max(4, few + few % 2)}", 12, 2)
            writer.call(b, tile, few, x + x_steps[0] * i, *x_steps, place, ldb,
                        z + z_steps[0] * i + panel * PANEL, z_steps[0], PANEL, K, place, PANEL, alpha, beta)


def few_rows(rows: int, most: int = ROWS) -> Iterator[tuple[int, int]]:
    """Where each tile begins and how many rows it has, at most so many: as even as pairs of rows allow.

    >>> list(few_rows(10, 6))
    [(0, 4), (4, 6)]
    """
    tiles, pairs, first = -(-rows // most), -(-rows // 2), 0
    for t in range(tiles):
        few = min(rows - first, 2 * (pairs * (t + 1) // tiles - pairs * t // tiles))
        yield first, few
        first += few
