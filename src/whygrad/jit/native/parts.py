"""A long program in parts: functions of a size that LLVM optimises in time that grows with length, not with its square.

A network of 128 layers and its gradient is a program of 1,900 lines, on which LLVM would be for minutes. The parts
share nothing but arrays, which each looks up in the table of addresses, and the turns of the loops around them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LIMIT = 60  # statements of one part
MODULES = {"np", "math"}


@dataclass
class Parts:
    """Cuts a program. ``given``: names of the thread, the threads and the barrier; ``arrays``: names of arrays;
    ``flats``: the statement that makes each flat look at one. ``made``: functions of (thread, threads, *turns).
    """

    given: tuple[str, str, str]
    arrays: frozenset[str]
    flats: Mapping[str, ast.stmt]
    made: list[ast.FunctionDef] = field(default_factory=list)

    def cut(self, body: Sequence[ast.stmt], scope: tuple[str, ...] = ()) -> list[ast.stmt]:
        """The same statements, long stretches of them moved to functions; ``scope``: the turns of the loops around."""
        body = [self.inner(statement, scope, body) for statement in body]
        if weight(body) <= LIMIT:
            return body
        result: list[ast.stmt] = []
        for stretch in stretches(body, self.known(scope)):
            alone = len(stretch) == 1 and isinstance(stretch[0], ast.Return)
            result += stretch if alone else [self.called(stretch, scope)]
        return result

    def inner(self, statement: ast.stmt, scope: tuple[str, ...], body: Sequence[ast.stmt]) -> ast.stmt:
        """A loop that is too long for one part has its body cut, unless it shares a sum with what stands around it."""
        if weight([statement]) <= LIMIT:
            return statement
        own = names(statement)
        around = set().union(*(names(other) for other in body if other is not statement))
        turns = counters(statement)
        if (own & around) - self.known(scope) - turns - MODULES:
            return statement
        if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
            statement.body = self.cut(statement.body, (*scope, statement.target.id))
        elif isinstance(statement, ast.If):
            statement.body = self.cut(statement.body, scope)
        return statement

    def known(self, scope: tuple[str, ...]) -> frozenset[str]:
        """Names that every part has."""
        return frozenset([*self.arrays, *self.flats, *scope, *self.given])

    def called(self, stretch: list[ast.stmt], scope: tuple[str, ...]) -> ast.stmt:
        """A call of a new function that holds these statements."""
        name, arguments = f"part{len(self.made)}", ", ".join([*self.given[:2], *scope])
        function = ast.parse(f"def {name}({arguments}):\n    return 0").body[0]
        assert isinstance(function, ast.FunctionDef)
        used = {node.id for statement in stretch for node in ast.walk(statement) if isinstance(node, ast.Name)}
        function.body[:0] = [*(head for alias, head in self.flats.items() if alias in used), *stretch]
        self.made.append(function)
        returns = any(isinstance(node, ast.Return) for statement in stretch for node in ast.walk(statement))
        call = f"{name}({arguments})"
        called = ast.parse(f"if {call} != 0:\n    return 1" if returns else call).body[0]
        return ast.fix_missing_locations(ast.copy_location(called, stretch[0]))


def names(statement: ast.stmt) -> set[str]:
    """The names in a statement, except those of functions that are called."""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    called = {function.id for function in calls if isinstance(function, ast.Name)}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - called


def counters(statement: ast.stmt) -> set[str]:
    """The names that loops in a statement count with."""
    loops = (node for node in ast.walk(statement) if isinstance(node, ast.For))
    return {loop.target.id for loop in loops if isinstance(loop.target, ast.Name)}


def weight(body: Sequence[ast.stmt]) -> int:
    """How many statements there are, those inside others included."""
    return sum(isinstance(node, ast.stmt) for statement in body for node in ast.walk(statement))


def stretches(body: Sequence[ast.stmt], known: frozenset[str]) -> Iterator[list[ast.stmt]]:
    """Statements in stretches of about LIMIT; no local name is used in another stretch than it was given in."""
    held = tied(body, known)
    stretch: list[ast.stmt] = []
    for i, statement in enumerate(body):
        returns = isinstance(statement, ast.Return)
        if stretch and not held[i] and (returns or weight([*stretch, statement]) > LIMIT):
            yield stretch
            stretch = []
        stretch.append(statement)
    yield stretch


def tied(body: Sequence[ast.stmt], known: frozenset[str]) -> list[bool]:
    """Whether statement i can not be parted from what stands before it."""
    last_given: dict[str, int] = {}
    held = [False] * len(body)
    for i, statement in enumerate(body):
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        turns = counters(statement)
        for node in names:
            if node.id in known or node.id in turns or node.id not in last_given:
                continue
            for between in range(last_given[node.id] + 1, i + 1):
                held[between] = True
        for node in names:
            if isinstance(node.ctx, ast.Store) and node.id not in turns:
                last_given[node.id] = i
    return held


def flattenings(body: Sequence[ast.stmt]) -> dict[str, ast.stmt]:
    """Statements ``x_flat = flattened(x)``, by the name that they give."""
    found: dict[str, ast.stmt] = {}
    for head in body:
        if isinstance(head, ast.Assign) and isinstance(head.value, ast.Call) and isinstance(head.targets[0], ast.Name):
            function = head.value.func
            if isinstance(function, ast.Name) and function.id == "flattened":
                found[head.targets[0].id] = head
    return found
