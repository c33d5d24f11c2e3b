"""Numbers that are computed again where they are needed, from an array that is in memory anyway, instead of stored.

The derivative of an activation, a scaled copy: one or two instructions each, where storing and reading a number that
the caches do not hold takes as long as twenty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from whygrad.jit.kernels import Kernel, Let, Nest, Store, Turns
from whygrad.jit.program import Op, Ref, Var
from whygrad.jit.views import View

CHEAP = frozenset(
    "add subtract multiply negative positive square absolute where cast relu maximum minimum "
    "greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not".split()
)
LEAST_BYTES = 16 * 1024  # smaller arrays stay in the first-level cache until they are read
MOST_STEPS = 4
SMALL_PART = 8  # what is broadcast, so many times smaller than the result, is in a cache when it is read again


def steps_again(x: Var, made: Mapping[Var, Op], in_memory: Callable[[Var], bool]) -> Sequence[Op] | None:
    """The cheap steps, in order, that make x of a single array of its size; None where there are no such."""
    steps: dict[Var, Op] = {}
    sources: set[Var] = set()

    def found(y: Ref) -> bool:
        if not isinstance(y, Var) or y in steps:
            return True
        if in_memory(y):
            if y.size * SMALL_PART > x.size:
                sources.add(y)
            return len(sources) <= 1
        op = made.get(y)
        if op is None or y.shape != x.shape or len(steps) == MOST_STEPS or not all(map(found, op.inputs)):
            return False
        steps[y] = op
        return True

    return list(steps.values()) if x in made and found(x) and len(steps) <= MOST_STEPS else None


def is_cheap(op: Op) -> bool:
    """Quicker to compute again than to read."""
    return op.rule.name in CHEAP and op.out.size * op.out.dtype.itemsize >= LEAST_BYTES


def without_unread(kernels: Sequence[Kernel], kept: set[Var], views: Mapping[Var, View]) -> None:
    """Takes out the elementwise steps whose numbers nothing reads any more."""
    for kernel in kernels:
        if isinstance(kernel, Turns):
            without_unread(kernel.body, kept, views)
        elif isinstance(kernel, Nest):
            needed: set[Var] = set()
            left = []
            for s in reversed(kernel.statements):
                if isinstance(s, Let) and s.op.out not in kept and s.op.out not in needed:
                    continue
                reads = [s.value] if isinstance(s, Store) else s.op.inputs
                needed.update(views[y].base for y in reads if isinstance(y, Var) and y in views)
                left.append(s)
            kernel.statements[:] = reversed(left)
