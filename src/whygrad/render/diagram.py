"""A graph as it is drawn: boxes and arrows as plain data, and how a large one is folded until people can read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

MOST_BOXES = 60
MOST_LEVELS = 14  # a picture wider than this is scrolled, not read
ENDS = 5  # levels that stay at each end of a longer one


Kind = Literal["given", "value", "operation", "cost", "more"]


@dataclass(frozen=True)
class Box:
    """One value: its name, what it holds, and the gradient that arrived at it.

    ``by``: the operation that made it. ``group``: boxes side by side with the same group may be drawn as one.
    ``marked``: an end of the way asked about; ``on_the_way``: what lies between.
    """

    name: str
    value: str = ""
    gradient: str = ""
    kind: Kind = "value"
    by: str = ""
    group: str = ""
    hint: str = ""
    marked: bool = False
    on_the_way: bool = False
    stands_for: int = 1


@dataclass(frozen=True)
class Arrow:
    """From a box to one computed from it; ``label`` is the local derivative, ``marked`` the strongest way."""

    start: int
    end: int
    label: str = ""
    marked: bool = False
    on_the_way: bool = False


@dataclass(frozen=True)
class Diagram:
    """Boxes, the arrows between them (by position), a title for those who can not see it, and notes below."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[str, ...] = ()


def levels(size: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The column of each box: right of all it is computed from; what is only given stands beside its first use."""
    before: list[list[int]] = [[] for _ in range(size)]
    after: list[list[int]] = [[] for _ in range(size)]
    for start, end in arrows:
        before[end].append(start)
        after[start].append(end)
    waiting = [len(inputs) for inputs in before]
    ready = [box for box in range(size) if not before[box]]
    level = [0] * size
    for box in ready:  # grows while it is walked
        for end in after[box]:
            level[end] = max(level[end], level[box] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    for box in range(size):
        if not before[box] and after[box]:
            level[box] = min(level[end] for end in after[box]) - 1
    return level


def folded(diagram: Diagram) -> Diagram:
    """A diagram of at most ``MOST_BOXES``: the middle of a deep one, and like boxes side by side, become one box."""
    level = levels(len(diagram.boxes), [(a.start, a.end) for a in diagram.arrows])
    deepest = max(level, default=0)
    if deepest >= MOST_LEVELS or (len(diagram.boxes) > MOST_BOXES and deepest > 2 * ENDS):
        middle = range(ENDS, deepest - ENDS + 1)
        diagram = _merged(diagram, [-1 if level[i] in middle else i for i in range(len(level))])
    for at_least in (4, 2):  # first only the large groups
        if len(diagram.boxes) > MOST_BOXES:
            diagram = _side_by_side(diagram, at_least)
    if len(diagram.boxes) > MOST_BOXES:
        level = levels(len(diagram.boxes), [(a.start, a.end) for a in diagram.arrows])
        alone = [box.kind == "cost" or box.marked for box in diagram.boxes]
        diagram = _merged(diagram, [i if alone[i] else -2 - level[i] for i in range(len(alone))])
    return diagram


def _side_by_side(diagram: Diagram, at_least: int) -> Diagram:
    """Boxes of one level and one group as one box."""
    level = levels(len(diagram.boxes), [(a.start, a.end) for a in diagram.arrows])
    keys = [(level[i], box.group or box.name) for i, box in enumerate(diagram.boxes)]
    sizes = Counter(keys)
    place = {key: -2 - number for number, key in enumerate(sizes)}
    alone = [sizes[key] < at_least or box.kind == "cost" for key, box in zip(keys, diagram.boxes, strict=True)]
    return _merged(diagram, [i if alone[i] else place[key] for i, key in enumerate(keys)])


def _merged(diagram: Diagram, target: Sequence[int]) -> Diagram:
    """All boxes of one negative target drawn as one; arrows inside it vanish, parallel ones are joined."""
    order = list(dict.fromkeys(target))
    position = {key: place for place, key in enumerate(order)}
    members: dict[int, list[Box]] = {key: [] for key in order}
    for box, key in zip(diagram.boxes, target, strict=True):
        members[key].append(box)
    boxes = tuple(members[key][0] if len(members[key]) == 1 else _one_for(members[key]) for key in order)
    arrows: dict[tuple[int, int, str], Arrow] = {}
    for arrow in diagram.arrows:
        start, end = position[target[arrow.start]], position[target[arrow.end]]
        if start == end:
            continue
        many = target[arrow.start] < 0 or target[arrow.end] < 0
        label = "" if many else arrow.label
        both = [arrow, arrows.get((start, end, label), arrow)]
        marked, on_the_way = any(a.marked for a in both), any(a.on_the_way for a in both)
        arrows[start, end, label] = Arrow(start, end, label, marked, on_the_way)
    return replace(diagram, boxes=boxes, arrows=tuple(arrows.values()))


def _one_for(boxes: list[Box]) -> Box:
    count = sum(box.stands_for for box in boxes)
    names = [box.name for box in boxes if box.kind not in ("operation", "more")] or [box.name for box in boxes]
    name = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
    on_the_way = any(box.marked or box.on_the_way for box in boxes)
    return Box(name, f"{count:,} values", kind="more", on_the_way=on_the_way, stands_for=count)
