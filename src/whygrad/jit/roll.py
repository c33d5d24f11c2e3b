"""Tracing unrolls the user's loops; this pass rolls them up again, so that thousands of turns compile as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from whygrad.jit.fits import fits
from whygrad.jit.gather_sums import gather_sums
from whygrad.jit.loop_builder import LoopBuilder
from whygrad.jit.passes import dead
from whygrad.jit.program import Op, Program, Ref, Step, Var
from whygrad.jit.repeats import STEPS, TURNS, Encoded, Run, consumed, encode, runs
from whygrad.rules.indexing import getitem
from whygrad.rules.shapes import joined, stack, transpose

EXACT = 1.25  # a run in which also the plain numbers are equal is preferred to one that is up to this much longer


def rolled(program: Program) -> Program:
    """The program with its sums gathered and its loops rolled up; expects it optimized."""
    return dead(roll(gather_sums(program)))


def roll(program: Program) -> Program:
    """The program with its repeated steps as loops; the very same program where nothing repeats often enough.

    Expects dead steps gone and equal steps merged. No number changes: a loop computes what its turns computed.
    """
    ops = _picked_late([op for op in program.ops if isinstance(op, Op)])
    if len(ops) < STEPS or len(ops) != len(program.ops):
        return program
    steps = encode(program, ops)
    chosen = fits(ops, steps, _runs(steps))
    if not chosen:
        return program
    owner = np.full(len(ops), -1)
    for i, fit in enumerate(chosen):
        owner[fit.start : fit.end] = i
    constants = dict(program.constants)
    number = {op.out: i for i, op in enumerate(ops)}
    loops = [LoopBuilder(fit, ops, constants) for fit in chosen]
    outside = _with_stacks([(i, op) for i, op in enumerate(ops) if owner[i] < 0], number, owner, loops)
    for loop in loops:
        loop.fill(steps, owner, loops)
    wanted: list[Ref] = [x for _, op in outside for x in op.inputs]
    wanted += [*program.outputs, *(x for loop in loops for x in loop.from_outside)]
    for x in wanted:
        step = number.get(x, -1) if isinstance(x, Var) else -1
        if step >= 0 and owner[step] >= 0:
            loops[owner[step]].wanted.add(step)
    parts: list[tuple[int, list[Step]]] = [(at, [op]) for at, op in outside]
    parts += [(loop.fit.start, loop.steps()) for loop in loops]
    parts.sort(key=lambda part: part[0])
    return replace(program, ops=tuple(op for _, part in parts for op in part), constants=constants)


def _picked_late(ops: list[Op]) -> list[Op]:
    """Parts of arrays picked just before they are read first: those of a stack's gradient were picked all at once."""
    late: list[Op] = []
    waiting: dict[Var, Op] = {}
    for op in ops:
        late += [waiting.pop(x) for x in dict.fromkeys(op.reads) if x in waiting]
        if op.rule is getitem and isinstance(op.inputs[0], Var) and consumed(op.params["index"]) is not None:
            waiting[op.out] = op
        else:
            late.append(op)
    return late + list(waiting.values())


def _runs(steps: Encoded) -> list[Run]:
    """All runs, the ones to be tried first first."""
    found = [(run, EXACT) for run in runs(steps.strict)]
    if (steps.strict != steps.loose).any():
        found += [(run, 1.0) for run in runs(steps.loose)]
    found.sort(key=lambda pair: (pair[0].start - pair[0].end) * pair[1])
    return list(dict.fromkeys(run for run, _ in found))


def _with_stacks(
    outside: Sequence[tuple[int, Op]], number: dict[Var, int], owner: np.ndarray, loops: Sequence[LoopBuilder]
) -> list[tuple[int, Op]]:
    """``stack`` of the values of many turns: what the loop stacks for it, and the rest beside that."""
    done: list[tuple[int, Op]] = []
    for at, op in outside:
        same_dtype = all(isinstance(x, Var) and x.dtype == op.out.dtype for x in op.inputs)
        if op.rule is stack and len(op.inputs) >= TURNS and same_dtype:
            done += [(at, part) for part in _along_any_axis(op, number, owner, loops)]
        else:
            done.append((at, op))
    return done


def _along_any_axis(op: Op, number: dict[Var, int], owner: np.ndarray, loops: Sequence[LoopBuilder]) -> list[Op]:
    """Along another axis than the first: stacked along the first, which then moves to its place."""
    axis = op.params["axis"] % len(op.out.shape)
    if axis == 0:
        return _stacked(op, number, owner, loops)
    row = op.out.shape[:axis] + op.out.shape[axis + 1 :]
    first = replace(op, out=Var((len(op.inputs), *row), op.out.dtype), params={"axis": 0})
    steps = _stacked(first, number, owner, loops)
    axes = (*range(1, axis + 1), 0, *range(axis + 1, len(op.out.shape)))
    return [op] if steps == [first] else [*steps, Op(op.out, transpose, (first.out,), {"axes": axes}, op.note)]


def _stacked(op: Op, number: dict[Var, int], owner: np.ndarray, loops: Sequence[LoopBuilder]) -> list[Op]:
    """The steps that replace one ``stack``: nothing where a loop stacks just this, else parts that are joined."""
    made = [number.get(x, -1) if isinstance(x, Var) else -1 for x in op.inputs]
    parts = _segments(made, owner, loops)
    if all(loop is None for loop, _, _ in parts):
        return [op]
    (loop, begin, end), *others = parts
    all_turns = loop is not None and end - begin == loop.fit.count and not others  # so one after the other
    if all_turns and loop is not None and loop.stack_as(op.out, loop.fit.position(made[0]), made[1] < made[0]):
        return []
    steps: list[Op] = []
    for loop, begin, end in parts:
        out = Var((end - begin, *op.out.shape[1:]), op.out.dtype) if others else op.out
        if loop is None:
            steps.append(Op(out, stack, op.inputs[begin:end], {"axis": 0}, op.note))
            continue
        places = loop.places(loop.fit.position(made[begin]))
        turn, step = loop.fit.turn(made[begin]), (made[begin + 1] - made[begin]) // loop.fit.period
        _, first, stride = places.of_turns(turn, step)
        stop = first + stride * (end - begin)
        rows = slice(first, stop if stop >= 0 else None, stride)
        steps.append(Op(out, getitem, (places.of,), {"index": rows}, op.note))
    if others:
        starts = (0, *[end for _, _, end in parts])
        steps.append(Op(op.out, joined, tuple(part.out for part in steps), {"axis": 0, "starts": starts}, op.note))
    return steps


def _segments(
    made: list[int], owner: np.ndarray, loops: Sequence[LoopBuilder]
) -> list[tuple[LoopBuilder | None, int, int]]:
    """The inputs of a stack in stretches: values of one position of one loop in even steps, or (None) whatever else."""
    parts: list[tuple[LoopBuilder | None, int, int]] = []
    at = 0
    while at < len(made):
        loop = loops[owner[made[at]]] if made[at] >= 0 and owner[made[at]] >= 0 else None
        end = at + 1
        if loop is not None and end < len(made):
            step = made[end] - made[at]
            while end < len(made) and made[end] - made[end - 1] == step and loop.fit.start <= made[end] < loop.fit.end:
                end += 1
            if end - at < TURNS or step == 0 or step % loop.fit.period:
                loop, end = None, at + 1
        else:
            loop = None
        if loop is None and parts and parts[-1][0] is None:
            parts[-1] = (None, parts[-1][1], end)
        else:
            parts.append((loop, at, end))
        at = end
    return parts
