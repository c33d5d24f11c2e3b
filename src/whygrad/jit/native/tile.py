"""The matmul's inner tile as LLVM code: C stays in registers while k runs along rows of A and a panel of B."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from whygrad.jit.native.cpu import LINE, TILE, WIDER
from whygrad.jit.native.writing import I32, I64, POINTER, Int, counted, declared, room

TURN = 8        # steps of k between two jumps back
SHARERS = TURN  # tiles that ask for the next panel of B between them: 58 GFLOP/s became 67 at 1024 × 2048 × 2048


class Writer:
    """Writes functions on numbers of one type into one LLVM module, each function once."""

    def __init__(self, module: ir.Module, number: ir.Type) -> None:
        self.module = module
        self.number = number
        self.size = 4 if number == ir.FloatType() else 8
        self.columns = TILE.panel_bytes // self.size
        self.suffix = f"f{8 * self.size}"

    def function(self, name: str, integers: int, numbers: int = 0) -> tuple[ir.Function, ir.IRBuilder | None]:
        """The module's function of this name, and where to write its body if that is still to be done."""
        name = f"whygrad.{name}.{self.suffix}"
        known = self.module.globals.get(name)
        if known is not None:
            return known, None
        kind = ir.FunctionType(ir.VoidType(), [I64] * integers + [self.number] * numbers)
        made = ir.Function(self.module, kind, name)
        made.linkage = "internal"
        for attribute in ("nounwind", "noinline"):
            made.attributes.add(attribute)
        return made, ir.IRBuilder(made.append_basic_block("entry"))

    def outside(self, name: str, integers: int, numbers: int = 0) -> ir.Function:
        """A function of this name that another module holds."""
        kinds = [I64] * integers + [self.number] * numbers
        return declared(self.module, f"whygrad.{name}.{self.suffix}", ir.VoidType(), kinds)

    def integers(self, b: ir.IRBuilder, made: ir.Function) -> list[Int]:
        """The function's whole-number arguments."""
        return [Int(b, value) for value in made.args if value.type == I64]

    def call(self, b: ir.IRBuilder, made: ir.Function, *arguments: Any) -> None:
        """Calls a function of this writer with Ints, Python's whole numbers, and numbers."""
        values = [Int(b, x) if isinstance(x, int) else x for x in arguments]
        b.call(made, [x.value if isinstance(x, Int) else x for x in values])

    @contextmanager
    def loop(self, start: Int, stop: Int, step: int | Int = 1) -> Iterator[Int]:
        """`with loop(start, stop, step) as i:`."""
        with counted(start.b, start.value, stop.value, step.value if isinstance(step, Int) else I64(step)) as index:
            yield Int(start.b, index)

    def load(self, address: Int, kind: ir.Type | None = None) -> Any:
        """The number (or vector) at an address, aligned to no more than a number."""
        b, kind = address.b, kind or self.number
        return b.load(b.inttoptr(address.value, kind.as_pointer()), align=self.size)

    def store(self, value: Any, address: Int) -> None:
        """The counterpart of `load`."""
        address.b.store(value, address.b.inttoptr(address.value, value.type.as_pointer()), align=self.size)

    def scratch(self, b: ir.IRBuilder, size: int) -> Int:
        """The address of so many bytes on the stack."""
        with b.goto_entry_block():  # there it is claimed once, by moving the stack's end
            room = b.alloca(ir.ArrayType(ir.IntType(8), size))
            room.align = 64
            return Int(b, b.ptrtoint(room, I64))

    def constant(self, value: float) -> Any:
        """A number as a constant."""
        return ir.Constant(self.number, value)


class TileWriter(Writer):
    """Writes the tile."""

    def __init__(self, module: ir.Module, number: ir.Type) -> None:
        super().__init__(module, number)
        self.lanes = TILE.vector_bytes // self.size
        self.vector = ir.VectorType(number, self.lanes)

    def muladd(self, b: ir.IRBuilder, x: Any, y: Any, z: Any) -> Any:
        """x * y + z: fused where the CPU has such an instruction, and a multiplication and an addition elsewhere."""
        name = f"llvm.fmuladd.v{x.type.count}{self.suffix}"
        return b.call(declared(self.module, name, x.type, [x.type] * 3), [x, y, z])

    def splat(self, b: ir.IRBuilder, number: Any, kind: Any = None) -> Any:
        """A vector with the number in every lane."""
        kind = kind or self.vector
        nothing = ir.Constant(kind, ir.Undefined)
        first = b.insert_element(nothing, number, I32(0))
        return b.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))

    def prefetch(self, place: Int, level: int) -> None:
        """Asks for memory ahead of its use: into every cache (3), or all but the smallest (2)."""
        b = place.b
        made = declared(self.module, "llvm.prefetch.p0", ir.VoidType(), [POINTER, I32, I32, I32])
        b.call(made, [b.inttoptr(place.value, POINTER), I32(0), I32(level), I32(1)])

    @staticmethod
    def strips(width: int) -> Iterator[tuple[int, int, int, int]]:
        """Columns of so many bytes, whole vectors: where whole panels begin and end, and what is left; in how many
        vectors and rows tiles cover them.

        One vector that is left joins a panel (784 × 104 by 32: 5 % less), or else its tiles have twice as many rows.
        """
        whole, wider = width // TILE.panel_bytes * TILE.panel_bytes, WIDER.get(TILE)
        vectors, rows = (width - whole) // TILE.vector_bytes, 0
        if wider and whole and vectors == 1:
            whole, vectors, rows = whole - TILE.panel_bytes, wider.vectors, wider.rows
        if whole:
            yield 0, whole, TILE.vectors, TILE.rows
        if vectors:
            yield whole, width, vectors, rows or TILE.rows * TILE.vectors // vectors

    def pieces(self, n: Int) -> Iterator[tuple[ir.Type, Int]]:
        """The first n bytes of a panel's row in vectors of a panel, half of one and so on: each one's type and offset.

        What the caller writes for a piece is skipped where n has no such piece: 14 numbers are 8, 4 and 2. One number
        after another, the edge of 784 × 30 took as long as three whole panels.
        """
        count = self.columns
        while count:
            size = count * self.size
            with n.b.if_then(n.and_(size).compare("!=", 0)):
                yield ir.VectorType(self.number, count), n.and_(-2 * size)
            count //= 2

    def tile(self) -> ir.Function:
        """(mr, A, row_step, column_step, B, ldb, C, ldc, n, k, ahead, ahead_step, alpha, beta).

        C[:mr, :n] = beta * C[:mr, :n] + alpha * A[:mr, :k] @ B[:k, :n], in alpha's type, held in registers throughout.
        Addresses are integers; steps, ldb, ldc and n are in bytes. mr is at most TILE.rows, n at most TILE.panel_bytes,
        and so many bytes of each row of B are read whatever n is. C is not read where beta is 0. What the next tiles
        will need is brought into the cache: where B is packed, a line at `ahead` and, with each turn, one ahead_step
        further on; where it is read as it lies, and few panels share the time that A takes to come from memory, the
        rows of A `ahead` bytes further on.
        """
        made, b = self.function("tile", 12, 2)
        if b is not None:
            done = made.append_basic_block("done")
            choice = b.switch(made.args[0], done)
            for mr in range(1, TILE.rows + 1):
                block = made.append_basic_block(f"rows{mr}")
                choice.add_case(I64(mr), block)
                b.position_at_end(block)
                b.call(self.tile_of(max(4, mr + mr % 2)), made.args)
                b.branch(done)
            b.position_at_end(done)
            b.ret_void()
        return made

    def tile_of(self, rows: int) -> ir.Function:
        """The same for up to so many rows, an even number and at least 4: others would take about as long."""
        made, b = self.function(f"tile{rows}", 12, 2)
        if b is not None:
            mr, A, row_step, column_step, B, ldb, C, ldc, n, k, ahead, ahead_step = self.integers(b, made)
            alpha, beta = made.args[-2:]
            places = self.row_places(rows, mr, A, row_step, C, ldc)
            sums = self.products(places, column_step, B, ldb, k, ahead, ahead_step)
            is_whole = b.and_(n.compare("==", TILE.panel_bytes), mr.compare("==", rows))
            with b.if_else(is_whole, likely=True) as (whole, part):
                with whole:
                    self.add_whole(sums, C, ldc, alpha, beta)
                with part:
                    self.add_part(sums, C, ldc, mr, n, alpha, beta)
            b.ret_void()
        return made

    def products(self, places: Sequence[Any], column_step: Int, B: Int, ldb: Int, k: Int,
                 ahead: Int, ahead_step: Int) -> list[list[Any]]:
        """A[:, :k] @ B[:k, :] for the rows of A at these places: the vectors of each row."""
        b = k.b
        sums = Sums(self, places, B)
        near, far = self.size, TILE.rows * self.size  # the steps of what `gather` copied
        is_packed = ldb.compare("==", TILE.panel_bytes)
        with b.if_else(column_step.compare("==", near)) as (beside, other):
            with beside, b.if_else(is_packed) as (packed, direct):
                with packed:
                    sums.add(near, TILE.panel_bytes, k // TURN, ahead=(ahead, ahead_step))
                with direct:
                    sums.add(near, ldb, k // TURN, beyond=ahead)
            with other, b.if_else(b.and_(is_packed, column_step.compare("==", far))) as (packed, direct):
                with packed:
                    sums.add(far, TILE.panel_bytes, k // TURN, ahead=(ahead, ahead_step))
                with direct:
                    sums.add(column_step, ldb, k // TURN)
        sums.add(column_step, ldb, k - k // TURN * TURN, steps=1)
        return sums.totals()

    def finished(self, b: ir.IRBuilder, sums: list[list[Any]]) -> list[list[Any]]:
        """The sums, all of which are made before what follows is loaded: an empty piece of assembly has them all.

        Where they leave a single register beside those of B, LLVM else loads ahead and keeps a sum in memory.
        """
        flat = [x for row in sums for x in row]
        kind = ir.LiteralStructType([self.vector] * len(flat))
        places = ",".join(["=v"] * len(flat) + list(map(str, range(len(flat)))) + ["~{memory}"])
        made = b.asm(ir.FunctionType(kind, [self.vector] * len(flat)), "", places, flat, True)
        each = iter([b.extract_value(made, i) for i in range(len(flat))])
        return [[next(each) for _ in row] for row in sums]

    def hidden(self, b: ir.IRBuilder, value: Any) -> Any:
        """The value, of which LLVM does not know how it came about: an empty piece of assembly."""
        return b.call(ir.InlineAsm(ir.FunctionType(value.type, [value.type]), "", "=r,0"), [value])

    def row_places(self, rows: int, mr: Int, A: Int, row_step: Int, C: Int, ldc: Int) -> list[Any]:
        """Pointers to the mr rows of A, the last one repeated; LLVM must not take them for one pointer plus steps.

        It would walk from row to row, one addition after another: 7 cycles, where the tile's 12 multiply-adds take 6.
        An empty piece of assembly hides how the pointers came about (82 of 94 GFLOP/s became 92). The rows of C arrive
        while the sums are made: 64 GFLOP/s became 70 at 1024 × 2048 × 2048.
        """
        b = A.b
        hide = ir.InlineAsm(ir.FunctionType(POINTER, [POINTER]), "", "=r,0")
        found, last = [room(b, I64) for _ in range(rows)], mr - 1
        with b.if_else(mr.compare("==", rows), likely=True) as (whole, part):
            for case in (whole, part):
                with case:
                    for i, place in enumerate(found):
                        row = Int(b, i) if case is whole else Int(b, i).at_most(last)
                        for line in range(0, TILE.panel_bytes, LINE):
                            self.prefetch(C + ldc * row + line, 3)
                        b.store((A + row_step * row).value, place)
        return [b.call(hide, [b.inttoptr(b.load(place), POINTER)]) for place in found]

    def add_whole(self, sums: Sequence[Sequence[Any]], C: Int, ldc: Int, alpha: Any, beta: Any) -> None:
        """C = beta * C + alpha * sums, whole rows of the tile."""
        placed = [(x, C + ldc * i + v * TILE.vector_bytes) for i, row in enumerate(sums) for v, x in enumerate(row)]
        self.put(placed, alpha, beta)

    def put(self, sums: Sequence[tuple[Any, Int]], alpha: Any, beta: Any) -> None:
        """C = beta * C + alpha * each sum where it belongs.

        C is not read where beta is 0; where it is 1, as weights are added to, that is one instruction.
        """
        b, kind = sums[0][1].b, sums[0][0].type
        scale, factor = self.splat(b, alpha, kind), self.splat(b, beta, kind)
        with b.if_else(b.fcmp_ordered("==", beta, self.constant(0.0))) as (fresh, more):
            with fresh:
                for x, place in sums:
                    self.store(b.fmul(scale, x), place)
            with more, b.if_else(b.fcmp_ordered("==", beta, self.constant(1.0)), likely=True) as (added, mixed):
                with added:
                    for x, place in sums:
                        self.store(self.muladd(b, scale, x, self.load(place, kind)), place)
                with mixed:
                    for x, place in sums:
                        self.store(self.muladd(b, factor, self.load(place, kind), b.fmul(scale, x)), place)

    def add_part(self, sums: Sequence[Sequence[Any]], C: Int, ldc: Int, mr: Int, n: Int, alpha: Any, beta: Any) -> None:
        """The same for mr rows that end n bytes on, by way of memory."""
        b = C.b
        kept = self.scratch(b, len(sums) * TILE.panel_bytes)
        for i, row in enumerate(sums):
            for v, x in enumerate(row):
                self.store(x, kept + (i * TILE.panel_bytes + v * TILE.vector_bytes))
        self.call(b, self.edge(), mr, kept, C, ldc, n, alpha, beta)

    def edge(self) -> ir.Function:
        """(rows, sums, C, ldc, n, alpha, beta): C = beta * C + alpha * sums."""
        made, b = self.function("edge", 5, 2)
        if b is not None:
            rows, sums, C, ldc, n = self.integers(b, made)
            alpha, beta = made.args[-2:]
            with self.loop(Int(b, 0), rows) as i:
                for kind, offset in self.pieces(n):
                    x = self.load(sums + i * TILE.panel_bytes + offset, kind)
                    self.put([(x, C + i * ldc + offset)], alpha, beta)
            b.ret_void()
        return made


class Sums:
    """The sums of a tile while k runs: A[:, k] from these places on, row by row, times B[k, :]."""

    def __init__(self, writer: TileWriter, places: Sequence[Any], B: Int, copy: Int | None = None,
                 vectors: int = TILE.vectors) -> None:
        self.writer, self.places, self.b, self.vectors = writer, places, B.b, vectors
        self.kept = [[room(B.b, writer.vector) for _ in range(vectors)] for _ in places]
        for place in (place for row in self.kept for place in row):
            self.b.store(ir.Constant(writer.vector, [0.0] * writer.lanes), place)
        self.across, self.down, self.copy = (room(self.b, I64) for _ in range(3))
        for place, first in ((self.across, I64(0)), (self.down, B.value), (self.copy, (copy or B).value)):
            self.b.store(first, place)

    def add(self, column_step: int | Int, ldb: int | Int, turns: Int, steps: int = TURN,
            ahead: tuple[Int, Int] | None = None, beyond: Int | None = None, copies: bool = False) -> None:
        """So many turns of some steps of k each. Where these distances are constants, so are addresses in a turn.

        ``ahead``: an address from which on memory is asked for; ``beyond``: so far from every row of A; ``copies``: the
        rows of B are put together on the way, at ``copy``, for the tiles that follow.
        """
        b, writer = self.b, self.writer
        with writer.loop(Int(b, 0), turns) as done:
            if ahead is not None:
                for line in range(0, TILE.panel_bytes, LINE):
                    writer.prefetch(ahead[0] + done * ahead[1] + line, 2)
            if beyond is not None:
                further = b.add(b.load(self.across), beyond.value)
                for place in self.places:
                    writer.prefetch(Int(b, b.ptrtoint(b.gep(place, [further]), I64)), 2)
            held = self.totals()
            for _ in range(steps):
                x_at, y_at = b.load(self.across), Int(b, b.load(self.down))
                ys = [writer.load(y_at + v * TILE.vector_bytes, writer.vector) for v in range(self.vectors)]
                for place, row in zip(self.places, held, strict=True):
                    x = writer.splat(b, b.load(b.bitcast(b.gep(place, [x_at]), writer.number.as_pointer())))
                    row[:] = [writer.muladd(b, x, y, s) for y, s in zip(ys, row, strict=True)]
                if copies:
                    for v, y in enumerate(ys):
                        writer.store(y, Int(b, b.load(self.copy)) + v * TILE.vector_bytes)
                wide = self.vectors * TILE.vector_bytes
                for place, step in ((self.across, column_step), (self.down, ldb), (self.copy, wide)):
                    following = (Int(b, b.load(place)) + step).value
                    b.store(following if isinstance(step, int) else writer.hidden(b, following), place)
            for row, into in zip(held, self.kept, strict=True):
                for x, place in zip(row, into, strict=True):
                    b.store(x, place)

    def totals(self) -> list[list[Any]]:
        """The vectors of each row."""
        return [[self.b.load(place) for place in row] for row in self.kept]
