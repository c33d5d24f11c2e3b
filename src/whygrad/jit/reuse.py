"""Memory shared by arrays that are not needed at the same time: fewer bytes in the caches, fewer arrays to compile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from whygrad.jit.kernels import Kernel, Let, Lowered, Nest, Pick, Product, Reduce, Scatter, Statement, Store, Turns
from whygrad.jit.program import Loop, Var
from whygrad.jit.views import View, c_strides

FAR_BYTES = 1 << 20  # what a core's own cache does not hold


def with_shared_memory(low: Lowered) -> Lowered:
    """The same kernels, where an array begins its life in the memory of one that is read no more."""
    fixed = {*low.program.inputs, *low.constants, *(x for x in low.program.outputs if isinstance(x, Var)), *low.homes}
    fixed |= {home.base for home in low.homes.values()} | set(picked(low.kernels))
    share(low, low.kernels, fixed)
    return low


def picked(kernels: Sequence[Kernel]) -> Iterator[Var]:
    """Rows of tables: each thread may have a copy of them, or read them where they lie."""
    for kernel in kernels:
        if isinstance(kernel, Turns):
            yield from picked(kernel.body)
        elif isinstance(kernel, Nest):
            yield from (s.op.out for s in kernel.statements if isinstance(s, Pick))


def share(low: Lowered, kernels: Sequence[Kernel], fixed: set[Var]) -> None:
    """Homes for the arrays that only these kernels use, and inside loops for those that only their bodies use."""
    met = [list(dict.fromkeys(bases_of(low, kernel))) for kernel in kernels]  # in an order that is always the same
    touched = [set(bases) for bases in met]
    own = [body_only(low, kernel, i, touched) for i, kernel in enumerate(kernels)]
    last = {x: i for i, bases in enumerate(touched) for x in bases}
    free: dict[Any, list[Memory]] = {}
    holds: dict[Var, Var] = {}  # what has memory of its own, by what lives in it now
    for i, (kernel, bases) in enumerate(zip(kernels, met, strict=True)):
        for x in sorted(bases, key=lambda x: last[x]):
            if x in fixed or x in own[i] or x in holds or x in low.homes:
                continue
            kind = (x.size, x.dtype)
            before = kernels[i - 1] if i else None
            ready = [
                entry for entry in free.get(kind, [])
                if (entry.until + 1 < i and entry.owner.shape == x.shape)
                or (entry.until == i and is_taken_over(low, kernel, before, entry.holds, x))
            ]
            owner = x
            if ready:
                free[kind].remove(ready[0])
                owner = ready[0].owner
                low.homes[x] = View(owner, x.shape, c_strides(x.shape))
            holds[x] = owner
            free.setdefault(kind, []).append(Memory(last[x], owner, x))
    for i, kernel in enumerate(kernels):
        if isinstance(kernel, Turns):
            share(low, kernel.body, fixed | (touched[i] - own[i]))


class Memory(NamedTuple):
    """An owner's memory, and what lives there until which kernel."""

    until: int
    owner: Var
    holds: Var


def is_taken_over(low: Lowered, kernel: Kernel, before: Kernel | None, old: Var, new: Var) -> bool:
    """The kernel computes the new array number by number, from the old one's number in the same place.

    A product before it takes turns with it, row by row: it may have written the old array, but not read it.
    """
    if not isinstance(kernel, Nest) or len(kernel.shape) < 2:
        return False
    if new.shape != old.shape and new.size * new.dtype.itemsize < FAR_BYTES:
        return False  # and the old one may have room at the end of its rows
    if isinstance(before, Product) and old in (before.left.base, before.right.base, before.add_to):
        return False
    made = {s.op.out for s in kernel.statements if isinstance(s, Let)}
    stored = made | {s.op.out for s in kernel.statements if isinstance(s, Reduce)}
    if new not in made or old in stored:  # one place can not take two results
        return False

    def fits(x: Any) -> bool:
        view = low.views[x] if isinstance(x, Var) else None
        return view is None or view.base is not old or (view.whole and view.shape == kernel.shape)

    def fits_store(s: Store) -> bool:  # what is stored is read in the end, when the new number may be there
        is_old = isinstance(s.value, Var) and low.views[s.value].base is old
        return not is_old and s.target.base not in (old, new)

    return all(
        fits_store(s) if isinstance(s, Store) else isinstance(s, (Let, Reduce)) and all(map(fits, s.op.inputs))
        for s in kernel.statements
    )


def body_only(low: Lowered, kernel: Kernel, i: int, touched: Sequence[set[Var]]) -> set[Var]:
    """What only the body of kernel number i uses, in every turn anew."""
    if not isinstance(kernel, Turns):
        return set()
    elsewhere = set().union(*(bases for j, bases in enumerate(touched) if j != i))
    return touched[i].difference(passed(low, kernel.loop)) - elsewhere


def passed(low: Lowered, loop: Loop) -> list[Var]:
    """What lives from turn to turn."""
    ends = [x for c in loop.carried for x in (low.views[c.next].base, c.inside)]
    return [*ends, *(s.out for s in loop.stacked)]


def bases_of(low: Lowered, kernel: Kernel) -> Iterator[Var]:
    """The arrays in memory that a kernel reads or writes."""

    def base(x: Any) -> Iterator[Var]:
        if isinstance(x, Var) and x in low.views and low.views[x].base in low.kept:
            yield low.views[x].base

    if isinstance(kernel, Product):
        yield from (kernel.left.base, kernel.right.base, kernel.op.out)
        yield from base(kernel.alpha)
        yield from base(kernel.add_to)
    elif isinstance(kernel, Nest):
        for s in kernel.statements:
            yield from (y for x in variables(s) for y in base(x))
            if isinstance(s, Store):
                yield s.target.base
    else:
        for inner in kernel.body:
            yield from bases_of(low, inner)
        for x in (*kernel.loop.reads, *passed(low, kernel.loop)):
            yield from base(x)


def variables(s: Statement) -> Iterator[Any]:
    """What a statement reads and writes."""
    if isinstance(s, (Let, Reduce, Pick, Scatter)):
        yield from s.op.reads
        yield s.op.out
        if isinstance(s, (Pick, Scatter)):
            yield s.places
    else:
        yield s.value
