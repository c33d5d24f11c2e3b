"""Kernels printed as Python loops that are compiled: a module of text that defines ``program(tid, threads, sync,
...)``.

Every array is a parameter; nothing is allocated. On several threads all run the same program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from whygrad.jit.kernels import Kernel, Let, Lowered, Nest, Pick, Product, Reduce, Scatter, Turns
from whygrad.jit.page import Page, UnpaddableError, UnpickedError
from whygrad.jit.program import Var, names_of
from whygrad.jit.room import Room, with_room
from whygrad.jit.sequence import Sequencer, only_picks
from whygrad.jit.sharing import by_depth
from whygrad.jit.views import of

WORDS = frozenset(  # functions of native/words.py
    "add_picked add_short erf exp expm1 fetch flattened flush_subnormals log log1p multiply multiply_few "
    "multiply_picked multiply_rows multiply_short pack restore_subnormals rows_of sigmoid strided tanh tick "
    "wait".split()
)


@dataclass(frozen=True)
class Printed:
    """A program for native code. ``arrays``: its parameters after ``sync``; ``scratch``: those that only it uses."""

    source: str
    arrays: tuple[Var, ...]
    scratch: frozenset[Var]
    threads: int
    is_flexible: bool  # fewer threads find the same numbers, to the bit
    padded: Mapping[Var, Room]
    copied: frozenset[Var]  # of which every thread has a copy of its own: one axis more
    shapes: Mapping[Var, tuple[int, ...]]

    def shape(self, x: Var) -> tuple[int, ...]:
        """The shape of an array in memory, with the room at the end of its rows, and threads' copies."""
        return self.shapes.get(x, x.shape)

    def seen(self, x: Var, memory: np.ndarray) -> np.ndarray:
        """The array in its memory: without the room at the end of rows; of all threads' copies thread 0's."""
        own = memory[0] if x in self.copied else memory
        return own[..., : x.shape[-1]] if x in self.padded else own if x.shape else own.ravel()[:1].reshape(())


def printed(low: Lowered, threads: int = 1, given: Set[Var] | None = None) -> Printed:
    """The program of these kernels for so many threads; fewer if no kernel is large enough to be shared.

    ``given``: the arrays that the caller lays out; by default inputs, constants and outputs. All others may get room at
    the end of their rows.
    """
    if given is None:
        given = {*low.program.inputs, *low.constants, *(x for x in low.program.outputs if isinstance(x, Var))}
    deep, picked = by_depth(low, given, threads), _picked(low, given)
    dealt = frozenset(deep.values())
    wide, tight = with_room(low, given, threads, dealt), frozenset[Var]()
    while True:
        padded = {x: n for x, n in wide.items() if x not in tight}
        copied = _copied(low, given) - picked.keys() if threads > 1 else frozenset()
        page = Page(low, _names(low), threads, padded=padded, tight=tight, copied=copied, picked=picked,
                    deep=frozenset(deep), dealt=dealt)
        sequencer = Sequencer(page)
        try:
            for x in low.program.inputs:
                page.array(x)
            sequencer.program(given)
            for y in low.program.outputs:
                if isinstance(y, Var):
                    page.array(y)  # an empty one is not written
        except UnpaddableError as found:
            tight |= {found.base}
            continue
        except UnpickedError as found:
            picked = {x: pick for x, pick in picked.items() if x is not found.base}
            continue
        if threads > 1 and not sequencer.shares:
            return printed(low, 1, given)
        page.finish()
        shapes = {x: page.shape(x) for x in page.arrays}
        return Printed(_module(page), tuple(page.arrays), frozenset(page.scratch), threads, not sequencer.fixed,
                       page.padded, page.copied, shapes)


def _copied(low: Lowered, given: Set[Var]) -> frozenset[Var]:
    """What is only picked out of a table, row by row, the examples of a batch: every thread picks them for itself.

    Rows that another core has written come over at 2 to 14 GB/s here, which would take longer.
    """
    return frozenset(s.op.out for s in _picks(low, given))


def _picks(low: Lowered, given: Set[Var]) -> Iterator[Pick]:
    """The picks of rows that share their memory with nothing else."""
    shared = {home.base for home in low.homes.values()} | low.homes.keys() | given
    for kernel in _all(low.kernels):
        if isinstance(kernel, Nest) and only_picks(kernel):
            yield from (s for s in kernel.statements if isinstance(s, Pick) and s.op.out not in shared)


def _picked(low: Lowered, given: Set[Var]) -> dict[Var, Pick]:
    """Rows of a table that one row of a list names in each turn: perhaps they need not be copied."""
    found = {}
    for s in _picks(low, given):
        x, places = s.op.inputs[0], low.views[s.places]
        assert isinstance(x, Var)
        table, lists = low.views[x], places.base.shape
        plain = table == of(table.base) and len(table.shape) == len(lists) == 2 and places.base not in low.homes
        if plain and (places.shape, places.offset, places.turn) == (lists[1:], 0, lists[1]):
            found[s.op.out] = s
    return found


def _names(low: Lowered) -> dict[Var, str]:
    """A name for every variable, those that lowering has added included."""
    names = names_of(low.program)
    for x in low.constants:
        names.setdefault(x, f"constant{len(names)}")
    for kernel in _all(low.kernels):
        for x in _made(kernel):
            names.setdefault(x, f"t{len(names)}")
    return names


def _all(kernels: Sequence[Kernel]) -> Iterator[Kernel]:
    for kernel in kernels:
        yield kernel
        if isinstance(kernel, Turns):
            yield from _all(kernel.body)


def _made(kernel: Kernel) -> Iterator[Var]:
    if isinstance(kernel, Product):
        yield kernel.op.out
    elif isinstance(kernel, Nest):
        for s in kernel.statements:
            if isinstance(s, (Let, Reduce, Pick, Scatter)):
                yield s.op.out
            else:
                yield s.target.base


def _module(page: Page) -> str:
    """The whole text: imports, then the program."""
    body = "\n".join(page.lines)
    heads = ["import math", "", "import numpy as np", "from numpy import float32 as f32", ""]
    heads += _imports(body)
    parameters = ["tid", "threads", "sync", *(page.names[x] for x in page.arrays)]
    shapes = [
        f"#   {page.names[x]}: {x.dtype}{list(page.shape(x))}" + (", scratch" if x in page.scratch else "")
        for x in page.arrays
    ]
    flats = [f"    {alias} = flattened({name})" for name, alias in page.flattened.items()]
    wrapped = _wrapped(f"def program({', '.join(parameters)}):")
    return "\n".join([*heads, "", "", *shapes, wrapped, *flats, body, ""])


def _imports(body: str) -> list[str]:
    """The words of our own that the text uses, from where their meaning is told."""
    called = set(re.findall(r"(?<![.\w])(\w+)\(", body))
    if "_flat[" in body:
        called.add("flattened")
    used = sorted(called.intersection(WORDS))
    return [f"from whygrad.jit.native.words import {', '.join(used)}"] if used else []


def _wrapped(head: str) -> str:
    """A long list of parameters on several lines."""
    lines, line = [], ""
    for word in head.split(" "):
        if len(line) + len(word) > 112:
            lines.append(line)
            line = "    " + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
