"""Text of a program being written: its lines, its arrays, and how a number of a view is spelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from whygrad.jit.kernels import Lowered, Pick
from whygrad.jit.native.cpu import LINE
from whygrad.jit.program import Note, Op, Var
from whygrad.jit.room import Room
from whygrad.jit.views import View, flat, place


class UnpaddableError(Exception):
    """An array that is read as one long row can have no room at the end of its rows."""

    def __init__(self, base: Var) -> None:
        super().__init__(base)
        self.base = base


class UnpickedError(Exception):
    """Rows of a table that something reads otherwise than as a factor: they have to be copied."""

    def __init__(self, base: Var) -> None:
        super().__init__(base)
        self.base = base


@dataclass(frozen=True)
class Own:
    """So many of a matrix's columns (or of its rows: axis 0): those with the number that ``owner`` names."""

    owner: str
    count: int
    axis: int = 1


@dataclass
class Page:
    """Text being written, and what every part of the printer may ask of it."""

    low: Lowered
    names: dict[Var, str]
    threads: int
    lines: list[str] = field(default_factory=list)
    depth: int = 1
    arrays: dict[Var, None] = field(default_factory=dict)
    scratch: set[Var] = field(default_factory=set)
    flattened: dict[str, str] = field(default_factory=dict)
    padded: dict[Var, Room] = field(default_factory=dict)  # bases whose rows have room at their end
    tight: frozenset[Var] = frozenset()  # bases whose rows can have no such room
    copied: frozenset[Var] = frozenset()  # bases of which every thread has a copy of its own
    deep: frozenset[Any] = frozenset()  # products of which every thread adds up a part of each sum
    dealt: frozenset[Var] = frozenset()  # weights whose rows are dealt to threads for that
    picked: Mapping[Var, Pick] = field(default_factory=dict)  # what has no memory: rows that are read in their table
    ahead: dict[Var, str] = field(default_factory=dict)  # for picked rows: the list of those of the next turn
    turn: str = "t"
    counter: int = 0
    failed: str = ""  # the array that says whether an index was outside, if a program of several threads needs one

    def __post_init__(self) -> None:
        self.taken = frozenset(self.names.values())
        self.team = self.threads  # inside a loop that one of them runs, ``threads`` is 1

    def write(self, text: str, remark: str = "") -> None:
        """One line; the remark stands beside it."""
        line = "    " * self.depth + text
        self.lines.append(f"{line:<72}  # {remark}" if remark else line)

    @contextmanager
    def indented(self, head: str, remark: str = "") -> Iterator[None]:
        """A block under a head."""
        self.write(head, remark)
        self.depth += 1
        yield
        self.depth -= 1

    def fail(self, place: str) -> None:
        """An index is outside: the program ends, or says so in the end where others would wait for this thread."""
        if self.team == 1:
            self.write("return 1", "an index outside the array")
            return
        if not self.failed:
            self.failed = self.workspace("failed", (), np.dtype(np.int64))
        self.write(f"{self.failed}[()] = 1", "an index outside the array")
        self.write(f"{place} -= {place}")

    def finish(self) -> None:
        """The last line, and the first where it needs one."""
        if self.failed:
            self.lines[:0] = ["    if tid == 0:", f"        {self.failed}[()] = 0"]
        self.write(f"return {self.failed}[()] if tid == 0 else 0" if self.failed else "return 0")

    def fresh(self, name: str) -> str:
        """A name that nothing else has."""
        self.counter += 1
        return self.untaken(f"{name}{self.counter}")

    def untaken(self, name: str) -> str:
        """The name, longer if an array is called so."""
        while name in self.taken:
            name += "_"
        return name

    def workspace(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
        """An array that only the program uses."""
        x = Var(shape, dtype, name)
        self.names[x] = self.fresh(name)
        self.arrays[x] = None
        self.scratch.add(x)
        return self.names[x]

    def resolved(self, view: View) -> View:
        """The view as one of an array that has memory of its own."""
        return self.low.resolved(view)

    def array(self, base: Var) -> str:
        """The parameter that stands for a base."""
        if base in self.picked:
            raise UnpickedError(base)
        if base not in self.arrays:
            self.arrays[base] = None
            given = (*self.low.program.inputs, *self.low.constants)
            if base not in given:
                self.scratch.add(base)
        return self.names[base]

    def table(self, base: Var, own: Own | None = None) -> str:
        """What picked rows are: ``table, list of rows``; ``own``: of the table these columns."""
        pick = self.picked[base]
        x, places = pick.op.inputs[0], self.resolved(self.low.views[pick.places])
        assert isinstance(x, Var)
        table = self.resolved(self.low.views[x]).base
        name = columns_of(self.array(table), table.shape, own) if own else self.array(table)
        return f"{name}, {self.array(places.base)}[{self.turn}]"

    def element(self, view: View, indices: tuple[str, ...]) -> str:
        """One number of a view, as it is read or written."""
        view = self.resolved(view)
        name = self.array(view.base)
        at = place(view, indices, self.turn)
        own = view.base in self.copied
        if at is not None:
            return self.of_copy(view.base, "tid", at) if own else f"{name}[{', '.join(at) or '()'}]"
        first = f"tid * {view.base.size} + " if own else ""
        return f"{self.flat(view.base)}[{first}{flat(view, indices, self.turn)}]"

    def of_copy(self, base: Var, owner: str, indices: tuple[str, ...]) -> str:
        """One number of a thread's copy of an array."""
        return f"{self.array(base)}[{', '.join((owner, *(indices or ('0',))))}]"

    def flat(self, base: Var) -> str:
        """The array as one long row."""
        if base in self.padded:
            raise UnpaddableError(base)
        name = self.array(base)
        self.flattened[name] = f"{name}_flat"
        return f"{name}_flat"

    def room(self, base: Var) -> tuple[int, ...]:
        """The shape that an array has in memory, or that each thread's copy has."""
        return (*base.shape[:-1], self.padded[base].pitch) if base in self.padded else base.shape

    def wide(self, base: Var) -> int | None:
        """How many numbers of each row are computed where rows have room."""
        return self.padded[base].columns if base in self.padded else None

    def shape(self, base: Var) -> tuple[int, ...]:
        """The shape of all of an array's memory; no two threads' copies of one number share a line of the cache."""
        return (self.threads, *(self.room(base) or (LINE // base.dtype.itemsize,))) if base in self.copied else (
            self.room(base))

    def room_for_copies(self) -> None:
        """Rows of what every thread has a copy of end where lines of the cache do."""
        for x in self.copied - self.padded.keys() - self.tight:
            lane = LINE // x.dtype.itemsize
            if x.shape and x.size % lane:
                wide = -(-x.shape[-1] // lane) * lane
                self.padded[x] = Room(wide, wide)

    def physical(self, view: View) -> View:
        """The view of an array with room at the end of its rows, in steps of its memory."""
        if view.base not in self.padded:
            return view
        n, wide = view.base.shape[-1], self.padded[view.base].pitch

        def stretched(step: int) -> int:
            rows, rest = divmod(abs(step), n)
            return (rows * wide + rest) * (1 if step >= 0 else -1)

        return replace(
            view, strides=tuple(map(stretched, view.strides)), offset=stretched(view.offset), turn=stretched(view.turn)
        )


def columns_of(name: str, shape: tuple[int, ...], own: Own) -> str:
    """These columns of a matrix."""
    return f"strided({name}, {own.owner} * {own.count}, ({shape[0]}, {own.count}), ({shape[1]}, 1))"


def dealt(n: int) -> tuple[str, str]:
    """The first of n that is this thread's, and the first that is the next one's."""
    return f"tid * {n} // threads", f"(tid + 1) * {n} // threads"


def remark(op: Op) -> str:
    """What stands beside a line: the rule, the user's line, and whose derivative it belongs to."""
    said = f"derivative of {op.note.derivative_of}: {op.rule.name}" if op.note.derivative_of else op.rule.name
    return f"{said}, {line_of(op.note)}" if op.note.site else said


def line_of(note: Note) -> str:
    """``file.py:12``, or nothing."""
    return f"{PurePath(note.site.file).name}:{note.site.line}" if note.site else ""
