"""Memory shared by arrays that are not needed at the same time: fewer bytes in the caches, fewer arrays to compile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from whygrad.jit.kernels import Kernel, Let, Lowered, Nest, Pick, Product, Reduce, Scatter, Statement, Store, Turns
from whygrad.jit.program import Loop, Var
from whygrad.jit.views import of


def with_shared_memory(low: Lowered) -> Lowered:
    """The same kernels, where an array begins its life in the memory of one that is read no more."""
    fixed = {*low.program.inputs, *low.constants, *(x for x in low.program.outputs if isinstance(x, Var)), *low.homes}
    fixed |= {home.base for home in low.homes.values()}
    share(low, low.kernels, fixed)
    return low


def share(low: Lowered, kernels: Sequence[Kernel], fixed: set[Var]) -> None:
    """Homes for the arrays that only these kernels use, and inside loops for those that only their bodies use."""
    touched = [set(bases_of(low, kernel)) for kernel in kernels]
    own = [body_only(low, kernel, i, touched) for i, kernel in enumerate(kernels)]
    last = {x: i for i, bases in enumerate(touched) for x in bases}
    free: dict[Any, list[tuple[int, Var]]] = {}
    holds: dict[Var, Var] = {}  # what has memory of its own, by what lives in it now
    for i, bases in enumerate(touched):
        for x in sorted(bases - fixed - own[i], key=lambda x: last[x]):
            if x in holds or x in low.homes:
                continue
            kind = (x.shape, x.dtype)
            ready = [entry for entry in free.get(kind, []) if entry[0] <= i]
            owner = x
            if ready:
                free[kind].remove(ready[0])
                owner = ready[0][1]
                low.homes[x] = of(owner)
            holds[x] = owner
            # A product and the nest after it take turns, so what ends with one of them may be needed by the other.
            free.setdefault(kind, []).append((last[x] + 2, owner))
    for i, kernel in enumerate(kernels):
        if isinstance(kernel, Turns):
            share(low, kernel.body, fixed | (touched[i] - own[i]))


def body_only(low: Lowered, kernel: Kernel, i: int, touched: Sequence[set[Var]]) -> set[Var]:
    """What only the body of kernel number i uses, in every turn anew."""
    if not isinstance(kernel, Turns):
        return set()
    return touched[i] - passed(low, kernel.loop) - set().union(*(bases for j, bases in enumerate(touched) if j != i))


def passed(low: Lowered, loop: Loop) -> set[Var]:
    """What lives from turn to turn."""
    found = {low.views[c.next].base for c in loop.carried} | {c.inside for c in loop.carried}
    return found | {s.out for s in loop.stacked}


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
        yield from kernel.fills
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
