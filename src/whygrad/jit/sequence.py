"""Kernels written one after the other: which of them threads share, which each does for itself, where they wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from whygrad.jit.kernels import Kernel, Let, Nest, Pick, Product, Reduce, Store, Turns
from whygrad.jit.nests import LETTERS, NestPrinter
from whygrad.jit.page import Own, Page, columns_of, dealt
from whygrad.jit.products import ProductPrinter
from whygrad.jit.program import Note, Ref, Var
from whygrad.jit.sharing import Piece, piece_of, step_loop, waits_before, written
from whygrad.jit.views import of
from whygrad.jit.work import LARGE_DEPTH, Share, is_large, work_of

FAR_BYTES, LONG_ROW = 1 << 20, 256  # data that a core's own cache does not hold, in rows of several of its lines
WAIT = "wait(sync, threads)"


@dataclass
class Sequencer:
    """Writes kernels one after the other, with barriers between threads where they are needed.

    ``shares``: whether any kernel has been left to several threads; ``fixed``: so that just so many have to run it.
    """

    page: Page
    shares: bool = False
    fixed: bool = False
    passed: dict[Turns, list[Nest]] = field(default_factory=dict)  # what turns pass on, as kernels

    def program(self, given: Set[Var]) -> None:
        """All of a program; ``given``: the arrays that it does not lay out itself."""
        page, loop = self.page, step_loop(self.page.low)
        if page.threads > 1 and loop is not None:
            copied = self.copied(loop, given)
            # Without one of these products, what others write may be shared with a kernel that is dealt out.
            while (deep := frozenset(x for x in page.deep if written(page, x) <= copied)) != page.deep:
                page.deep = deep
                copied = self.copied(loop, given)
            page.copied |= copied
            page.room_for_copies()
        self.kernels(self.with_epilogues(page.low.kernels))

    def copied(self, loop: Turns, given: Set[Var]) -> frozenset[Var]:
        """What every thread has for itself: all that only small kernels write, which each thread then runs.

        That takes no longer than if one does it and the others wait, and spares the barriers before and after.
        """
        writes = [(written(self.page, *pair), self.share(*pair)) for pair in self.turn(loop)]
        shared = set(given).union(*(bases for bases, share in writes if share.is_dealt))
        rest = [bases for bases, share in writes if not share.is_dealt]
        while mixed := [bases for bases in rest if bases & shared]:
            shared = shared.union(*mixed)
            rest = [bases for bases in rest if bases not in mixed]
        return frozenset().union(*rest)

    def kernels(self, kernels: Iterable[tuple[Kernel, Nest | None]], repeats: bool = False) -> None:
        """Large kernels are shared among the threads, those between them are each one's or else thread 0's."""
        page = self.page
        pieces = [self.piece(*pair) for pair in kernels if not self.is_picked(pair[0])]
        waits = waits_before(pieces, repeats) if page.threads > 1 else set()
        with ExitStack() as alone:
            for i, piece in enumerate(pieces):
                is_alone = piece.share is Share.NONE and page.threads > 1
                if i in waits or not is_alone or not i or pieces[i - 1].share is not Share.NONE:
                    alone.close()
                    if i in waits:
                        page.write(WAIT)
                    if is_alone:
                        alone.enter_context(page.indented("if tid == 0:"))
                self.shares |= piece.share.is_dealt or piece.share is Share.DEPTH
                self.fixed |= piece.share is Share.COLUMNS or (piece.share is Share.ROWS and adds_up_rows(piece))
                self.kernel(piece.kernel, piece.epilogue, piece.share)
                if page.threads > 1 and not isinstance(piece.kernel, Turns):
                    is_own = piece.share in (Share.EACH, Share.DEPTH)
                    assert is_own or not page.copied & written(page, *piece[:2]), "a copy that not every thread writes"

    def piece(self, kernel: Kernel, epilogue: Nest | None) -> Piece:
        """The kernel, and what of it each thread does."""
        share, own = self.share(kernel, epilogue), 0
        if share is Share.COLUMNS:
            assert isinstance(kernel, Product)
            own = ProductPrinter(self.page, kernel, epilogue).width() // self.page.threads
        return piece_of(self.page, kernel, epilogue, share, own)

    def is_picked(self, kernel: Kernel) -> bool:
        """All that it does is pick rows, which are read where they lie."""
        outs = rows_picked(kernel)
        return bool(outs) and outs <= self.page.picked.keys()

    def share(self, kernel: Kernel, epilogue: Nest | None) -> Share:
        """What of a kernel is a thread's own: columns where they can be dealt evenly, or else rows."""
        page = self.page
        if page.threads == 1:
            return Share.NONE
        if isinstance(kernel, Turns):
            inner = [self.share(*pair) for pair in self.with_epilogues(kernel.body)]
            return Share.NONE if all(share in (Share.NONE, Share.EACH) for share in inner) else Share.ROWS
        bases = written(page, kernel, epilogue)
        if kernel in page.deep:
            return Share.DEPTH
        if bases and bases <= page.copied:
            return Share.EACH
        if isinstance(kernel, Product) and is_of_dealt(page, kernel):
            return Share.ROWS
        if isinstance(kernel, Product) and ProductPrinter(page, kernel, epilogue).shares_columns():
            return Share.COLUMNS
        return Share.ROWS if is_large(kernel, epilogue) else Share.NONE

    def kernel(self, kernel: Kernel, epilogue: Nest | None, share: Share) -> None:
        """One kernel."""
        if isinstance(kernel, Nest):
            NestPrinter(self.page, kernel).write(share is Share.ROWS)
        elif isinstance(kernel, Product):
            ProductPrinter(self.page, kernel, epilogue).write(share)
        else:
            self.turns(kernel, share is Share.ROWS)

    def turns(self, kernel: Turns, split: bool) -> None:
        """A loop over turns, what its turns pass on, and what is there before the first."""
        page, loop = self.page, kernel.loop
        threads = page.threads
        if not split:
            page.threads = 1
        self.kernels((self.copy(c.inside, c.first), None) for c in loop.carried if c.first is not c.inside)
        if page.threads > 1:
            self.copy_inputs()
            page.write(WAIT)
        if loop.turns:
            page.write("before = flush_subnormals()", "numbers below 1e-38 are zeros: saturated neurons make many")
        count = page.element(page.low.views[loop.turns], ()) if loop.turns else str(loop.count)
        with page.indented(f"for {page.turn} in range({count}):"):
            self.ask_ahead(kernel)
            self.kernels(self.turn(kernel), repeats=True)
        if loop.turns:
            page.write("restore_subnormals(before)")
        page.threads = threads

    def copy_inputs(self) -> None:
        """Every thread begins with the same: what was given lies in thread 0's copy."""
        page = self.page
        for x in page.low.program.inputs:
            if x in page.copied:
                indices = tuple("0" if n == 1 else LETTERS[d] for d, n in enumerate(x.shape))
                with ExitStack() as stack:
                    stack.enter_context(page.indented("if tid > 0:"))
                    for d, n in enumerate(x.shape):
                        if n != 1:
                            stack.enter_context(page.indented(f"for {indices[d]} in range({n}):"))
                    page.write(f"{page.of_copy(x, 'tid', indices)} = {page.of_copy(x, '0', indices)}")

    def ask_ahead(self, kernel: Turns) -> None:
        """The rows of the next batch are on their way while this one is computed.

        A product that reads them for a while asks for them bit by bit, or else they are asked for here, all at once.
        """
        page = self.page
        picks = [s for inner in kernel.body if isinstance(inner, Nest) for s in inner.statements if isinstance(s, Pick)]
        for s in picks:
            places, x = page.low.views[s.places], s.op.inputs[0]
            if s.checked or s.flat or not places.turn or not isinstance(x, Var) or len(places.shape) != 1:
                continue
            base = page.resolved(page.low.views[x]).base
            size = base.size * base.dtype.itemsize
            if size < FAR_BYTES or size < LONG_ROW * base.shape[0]:
                continue
            following = replace(places, offset=places.offset + places.turn)
            if any(self.reads_short(inner, s.op.out) for inner in kernel.body):
                page.ahead[s.op.out] = f"{page.array(page.resolved(places).base)}[1 + {page.turn}]"
                continue
            with ExitStack() as loops:
                name, low, high = page.array(base), "0", str(places.shape[0])
                if page.threads > 1 and any(product.left.base is s.op.out for product in page.deep):
                    part = page.fresh("part")
                    loops.enter_context(page.indented(f"for {part} in range({', '.join(dealt(page.threads))}):"))
                    name = columns_of(name, base.shape, Own(part, base.shape[-1] // page.threads))
                elif page.threads > 1:
                    low, high = dealt(places.shape[0])
                loops.enter_context(page.indented(f"for i in range({low}, {high}):"))
                page.write(f"fetch({name}, {page.element(following, ('i',))})", "the next batch")

    def reads_short(self, kernel: Kernel, picked: Var) -> bool:
        """A product with these picked rows, turned, that asks for the next ones itself."""
        if picked not in self.page.picked or not isinstance(kernel, Product) or kernel.left.base is not picked:
            return False
        printer = ProductPrinter(self.page, kernel, None)
        return printer.adds_picked(printer.whole_vectors())

    def turn(self, kernel: Turns) -> list[tuple[Kernel, Nest | None]]:
        """The kernels of a turn, with what it leaves to the next at the end."""
        if kernel not in self.passed:
            self.passed[kernel] = list(self.passed_on(kernel))
        return [*self.with_epilogues(kernel.body), *((nest, None) for nest in self.passed[kernel])]

    def passed_on(self, kernel: Turns) -> Iterator[Nest]:
        """What the next turn finds; values that take each other's place go through copies."""
        page = self.page
        inside = {c.inside for c in kernel.copied}
        waiting = []
        for c in kernel.copied:
            source = page.low.views[c.next]
            if page.resolved(source).base in inside and source.base is not c.inside:
                x = Var(c.inside.shape, c.inside.dtype, c.inside.name)
                page.names[x] = page.fresh(f"{page.names[c.inside]}_next")
                page.low.views[x] = of(x)
                yield self.copy(x, c.next)
                waiting.append(self.copy(c.inside, x))
            else:
                yield self.copy(c.inside, c.next)
        yield from waiting

    def copy(self, x: Var, value: Ref) -> Nest:
        """``x[...] = value``."""
        return Nest(x.shape, [Store(of(x), value, False, Note())])

    def with_epilogues(self, kernels: Sequence[Kernel]) -> Iterator[tuple[Kernel, Nest | None]]:
        """Each kernel; a product and the nest that follows it over the same rows are one."""
        i = 0
        while i < len(kernels):
            kernel = kernels[i]
            following = kernels[i + 1] if i + 1 < len(kernels) else None
            i += 1
            epilogue = following if isinstance(following, Nest) and self.joins(kernel, following) else None
            i += epilogue is not None
            yield kernel, epilogue

    def joins(self, kernel: Kernel, nest: Nest) -> bool:
        """The nest runs over the rows of a product's result, so that each block of rows is finished while it is in
        the cache; it reads each number of the result where that was computed, and no row that is still to come.
        """
        if not isinstance(kernel, Product):
            return False
        if nest.shape != kernel.op.out.shape or len(nest.shape) != 2:
            return False
        if not all(isinstance(s, (Let, Reduce, Store)) for s in nest.statements):
            return False
        low = self.page.low
        out = low.resolved(of(kernel.op.out))
        reads = [x for s in nest.statements for x in ([s.value] if isinstance(s, Store) else s.op.inputs)]
        views = [low.resolved(low.views[x].broadcast(nest.shape)) for x in reads if isinstance(x, Var)]
        return all(view.base is not out.base or view == out for view in views)


def is_of_dealt(page: Page, product: Product) -> bool:
    """The gradient of weights of which every thread has some rows, or what adds it to them."""
    return work_of(product) >= LARGE_DEPTH and product.op.out.shape in {x.shape for x in page.dealt}


def adds_up_rows(piece: Piece) -> bool:
    """There is a sum over the rows that are dealt out: one part for each thread."""
    nests = [kernel for kernel in (piece.kernel, piece.epilogue) if isinstance(kernel, Nest)]
    return any(isinstance(s, Reduce) and 0 in s.axes for nest in nests for s in nest.statements)


def rows_picked(kernel: Kernel) -> frozenset[Var]:
    """What a kernel that does nothing else picks out of tables."""
    if not isinstance(kernel, Nest) or not only_picks(kernel):
        return frozenset()
    return frozenset(s.op.out for s in kernel.statements if isinstance(s, Pick))


def only_picks(nest: Nest) -> bool:
    """It does nothing but pick rows whose numbers need no check."""
    return all(isinstance(s, Pick) and not s.checked and not s.flat for s in nest.statements)
