"""Where the steps of a program repeat: each step as a small integer, its operands as numbers, runs of equal periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from whygrad.jit.program import Op, Program, Var

TURNS = 4  # fewer turns than this are left as they are
STEPS = 64  # and so are runs of fewer steps
CONSTANT = -1  # the number of every operand that is a constant: which one it is, is looked at when a loop is built
CANDIDATES = 48  # how many periods are tried, those that most steps speak for first

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


class Run(NamedTuple):
    """Steps ``start`` to ``end`` whose signatures repeat with this period."""

    start: int
    end: int
    period: int


@dataclass(frozen=True)
class Encoded:
    """A program as integers. Equal signatures mean equal steps, up to which variables and which places they read.

    Step i has the slots ``values[first[i]:first[i + 1]]``: one for each input (the number of the step that makes it, or
    below -1 for an input of the program), then one for each whole number in an index. ``is_index`` tells them apart.
    """

    strict: Ints  # with the plain numbers among the inputs
    loose: Ints  # without
    first: Ints
    values: Ints
    is_index: Bools


def encode(program: Program, ops: list[Op]) -> Encoded:
    """The signatures and slots of straight-line steps; one pass, about 5 microseconds a step."""
    number: dict[Var, int] = {x: -2 - i for i, x in enumerate(program.inputs)}
    number.update(dict.fromkeys(program.constants, CONSTANT))
    known: dict[Any, int] = {}
    strict, loose, first, values, is_index = [], [], [0], [], []
    for i, op in enumerate(ops):
        kinds: list[Any] = []
        plain: list[Any] = []
        for x in op.inputs:
            if isinstance(x, Var):
                values.append(number[x])
                kinds.append((x.shape, x.dtype))
            else:
                values.append(CONSTANT)
                kinds.append(type(x))
                plain.append(repr(x))
        is_index += [False] * len(op.inputs)
        params: Any = None
        if op.params:
            if op.rule.name == "getitem" and isinstance(op.inputs[0], Var):
                params, places = _index_key(op.params["index"], op.inputs[0].shape)
                values += places
                is_index += [True] * len(places)
            else:
                params = key_of(op.params)
        key = (op.rule, params, tuple(kinds), op.out.shape, op.out.dtype)
        loose.append(known.setdefault(key, len(known)))
        strict.append(known.setdefault((loose[-1], tuple(plain)), len(known)) if plain else loose[-1])
        first.append(len(values))
        number[op.out] = i
    return Encoded(
        np.array(strict, np.int64),
        np.array(loose, np.int64),
        np.array(first, np.int64),
        np.array(values, np.int64),
        np.array(is_index, bool),
    )


def key_of(value: Any) -> Any:
    """A hashable stand-in: equal only for parameters that mean the same."""
    if type(value) in (int, str, type(None), bool):
        return (type(value), value)
    if isinstance(value, Mapping):
        return tuple((name, key_of(x)) for name, x in value.items())
    if isinstance(value, (tuple, list)):
        return (type(value), *map(key_of, value))
    if isinstance(value, slice):
        return (slice, key_of(value.start), key_of(value.stop), key_of(value.step))
    if isinstance(value, np.ndarray):
        return ("array", value.shape, value.dtype, value.tobytes())
    if isinstance(value, float):
        return (float, repr(value))  # 0.0 and -0.0 are equal, and not the same
    return value if type(value).__hash__ is not None else ("one of its kind", id(value))


def consumed(index: Any) -> list[tuple[Any, int | None]] | None:
    """The parts of a basic index, each with the axis that it reads from the front, or from the back after an Ellipsis.

    None where arrays, masks or NumPy's own integers are among the parts: those follow other rules.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if not all(type(x) in (int, slice, type(None), type(Ellipsis)) for x in parts):
        return None
    axes: list[int | None] = []
    axis = 0
    for x in parts:
        if x is Ellipsis:
            axis = -sum(1 for y in parts[len(axes) + 1 :] if y is not None)
        axes.append(None if x is None or x is Ellipsis else axis)
        axis += axes[-1] is not None
    return list(zip(parts, axes, strict=True))


def _index_key(index: Any, shape: tuple[int, ...]) -> tuple[Any, list[int]]:
    """An index without its whole numbers, and those, counted from the front."""
    parts = consumed(index)
    if parts is None:
        return key_of(index), []
    places = [x + shape[axis] if x < 0 else x for x, axis in parts if type(x) is int and axis is not None]
    return (type(index), *(int if type(x) is int else key_of(x) for x, _ in parts)), places


def runs(signatures: Ints) -> list[Run]:
    """Stretches that repeat at least ``TURNS`` times, longest first; no period multiplies a shorter one."""
    found: list[Run] = []
    for period in candidates(signatures):
        same = signatures[:-period] == signatures[period:]
        for start, end in stretches(same, max(STEPS, TURNS * period) - period):
            found.append(Run(start, end + period, period))
    found.sort(key=lambda run: (run.start - run.end, run.period))
    periods = sorted({run.period for run in found})
    return [run for run in found if not any(_covered(signatures, run, p) for p in periods if p < run.period)]


def candidates(signatures: Ints) -> list[int]:
    """Periods that many steps speak for, most voices first.

    A run of period p repeats windows of p to 2 p steps at distance p, and no window that long at less. Windows are
    compared by number: those of 2 w steps are pairs of windows of w, so 17 sorts are enough for 200,000 steps.
    """
    votes: dict[int, int] = {}
    windows, width = signatures, 1
    while len(windows) > width:
        distance = _to_next(windows)
        near = distance[(distance <= width) & (2 * distance > width)]
        periods, counts = np.unique(near, return_counts=True)
        for p, n in zip(periods.tolist(), counts.tolist(), strict=True):
            if n >= p:
                votes[p] = votes.get(p, 0) + n
        pairs = windows[:-width] * (int(windows.max()) + 1) + windows[width:]
        windows = np.unique(pairs, return_inverse=True)[1].reshape(-1)
        width *= 2
    return sorted(votes, key=lambda p: (-votes[p], p))[:CANDIDATES]


def _to_next(windows: Ints) -> Ints:
    """How far the next equal number is, for each that has one."""
    order = np.argsort(windows, kind="stable")
    equal = windows[order[1:]] == windows[order[:-1]]
    distances: Ints = (order[1:] - order[:-1])[equal]
    return distances


def stretches(same: Bools, at_least: int) -> Iterator[tuple[int, int]]:
    """Where ``same`` holds for that many in a row: start and end of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start >= max(at_least, 1):
            yield start, end


def longest(same: Bools) -> tuple[int, int]:
    """The longest stretch, (0, 0) if there is none."""
    return max(stretches(same, 1), key=lambda s: s[1] - s[0], default=(0, 0))


def _covered(signatures: Ints, run: Run, period: int) -> bool:
    """A shorter period repeats through nearly all of the run."""
    part = signatures[run.start : run.end]
    start, end = longest(part[:-period] == part[period:])
    return (end - start + period) >= 0.8 * len(part)
