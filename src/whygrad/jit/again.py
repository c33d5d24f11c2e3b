"""Numbers that are computed again where they are needed, from an array that is in memory anyway, instead of stored.

The derivative of an activation, a scaled copy: one or two instructions each, where storing and reading a number that
the caches do not hold takes as long as twenty. Small arrays, too: a network of 1,000 weights takes a quarter less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from whygrad.jit.kernels import Kernel, Let, Nest, Store, Turns
from whygrad.jit.program import Op, Ref, Var
from whygrad.jit.views import View

CHEAP = frozenset(
    "add subtract multiply negative positive square absolute where cast relu maximum minimum "
    "greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not".split()
)
MOST_STEPS = 4
SMALL_PART = 8  # what is broadcast, so many times smaller than the result, is in a cache when it is read again


class Cheap:
    """The cheap steps that have been placed, and the copies of them that nests have."""

    def __init__(self) -> None:
        self._made: dict[Var, Op] = {}
        self._copies: dict[tuple[Var, int], Var] = {}

    def learn(self, op: Op) -> None:
        """A step has been placed."""
        if op.rule.name in CHEAP:
            self._made[op.out] = op

    def copies(self, x: Var, nest: Nest, in_memory: Callable[[Var], bool]) -> tuple[list[Op], Var]:
        """The steps that the nest needs to compute x again, and the variable that then takes its place there."""
        names: dict[Ref, Var] = {}
        made = []
        for op in self._steps(x, in_memory):
            known = self._copies.get((op.out, id(nest)))
            if known is None:
                known = Var(op.out.shape, op.out.dtype)
                made.append(replace(op, out=known, inputs=tuple([names.get(y, y) for y in op.inputs])))
                self._copies[op.out, id(nest)] = known
            names[op.out] = known
        return made, names.get(x, x)

    def _steps(self, x: Var, in_memory: Callable[[Var], bool]) -> Sequence[Op]:
        """The steps, in order, that make x of a single array of its size; none where there are no such."""
        steps: dict[Var, Op] = {}
        sources: set[Var] = set()

        def found(y: Ref) -> bool:
            if not isinstance(y, Var) or y in steps:
                return True
            if in_memory(y):
                if y.size * SMALL_PART > x.size:
                    sources.add(y)
                return len(sources) <= 1
            op = self._made.get(y)
            if op is None or y.shape != x.shape or not all(map(found, op.inputs)):
                return False
            steps[y] = op
            return len(steps) <= MOST_STEPS

        return list(steps.values()) if x in self._made and found(x) else ()


def without_unread(kernels: list[Kernel], kept: set[Var], views: Mapping[Var, View]) -> None:
    """Takes out the elementwise steps whose numbers nothing reads any more, and nests that then do nothing."""
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
    kernels[:] = [k for k in kernels if not isinstance(k, Nest) or k.statements]
