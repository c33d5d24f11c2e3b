"""Why NaN or inf was born and what to try, in the user's own words; the table of ways is in ``remedy_table``."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from whygrad.diagnosis.places import source, spoken
from whygrad.diagnosis.remedy_table import TABLE, Situation
from whygrad.graph.node import Node
from whygrad.graph.record import Program

LONGEST = 40  # characters of an expression that is repeated in advice


class Told(NamedTuple):
    """Why, and what to try."""

    because: str
    try_: tuple[str, ...]


def remedy(s: Situation) -> Told:
    """The first row that fits, in the user's words; behind an np.where that did not take it, the safe form first."""
    rule = s.node.rule.name if s.node.rule else ""
    row = next(r for r in TABLE if (not r.rules or rule in r.rules.split()) and r.way in ("", s.way) and r.when(s))
    words = _words(s)
    because, try_ = row.because.format(**words), tuple(t.format(**words) for t in row.try_)
    left_out = _left_out(s) if s.way == "backward" and s.arrived == 0 else None
    if left_out is not None:
        condition = left_out.inputs[0]
        called = expression(s.program, condition) if isinstance(condition, Node) else "condition"
        because = "np.where does not take this number, so 0 comes back; but the slope is infinite, and 0 · inf is NaN"
        try_ = (f"np.where({called}, {words['X']}, 1.0) as the operand: what is not taken must be harmless too", *try_)
    return Told(because, try_)


def _words(s: Situation) -> dict[str, Any]:
    names = [o.name for o in s.operands] + ["x", "y"][len(s.operands) :]
    pairs = zip(s.node.inputs, s.operands, strict=False)
    whole = [expression(s.program, x) if isinstance(x, Node) else o.name for x, o in pairs]
    whole += ["x", "y"][len(whole) :]
    rule = s.node.rule
    said = (rule.convention or f"{rule.name} has no finite slope there") if rule else ""
    bare = [w if re.fullmatch(r"[\w.]+(\([^()]*\)|\[[^\[\]]*\])?", w) else f"({w})" for w in whole]
    return {
        "x": names[0],
        "y": names[1],
        "X": whole[0],
        "Y": whole[1],
        "(X)": bare[0],
        "(Y)": bare[1],
        "limit": s.limit,
        "made": s.program.label(s.node),
        "kind": spoken(s.value),
        "convention": said,
    }


def expression(program: Program, node: Node) -> str:
    """What the user would write for a value: its name, else the expression that made it, if that is short."""
    return program.label(node) if node in program.labels else operation(program, node)


def operation(program: Program, node: Node) -> str:
    """The expression that made a value in the user's own words, if it is short; else the value's name."""
    words = node.site.expression if node.site else ""
    return words if 0 < len(words) <= LONGEST else program.label(node)


def _left_out(s: Situation) -> Node | None:
    """The np.where, if one follows, whose condition leaves the number out."""
    users: dict[Node, list[tuple[Node, int]]] = {}
    for node in s.program.tape:
        for arg, parent in node.parents:
            users.setdefault(parent, []).append((node, arg))
    waiting, seen = [s.node], {s.node}
    while waiting:
        for node, arg in users.get(waiting.pop(), ()):
            if node.rule is not None and node.rule.name == "where" and arg:
                condition = np.broadcast_to(np.asarray(node.input_values()[0], bool), node.shape)
                same = s.node.shape == node.shape
                at = source(node.shape, node.shape, s.index) if same else 0
                if not same or condition.ravel()[at] != (arg == 1):
                    return node
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return None
