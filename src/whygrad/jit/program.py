"""A program as data: steps in the order in which they run, each one rule applied to values; and its listing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from whygrad.graph.sites import Site
from whygrad.rules.define import Rule

Number = bool | int | float  # a plain number in a program; it follows the dtype of what it meets, as in NumPy


@dataclass(frozen=True, eq=False)
class Var:
    """A value that a program computes or is given: its shape and dtype are known, its numbers are not.

    ``name``: what the user calls it; "" where nobody has named it. Two variables are equal only if they are one.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str = ""

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"<{self.name or 'value'}: {self.dtype}{list(self.shape)}>"


Ref = Var | Number


@dataclass(frozen=True)
class Note:
    """Where a step comes from: the user's line, and the forward value whose derivative it helps to compute."""

    site: Site | None = None
    derivative_of: str = ""


@dataclass(frozen=True, eq=False)
class Op:
    """``out = rule(*inputs, **params)``."""

    out: Var
    rule: Rule
    inputs: tuple[Ref, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    note: Note = Note()

    @property
    def reads(self) -> Iterator[Var]:
        """The variables among the inputs."""
        return (x for x in self.inputs if isinstance(x, Var))


class Carried(NamedTuple):
    """``inside`` is ``first`` in the first turn and ``next`` of the turn before in later ones; ``last``: after all
    turns.
    """

    inside: Var
    first: Ref
    next: Var
    last: Var


class Sliced(NamedTuple):
    """In turn t, ``inside`` is ``of[start + stride * t]``, along the first axis."""

    inside: Var
    of: Var
    start: int
    stride: int


class Stacked(NamedTuple):
    """In turn t, ``out[start + stride * t] = inside``, along the first axis; every place of ``out`` is written once."""

    inside: Var
    out: Var
    start: int
    stride: int


@dataclass(frozen=True, eq=False)
class Loop:
    """The same steps, ``count`` times. What the body reads from outside is the same in every turn, except what is
    sliced.

    ``turns``: how many of them this call takes, where that is given to the program; at most ``count``. A carried value
    whose ``first`` is its own ``inside`` lives in the memory of a program's input, which changes from turn to turn.
    """

    count: int
    body: tuple[Op, ...]
    carried: tuple[Carried, ...] = ()
    sliced: tuple[Sliced, ...] = ()
    stacked: tuple[Stacked, ...] = ()
    turns: Var | None = None

    @property
    def outs(self) -> tuple[Var, ...]:
        """What the loop computes for later steps."""
        return (*(c.last for c in self.carried), *(s.out for s in self.stacked))

    @property
    def reads(self) -> Iterator[Var]:
        """The variables from outside that it reads."""
        own = {op.out for op in self.body} | {c.inside for c in self.carried} | {s.inside for s in self.sliced}
        inside = (x for op in self.body for x in op.reads if x not in own)
        firsts = (c.first for c in self.carried if isinstance(c.first, Var))
        return itertools.chain(inside, (s.of for s in self.sliced), firsts, (self.turns,) if self.turns else ())


Step = Op | Loop


@dataclass(frozen=True, eq=False)
class Program:
    """``inputs`` are given at each call, ``constants`` come with the program; ``outputs`` are what a call returns."""

    name: str
    inputs: tuple[Var, ...]
    constants: Mapping[Var, np.ndarray]
    ops: tuple[Step, ...]
    outputs: tuple[Ref, ...]

    def makers(self) -> dict[Var, Op]:
        """The single step that computes each variable; what loops compute is not among them."""
        return {op.out: op for op in self.ops if isinstance(op, Op)}

    def readers(self) -> dict[Var, list[Step]]:
        """The steps that read each variable, in order; an output is not a step."""
        found: dict[Var, list[Step]] = {}
        for op in self.ops:
            for x in dict.fromkeys(op.reads):
                found.setdefault(x, []).append(op)
        return found

    def variables(self) -> list[Var]:
        """Every variable, those inside loops included, in the order in which they come up."""
        found = [*self.inputs, *self.constants]
        for op in self.ops:
            if isinstance(op, Op):
                found.append(op.out)
                continue
            found += [c.inside for c in op.carried] + [s.inside for s in op.sliced]
            found += [inner.out for inner in op.body]
            found += op.outs
        return found


def listing(program: Program) -> str:
    """The program as text, a line for each step; for people and for error messages."""
    names = names_of(program)
    lines = [f"{program.name}({', '.join(f'{names[x]}: {_kind(x)}' for x in program.inputs)})"]

    def said(x: Ref) -> str:
        return names[x] if isinstance(x, Var) else repr(x)

    def line(op: Op) -> str:
        inputs = [said(x) for x in op.inputs]
        params = [f"{key}={value!r}" for key, value in op.params.items()]
        return f"{names[op.out]} = {op.rule.name}({', '.join(inputs + params)})  {_kind(op.out)}"

    for op in program.ops:
        if isinstance(op, Op):
            lines.append("  " + line(op))
            continue
        lines += [f"  {names[c.inside]} = {said(c.first)}" for c in op.carried]
        lines.append(f"  for t in range({op.count}):")
        lines += [f"    {names[s.inside]} = {names[s.of]}[{s.start} + {s.stride} * t]" for s in op.sliced]
        lines += ["    " + line(inner) for inner in op.body]
        lines += [f"    {names[s.out]}[{s.start} + {s.stride} * t] = {names[s.inside]}" for s in op.stacked]
        lines += [f"    {names[c.inside]} = {names[c.next]}" for c in op.carried]
        lines += [f"  {names[c.last]} = {names[c.inside]}" for c in op.carried]
    lines.append(f"  return {', '.join(map(said, program.outputs))}")
    return "\n".join(lines)


def names_of(program: Program) -> dict[Var, str]:
    """A distinct Python name for every variable: the user's own where there is one."""
    taken: set[str] = set()
    names: dict[Var, str] = {}
    counter = 0
    for x in program.variables():
        wish = identifier(x.name)
        if not wish:
            counter += 1
            wish = f"t{counter}"
        name, turn = wish, 1
        while name in taken:
            turn += 1
            name = f"{wish}_{turn}"
        taken.add(name)
        names[x] = name
    return names


def identifier(name: str) -> str:
    """A name of the user's as a Python identifier: params['W1'] becomes params_W1, z^1 becomes z1; "" if nothing
    is left.
    """
    kept = "".join(c if c.isalnum() or c == "_" else "" if c in "^'\")]" else "_" for c in name).strip("_")
    kept = kept.replace("δ", "delta")
    return kept if kept.isidentifier() and kept not in _TAKEN else f"{kept}_" if kept.isidentifier() else ""


_TAKEN = frozenset(
    "and as assert break class continue def del elif else except finally for from global if import in is lambda not "
    "or pass raise return try while with yield None True False np math range table tid threads sync view part "
    "i j k l m n p q r t f32".split()
)


def _kind(x: Var) -> str:
    return f"{x.dtype}{list(x.shape)}"
