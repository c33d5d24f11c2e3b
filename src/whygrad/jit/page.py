"""Text of a program being written: its lines, its arrays, and how a number of a view is spelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from whygrad.jit.kernels import Lowered, Pick
from whygrad.jit.program import Note, Op, Var
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
    padded: dict[Var, int] = field(default_factory=dict)  # bases whose rows have room for so many numbers
    copied: frozenset[Var] = frozenset()  # bases of which every thread has a copy of its own
    picked: Mapping[Var, Pick] = field(default_factory=dict)  # what has no memory: rows that are read in their table
    turn: str = "t"
    counter: int = 0

    def __post_init__(self) -> None:
        self.taken = frozenset(self.names.values())

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
        while view.base in self.low.homes:
            home = self.low.homes[view.base]
            view = replace(view, base=home.base, offset=home.offset + view.offset, turn=home.turn + view.turn)
        return view

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

    def table(self, base: Var) -> str:
        """What picked rows are: ``table, list of rows``."""
        pick = self.picked[base]
        x, places = pick.op.inputs[0], self.resolved(self.low.views[pick.places])
        assert isinstance(x, Var)
        return f"{self.array(self.resolved(self.low.views[x]).base)}, {self.array(places.base)}[{self.turn}]"

    def element(self, view: View, indices: tuple[str, ...]) -> str:
        """One number of a view, as it is read or written."""
        view = self.resolved(view)
        name = self.array(view.base)
        at = place(view, indices, self.turn)
        own = view.base in self.copied
        if at is not None:
            return f"{name}[{', '.join(('tid', *at) if own else at) or '()'}]"
        first = f"tid * {view.base.size} + " if own else ""
        return f"{self.flat(view.base)}[{first}{flat(view, indices, self.turn)}]"

    def flat(self, base: Var) -> str:
        """The array as one long row."""
        if base in self.padded:
            raise UnpaddableError(base)
        name = self.array(base)
        self.flattened[name] = f"{name}_flat"
        return f"{name}_flat"

    def room(self, base: Var) -> tuple[int, ...]:
        """The shape that an array has in memory, or that each thread's copy has."""
        return (*base.shape[:-1], self.padded[base]) if base in self.padded else base.shape

    def shape(self, base: Var) -> tuple[int, ...]:
        """The shape of all of an array's memory."""
        return (self.threads, *self.room(base)) if base in self.copied else self.room(base)

    def physical(self, view: View) -> View:
        """The view of an array with room at the end of its rows, in steps of its memory."""
        if view.base not in self.padded:
            return view
        n, wide = view.base.shape[-1], self.padded[view.base]

        def stretched(step: int) -> int:
            rows, rest = divmod(abs(step), n)
            return (rows * wide + rest) * (1 if step >= 0 else -1)

        return replace(
            view, strides=tuple(map(stretched, view.strides)), offset=stretched(view.offset), turn=stretched(view.turn)
        )


def remark(op: Op) -> str:
    """What stands beside a line: the rule, the user's line, and whose derivative it belongs to."""
    said = f"derivative of {op.note.derivative_of}: {op.rule.name}" if op.note.derivative_of else op.rule.name
    return f"{said}, {line_of(op.note)}" if op.note.site else said


def line_of(note: Note) -> str:
    """``file.py:12``, or nothing."""
    return f"{PurePath(note.site.file).name}:{note.site.line}" if note.site else ""
