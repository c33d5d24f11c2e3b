"""Which turns of a repeating run can be one loop: those whose operands move from turn to turn by constant steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whygrad.jit.program import Op, Var
from whygrad.jit.repeats import CONSTANT, STEPS, TURNS, Bools, Encoded, Ints, Run, longest

ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "maximum", "minimum"})
MULTIPLES = 8  # a value read two turns later is read in the next turn of a loop of twice the period


@dataclass(frozen=True)
class Fit:
    """A loop to be: ``count`` turns of ``period`` steps each, from step ``start`` on."""

    start: int
    period: int
    count: int

    @property
    def end(self) -> int:
        """The first step after it."""
        return self.start + self.count * self.period

    def turn(self, step: int) -> int:
        """In which turn a step is."""
        return (step - self.start) // self.period

    def position(self, step: int) -> int:
        """Which step of its turn it is."""
        return (step - self.start) % self.period


@dataclass(frozen=True)
class Table:
    """The slots of a stretch of turns, a row for each turn; how a column moves from row to row says what it is."""

    rows: Ints
    moves: Ints  # from the last row but one to the last
    readers: Ints  # the position in the turn of the step that reads
    is_index: Bools
    start: int
    period: int

    @property
    def distances(self) -> Ints:
        """How many steps before its reader each value was made, in the last turn."""
        distances: Ints = self.start + (len(self.rows) - 1) * self.period + self.readers - self.rows[-1]
        return distances

    @property
    def own(self) -> Bools:
        """Made in the same turn or in the one before."""
        own: Bools = self._made & (self.moves == self.period) & (self.distances < 2 * self.period)
        return own

    @property
    def carried(self) -> Bools:
        """Made in the turn before."""
        carried: Bools = self.own & (self.distances > self.readers)
        return carried

    @property
    def invariant(self) -> Bools:
        """Made before the loop, and the same for every turn."""
        invariant: Bools = self._made & (self.moves == 0)
        return invariant

    @property
    def foreign(self) -> Bools:
        """Another one for each turn, and not from this loop."""
        foreign: Bools = ~self.is_index & (self.moves != 0) & ~self.own
        return foreign

    @property
    def _made(self) -> Bools:
        made: Bools = ~self.is_index & (self.rows[-1] >= 0)
        return made

    def cut(self, start: int, end: int) -> Table:
        """Some of the turns."""
        rows = self.rows[start:end]
        start = self.start + start * self.period
        return Table(rows, rows[-1] - rows[-2], self.readers, self.is_index, start, self.period)


def table(steps: Encoded, start: int, period: int, count: int) -> Table:
    """The slots of ``count`` turns; equal signatures have equally many."""
    first, end = steps.first[start], steps.first[start + count * period]
    rows = steps.values[first:end].reshape(count, -1)
    each = np.diff(steps.first[start : start + period + 1])
    is_index = steps.is_index[first : first + rows.shape[1]]
    return Table(rows, rows[-1] - rows[-2], np.repeat(np.arange(period), each), is_index, start, period)


def fits(ops: Sequence[Op], steps: Encoded, found: Sequence[Run]) -> list[Fit]:
    """Loops for as much of the runs as possible, in program order; where one fails, others get their chance."""
    failed: set[Run] = set()
    while True:
        owner = np.full(len(ops), -1)
        chosen: list[Fit] = []
        before = len(failed)
        for run, part in _apart(found, failed, len(ops)):
            if not _pieces(ops, steps, part, owner, chosen):
                failed.add(run)
        if len(failed) == before:
            return sorted(chosen, key=lambda fit: fit.start)


def _apart(found: Sequence[Run], failed: set[Run], size: int) -> list[tuple[Run, Run]]:
    """Runs that do not overlap, longer ones first choice, in the order of the program; and what is free of each."""
    taken = np.zeros(size, bool)
    chosen = []
    for run in found:
        if run in failed:
            continue
        start, end = longest(~taken[run.start : run.end])
        if end - start >= max(STEPS, TURNS * run.period):
            chosen.append((run, Run(run.start + start, run.start + end, run.period)))
            taken[run.start : run.end] = True
    return sorted(chosen, key=lambda pair: pair[1].start)


def _pieces(ops: Sequence[Op], steps: Encoded, run: Run, owner: Ints, chosen: list[Fit]) -> bool:
    """Adds loops to those chosen: the best of the run, then of what is left before and after that one."""
    waiting = [run]
    before = len(chosen)
    while waiting:
        part = waiting.pop()
        long_enough = part.end - part.start >= max(STEPS, TURNS * part.period)
        best = _best(ops, steps, part, owner, chosen) if long_enough else None
        if best is not None:
            owner[best.start : best.end] = len(chosen)
            chosen.append(best)
            waiting += [Run(best.end, part.end, part.period), Run(part.start, best.start, part.period)]
    return len(chosen) > before


def _best(ops: Sequence[Op], steps: Encoded, run: Run, owner: Ints, chosen: Sequence[Fit]) -> Fit | None:
    """The loop over the largest part of the run, of the shortest period that covers most of it."""
    best, covered = None, 0
    for multiple in range(1, MULTIPLES + 1):
        period = run.period * multiple
        if run.end - run.start < TURNS * period or covered >= 0.7 * (run.end - run.start):
            break
        fit = _fit(ops, steps, Run(run.start, run.end, period), owner, chosen)
        if fit is not None and fit.count * fit.period > 1.25 * covered:
            best, covered = fit, fit.count * fit.period
    return best


def _fit(ops: Sequence[Op], steps: Encoded, run: Run, owner: Ints, chosen: Sequence[Fit]) -> Fit | None:
    rough = _steady(table(steps, run.start, run.period, (run.end - run.start) // run.period))
    offset = _offset(ops, rough) if rough else None
    if offset is None:
        return None
    start = run.start + offset
    whole = table(steps, start, run.period, (run.end - start) // run.period)
    part = _steady(whole)
    part = _after_invariants(part) if part else None
    part = _from_loops(part, owner, chosen) if part else None
    if part is None or (part.own & (part.distances > part.readers + run.period)).any():
        return None
    part = _with_first(whole, part, owner)
    fit = Fit(part.start, run.period, len(part.rows))
    if fit.count < TURNS or fit.count * fit.period < STEPS:
        return None
    return fit if _indices_fit(ops, part) and _numbers_fit(ops, fit) else None


def _steady(whole: Table) -> Table | None:
    """The longest stretch of turns in which every slot moves by constant steps."""
    moves = np.diff(whole.rows, axis=0)
    start, end = longest((moves[1:] == moves[:-1]).all(axis=1))
    return whole.cut(start, end + 2) if end > start else None


def _offset(ops: Sequence[Op], part: Table) -> int | None:
    """Where in the period a turn should begin, so that the least has to be carried from turn to turn.

    A value made at step j and read last at step i is carried where a turn begins after j and not after i. None where
    every beginning leaves a value that is read two turns later.
    """
    own, period = part.own, part.period
    steps, inverse = np.unique(part.rows[-1][own], return_inverse=True)
    reach = np.zeros(len(steps), np.int64)
    np.maximum.at(reach, inverse.reshape(-1), part.distances[own])
    cost, too_far = np.zeros(2 * period + 1), np.zeros(2 * period + 1)
    for step, distance in zip(steps.tolist(), reach.tolist(), strict=True):
        begin, length = (step - part.start) % period + 1, distance % period
        edges, weight = (cost, 16 + ops[step].out.size) if distance < period else (too_far, 1)
        edges[begin] += weight
        edges[begin + length] -= weight
    cost, too_far = (np.cumsum(x)[:-1].reshape(2, period).sum(axis=0) for x in (cost, too_far))
    fine = np.flatnonzero(too_far == 0)
    return int(fine[np.argmin(cost[fine])]) if len(fine) else None


def _after_invariants(part: Table) -> Table | None:
    """Without the turns before the one in which everything exists that all later ones read."""
    newest = int(part.rows[-1][part.invariant].max(initial=-1))
    begin = max(0, -(-(newest + 1 - part.start) // part.period))
    return part.cut(begin, len(part.rows)) if len(part.rows) - begin >= 2 else None


def _from_loops(part: Table, owner: Ints, chosen: Sequence[Fit]) -> Table | None:
    """The longest stretch of turns whose values from elsewhere come out of loops, each from one and the same."""
    foreign = part.foreign
    if not foreign.any():
        return part
    read = part.rows[:, foreign]
    loops = np.where((read >= 0) & (read < part.start), owner[np.maximum(read, 0)], -1)
    fits_next = ((loops[1:] >= 0) & (loops[1:] == loops[:-1])).all(axis=1)
    start, end = longest(fits_next)
    if end == start:
        return None
    periods = np.array([chosen[i].period for i in loops[start].tolist()])
    return part.cut(start, end + 1) if (part.moves[foreign] % periods == 0).all() else None


def _with_first(whole: Table, part: Table, owner: Ints) -> Table:
    """One turn more at the beginning, if that one differs only in what it takes for the carried values."""
    before = (part.start - whole.start) // part.period - 1
    if before < 0:
        return part
    expected, given = part.rows[0] - part.moves, whole.rows[before]
    start = part.start - part.period
    carried, foreign = part.carried, part.foreign
    same_loops = (expected[foreign] >= 0).all() and (owner[expected[foreign]] == owner[part.rows[0][foreign]]).all()
    exists = (given[carried] < start).all() and (given[part.invariant] < start).all()
    if ((expected == given) | carried).all() and same_loops and exists:
        return whole.cut(before, before + 1 + len(part.rows))
    return part


def _indices_fit(ops: Sequence[Op], part: Table) -> bool:
    """At most one number of an index moves, and what it picks from is the same in every turn."""
    moving = np.flatnonzero(part.is_index & (part.moves != 0))
    sources = np.searchsorted(part.readers, part.readers[moving])  # getitem's only input stands before its index
    fixed = (part.moves[sources] == 0) & (part.rows[-1][sources] != CONSTANT)
    return bool(fixed.all()) and len(np.unique(sources)) == len(moving)


def _numbers_fit(ops: Sequence[Op], fit: Fit) -> bool:
    """Plain numbers that differ from turn to turn become arrays: the same in arithmetic, not for powers."""
    for step in range(fit.start, fit.start + fit.period):
        op = ops[step]
        plain = [i for i, x in enumerate(op.inputs) if not isinstance(x, Var)]
        fine = op.rule.name in ARITHMETIC and len(plain) < len(op.inputs)
        if not fine and any(
            len({repr(turn.inputs[i]) for turn in ops[step : fit.end : fit.period]}) > 1 for i in plain
        ):
            return False
    return True
