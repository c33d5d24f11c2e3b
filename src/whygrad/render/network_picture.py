"""The strongest paths of a network, drawn on its layers: thick where much of the gradient flows, colored by sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from whygrad.render.lettering import FAMILY, shortened, width
from whygrad.render.numbers import number
from whygrad.render.picture import Picture
from whygrad.render.svg import svg

MOST = 12  # neurons drawn of one layer
BESIDE = 6  # neurons drawn of a layer that fewer paths pass, to show that there are others
RADIUS, ROW, COLUMN, MARGIN = 13.0, 36.0, 190.0, 20.0
THICKEST, THINNEST = 7.0, 1.2
REST = -1  # stands for all neurons of a layer that are not drawn

STYLE = (
    f".wg-network text{{font-family:{FAMILY};font-size:13px;fill:var(--ink);text-anchor:middle}}"
    ".wg-network .paper{fill:var(--paper)}"
    ".wg-network .neuron{fill:var(--raised);stroke:var(--line)}"
    ".wg-network .used{fill:var(--paper);stroke:var(--ink)}"
    ".wg-network .index{font-size:10.5px}.wg-network .unused{fill:var(--faint)}"
    ".wg-network .faint{fill:var(--faint);font-size:12px;paint-order:stroke;stroke:var(--paper);stroke-width:5px}"
    ".wg-network .left{text-anchor:start}.wg-network .right{text-anchor:end}"
    ".wg-network .path{fill:none;stroke-linecap:round;stroke-opacity:.8}"
    ".wg-network .plus{stroke:var(--accent)}.wg-network .minus{stroke:var(--gradient)}"
)

Path = tuple[Sequence[int], float]


@dataclass(frozen=True)
class _Column:
    """A layer as it is drawn: its neurons from the top, ``REST`` for those left out."""

    size: int
    drawn: tuple[int, ...]
    used: frozenset[int]

    def row(self, neuron: int) -> int:
        return self.drawn.index(neuron if neuron in self.drawn else REST)


def network_picture(
    sizes: Sequence[int],
    paths: Sequence[Path],
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    title: str = "the strongest paths through the network",
) -> Picture:
    """Paths through the layers of a network.

    ``sizes``: neurons per layer, input first. ``paths``: for each path the neuron it passes in every layer, and what it
    contributes to the gradient. ``inputs``, ``outputs``: names for the neurons of the first and the last layer.
    """
    columns = [_column(size, layer, paths) for layer, size in enumerate(sizes)]
    left = max([width(shortened(name), 13) for name in inputs], default=0.0) + 26
    right = max([width(shortened(name), 13) for name in outputs], default=0.0) + 26
    tallest = max(len(column.drawn) for column in columns)
    down = tallest * ROW + 62
    across = max(left + right + COLUMN * (len(columns) - 1), 420.0)
    at = [
        (left + COLUMN * place, (tallest - len(column.drawn)) / 2 * ROW + ROW / 2)
        for place, column in enumerate(columns)
    ]
    ascending = sorted(paths, key=lambda path: abs(path[1]))
    body = [_path(path, columns, at, abs(ascending[-1][1])) for path in ascending]
    for place, (column, (x, y)) in enumerate(zip(columns, at, strict=True)):
        names, side = (inputs, "right") if place == 0 else (outputs, "left") if place == len(columns) - 1 else ((), "")
        body += [_neuron(column, neuron, x, y + ROW * row, names, side) for row, neuron in enumerate(column.drawn)]
        what = "input" if place == 0 else "output" if place == len(columns) - 1 else f"layer {place}"
        body.append(f'<text class="faint" x="{x:.0f}" y="{tallest * ROW + 22:.0f}">{what}: {column.size:,}</text>')
    said = _legend(paths)
    body.append(f'<text class="faint left" x="0" y="{tallest * ROW + 54:.0f}">{escape(said)}</text>')
    across = max(across, width(said, 12))
    inside = f'<g transform="translate({MARGIN:g},{MARGIN:g})">{"".join(body)}</g>'
    return Picture(svg(across + 2 * MARGIN, down + 2 * MARGIN, inside, title, "wg-network", STYLE))


def _column(size: int, layer: int, paths: Sequence[Path]) -> _Column:
    """Which neurons to draw: those that carry most, some beside them, and one place for the rest."""
    weight: Counter[int] = Counter()
    for neurons, value in paths:
        weight[neurons[layer]] += abs(value)  # type: ignore[assignment]  # a counter of floats
    kept = {neuron for neuron, _ in weight.most_common(MOST if len(weight) <= MOST and size <= MOST else MOST - 1)}
    for neuron in range(size):
        if len(kept) >= (size if size <= MOST else BESIDE):
            break
        kept.add(neuron)
    rest = (REST,) if len(kept) < size else ()
    return _Column(size, (*sorted(kept), *rest), frozenset(weight))


def _path(path: Path, columns: list[_Column], at: list[tuple[float, float]], strongest: float) -> str:
    neurons, value = path
    points = [(x, y + ROW * column.row(neuron)) for neuron, column, (x, y) in zip(neurons, columns, at, strict=True)]
    line = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (x + to_x) / 2
        line += f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    thick = max(THICKEST * abs(value) / strongest if strongest else 0.0, THINNEST)
    sign = "minus" if value < 0 else "plus"
    return f'<path class="path {sign}" stroke-width="{thick:.2f}" d="{line}"><title>{number(value)}</title></path>'


def _neuron(column: _Column, neuron: int, x: float, y: float, names: Sequence[str], side: str) -> str:
    if neuron == REST:
        return f'<text class="faint" x="{x:.1f}" y="{y + 4:.1f}">⋮ {column.size - len(column.drawn) + 1:,} more</text>'
    used = neuron in column.used
    drawn = f'<circle class="neuron{" used" if used else ""}" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}"/>'
    drawn += f'<text class="index{"" if used else " unused"}" x="{x:.1f}" y="{y + 3.8:.1f}">{neuron}</text>'
    if neuron < len(names):
        beside = x - RADIUS - 6 if side == "right" else x + RADIUS + 6
        drawn += f'<text class="{side}" x="{beside:.1f}" y="{y + 4.5:.1f}">{escape(shortened(names[neuron]))}</text>'
    return drawn


def _legend(paths: Sequence[Path]) -> str:
    if not paths:
        return "no path"
    values = [value for _, value in paths]
    signs = ["blue adds"] * any(v > 0 for v in values) + ["orange takes away"] * any(v < 0 for v in values)
    largest = max(values, key=abs)
    return f"{len(paths)} strongest paths · thickest: {number(largest)} · {', '.join(signs)}"
