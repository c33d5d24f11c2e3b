"""Where threads that run one program have to wait for each other: what each kernel touches, and whose part of it.

Two kernels need a barrier between them if a thread touches in the second what another thread may have touched in the
first, and one of them writes. They need none where every thread keeps to its own part both times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any, NamedTuple

from whygrad.jit.kernels import Kernel, Let, Lowered, Nest, Pick, Product, Reduce, Scatter, Statement, Store, Turns
from whygrad.jit.page import Page
from whygrad.jit.program import Var
from whygrad.jit.views import View, of
from whygrad.jit.work import FEW_ROWS, LARGE_DEPTH, Share, work_of

Part = tuple[str, int] | None  # what threads deal out: ("rows", so many of each), ...; None: any of the numbers
ALONE = "alone", 0  # thread 0's
MOST_RESULTS, LEAST_DEPTH = 4096, 64  # of a product by depth: every thread reads all parts of the results


class Touch(NamedTuple):
    """A kernel reads or writes (this thread's part of) an array in memory; ``base`` may be what stands for one."""

    base: Any
    writes: bool
    part: Part

    def collides(self, other: Touch) -> bool:
        """Two threads may be at one number at once, and one of them writes it."""
        return self.base is other.base and (self.writes or other.writes) and (self.part is None
                                                                             or self.part != other.part)


class Piece(NamedTuple):
    """A kernel in a sequence, and what it touches of what threads have in common.

    ``waits``: all threads wait for each other in it, and ``after`` that touch this.
    """

    kernel: Kernel
    epilogue: Nest | None
    share: Share
    touches: Sequence[Touch]
    waits: bool
    after: Sequence[Touch]


def waits_before(pieces: Sequence[Piece], repeats: bool) -> set[int]:
    """The pieces before which threads have to wait; ``repeats``: the sequence is run again and again."""
    waits: set[int] = set()
    known = -1
    while len(waits) > known:
        known = len(waits)
        pending: list[Touch] = []
        for i, piece in list(enumerate(pieces)) * (2 if repeats else 1):
            if i not in waits and any(x.collides(y) for x in pending for y in piece.touches):
                waits.add(i)
            if i in waits:
                pending = []
            pending = [*piece.after] if piece.waits else [*pending, *piece.touches]
    return waits


def step_loop(low: Lowered) -> Turns | None:
    """The loop over steps that a program consists of, if it is one, of straight steps."""
    loop = low.kernels[0] if len(low.kernels) == 1 else None
    if not isinstance(loop, Turns) or not loop.loop.turns or any(isinstance(kernel, Turns) for kernel in loop.body):
        return None
    return loop


def by_depth(low: Lowered, given: Set[Var], threads: int) -> dict[Product, Var]:
    """The products of which every thread shall add up a part of each sum, and the weights whose rows are then its own.

    These are products of few results with many weights. Threads tell each other their parts of the results, and each
    changes the weights that it reads: they need one barrier in a step. Where threads deal out columns, each number of
    the left factor goes to all of them, and 100 columns have to be 128.
    """
    loop, found = step_loop(low), {}
    for kernel in loop.body if loop and threads > 1 else ():
        if not isinstance(kernel, Product) or kernel.add_to is not None or len(kernel.op.out.shape) != 2:
            continue
        weights, own = low.resolved(kernel.right), kernel.right.shape[0] // threads
        few = kernel.op.out.size <= MOST_RESULTS and kernel.left.shape[0] <= FEW_ROWS
        even = own * threads == kernel.right.shape[0] and own >= LEAST_DEPTH
        alone = weights == of(weights.base) and weights.base in low.program.inputs and weights.base not in given
        if few and even and alone and work_of(kernel) >= LARGE_DEPTH:
            found[kernel] = weights.base
    return found


def piece_of(page: Page, kernel: Kernel, epilogue: Nest | None, share: Share, own: int) -> Piece:
    """The kernel as a piece; ``own``: how many columns are each thread's, if columns are dealt out."""
    touches = [t for t in _touches(page, kernel, epilogue, share, own) if t.base not in page.copied]
    finish = [] if epilogue is None else [t for t in _nest(page, epilogue, share, own) if t.base not in page.copied]
    if share is Share.ROWS:
        # What is packed together, and sums of threads' parts, lie in the same places in every turn.
        touches.append(Touch(kernel, True, None))
    return Piece(kernel, epilogue, share, touches, share is Share.DEPTH, finish)


def written(page: Page, kernel: Kernel, epilogue: Nest | None = None) -> set[Var]:
    """The arrays in memory that a kernel changes."""
    return {touch.base for touch in _touches(page, kernel, epilogue, Share.NONE, 0) if touch.writes}


def _touches(page: Page, kernel: Kernel, epilogue: Nest | None, share: Share, own: int) -> Iterator[Touch]:
    low = page.low
    if isinstance(kernel, Turns):
        inner = [t.base for k in kernel.body for t in _touches(page, k, None, Share.NONE, 0)]
        passed = [x for c in kernel.loop.carried for x in (c.first, c.inside, c.next) if isinstance(x, Var)]
        for base in dict.fromkeys([*inner, *(page.resolved(low.views[x]).base for x in passed)]):
            yield Touch(base, True, ALONE if share is Share.NONE else None)
        return
    if isinstance(kernel, Product):
        dealt = Dealt(page, share, kernel.op.out.shape if len(kernel.op.out.shape) == 2 else (), own)
        yield dealt.left(kernel.left)
        yield dealt.right(kernel.right, kernel.left.shape[-1])
        yield dealt.touch(of(kernel.op.out), True)
        if kernel.add_to is not None and page.resolved(of(kernel.add_to)) != page.resolved(of(kernel.op.out)):
            yield dealt.anywhere(of(kernel.add_to), False)  # it is copied first
            yield dealt.anywhere(of(kernel.op.out), True)
        if isinstance(kernel.alpha, Var):
            yield dealt.anywhere(low.views[kernel.alpha], False)
    else:
        yield from _nest(page, kernel, share, own)
    if epilogue is not None:
        yield from _nest(page, epilogue, share, own)


def _nest(page: Page, nest: Nest, share: Share, own: int) -> Iterator[Touch]:
    """What a loop nest reads and writes in memory."""
    dealt = Dealt(page, share, nest.shape, own)
    for s in nest.statements:
        if isinstance(s, (Pick, Scatter)):
            yield from (dealt.anywhere(page.low.views[x], False) for x in (*s.op.reads, s.places))
        else:
            values = s.op.reads if isinstance(s, (Let, Reduce)) else [s.value] if isinstance(s.value, Var) else []
            views = [page.low.views[x].broadcast(nest.shape) for x in values]
            yield from (dealt.touch(view, False) for view in views if view.base in page.low.kept)
        yield from _result(dealt, s)


def _result(dealt: Dealt, s: Statement) -> Iterator[Touch]:
    """What a statement leaves in memory."""
    if isinstance(s, Store):
        yield dealt.touch(s.target, True)
    elif isinstance(s, Scatter) or (isinstance(s, Reduce) and dealt.share is not Share.COLUMNS):
        yield dealt.anywhere(of(s.op.out), True)
    elif isinstance(s, Reduce) or s.op.out in dealt.page.low.kept:
        yield dealt.touch(of(s.op.out), True)


class Dealt(NamedTuple):
    """How the indices of a kernel, over this shape, are dealt to threads."""

    page: Page
    share: Share
    shape: tuple[int, ...]
    own: int  # columns of each thread

    def touch(self, view: View, writes: bool) -> Touch:
        """A view over the kernel's indices, number by number."""
        view = self.page.resolved(view)
        return Touch(view.base, writes, self.part(view))

    def anywhere(self, view: View, writes: bool) -> Touch:
        """A view of which any number may be touched."""
        return Touch(self.page.resolved(view).base, writes, ALONE if self.share is Share.NONE else None)

    def left(self, view: View) -> Touch:
        """A product's left factor: its columns are not those of the result, and its rows are those."""
        view = self.page.resolved(view)
        by_rows = self.share in (Share.ROWS, Share.NONE)
        return Touch(view.base, False, self.part(view) if by_rows else None)

    def right(self, view: View, K: int) -> Touch:
        """A product's right factor: its columns are those of the result."""
        view = self.page.resolved(view)
        if self.share is Share.DEPTH:
            return Touch(view.base, False, self.rows(view, K))
        return Touch(view.base, False, None if self.share is Share.ROWS else self.part(view))

    def part(self, view: View) -> Part:
        """What of it is one thread's."""
        if self.share is Share.NONE:
            return ALONE
        if self.share is Share.ROWS and self.shape:
            return self.rows(view, self.shape[0])
        if self.share is Share.COLUMNS:
            return self.columns(view, self.shape[-1])
        return None

    def rows(self, view: View, n: int) -> Part:
        """Rows of an array of n rows: threads have equally many, the same in all such arrays."""
        base = view.base.shape
        if n % self.page.threads or not base or base[0] != n or view.offset or view.turn or view.shape[0] != n:
            return None
        row = view.base.size // n
        furthest = sum((size - 1) * step for size, step in zip(view.shape[1:], view.strides[1:], strict=True))
        ahead = all(step >= 0 for step in view.strides)
        return ("rows", n // self.page.threads) if view.strides[0] == row and ahead and furthest < row else None

    def columns(self, view: View, n: int) -> Part:
        """Columns of an array of n columns, or numbers of a row of them."""
        base = view.base.shape
        if not base or len(base) > 2 or base[-1] != n or view.offset or view.turn or view.shape[-1] != n:
            return None
        ahead = all(step >= 0 and step % n == 0 for step in view.strides[:-1])
        return ("columns", self.own) if view.strides[-1] == 1 and ahead else None
