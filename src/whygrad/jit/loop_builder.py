"""A loop while it is put together: what it reads and what others want of it decide what is carried and stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from whygrad.jit.fits import Fit, Table, table
from whygrad.jit.program import Carried, Loop, Op, Ref, Sliced, Stacked, Step, Var
from whygrad.jit.repeats import CONSTANT, Encoded, Ints, consumed
from whygrad.rules.indexing import getitem
from whygrad.rules.shapes import transpose


class Places(NamedTuple):
    """Where the values of all turns are: that of turn t in ``of[start + stride * t]``."""

    of: Var
    start: int
    stride: int

    def of_turns(self, first: int, step: int) -> Places:
        """For a reader that begins at turn ``first`` and goes on in steps."""
        return Places(self.of, self.start + self.stride * first, self.stride * step)


class LoopBuilder:
    """One loop: ``fill`` reads its turns, then others say what they need of it, then ``steps`` has the result."""

    def __init__(self, fit: Fit, ops: Sequence[Op], constants: dict[Var, np.ndarray]) -> None:
        self.fit = fit
        self.wanted: set[int] = set()  # steps whose values are read outside
        self.from_outside: list[Ref] = []
        self._ops, self._constants = ops, constants
        self._turn = ops[fit.end - fit.period : fit.end]  # the last: the first may begin with something else
        self._values = [_like(op.out) for op in self._turn]
        self._body: list[Op] = []
        self._carried: dict[tuple[int, Ref], Var] = {}
        self._sliced: dict[Places, Var] = {}
        self._picked: dict[int, Places] = {}  # positions that only pick x[t], from where
        self._stacked: dict[int, Places] = {}
        self._moved: dict[tuple[Var, int], Op] = {}

    def fill(self, steps: Encoded, owner: Ints, loops: Sequence[LoopBuilder]) -> None:
        """The body, from the last turn's steps, each operand as what it is over all turns."""
        turns = table(steps, self.fit.start, self.fit.period, self.fit.count)
        carried = turns.carried
        column = 0
        for position, op in enumerate(self._turn):
            inputs: list[Ref] = []
            for i, x in enumerate(op.inputs):
                made = int(turns.rows[-1, column])
                if not isinstance(x, Var) or made == CONSTANT:
                    inputs.append(self._constant(position, i, x))
                elif turns.moves[column] == 0:
                    self.from_outside.append(x)
                    inputs.append(x)
                elif self.fit.start <= made and not carried[column]:
                    inputs.append(self._values[self.fit.position(made)])
                elif carried[column]:
                    inputs.append(self._from_turn_before(self.fit.position(made), self._reader(position, 0).inputs[i]))
                else:
                    loop = loops[owner[made]]
                    first, step = loop.fit.turn(int(turns.rows[0, column])), int(turns.moves[column]) // loop.fit.period
                    inputs.append(self._slice(loop.places(loop.fit.position(made)).of_turns(first, step), _like(x)))
                column += 1
            end = int(steps.first[self.fit.start + position + 1] - steps.first[self.fit.start])
            moving = [k for k in range(column, end) if turns.moves[k] != 0]
            if moving:
                self._pick(turns, position, op, moving[0], moving[0] - column)
            else:
                self._body.append(replace(op, out=self._values[position], inputs=tuple(inputs)))
            column = end

    def places(self, position: int) -> Places:
        """Where a later reader finds the values of all turns."""
        if position in self._picked:
            return self._picked[position]
        if position not in self._stacked:
            like = self._values[position]
            self._stacked[position] = Places(Var((self.fit.count, *like.shape), like.dtype), 0, 1)
        return self._stacked[position]

    def stack_as(self, out: Var, position: int, backwards: bool) -> bool:
        """Let the values of all turns be stacked as ``out``, unless they are stacked already."""
        if position in self._stacked:
            return False
        self._stacked[position] = Places(out, self.fit.count - 1, -1) if backwards else Places(out, 0, 1)
        return True

    def steps(self) -> list[Step]:
        """The loop, what has to be there before it, and the single values that are picked out of it."""
        after: list[Op] = []
        last_turn = self.fit.end - self.fit.period
        carried = {position for position, _ in self._carried}
        for step in sorted(self.wanted):
            position = self.fit.position(step)
            if step >= last_turn and position in carried:
                continue
            if position in self._picked:
                after.append(self._ops[step])
            elif step < last_turn or position in self._stacked:
                at = self.places(position).of_turns(self.fit.turn(step), 1)
                after.append(Op(self._ops[step].out, getitem, (at.of,), {"index": at.start}, self._ops[step].note))
        for step in sorted(self.wanted):
            position = self.fit.position(step)
            if step >= last_turn and position not in carried | self._picked.keys() | self._stacked.keys():
                zeros = _like(self._values[position])  # never read: a value of the last turn alone is wanted
                self._constants[zeros] = np.zeros(zeros.shape, zeros.dtype)
                self._from_turn_before(position, zeros)
        return [*self._moved.values(), self._loop(), *after]

    def _loop(self) -> Loop:
        lasts: dict[int, Var] = {}
        carried = []
        for (position, first), inside in self._carried.items():
            out = self._turn[position].out
            last = lasts[position] = _like(out) if position in lasts else out
            carried.append(Carried(inside, first, self._values[position], last))
        return Loop(
            self.fit.count,
            tuple(self._body),
            tuple(carried),
            tuple([Sliced(inside, *places) for places, inside in self._sliced.items()]),
            tuple([Stacked(self._values[position], *places) for position, places in self._stacked.items()]),
        )

    def _reader(self, position: int, turn: int) -> Op:
        return self._ops[self.fit.start + turn * self.fit.period + position]

    def _constant(self, position: int, i: int, x: Ref) -> Ref:
        """A constant or plain number that every turn has in this place; if they differ, a stack of them."""
        turns = [self._reader(position, t).inputs[i] for t in range(self.fit.count)]
        if isinstance(x, Var):
            if all(y is x for y in turns):
                return x
            stack = np.stack([self._constants[y] for y in turns if isinstance(y, Var)])
        else:
            if len({repr(y) for y in turns}) == 1:
                return x
            dtypes = [y.dtype for y in self._turn[position].inputs if isinstance(y, Var)]
            stack = np.array(turns, np.result_type(*dtypes, *[y for y in turns if not isinstance(y, Var)]))
        known = Var(stack.shape, stack.dtype)
        self._constants[known] = stack
        return self._slice(Places(known, 0, 1), Var(stack.shape[1:], stack.dtype))

    def _from_turn_before(self, position: int, first: Ref) -> Var:
        self.from_outside.append(first)
        return self._carried.setdefault((position, first), _like(self._values[position]))

    def _slice(self, places: Places, inside: Var) -> Var:
        return self._sliced.setdefault(places, inside)

    def _pick(self, turns: Table, position: int, op: Op, column: int, which: int) -> None:
        """x[t], or x[t, ...], or x[:, t] of which the axis comes to the front first."""
        x = op.inputs[0]
        index = op.params["index"]
        parts = consumed(index)
        assert isinstance(x, Var)
        assert parts is not None
        numbers = [k for k, (part, _) in enumerate(parts) if type(part) is int]
        _, axis = parts[numbers[which]]
        assert axis is not None
        axis %= len(x.shape)
        rest = tuple([part for k, (part, _) in enumerate(parts) if k != numbers[which]])
        places = Places(self._with_axis_first(x, axis), int(turns.rows[0, column]), int(turns.moves[column]))
        if all(part is Ellipsis or part == slice(None) for part in rest):
            self._values[position] = self._slice(places, self._values[position])
            self._picked[position] = places
            return
        shape = x.shape[:axis] + x.shape[axis + 1 :]
        inside = self._slice(places, Var(shape, x.dtype))
        params: dict[str, Any] = {"index": rest}
        self._body.append(replace(op, out=self._values[position], inputs=(inside,), params=params))

    def _with_axis_first(self, x: Var, axis: int) -> Var:
        self.from_outside.append(x)
        if axis == 0:
            return x
        if (x, axis) not in self._moved:
            axes = (axis, *[i for i in range(len(x.shape)) if i != axis])
            self._moved[x, axis] = Op(Var(tuple(x.shape[i] for i in axes), x.dtype), transpose, (x,), {"axes": axes})
        return self._moved[x, axis].out


def _like(x: Var) -> Var:
    return Var(x.shape, x.dtype, x.name)
