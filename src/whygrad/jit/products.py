"""A matrix product printed: packing, the tiles of this thread's rows, and the nest that finishes each block of rows."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass

from whygrad.jit.kernels import Let, Nest, Product, Reduce, Store
from whygrad.jit.native.cpu import TILE, panels_size
from whygrad.jit.native.matmul import GATHERED
from whygrad.jit.native.short import MOST_BYTES, MOST_TURNED, is_short
from whygrad.jit.nests import NestPrinter
from whygrad.jit.page import Own, Page, UnpickedError, dealt, remark
from whygrad.jit.scalars import literal
from whygrad.jit.views import View, c_strides, contiguous, flat, of
from whygrad.jit.work import FEW_ROWS, LARGE_PRODUCT, Share, work_of

DIRECT_BYTES = 128 * 1024  # a right factor that stays in the second-level cache is read as it lies,
DIRECT_ROWS = 128  # and one that is read for few rows: packing all of it takes as long as what packed panels save
FEW_TILES = 12  # each is a call of its own, which LLVM takes a millisecond to compile
LEAST_ROWS, FEWEST_ROWS = 192, 48  # of a block: all of the right factor is read again for each; few if it has few
BLOCK_BYTES = 256 * 1024  # rows whose results stay in it until the nest that follows has read them


@dataclass
class ProductPrinter:
    """Writes one product."""

    page: Page
    product: Product
    epilogue: Nest | None

    def __post_init__(self) -> None:
        p = self.product
        self.left, self.right = self.page.resolved(p.left), self.page.resolved(p.right)
        self.dtype = p.op.out.dtype
        self.rows, self.inner, self.columns = p.left.shape[-2], p.left.shape[-1], p.right.shape[-1]
        out = of(p.op.out)
        shape = (*p.left.shape[:-1], self.columns)  # with the axes that vectors lack
        self.out = self.page.resolved(View(out.base, shape, c_strides(shape)))

    def write(self, share: Share) -> None:
        """The product, or this thread's rows or columns of it, or its matrices of a stack."""
        page, split = self.page, share is Share.ROWS
        if share is Share.DEPTH:
            self.parts()
            return
        if self.inner == 0 or self.out.size == 0:
            NestPrinter(page, Nest((), [])).fill(self.out, 0.0)
            if self.epilogue is not None:
                NestPrinter(page, self.epilogue).write(split)
            return
        self.copy_first(share.is_dealt)
        stack = self.left.shape[:-2]
        if not stack:
            self.matrix(self.left, self.right, self.out, share)
            return
        mine = split or share is Share.EACH
        packed = None if self.is_direct() else self.packed(page.threads if mine else 1)
        letters = ["b" + str(d) for d in range(len(stack))]
        with ExitStack() as loops:
            for d, n in enumerate(stack):
                low, high = dealt(n) if split and d == 0 else ("0", str(n))
                loops.enter_context(
                    page.indented(
                        f"for {letters[d]} in range({low}, {high}):", remark(self.product.op) if d == 0 else ""
                    )
                )
            self.one_of_stack(letters, packed and f"{packed}[{'tid' if mine else 0}]")

    def one_of_stack(self, letters: list[str], packed: str | None) -> None:
        """The product of two matrices of a stack, by one thread."""
        a, b, c = (self.sub(v, letters) for v in (self.left, self.right, self.out))
        alpha, beta = self.factors()
        if packed is None:
            self.page.write(f"multiply_rows({a}, {b}, {c}, 0, {self.rows}, {alpha}, {beta})")
        else:
            self.page.write(f"pack(0, 1, {b}, {packed})")
            self.page.write(
                f"multiply({a}, {packed}, {c}, 0, {self.rows}, {self.columns}, {self.inner}, {alpha}, {beta})"
            )

    def matrix(self, a: View, b: View, c: View, share: Share) -> None:
        """The product of two matrices, block of rows by block of rows where a nest follows."""
        page, said, split = self.page, remark(self.product.op), share is Share.ROWS
        low, high = "0", str(self.rows)
        if split and self.rows % page.threads == 0:
            low, high = dealt(self.rows)
        elif split:
            low, high = page.fresh("first"), page.fresh("last")
            page.write(f"{low}, {high} = rows_of(tid, threads, {self.rows})")
        nest = self.nest_after(share, (low, high))
        call = self.call(a, b, c, share)
        if nest is None:
            page.write(call.format(low=low, high=high), said)
            return
        at_once = nest.sums_everything() or "{low}" not in call  # the call computes all rows whenever it is made
        block = self.rows if at_once else self.block(share)
        if block >= self.rows:
            page.write(call.format(low=low, high=high), said)
            nest.loops((low, high))
        else:
            row, end = page.fresh("row"), page.fresh("end")
            with page.indented(f"for {row} in range({low}, {high}, {block}):"):
                page.write(f"{end} = min({row} + {block}, {high})")
                page.write(call.format(low=row, high=end), said)
                nest.loops((row, end))
        nest.finish(split)

    def nest_after(self, share: Share, rows: tuple[str, str]) -> NestPrinter | None:
        """The printer of the nest that follows over these rows, and what must be there before its first number."""
        if self.epilogue is None:
            return None
        printer = self.by_rows(self.epilogue)
        if share is Share.COLUMNS:
            own = self.width() // self.page.threads
            printer.columns = f"tid * {own}", f"min(tid * {own} + {own}, {self.columns})"
        printer.before(share is Share.ROWS, rows)
        return printer

    def by_rows(self, nest: Nest) -> NestPrinter:
        """The printer of a nest over the result's rows and columns."""
        printer = NestPrinter(self.page, nest)
        printer.flat, printer.shape = False, nest.shape
        letters = [x for x in "ijklmn" if x != self.page.turn]
        printer.indices = tuple("0" if n == 1 else letters[d] for d, n in enumerate(nest.shape))
        return printer

    def call(self, a: View, b: View, c: View, share: Share) -> str:
        """The call that multiplies, with places for the first and the last row; packing is written."""
        page, wide, (alpha, beta) = self.page, self.width(), self.factors()
        own = Own("tid", wide // page.threads) if share is Share.COLUMNS else None
        turned, direct = 0 if own else self.turned_columns(), self.is_direct(page.threads if own else 1)
        few = share is not Share.ROWS and self.is_small(own.count if own else wide) and (self.in_rows() or not direct)
        if own is None and (a.base in page.picked or (not few and self.is_short(self.whole_vectors()))):
            wide = self.whole_vectors()
        columns = own.count if own else wide
        if a.base in page.picked:
            return self.picked(a, self.sub(b, [], wide, own), self.sub(c, [], wide, own), columns, share)
        A, C = self.sub(a, []), self.sub(c, [], turned or wide, own)
        if turned:
            return f"multiply_short({A}, {self.sub(b, [])}, {C}, {{low}}, {{high}}, {alpha})"
        if direct:
            B = self.sub(b, [], wide, own)
        else:
            mine = share is Share.EACH
            whole = self.sub(b, [], wide if self.has_room() else 0)
            B = self.packed(page.threads if mine else 0, page.threads if own else 0) + ("[tid]" if mine else "")
            page.write(f"pack({'tid, threads' if share.is_dealt else '0, 1'}, {whole}, {B})", remark(self.product.op))
            if share is Share.ROWS:
                page.write("wait(sync, threads)")  # by columns, nobody needs what another has packed
            B = f"{B}[tid]" if own else B
        if few:
            return f"multiply_few({A}, {B}, {C}, {self.rows}, {columns}, {self.inner}, {alpha}, {beta})"
        if self.is_short(columns):
            return f"add_short({A}, {B}, {C}, {{low}}, {{high}}, {alpha})"
        if direct:
            return f"multiply_rows({A}, {B}, {C}, {{low}}, {{high}}, {alpha}, {beta})"
        return f"multiply({A}, {B}, {C}, {{low}}, {{high}}, {columns}, {self.inner}, {alpha}, {beta})"

    def picked(self, a: View, B: str, C: str, columns: int, share: Share, own: Own | None = None) -> str:
        """The call where the left factor is rows of a table, or these turned: read where they lie if they are few, or
        if the tiles have copies of them made anyway.

        ``own``: these columns of the table.
        """
        table, shares = self.page.table(a.base, own), self.page.threads if share is Share.COLUMNS else 1
        if columns % self.lanes() or not self.in_rows() or not self.is_direct(shares):
            raise UnpickedError(a.base)
        are_copied = columns >= GATHERED * self.panel_columns() and min(self.rows, self.inner) > 1
        if a == of(a.base) and self.product.add_to is None:
            if (self.rows <= FEW_ROWS or are_copied) and share is not Share.ROWS:
                return f"multiply_picked({table}, {B}, {C})"
        elif self.adds_picked(columns) or (self.is_turned() and self.product.add_to is not None and are_copied):
            ahead = f", {self.page.ahead[a.base]}" if a.base in self.page.ahead else ""
            return f"add_picked({table}, {B}, {C}, {{low}}, {{high}}, {self.factors()[0]}{ahead})"
        raise UnpickedError(a.base)

    def adds_picked(self, columns: int) -> bool:
        """A sum of few products, of a left factor that is picked rows, turned."""
        return self.is_turned() and self.is_short(columns)

    def is_turned(self) -> bool:
        """The left factor is an array turned over."""
        return self.left.strides == of(self.left.base).strides[::-1]

    def parts(self) -> None:
        """The product by parts of each sum, this thread's; then all tell each other theirs, and each adds them up.

        There are as many parts as the program has threads, so fewer threads find the same numbers. A thread may be a
        turn ahead when another reads the parts: they lie in two places by turns.
        """
        page, count, pitch = self.page, self.page.threads, self.width()
        own, part, size = self.inner // count, page.fresh("part"), self.rows * pitch
        is_picked = self.left.base in page.picked
        columns = self.whole_vectors() if is_picked else pitch
        parts = page.workspace("parts", (2, count, self.rows, pitch), self.dtype)
        place = f"({page.turn} % 2 * {count} + {part}) * {size}"
        C = f"strided({parts}, {place}, ({self.rows}, {columns}), ({pitch}, 1))"
        B = self.sub(self.right, [], columns if self.has_room() else 0, Own(part, own, 0))
        if is_picked:
            call = self.picked(self.left, B, C, columns, Share.DEPTH, Own(part, own))
        else:
            A = self.sub(self.left, [], 0, Own(part, own))
            call = f"multiply_rows({A}, {B}, {C}, 0, {self.rows}, {', '.join(self.factors())})"
        with page.indented(f"for {part} in range({', '.join(dealt(count))}):"):
            page.write(call, remark(self.product.op))
        page.write("wait(sync, threads)")
        rows = "0", str(self.rows)
        nest = self.nest_after(Share.DEPTH, rows) or self.by_rows(Nest(self.out.shape))
        at = ", ".join(nest.indices)
        nest.given[self.product.op.out] = " + ".join(f"{parts}[{page.turn} % 2, {n}, {at}]" for n in range(count))
        nest.loops(rows)
        nest.finish(False)

    def shares_columns(self) -> bool:
        """Each thread can have as many whole panels of columns as any other, and it is worth it.

        It is not where the left factor, which every thread then reads from end to end, is the largest of the three.
        """
        panel, columns, threads = self.panel_columns(), self.width(), self.page.threads
        if len(self.left.shape) > 2 or columns % (panel * threads) or work_of(self.product) < LARGE_PRODUCT:
            return False
        if self.rows * self.inner > max(self.inner, self.rows) * columns:
            return False
        after = self.epilogue.statements if self.epilogue is not None else ()
        return all(s.axes == (0,) if isinstance(s, Reduce) else isinstance(s, (Let, Store)) for s in after)

    def block(self, share: Share) -> int:
        """Rows at a time, a multiple of the tile's: all of a thread's, or parts of one size that the cache holds."""
        threads = self.page.threads
        own = -(-self.rows // (threads if share is Share.ROWS else 1))
        columns = self.columns // (threads if share is Share.COLUMNS else 1)
        parts = -(-own * columns * self.dtype.itemsize // BLOCK_BYTES)
        parts = min(parts, -(-own // min(LEAST_ROWS, max(FEWEST_ROWS, self.inner * 3 // 4))))
        return self.rows if parts == 1 else -(-own // (parts * TILE.rows)) * TILE.rows

    def in_rows(self) -> bool:
        """The numbers of the right factor's rows stand beside one another."""
        return self.page.physical(self.right).strides[-1] == 1 or self.columns == 1

    def is_direct(self, shares: int = 1) -> bool:
        """The right factor is read where it lies: it is small, or seldom read; a turned one not for a few tiles.

        ``shares``: of its columns, each of which one thread reads.
        """
        small = self.inner * self.columns // shares * self.dtype.itemsize <= DIRECT_BYTES
        if self.in_rows():
            return small or self.rows <= DIRECT_ROWS
        return self.rows <= DIRECT_ROWS and not self.are_few(self.columns)

    def is_small(self, columns: int) -> bool:
        """A few whole tiles, which are called one by one."""
        return columns % self.panel_columns() == 0 and self.are_few(columns)

    def are_few(self, columns: int) -> bool:
        """So few tiles that calls of them one by one make a short program."""
        tiles = -(-self.rows // TILE.rows) * -(-columns // self.panel_columns())
        return tiles <= FEW_TILES and self.inner <= 256

    def is_short(self, columns: int) -> bool:
        """A sum of few products is added to whole panels of numbers."""
        return (
            self.product.add_to is not None
            and self.in_rows()
            and self.is_direct()
            and columns % self.lanes() == 0
            and is_short(self.inner, columns * self.dtype.itemsize)
        )

    def turned_columns(self) -> int:
        """The columns of a new sum of few products with a small matrix turned over, in whole vectors; 0: it is none."""
        lanes, room = self.lanes(), self.page.wide(self.out.base) or 0
        whole = -(-self.columns // lanes) * lanes
        fits = whole == self.columns or (whole <= room and self.out.shape[-1] == self.out.base.shape[-1])
        few = self.inner <= min(MOST_TURNED, MOST_BYTES // (whole * self.dtype.itemsize))
        is_new = self.product.add_to is None and self.rows <= DIRECT_ROWS and not self.in_rows()
        return whole if is_new and fits and few and self.rows >= TILE.rows else 0

    def panel_columns(self) -> int:
        """How many columns a tile has."""
        return TILE.panel_bytes // self.dtype.itemsize

    def lanes(self) -> int:
        """How many numbers a vector has."""
        return TILE.vector_bytes // self.dtype.itemsize

    def packed(self, copies: int, shares: int = 0) -> str:
        """Memory for the right factor in panels: once, or a copy for each thread, or as equal shares of one."""
        size = panels_size(self.inner, self.width(), self.dtype)
        shape = (copies, size) if copies else (shares, size // shares) if shares else (size,)
        return self.page.workspace("packed", shape, self.dtype)

    def factors(self) -> tuple[str, str]:
        """What the product is multiplied with, and what is already there."""
        if self.product.add_to is None:
            return literal(1, self.dtype), literal(0, self.dtype)
        return NestPrinter(self.page, Nest(())).number(self.product.alpha, self.dtype), literal(1, self.dtype)

    def copy_first(self, shared: bool) -> None:
        """What the product is added to has to lie where the result will, all of it before anybody adds."""
        base = self.product.add_to
        if base is None or self.page.resolved(of(base)) == self.page.resolved(of(self.product.op.out)):
            return
        nest = Nest(base.shape, [Store(of(self.product.op.out), base, False, self.product.op.note)])
        NestPrinter(self.page, nest).write(shared)
        if shared:
            self.page.write("wait(sync, threads)")

    def sub(self, view: View, letters: list[str], wide: int = 0, own: Own | None = None) -> str:
        """A matrix as an expression: the array itself, its transpose, or a strided look at it.

        ``wide``: with so many columns, some of the room at the end of its rows, so that every tile is a whole one; what
        stands there is never read. ``own``: only these columns or rows of it.
        """
        page, base = self.page, view.base
        name, view = page.array(base), page.physical(view)
        shape, strides = view.shape[-2:], view.strides[-2:]
        room = page.room(base)
        if wide > shape[-1] and base in page.padded:
            shape, strides = (shape[0], wide), (strides[0], 1)
        offset = flat(View(base, view.shape[:-2], view.strides[:-2], view.offset, view.turn), tuple(letters), page.turn)
        firsts = [f"tid * {math.prod(room)}"] if base in page.copied else []
        if own is not None:
            firsts.append(f"{own.owner} * {own.count * strides[own.axis]}")
            shape = (shape[0], own.count) if own.axis == 1 else (own.count, shape[1])
        if firsts:
            offset = " + ".join(firsts if offset == "0" else [offset, *firsts])
            return f"strided({name}, {offset}, {shape}, {strides})"
        if offset == "0" and len(room) == 2:
            if shape == room and contiguous(shape, strides):
                return name
            if shape == room[::-1] and contiguous(shape[::-1], strides[::-1]):
                return f"{name}.T"
        return f"strided({name}, {offset}, {shape}, {strides})"

    def width(self) -> int:
        """The columns that are computed: with those in the room at the end of rows, if both factors' rows have it."""
        wide = self.page.wide(self.out.base)
        if wide is None or self.out.shape[-1] != self.out.base.shape[-1]:
            return self.columns
        if self.has_room():
            return wide
        panel = self.panel_columns()
        return self.columns if self.is_direct() else -(-self.columns // panel) * panel  # packed panels are whole

    def whole_vectors(self) -> int:
        """The columns that are computed where vectors have to be whole and panels need not be: 104 of 100, not 112."""
        return min(self.width(), -(-self.columns // self.lanes()) * self.lanes())

    def has_room(self) -> bool:
        """The right factor has the same room at the end of its rows as the result."""
        wide, right = self.page.wide(self.right.base), self.right
        return (
            wide is not None
            and wide == self.page.wide(self.out.base)
            and right.shape[-1] == right.base.shape[-1]
            and (right.strides[-1] == 1 or self.columns == 1)
        )
