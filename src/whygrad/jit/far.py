"""Cheap steps done again where they are read much later, so that loops need not keep their results for every turn.

The sweep back through an LSTM reads e^-z and 1 + e^-z of each gate: with the second computed from the first again, a
quarter less is written and read. For long programs: in short ones kernels decide, which know what is in memory.
"""

from __future__ import annotations

from dataclasses import replace

from whygrad.jit.again import CHEAP
from whygrad.jit.program import Loop, Op, Program, Ref, Step, Var

LONG = 2000  # steps of a program that may be rolled up into loops
FAR = 16  # steps between what makes a value and what reads it


def done_again(program: Program) -> Program:
    """The program with cheap steps repeated before their far readers, where their operand is read there as well."""
    if len(program.ops) < LONG or any(isinstance(op, Loop) for op in program.ops):
        return program
    made = {op.out: i for i, op in enumerate(program.ops) if isinstance(op, Op)}
    last = {x: i for i, op in enumerate(program.ops) for x in op.reads}
    copies: dict[Var, tuple[int, Var]] = {}  # of each value the newest one, and where it was made
    ops: list[Step] = []

    def read_at(x: Ref, i: int) -> Ref:
        """What a step in place i reads instead of x."""
        if not isinstance(x, Var) or x not in made or i - made[x] <= FAR:
            return x
        at, copy = copies.get(x, (-FAR, x))
        if i - at <= FAR:
            return copy
        op = program.ops[made[x]]
        assert isinstance(op, Op)
        operands = set(op.reads)
        if op.rule.name not in CHEAP or len(operands) != 1 or any(y.shape != x.shape for y in operands):
            return x
        if any(y in made and last[y] < i - FAR for y in operands):
            return x
        again = Op(Var(x.shape, x.dtype, x.name), op.rule, op.inputs, op.params, op.note)
        ops.append(again)
        copies[x] = i, again.out
        return again.out

    for i, op in enumerate(program.ops):
        assert isinstance(op, Op)
        inputs = tuple([read_at(x, i) for x in op.inputs])
        ops.append(op if inputs == op.inputs else replace(op, inputs=inputs))
    return replace(program, ops=tuple(ops))
