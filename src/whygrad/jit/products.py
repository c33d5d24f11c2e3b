"""A matrix product printed: packing, the tiles of this thread's rows, and the nest that finishes each block of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass

from whygrad.jit.kernels import Kernel, Lowered, Nest, Product, Store, Turns
from whygrad.jit.native.cpu import TILE
from whygrad.jit.nests import NestPrinter, literal
from whygrad.jit.page import Page, remark
from whygrad.jit.program import Var
from whygrad.jit.views import View, c_strides, contiguous, flat, of

DIRECT_BYTES = 128 * 1024  # a right factor that stays in the second-level cache is read as it lies
# Rows of the left factor for which packing the right one costs more than reading it as it lies: 32 × 784 × 100, twice.
FEW_ROWS = 64
SAME_PLACES = 1024  # rows that are a multiple of so many bytes apart compete for the same places in the cache
LEAST_ROWS = 192  # of a block: all of the right factor is read again for each
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

    def write(self, split: bool) -> None:
        """The product; split: this thread's rows, or its matrices of a stack."""
        page = self.page
        if self.inner == 0 or self.out.size == 0:
            NestPrinter(page, Nest((), [])).fill(self.out, 0.0)
            return
        self.copy_first()
        stack = self.left.shape[:-2]
        if not stack:
            self.matrix(self.left, self.right, self.out, split, "")
            return
        packed = None if self.is_direct() else self.packed(page.threads if split else 1)
        letters = ["b" + str(d) for d in range(len(stack))]
        with ExitStack() as loops:
            for d, n in enumerate(stack):
                low, high = (
                    (f"tid * {n} // threads", f"(tid + 1) * {n} // threads") if split and d == 0 else ("0", str(n))
                )
                loops.enter_context(
                    page.indented(
                        f"for {letters[d]} in range({low}, {high}):", remark(self.product.op) if d == 0 else ""
                    )
                )
            self.one_of_stack(letters, packed, split)

    def one_of_stack(self, letters: list[str], packed: str | None, split: bool) -> None:
        """The product of two matrices of a stack, by one thread."""
        a, b, c = (self.sub(v, letters) for v in (self.left, self.right, self.out))
        alpha, beta = self.factors()
        if packed is None:
            self.page.write(f"multiply_rows({a}, {b}, {c}, 0, {self.rows}, {alpha}, {beta})")
        else:
            own = f"{packed}[tid]" if split else f"{packed}[0]"
            self.page.write(f"pack(0, 1, {b}, {own})")
            self.page.write(f"multiply({a}, {own}, {c}, 0, {self.rows}, {self.columns}, {self.inner}, {alpha}, {beta})")

    def matrix(self, a: View, b: View, c: View, split: bool, turn: str) -> None:
        """The product of two matrices, block of rows by block of rows where a nest follows."""
        page, said = self.page, remark(self.product.op)
        columns = self.width()
        wide = columns != self.columns
        A, B, C = self.sub(a, []), self.sub(b, [], wide and self.is_direct()), self.sub(c, [], wide)
        alpha, beta = self.factors()
        nest = NestPrinter(page, self.epilogue) if self.epilogue is not None else None
        if nest is not None:
            nest.flat, nest.shape = False, self.epilogue.shape  # type: ignore[union-attr]  # it is there
            letters = [x for x in "ijklmn" if x != page.turn]
            nest.indices = tuple("0" if n == 1 else letters[d] for d, n in enumerate(nest.shape))
            nest.before(split)
        few = not split and self.is_small(columns)
        if self.is_direct() and few:
            call = f"multiply_few({A}, {B}, {C}, {self.rows}, {columns}, {self.inner}, {alpha}, {beta})"
        elif self.is_direct():
            call = f"multiply_rows({A}, {B}, {C}, {{low}}, {{high}}, {alpha}, {beta})"
        else:
            packed = self.packed(0)
            page.write(f"pack({'tid, threads' if split else '0, 1'}, {B}, {packed})", said)
            if split:
                page.write("wait(sync, threads)")
            call = f"multiply({A}, {packed}, {C}, {{low}}, {{high}}, {columns}, {self.inner}, {alpha}, {beta})"
            if few:
                call = f"multiply_few({A}, {packed}, {C}, {self.rows}, {columns}, {self.inner}, {alpha}, {beta})"
        low, high = "0", str(self.rows)
        if split:
            low, high = page.fresh("first"), page.fresh("last")
            page.write(f"{low}, {high} = rows_of(tid, threads, {self.rows})")
        if nest is None:
            page.write(call.format(low=low, high=high), said)
            return
        block = self.block(page.threads if split else 1)
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

    def block(self, threads: int) -> int:
        """Rows at a time, a multiple of the tile's: all of a thread's, or parts of one size that the cache holds."""
        own = -(-self.rows // threads)
        parts = -(-own * self.columns * self.dtype.itemsize // BLOCK_BYTES)
        parts = min(parts, -(-own // LEAST_ROWS))
        return self.rows if parts == 1 else -(-own // (parts * TILE.rows)) * TILE.rows

    def is_direct(self) -> bool:
        """The right factor is read where it lies: its rows are rows of memory, and it is small."""
        row, step = self.page.physical(self.right).strides[-2:]
        if step != 1 and self.columns != 1:
            return False
        small = self.inner * self.columns * self.dtype.itemsize <= DIRECT_BYTES
        apart = row * self.dtype.itemsize % SAME_PLACES != 0
        return small or (self.rows <= FEW_ROWS and apart)

    def is_small(self, columns: int) -> bool:
        """A few whole tiles, which are called one by one."""
        panel = TILE.panel_bytes // self.dtype.itemsize
        return columns % panel == 0 and self.rows <= 64 and columns <= 4 * panel and self.inner <= 256

    def packed(self, copies: int) -> str:
        """Memory for the right factor in panels."""
        from whygrad.jit.native.matmul import panels_size

        size = panels_size(self.inner, self.columns, self.dtype)
        return self.page.workspace("packed", (copies, size) if copies else (size,), self.dtype)

    def factors(self) -> tuple[str, str]:
        """What the product is multiplied with, and what is already there."""
        if self.product.add_to is None:
            return literal(1, self.dtype), literal(0, self.dtype)
        return NestPrinter(self.page, Nest(())).number(self.product.alpha, self.dtype), literal(1, self.dtype)

    def copy_first(self) -> None:
        """What the product is added to has to lie where the result will."""
        base = self.product.add_to
        if base is None or self.page.resolved(of(base)) == self.page.resolved(of(self.product.op.out)):
            return
        nest = Nest(base.shape, [Store(of(self.product.op.out), base, False, self.product.op.note)])
        NestPrinter(self.page, nest).write(False)

    def sub(self, view: View, letters: list[str], wide: bool = False) -> str:
        """A matrix as an expression: the array itself, its transpose, or a strided look at it.

        ``wide``: with the room at the end of its rows, so that every tile is a whole one; what stands there is never
        read.
        """
        page, base = self.page, view.base
        name, view = page.array(base), page.physical(view)
        shape, strides = view.shape[-2:], view.strides[-2:]
        room = page.shape(base)
        if wide and base in page.padded:
            shape, strides = (shape[0], room[-1]), (strides[0], 1)
        offset = flat(View(base, view.shape[:-2], view.strides[:-2], view.offset, view.turn), tuple(letters), page.turn)
        if offset == "0" and len(room) == 2:
            if shape == room and contiguous(shape, strides):
                return name
            if shape == room[::-1] and contiguous(shape[::-1], strides[::-1]):
                return f"{name}.T"
        return f"strided({name}, {offset}, {shape}, {strides})"

    def width(self) -> int:
        """The columns that are computed: with those in the room at the end of rows, if both factors' rows have it."""
        wide = self.page.padded.get(self.out.base)
        if wide is None or self.out.shape[-1] != self.out.base.shape[-1] or not self.right_is_wide():
            return self.columns
        return wide

    def right_is_wide(self) -> bool:
        """Packed panels are whole anyway; what is read as it lies needs room of its own."""
        if not self.is_direct():
            return True
        wide, right = self.page.padded.get(self.right.base), self.right
        return (
            wide is not None
            and right.shape[-1] == right.base.shape[-1]
            and (right.strides[-1] == 1 or self.columns == 1)
        )


def with_room(low: Lowered, given: Set[Var]) -> dict[Var, int]:
    """The arrays of the program's own that products write or read row by row, with rows of whole panels.

    Columns at the edge of a tile cost as much as three whole tiles: 784 × 30 by 10 took 32 µs, and 8 µs with room.
    """
    wanted: dict[Var, int] = {}

    def add(x: Var) -> None:
        columns = TILE.panel_bytes // x.dtype.itemsize
        if (
            x.dtype.kind == "f"
            and len(x.shape) == 2
            and x not in given
            and x not in low.homes
            and x.shape[-1] % columns
        ):
            wanted[x] = -(-x.shape[-1] // columns) * columns

    for kernel in _products(low.kernels):
        add(low.homes[kernel.op.out].base if kernel.op.out in low.homes else kernel.op.out)
        if kernel.right.strides[-1] == 1 or kernel.right.shape[-1] == 1:
            add(low.homes[kernel.right.base].base if kernel.right.base in low.homes else kernel.right.base)
    return wanted


def _products(kernels: Sequence[Kernel]) -> Iterator[Product]:
    for kernel in kernels:
        if isinstance(kernel, Product):
            yield kernel
        elif isinstance(kernel, Turns):
            yield from _products(kernel.body)
