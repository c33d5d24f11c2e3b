"""Kernels printed as Python loops that are compiled: a module of text that defines ``program(tid, threads, sync,
...)``.

Every array is a parameter; nothing is allocated. On several threads all run the same program: a kernel is either split
by rows or run by thread 0 alone, with a barrier wherever one thread's numbers become another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import groupby

from whygrad.jit.kernels import Kernel, Let, Lowered, Nest, Pick, Product, Reduce, Scatter, Store, Turns
from whygrad.jit.nests import NestPrinter
from whygrad.jit.page import Page, UnpaddableError, UnpickedError
from whygrad.jit.products import ProductPrinter, with_room
from whygrad.jit.program import Note, Ref, Var, names_of
from whygrad.jit.views import View, of
from whygrad.jit.work import Share, is_large

WORDS = frozenset(  # functions of native/words.py
    "add_picked add_short erf exp expm1 fetch flattened flush_subnormals log log1p multiply multiply_few "
    "multiply_picked multiply_rows pack restore_subnormals rows_of sigmoid strided tanh wait".split()
)
FAR_BYTES, LONG_ROW = 1 << 20, 256  # data that a core's own cache does not hold, in rows of several of its lines


@dataclass(frozen=True)
class Printed:
    """A program for native code. ``arrays``: its parameters after ``sync``; ``scratch``: those that only it uses."""

    source: str
    arrays: tuple[Var, ...]
    scratch: frozenset[Var]
    threads: int
    padded: Mapping[Var, int]
    shapes: Mapping[Var, tuple[int, ...]]

    def shape(self, x: Var) -> tuple[int, ...]:
        """The shape of an array in memory, with the room at the end of its rows, and threads' copies."""
        return self.shapes.get(x, x.shape)


def printed(low: Lowered, threads: int = 1, given: Set[Var] | None = None) -> Printed:
    """The program of these kernels for so many threads; fewer if no kernel is large enough to be shared.

    ``given``: the arrays that the caller lays out; by default inputs, constants and outputs. All others may get room at
    the end of their rows.
    """
    if given is None:
        given = {*low.program.inputs, *low.constants, *(x for x in low.program.outputs if isinstance(x, Var))}
    padded, picked = with_room(low, given, threads), _picked(low, given)
    while True:
        copied = _copied(low, given) - picked.keys() if threads > 1 else frozenset()
        page = Page(low, _names(low), threads, padded=padded, copied=copied, picked=picked)
        sequencer = Sequencer(page)
        try:
            for x in low.program.inputs:
                page.array(x)
            sequencer.kernels(low.kernels)
            for y in low.program.outputs:
                if isinstance(y, Var):
                    page.array(y)  # an empty one is not written
        except UnpaddableError as found:
            padded = {x: n for x, n in padded.items() if x is not found.base}
            continue
        except UnpickedError as found:
            picked = {x: pick for x, pick in picked.items() if x is not found.base}
            continue
        if threads > 1 and not sequencer.shares:
            return printed(low, 1, given)
        page.write("return 0")
        shapes = {x: page.shape(x) for x in page.arrays}
        return Printed(_module(page), tuple(page.arrays), frozenset(page.scratch), threads, padded, shapes)


def _copied(low: Lowered, given: Set[Var]) -> frozenset[Var]:
    """What is only picked out of a table, row by row, the examples of a batch: every thread picks them for itself.

    Rows that another core has written come over at 2 to 14 GB/s here, which would take longer.
    """
    return frozenset(s.op.out for s in _picks(low, given))


def _picks(low: Lowered, given: Set[Var]) -> Iterator[Pick]:
    """The picks of rows that share their memory with nothing else."""
    shared = {home.base for home in low.homes.values()} | low.homes.keys() | given
    for kernel in _all(low.kernels):
        if isinstance(kernel, Nest) and _only_picks(kernel):
            yield from (s for s in kernel.statements if isinstance(s, Pick) and s.op.out not in shared)


def _picked(low: Lowered, given: Set[Var]) -> dict[Var, Pick]:
    """Rows of a table that one row of a list names in each turn: perhaps they need not be copied."""
    found = {}
    for s in _picks(low, given):
        x, places = s.op.inputs[0], low.views[s.places]
        assert isinstance(x, Var)
        table, lists = low.views[x], places.base.shape
        plain = table == of(table.base) and len(table.shape) == len(lists) == 2 and places.base not in low.homes
        if plain and (places.shape, places.offset, places.turn) == (lists[1:], 0, lists[1]):
            found[s.op.out] = s
    return found


def _rows_picked(kernel: Kernel) -> frozenset[Var]:
    """What a kernel that does nothing else picks out of tables."""
    if not isinstance(kernel, Nest) or not _only_picks(kernel):
        return frozenset()
    return frozenset(s.op.out for s in kernel.statements if isinstance(s, Pick))


def _only_picks(nest: Nest) -> bool:
    return all(isinstance(s, Pick) and not s.checked and not s.flat for s in nest.statements) and not nest.fills


def _names(low: Lowered) -> dict[Var, str]:
    """A name for every variable, those that lowering has added included."""
    names = names_of(low.program)
    for x in low.constants:
        names.setdefault(x, f"constant{len(names)}")
    for kernel in _all(low.kernels):
        for x in _made(kernel):
            names.setdefault(x, f"t{len(names)}")
    return names


def _all(kernels: Sequence[Kernel]) -> Iterator[Kernel]:
    for kernel in kernels:
        yield kernel
        if isinstance(kernel, Turns):
            yield from _all(kernel.body)


def _made(kernel: Kernel) -> Iterator[Var]:
    if isinstance(kernel, Product):
        yield kernel.op.out
    elif isinstance(kernel, Nest):
        for s in kernel.statements:
            if isinstance(s, (Let, Reduce, Pick, Scatter)):
                yield s.op.out
            else:
                yield s.target.base


def _module(page: Page) -> str:
    """The whole text: imports, then the program."""
    body = "\n".join(page.lines)
    heads = ["import math", "", "import numpy as np", "from numpy import float32 as f32", ""]
    heads += _imports(body)
    parameters = ["tid", "threads", "sync", *(page.names[x] for x in page.arrays)]
    shapes = [
        f"#   {page.names[x]}: {x.dtype}{list(page.shape(x))}" + (", scratch" if x in page.scratch else "")
        for x in page.arrays
    ]
    flats = [f"    {alias} = flattened({name})" for name, alias in page.flattened.items()]
    wrapped = _wrapped(f"def program({', '.join(parameters)}):")
    return "\n".join([*heads, "", "", *shapes, wrapped, *flats, body, ""])


def _imports(body: str) -> list[str]:
    """The words of our own that the text uses, from where their meaning is told."""
    called = set(re.findall(r"(?<![.\w])(\w+)\(", body))
    if "_flat[" in body:
        called.add("flattened")
    used = sorted(called.intersection(WORDS))
    return [f"from whygrad.jit.native.words import {', '.join(used)}"] if used else []


def _wrapped(head: str) -> str:
    """A long list of parameters on several lines."""
    lines, line = [], ""
    for word in head.split(" "):
        if len(line) + len(word) > 112:
            lines.append(line)
            line = "    " + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


@dataclass
class Sequencer:
    """Writes kernels one after the other, with barriers between threads where they are needed.

    ``shares``: whether any kernel has been left to several threads.
    """

    page: Page
    shares: bool = False

    def kernels(self, kernels: Sequence[Kernel]) -> None:
        """Large kernels are shared among the threads, those between them are thread 0's; then all wait for each
        other.
        """
        page = self.page
        kernels = [kernel for kernel in kernels if not self.is_picked(kernel)]
        for share, group in groupby(_with_epilogues(kernels), lambda pair: self.share(*pair)):
            if page.threads == 1 or share is Share.COPIES:
                for kernel, epilogue in group:
                    self.kernel(kernel, epilogue, Share.NONE)
            elif share is Share.NONE:
                with page.indented("if tid == 0:"):
                    for kernel, epilogue in group:
                        self.kernel(kernel, epilogue, share)
                page.write("wait(sync, threads)")
            else:
                self.shares = True
                for kernel, epilogue in group:
                    self.kernel(kernel, epilogue, share)
                    page.write("wait(sync, threads)")

    def is_picked(self, kernel: Kernel) -> bool:
        """All that it does is pick rows, which are read where they lie."""
        outs = _rows_picked(kernel)
        return bool(outs) and outs <= self.page.picked.keys()

    def share(self, kernel: Kernel, epilogue: Nest | None) -> Share:
        """What of a kernel is a thread's own: columns where they can be dealt evenly, or else rows."""
        if self.page.threads == 1:
            return Share.NONE
        if isinstance(kernel, Turns):
            inner = (self.share(*pair) for pair in _with_epilogues(kernel.body))
            return Share.ROWS if any(share in (Share.ROWS, Share.COLUMNS) for share in inner) else Share.NONE
        outs = _rows_picked(kernel)
        if outs and outs <= self.page.copied:
            return Share.COPIES
        if isinstance(kernel, Product) and ProductPrinter(self.page, kernel, epilogue).shares_columns():
            return Share.COLUMNS
        return Share.ROWS if is_large(kernel, epilogue) else Share.NONE

    def kernel(self, kernel: Kernel, epilogue: Nest | None, share: Share) -> None:
        """One kernel."""
        if isinstance(kernel, Nest):
            NestPrinter(self.page, kernel).write(share is not Share.NONE)
        elif isinstance(kernel, Product):
            ProductPrinter(self.page, kernel, epilogue).write(share)
        else:
            self.turns(kernel, share is not Share.NONE)

    def turns(self, kernel: Turns, split: bool) -> None:
        """A loop over turns, what its turns pass on, and what is there before the first."""
        page, loop = self.page, kernel.loop
        for c in loop.carried:
            if c.first is not c.inside:
                self.copy(of(c.inside), c.first)
        threads = page.threads
        if not split:
            page.threads = 1
        if loop.turns:
            page.write("before = flush_subnormals()", "numbers below 1e-38 are zeros: saturated neurons make many")
        count = page.element(page.low.views[loop.turns], ()) if loop.turns else str(loop.count)
        with page.indented(f"for {page.turn} in range({count}):"):
            self.ask_ahead(kernel)
            self.kernels(kernel.body)
            self.pass_on(kernel)
        if loop.turns:
            page.write("restore_subnormals(before)")
        page.threads = threads

    def ask_ahead(self, kernel: Turns) -> None:
        """The rows of the next batch are on their way while this one is computed."""
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
            name, n = page.array(base), places.shape[0]
            rows = f"tid * {n} // threads, (tid + 1) * {n} // threads" if page.threads > 1 else str(n)
            with page.indented(f"for i in range({rows}):"):
                following = replace(places, offset=places.offset + places.turn)
                page.write(f"fetch({name}, {page.element(following, ('i',))})", "the next batch")

    def pass_on(self, kernel: Turns) -> None:
        """What the next turn finds; values that take each other's place go through copies."""
        inside = {c.inside for c in kernel.copied}
        waiting = []
        for c in kernel.copied:
            source = self.page.low.views[c.next]
            if self.page.resolved(source).base in inside and source.base is not c.inside:
                x = Var(c.inside.shape, c.inside.dtype, c.inside.name)
                self.page.names[x] = self.page.fresh(f"{self.page.names[c.inside]}_next")
                self.copy(of(x), c.next)
                waiting.append((c.inside, x))
            else:
                self.copy(of(c.inside), c.next)
        for x, y in waiting:
            self.page.low.views[y] = of(y)
            self.copy(of(x), y)

    def copy(self, target: View, value: Ref) -> None:
        """``target[...] = value``."""
        nest = Nest(target.shape, [Store(target, value, False, Note())])
        NestPrinter(self.page, nest).write(False)


def _with_epilogues(kernels: Sequence[Kernel]) -> Iterator[tuple[Kernel, Nest | None]]:
    """Each kernel; a product and the nest that follows it over the same rows are one."""
    i = 0
    while i < len(kernels):
        kernel = kernels[i]
        following = kernels[i + 1] if i + 1 < len(kernels) else None
        i += 1
        if isinstance(kernel, Product) and isinstance(following, Nest) and _follows(kernel, following):
            i += 1
            yield kernel, following
        else:
            yield kernel, None


def _follows(product: Product, nest: Nest) -> bool:
    """The nest runs over the rows of the product's result, so that each block of rows is finished while it is in
    the cache.
    """
    if nest.shape != product.op.out.shape or len(nest.shape) != 2 or nest.fills:
        return False
    return all(isinstance(s, (Let, Reduce, Store)) for s in nest.statements)
