"""Where boxes and arrows go: columns by depth, few crossings, straight lines; geometry only, in pixels.

The layered method of Sugiyama, Tagawa and Toda (1981). A label is laid out as a small box of its own between two
columns, and a long arrow as a row of invisible ones, so nothing can run over anything else.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from whygrad.render.diagram import levels

BETWEEN = 16.0  # least distance between two boxes of a column
ASIDE = 16.0  # least distance between two columns
SWEEPS = 12

Point = tuple[float, float]
Size = tuple[float, float]


@dataclass(frozen=True)
class Link:
    """An arrow to be laid out, with the size of its label; (0, 0) for none."""

    start: int
    end: int
    label: Size = (0.0, 0.0)


@dataclass(frozen=True)
class Layout:
    """Centres of the boxes; for each arrow the points its line passes, horizontally, and the center of its label."""

    centers: tuple[Point, ...]
    lines: tuple[tuple[Point, ...], ...]
    labels: tuple[Point, ...]
    size: Size


@dataclass(eq=False)
class _Spot:
    """Something that takes a place in a column: a box, a label, or a bend of a long arrow."""

    column: int
    size: Size
    y: float = 0.0
    before: list[_Spot] = field(default_factory=list)
    after: list[_Spot] = field(default_factory=list)

    @property
    def is_bend(self) -> bool:
        return self.size == (0.0, 0.0)


def layout(sizes: Sequence[Size], links: Sequence[Link]) -> Layout:
    """Lay out boxes of the given sizes, left to right."""
    level = levels(len(sizes), [(link.start, link.end) for link in links])
    spots = [_Spot(2 * column, size) for column, size in zip(level, sizes, strict=True)]
    ways = [_way(spots[link.start], spots[link.end], link.label) for link in links]
    columns: list[list[_Spot]] = [[] for _ in range(2 * max(level, default=0) + 1)]
    for spot in dict.fromkeys([*spots, *(spot for way in ways for spot in way)]):
        columns[spot.column].append(spot)
    _order(columns)
    _straighten(columns)
    left, right = _abscissas(columns)
    middle = [(a + b) / 2 for a, b in zip(left, right, strict=True)]
    ports = _ports(spots, ways)
    lines = [_line(way, left, right, ports) for way in ways]
    top = min((spot.y - spot.size[1] / 2 for column in columns for spot in column), default=0.0)
    bottom = max((spot.y + spot.size[1] / 2 for column in columns for spot in column), default=0.0)
    return Layout(
        centers=tuple((middle[s.column], s.y - top) for s in spots),
        lines=tuple(tuple((x, y - top) for x, y in line) for line in lines),
        labels=tuple((middle[way[-2].column], way[-2].y - top) for way in ways),
        size=(right[-1] if right else 0.0, bottom - top),
    )


def _way(start: _Spot, end: _Spot, label: Size) -> list[_Spot]:
    """The spots an arrow passes; its label stands in the column before its end."""
    between = range(start.column + 1, end.column)
    way = [start, *(_Spot(column, label if column == end.column - 1 else (0.0, 0.0)) for column in between), end]
    for one, other in pairwise(way):
        one.after.append(other)
        other.before.append(one)
    return way


def _order(columns: list[list[_Spot]]) -> None:
    """Sort every column so that few lines cross: again and again by the mean place of the neighbors (barycenters)."""
    best, fewest = [list(column) for column in columns], _crossings(columns)
    for sweep in range(2 * SWEEPS):
        forward = sweep % 2 == 0
        for column in columns[1:] if forward else columns[-2::-1]:
            place = {spot: i for beside in columns for i, spot in enumerate(beside)}
            column.sort(
                key=lambda spot: _mean([place[n] for n in (spot.before if forward else spot.after)], place[spot])
            )
        crossings = _crossings(columns)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best


def _mean(numbers: list[float] | list[int], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def _crossings(columns: list[list[_Spot]]) -> int:
    total = 0
    for column, following in pairwise(columns):
        place = {spot: i for i, spot in enumerate(following)}
        seen: list[int] = []
        for spot in column:
            ends = sorted(place[other] for other in spot.after)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _straighten(columns: list[list[_Spot]]) -> None:
    """Move every spot towards the mean height of its neighbors, as far as the order and the distances allow."""
    for column in columns:
        _settle(column, [0.0] * len(column))
    for sweep in range(2 * SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            sides = [(s.before, s.after) if sweep % 2 == 0 else (s.after, s.before) for s in column]
            _settle(
                column, [_height(spot, first or second) for spot, (first, second) in zip(column, sides, strict=True)]
            )
    for _ in range(2):
        for column in columns:
            _settle(column, [_height(spot, spot.before + spot.after) for spot in column])


def _height(spot: _Spot, beside: list[_Spot]) -> float:
    """The mean height of the neighbors; between two bends of one long line, the line should be straight."""
    total = sum(_pull(spot, other) for other in beside)
    return sum(_pull(spot, other) * other.y for other in beside) / total if total else spot.y


def _pull(spot: _Spot, other: _Spot) -> float:
    return 8.0 if spot.is_bend and other.is_bend else 1.0


def _settle(column: list[_Spot], wanted: list[float]) -> None:
    """The heights nearest to those wanted (least squares) that keep order and distance: pool adjacent violators.

    Bends weigh less: a box or a label that is in a line's way moves the line.
    """
    offsets = [0.0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + (above.size[1] + below.size[1]) / 2 + BETWEEN)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for spot, y, offset in zip(column, wanted, offsets, strict=False):
        mean, weight, members = y - offset, 0.5 if spot.is_bend else 1.0, 1
        while pools and pools[-1][0] > mean:
            above_mean, above_weight, above_members = pools.pop()
            mean = (above_mean * above_weight + mean * weight) / (above_weight + weight)
            weight, members = above_weight + weight, above_members + members
        pools.append((mean, weight, members))
    settled = [mean for mean, _, members in pools for _ in range(members)]
    for spot, base, offset in zip(column, settled, offsets, strict=False):
        spot.y = base + offset


def _abscissas(columns: list[list[_Spot]]) -> tuple[list[float], list[float]]:
    """Left and right edge of every column; where lines climb steeply the columns stand further apart."""
    left, right, x = [], [], 0.0
    for number, column in enumerate(columns):
        climb = max((abs(spot.y - other.y) for spot in column for other in spot.before), default=0.0)
        x += (ASIDE + min(0.15 * climb, 40.0)) if number else 0.0
        left.append(x)
        x += max((spot.size[0] for spot in column), default=0.0)
        right.append(x)
    return left, right


def _ports(spots: list[_Spot], ways: list[list[_Spot]]) -> dict[tuple[int, bool], float]:
    """How far from a box's middle each of its arrows leaves (way, True) and arrives (way, False): spread, in order."""
    at: dict[tuple[_Spot, bool], list[int]] = {}
    for number, way in enumerate(ways):
        at.setdefault((way[0], True), []).append(number)
        at.setdefault((way[-1], False), []).append(number)
    ports = {}
    for (spot, leaving), numbers in at.items():
        beside = 1 if leaving else -2
        numbers.sort(key=[way[beside].y for way in ways].__getitem__)
        step = min(12.0, 0.6 * spot.size[1] / max(len(numbers) - 1, 1))
        for rank, number in enumerate(numbers):
            ports[id(ways[number]), leaving] = (rank - (len(numbers) - 1) / 2) * step
    return ports


def _line(way: list[_Spot], left: list[float], right: list[float], ports: dict[tuple[int, bool], float]) -> list[Point]:
    start, end = way[0], way[-1]
    leaves, arrives = start.y + ports[id(way), True], end.y + ports[id(way), False]
    points = [(_middle(start, left, right) + start.size[0] / 2, leaves), (right[start.column], leaves)]
    for spot in way[1:-1]:
        points += [(left[spot.column], spot.y), (right[spot.column], spot.y)]
    return [*points, (left[end.column], arrives), (_middle(end, left, right) - end.size[0] / 2, arrives)]


def _middle(spot: _Spot, left: list[float], right: list[float]) -> float:
    return (left[spot.column] + right[spot.column]) / 2
