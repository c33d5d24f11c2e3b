"""Sums of arrays that are zero but for one part: the parts are summed, and put in their places once, at the end.

A parameter that is read as ``params[i]`` in every turn of a loop gets one gradient from each reading, each as large as
all the parameters. Summed part by part, n turns cost n small additions.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from whygrad.jit.program import Note, Op, Program, Step, Var
from whygrad.jit.repeats import consumed, key_of
from whygrad.rules.arithmetic import add
from whygrad.rules.define import Rule
from whygrad.rules.indexing import put
from whygrad.rules.shapes import joined, stack

MOSTLY = 0.5  # rows are stacked if at least this part of them is there; the others are zeros


@dataclass
class Parts:
    """An array not yet put together: what is to be added at each index, and what is to be added everywhere."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    note: Note
    at: dict[Any, tuple[Any, Sum]] = field(default_factory=dict)  # by the index's key: the index, and the sum there
    everywhere: Var | None = None


Sum = Var | Parts


def gather_sums(program: Program) -> Program:
    """The program with its sums of ``put`` gathered; the same numbers, added in another order.

    The new additions stand where the old ones stood, so what repeats before repeats after. Expects dead steps gone.
    """
    gathering = _Gathering(program)
    for op in program.ops:
        gathering.step(op)
    if not gathering.changed:
        return program
    return replace(program, ops=tuple(gathering.ops), constants=gathering.constants)


class _Gathering:
    """The program so far, and the sums that are still in parts."""

    def __init__(self, program: Program) -> None:
        self.ops: list[Step] = []
        self.constants = dict(program.constants)
        self.changed = False
        self._parts: dict[Var, Parts] = {}
        self._zeros: dict[Any, Var] = {}
        self._into = _summed_once(program)

    def step(self, op: Step) -> None:
        """Keep a step as it is, or let its result stay in parts where the only reader is a sum or a put."""
        waits = isinstance(op, Op) and op.out in self._into
        if isinstance(op, Op) and op.rule is put and waits:
            self._parts[op.out] = self._put(op)
        elif isinstance(op, Op) and op.rule is add and any(x in self._parts for x in op.reads):
            a, b = op.reads
            total = self._merged(self._parts.pop(a, a), self._parts.pop(b, b), op.note)
            assert isinstance(total, Parts)
            self.changed = True
            if waits:
                self._parts[op.out] = total
            else:
                self._build(total, op.out)
        else:
            for x in op.reads:
                if x in self._parts:  # a put that is not summed with others in its turn
                    self._build(self._parts.pop(x), x)
            self.ops.append(op)

    def _put(self, op: Op) -> Parts:
        """One put as parts; a put into a row of an array is a part of that row: x[i, j] is x[i][j]."""
        x, index = op.inputs[0], op.params["index"]
        assert isinstance(x, Var)
        inner: Sum = self._parts.pop(x, x)
        if isinstance(index, tuple) and index and type(index[0]) is int and consumed(index) is not None:
            if len(index) > 1:
                inner = _one_part(op.out.shape[1:], op, index[1:], inner)
            index = index[0]
        return _one_part(op.out.shape, op, index, inner)

    def _merged(self, a: Sum, b: Sum, note: Note) -> Sum:
        """The sum of two sums; the additions that it takes become steps at once."""
        if isinstance(a, Var) and isinstance(b, Var):
            return self._make(Var(a.shape, a.dtype), add, (a, b), note)
        if isinstance(a, Var) or (isinstance(b, Parts) and len(b.at) > len(a.at)):
            a, b = b, a
        assert isinstance(a, Parts)
        if isinstance(b, Var):
            before = a.everywhere
            a.everywhere = b if before is None else self._make(Var(b.shape, b.dtype), add, (before, b), note)
            return a
        for key, (index, x) in b.at.items():
            a.at[key] = (index, self._merged(a.at[key][1], x, note) if key in a.at else x)
        return a if b.everywhere is None else self._merged(a, b.everywhere, note)

    def _build(self, total: Sum, out: Var | None = None) -> Var:
        """Puts the parts in their places; ``out`` is the variable to be made, if it is a certain one."""
        if isinstance(total, Var):
            return total
        terms = self._terms(total)
        while len(terms) > 1:
            terms[:2] = [self._make(Var(total.shape, total.dtype), add, (terms[0], terms[1]), total.note)]
        if out is not None:
            last = self.ops[-1]  # what makes the only term left
            assert isinstance(last, Op)
            assert last.out is terms[0]
            self.ops[-1] = replace(last, out=out)
        return out or terms[0]

    def _terms(self, total: Parts) -> list[Var]:
        """Full-sized arrays whose sum it is, the last made by the last step: rows side by side, or puts."""
        terms = [] if total.everywhere is None else [total.everywhere]
        parts = [(index, self._build(x)) for index, x in total.at.values()]
        rows = {_axis_and_row(index, total.shape): x for index, x in parts}  # x[2], x[-1] and x[2, ...] may be one row
        axis = next(iter(rows))[0]
        one_by_one = len(rows) == len(parts) > 1 and axis >= 0 and all(a == axis for a, _ in rows)
        if one_by_one and len(rows) >= MOSTLY * total.shape[axis]:
            inputs = tuple([rows.get((axis, i)) or self._zero(total, axis) for i in range(total.shape[axis])])
            return [*terms, self._make(Var(total.shape, total.dtype), stack, inputs, total.note, axis=axis)]
        pieces = _side_by_side([(*_axis_and_range(index, total.shape), x) for index, x in parts])
        if pieces is not None and sum(x.size for _, x in pieces) == math.prod(total.shape):
            whole, axis, inputs = Var(total.shape, total.dtype), pieces[0][0], tuple([x for _, x in pieces])
            starts = tuple(itertools.accumulate((x.shape[axis] for x in inputs), initial=0))
            return [*terms, self._make(whole, joined, inputs, total.note, axis=axis, starts=starts)]
        for index, x in parts:
            whole = Var(total.shape, total.dtype)
            terms.append(self._make(whole, put, (x,), total.note, index=index, shape=total.shape))
        return terms

    def _make(self, out: Var, rule: Rule, inputs: tuple[Var, ...], note: Note, **params: Any) -> Var:
        self.ops.append(Op(out, rule, inputs, params, note))
        return out

    def _zero(self, total: Parts, axis: int) -> Var:
        """A row in which nothing has arrived."""
        shape = total.shape[:axis] + total.shape[axis + 1 :]
        if (shape, total.dtype) not in self._zeros:
            zeros = self._zeros[shape, total.dtype] = Var(shape, total.dtype)
            self.constants[zeros] = np.zeros(shape, total.dtype)
        return self._zeros[shape, total.dtype]


def _one_part(shape: tuple[int, ...], op: Op, index: Any, inner: Sum) -> Parts:
    if type(index) is int:
        index %= shape[0]
    return Parts(shape, op.out.dtype, op.note, {key_of(index): (index, inner)})


def _axis_and_row(index: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """The axis and the row that an index like x[i] or x[:, i] names; axis -1 if it is none like that."""
    parts = consumed(index) or []
    numbers = [
        (axis % len(shape), part % shape[axis]) for part, axis in parts if axis is not None and type(part) is int
    ]
    whole = all(type(part) is int or part is Ellipsis or part == slice(None) for part, _ in parts)
    return numbers[0] if whole and len(numbers) == 1 else (-1, 0)


def _axis_and_range(index: Any, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The axis that an index like x[2:5] or x[..., 2:5] takes a part of, the part's begin and end; or axis -1."""
    parts = consumed(index) or [(None, None)]
    if any(part is None or type(part) is int for part, _ in parts):
        return -1, 0, 0
    cut = [(part, axis % len(shape)) for part, axis in parts if axis is not None and part != slice(None)]
    if len(cut) != 1 or cut[0][0].step not in (None, 1):
        return -1, 0, 0
    return (cut[0][1], *cut[0][0].indices(shape[cut[0][1]])[:2])


def _side_by_side(parts: list[tuple[int, int, int, Var]]) -> list[tuple[int, Var]] | None:
    """(axis, part) in the order in which they lie; None if they lie along no single axis, or overlap, or are one."""
    parts = sorted(parts, key=lambda part: part[1])
    alike = len(parts) > 1 and parts[0][0] >= 0 and all(part[0] == parts[0][0] for part in parts)
    apart = all(one[2] <= other[1] for one, other in itertools.pairwise(parts))
    return [(axis, x) for axis, _, _, x in parts] if alike and apart else None


def _summed_once(program: Program) -> set[Var]:
    """Values that are read once, by a sum of their own shape and dtype or by a put."""
    reads: dict[Var, int] = {}
    good: set[Var] = set()
    for op in program.ops:
        for x in op.reads:
            reads[x] = reads.get(x, 0) + 1
        if isinstance(op, Op) and (op.rule is add or op.rule is put) and _same_kind(op):
            good.update(op.reads)
    for y in program.outputs:
        if isinstance(y, Var):
            good.discard(y)
    return {x for x in good if reads[x] == 1}


def _same_kind(op: Op) -> bool:
    """Nothing is broadcast or changes its dtype."""
    like = op.out
    same_shape = all(isinstance(x, Var) and x.shape == like.shape for x in op.inputs)
    return (op.rule is put or same_shape) and all(isinstance(x, Var) and x.dtype == like.dtype for x in op.inputs)
