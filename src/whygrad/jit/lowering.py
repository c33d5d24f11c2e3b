"""Lowering: each step of a program placed in the earliest kernel that can hold it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from whygrad.jit.again import Cheap, without_unread
from whygrad.jit.kernels import REDUCTIONS, Kernel, Let, Lowered, Nest, Product, Reduce, Turns
from whygrad.jit.passes import elementwise
from whygrad.jit.placing import PLACERS, pick_flat, unsupported
from whygrad.jit.program import Carried, Loop, Note, Op, Program, Ref, Stacked, Var
from whygrad.jit.scalars import SPELLED
from whygrad.jit.views import View, c_strides, of, positions, viewed
from whygrad.rules.table import RULES


def lowered(program: Program) -> Lowered:
    """The kernels of a program; UnsupportedError names a rule that no kernel computes."""
    work = Lowering(dict(program.constants))
    for x in (*program.inputs, *program.constants):
        work.views[x] = of(x)
    kernels = work.kernels_of(program.ops)
    outputs: list[Var] = []
    for result in program.outputs:
        outputs.append(work.own(result, {*program.inputs, *program.constants, *outputs}, kernels))
    without_unread(kernels, work.kept, work.views)
    return Lowered(replace(program, outputs=tuple(outputs)), kernels, work.views, work.homes, work.kept, work.constants)


@dataclass
class Lowering:
    """The state of lowering: what has been placed so far."""

    constants: dict[Var, np.ndarray]
    views: dict[Var, View] = field(default_factory=dict)
    homes: dict[Var, View] = field(default_factory=dict)
    kept: set[Var] = field(default_factory=set)
    made_in: dict[Var, Nest | None] = field(default_factory=dict)  # the nest that computes a base; None: no nest
    ready: dict[Var, int] = field(default_factory=dict)  # the first kernel of this list that can read it whole
    made_by: dict[Var, Kernel] = field(default_factory=dict)  # nests by number, and products
    reads: list[tuple[Var, Kernel, bool]] = field(default_factory=list)  # (base, who reads it, number by number)
    cheap: Cheap = field(default_factory=Cheap)  # what is quicker to compute again than to read

    def kernels_of(self, ops: Any) -> list[Kernel]:
        """The kernels of a straight list of steps."""
        kernels: list[Kernel] = []
        for op in ops:
            if isinstance(op, Loop):
                self.turns(op, kernels)
            else:
                self.step(op, kernels)
        return kernels

    def step(self, op: Op, kernels: list[Kernel]) -> None:
        """One step, in the earliest kernel that can hold it."""
        x = op.inputs[0] if op.inputs else None
        view = viewed(op, self.views[x]) if isinstance(x, Var) else None
        name = op.rule.name
        if view is not None:
            self.views[op.out] = view
        elif elementwise(op.rule):
            self.let(op, kernels)
        elif name in REDUCTIONS:
            self.reduce(op, kernels)
        elif name in ("matmul", "matmul_add"):
            self.product(op, kernels)
        elif name in PLACERS:
            PLACERS[name](self, op, kernels)
        else:
            moved = positions(op)
            if moved is None:
                raise unsupported(op)
            pick_flat(self, op, moved, kernels)

    # ── loop nests ───────────────────────────────────────────────────────────────────────────────────────────────────

    def let(self, op: Op, kernels: list[Kernel]) -> None:
        """An elementwise step."""
        if op.rule.name not in SPELLED and op.rule.name not in ("cast", "truncate"):
            raise unsupported(op)
        nest = self.first_nest(op.out.shape, [(x, True) for x in op.reads], kernels)
        op = replace(op, inputs=tuple([self.again(x, nest, kernels) for x in op.inputs]))
        self.read([(x, True) for x in op.reads], nest)
        nest.statements.append(Let(op))
        self.now(op.out, nest)
        self.cheap.learn(op)

    def again(self, x: Ref, nest: Nest, kernels: list[Kernel]) -> Ref:
        """x, or what takes its place in a nest where it is quicker to compute x again than to read it."""
        if not isinstance(x, Var) or x in self.kept or x.shape != nest.shape:
            return x
        if self.made_in.get(x) in (nest, None) or self.made_in[x] not in kernels:
            return x
        copies, x = self.cheap.copies(x, nest, lambda y: self.views[y].base in self.kept)
        for copy in copies:
            self.read([(y, True) for y in copy.reads], nest)
            nest.statements.append(Let(copy))
            self.now(copy.out, nest)
        return x

    def nest(
        self, shape: tuple[int, ...], reads: list[tuple[Var, bool]], kernels: list[Kernel], after: int = 0
    ) -> Nest:
        """The first nest over ``shape`` that may read these; (variable, whether it is read number by number)."""
        nest = self.first_nest(shape, reads, kernels, after)
        self.read(reads, nest)
        return nest

    def first_nest(
        self, shape: tuple[int, ...], reads: list[tuple[Var, bool]], kernels: list[Kernel], after: int = 0
    ) -> Nest:
        """The same, when it is not yet certain what will be read."""
        first = after
        for x, by_number in reads:
            view = self.views[x]
            nest = self.made_in.get(view.base)
            at = -1 if nest is None or nest not in kernels else kernels.index(nest)
            same = by_number and view.whole and view.shape == shape
            first = max(first, self.ready.get(view.base, 0), at if same else at + 1)
        for kernel in kernels[first:]:
            if isinstance(kernel, Nest) and kernel.shape == shape:
                return kernel
        nest = Nest(shape)
        kernels.append(nest)
        return nest

    def read(self, reads: list[tuple[Var, bool]], nest: Nest) -> None:
        """These are read in the nest: from memory, unless it computes them for the same indices."""
        for x, by_number in reads:
            view = self.views[x]
            same = by_number and view.whole and view.shape == nest.shape
            self.reads.append((view.base, nest, same))
            if self.made_in.get(view.base) is not nest or not same:
                self.kept.add(view.base)

    def now(self, x: Var, nest: Nest) -> None:
        """x is computed in ``nest``, number by number."""
        self.views[x] = of(x)
        self.made_in[x] = nest
        self.ready[x] = 0
        self.made_by[x] = nest

    def reduce(self, op: Op, kernels: list[Kernel]) -> None:
        """A sum or an extreme over some axes."""
        x = op.inputs[0]
        assert isinstance(x, Var)
        axis, n = op.params.get("axis"), len(x.shape)
        if n == 0 or axis == ():
            self.views[op.out] = self.views[x]  # nothing is added up
            return
        axes = tuple(range(n)) if axis is None else tuple(a % n for a in ((axis,) if isinstance(axis, int) else axis))
        nest = self.first_nest(x.shape, [(x, True)], kernels)
        op = replace(op, inputs=(self.again(x, nest, kernels), *op.inputs[1:]))
        self.read([(y, True) for y in op.reads], nest)
        nest.statements.append(Reduce(op, tuple(sorted(axes))))
        self.finished(op.out, nest, kernels)

    def finished(self, x: Var, kernel: Kernel, kernels: list[Kernel]) -> None:
        """x is whole only when its kernel has run."""
        self.views[x] = of(x)
        self.made_in[x] = None
        self.ready[x] = max(self.ready.get(x, 0), _index(kernels, kernel) + 1)
        self.kept.add(x)

    def materialized(self, x: Var, note: Note, kernels: list[Kernel]) -> Var:
        """x, or a contiguous copy of it where it is a view of something else."""
        view = self.views[x]
        if view.whole:
            self.kept.add(view.base)
            return view.base
        copy = Var(x.shape, x.dtype)
        self.step(Op(copy, RULES["positive"], (x,), {}, note), kernels)
        self.kept.add(copy)
        return copy

    def own(self, x: Ref, taken: set[Any], kernels: list[Kernel]) -> Var:
        """A result as an array of its own, which the caller may keep and change."""
        if isinstance(x, Var):
            view = self.views[x]
            if view.whole and view.shape == view.base.shape and view.base not in taken and view.base not in self.homes:
                self.kept.add(view.base)
                return view.base
        shape, dtype = (x.shape, x.dtype) if isinstance(x, Var) else ((), np.asarray(x).dtype)
        copy = Var(shape, dtype, x.name if isinstance(x, Var) else "")
        self.step(Op(copy, RULES["positive"], (x,)), kernels)
        self.kept.add(copy)
        return copy

    # ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def product(self, op: Op, kernels: list[Kernel]) -> None:
        """A matrix product; vectors are matrices of one row or column."""
        x, y = op.inputs[-2:]
        if not isinstance(x, Var) or not isinstance(y, Var) or x.dtype != y.dtype or x.dtype.kind != "f":
            raise unsupported(op)
        left, right = self.views[x], self.views[y]
        if len(left.shape) == 1:
            left = replace(left, shape=(1, *left.shape), strides=(0, *left.strides))
        if len(right.shape) == 1:
            right = replace(right, shape=(*right.shape, 1), strides=(*right.strides, 0))
        stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left, right = (v.broadcast((*stack, *v.shape[-2:])) for v in (left, right))
        self.kept |= {left.base, right.base}
        product = Product(op, left, right)
        self.reads += [(left.base, product, False), (right.base, product, False)]
        if op.rule.name == "matmul_add":
            assert isinstance(op.inputs[0], Var)
            product.add_to = self.materialized(op.inputs[0], op.note, kernels)
            product.alpha = op.inputs[1]
            self.reads.append((product.add_to, product, True))
            if isinstance(product.alpha, Var):
                self.kept.add(self.views[product.alpha].base)
        kernels.append(product)
        self.made_by[op.out] = product
        self.finished(op.out, product, kernels)

    def constant(self, array: np.ndarray) -> Var:
        """A constant that lowering brings along."""
        x = Var(array.shape, array.dtype)
        self.constants[x] = array
        self.views[x] = of(x)
        return x

    # ── loops ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def turns(self, loop: Loop, kernels: list[Kernel]) -> None:
        """A loop: its body is lowered by itself, with everything from outside at hand."""
        for x in loop.reads:
            self.kept.add(self.views[x].base)
        outside, self.ready = dict(self.ready), {}
        for c in loop.carried:
            self.views[c.inside] = of(c.inside)
            self.kept.add(c.inside)
        for s in loop.sliced:
            whole = self.views[s.of]
            self.views[s.inside] = View(
                whole.base,
                whole.shape[1:],
                whole.strides[1:],
                whole.offset + s.start * whole.strides[0],
                s.stride * whole.strides[0],
            )
        body = self.kernels_of(loop.body)
        for st in loop.stacked:
            self.stack(st, body)
        turns = Turns(loop, body, self.passed_on(loop, body))
        self.ready = outside
        kernels.append(turns)
        for c in loop.carried:
            self.views[c.last] = of(c.inside)
            self.ready[c.inside] = len(kernels)
        for st in loop.stacked:
            self.finished(st.out, turns, kernels)

    def stack(self, stacked: Stacked, body: list[Kernel]) -> None:
        """What is kept of every turn is computed where it is to lie; what lies elsewhere already is copied there."""
        x, out = stacked.inside, stacked.out
        if x not in self.made_by or not self.views[x].whole or x in self.homes:
            x = Var(x.shape, x.dtype)
            self.step(Op(x, RULES["positive"], (stacked.inside,)), body)
        self.homes[x] = View(out, x.shape, c_strides(x.shape), stacked.start * x.size, stacked.stride * x.size)
        self.kept.add(x)

    def passed_on(self, loop: Loop, body: list[Kernel]) -> list[Carried]:
        """What has to be copied at the end of a turn: a carried value that can not be computed where the old one
        lies.
        """
        copied = []
        sources = [self.views[c.next].base for c in loop.carried]
        for c in loop.carried:
            source = self.views[c.next].base
            self.kept.add(source)
            maker = self.made_by.get(c.next)
            readers = [
                (body.index(kernel), same) for base, kernel, same in self.reads if base is c.inside and kernel in body
            ]
            at = body.index(maker) if maker in body else -1
            alone = sources.count(source) == 1 and c.inside not in sources and c.next not in self.homes
            if alone and at >= 0 and all(i < at or (i == at and same) for i, same in readers):
                self.homes[c.next] = of(c.inside)
            else:
                copied.append(c)
        return copied


def _index(kernels: list[Kernel], wanted: Kernel) -> int:
    return next(i for i, kernel in enumerate(kernels) if kernel is wanted)
