"""The network of an exercise with its given numbers: inputs in their neurons, weights on the lines, biases below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from whygrad.render.lettering import FAMILY, width
from whygrad.render.numbers import number
from whygrad.render.svg import svg

if TYPE_CHECKING:
    from whygrad.checking.worksheet import Exercise

RADIUS, ROW, COLUMN, MARGIN, SIZE = 21.0, 98.0, 132.0, 8.0, 14.0
ALONG = 0.3  # where a weight stands on its line, away from the middle where lines cross

STYLE = (
    f".wg-sheet-network text{{font-family:{FAMILY};font-size:{SIZE}px;fill:var(--ink);text-anchor:middle;"
    "font-variant-numeric:tabular-nums}"
    ".wg-sheet-network .paper{fill:var(--paper)}"
    ".wg-sheet-network circle{fill:var(--paper);stroke:var(--ink);stroke-width:1.3}"
    ".wg-sheet-network line{stroke:var(--edge);stroke-width:1.3}"
    ".wg-sheet-network .small{font-size:10px}.wg-sheet-network .faint{fill:var(--faint);font-size:12.5px}"
)


def exercise_picture(exercise: Exercise) -> str:
    """The network as SVG; empty where the exercise is none."""
    sizes = exercise.sizes
    if not sizes:
        return ""
    given = {name.text: value for name, value in exercise.given}
    tallest = max(sizes)
    at = {
        (layer, j): (MARGIN + RADIUS + COLUMN * layer, MARGIN + RADIUS + 4 + ROW * (j + (tallest - size) / 2))
        for layer, size in enumerate(sizes)
        for j in range(size)
    }
    lines, labels = [], []
    for l in range(1, len(sizes)):
        for j in range(sizes[l]):
            for k in range(sizes[l - 1]):
                line, label = _weight(at[l - 1, k], at[l, j], number(_given(given, "w", l, f"{j}{k}")))
                lines.append(line)
                labels.append(label)
    neurons = [_neuron(layer, j, x, y, given, len(sizes) - 1) for (layer, j), (x, y) in at.items()]
    across = 2 * (MARGIN + RADIUS) + COLUMN * (len(sizes) - 1) + 62
    down = 2 * (MARGIN + RADIUS) + ROW * (tallest - 1) + 26
    title = "the network with its given numbers"
    return svg(across, down, "".join([*lines, *labels, *neurons]), title, "wg-sheet-network", STYLE)


def _given(given: Mapping[str, float], letter: str, layer: int, index: str) -> float:
    """``w^1_00`` in a network, ``w1`` in a chain."""
    layered = f"{letter}^{layer}_{index}"
    return given[layered] if layered in given else given[f"{letter}{layer}"]


def _weight(start: tuple[float, float], end: tuple[float, float], text: str) -> tuple[str, str]:
    (x, y), (to_x, to_y) = start, end
    at_x, at_y = x + ALONG * (to_x - x), y + ALONG * (to_y - y)
    across = width(text, SIZE) + 6
    line = f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'
    label = f'<rect class="paper" x="{at_x - across / 2:.1f}" y="{at_y - 9:.1f}" width="{across:.1f}" height="18"/>'
    return line, f'{label}<text x="{at_x:.1f}" y="{at_y + 5:.1f}">{text}</text>'


def _neuron(layer: int, j: int, x: float, y: float, given: Mapping[str, float], last: int) -> str:
    """A circle with the activation's name; what is given stands below it, a target beside it."""
    chain = "a0" in given
    index = f"{layer}" if chain else f"{j}"
    raised = "" if chain else f'<tspan class="small" dy="-5">{layer}</tspan>'
    lowered = f'<tspan class="small" dy="{4 if chain else 9}" dx="{0 if chain else -6}">{index}</tspan>'
    drawn = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}"/>'
    drawn += f'<text x="{x:.1f}" y="{y + 5:.1f}">a{raised}{lowered}</text>'
    below = ""
    if layer == 0:
        below = f"= {number(_given(given, 'a', 0, str(j)))}"
    elif not chain:
        below = f"b = {number(given[f'b^{layer}_{j}'])}"
    drawn += f'<text class="faint" x="{x:.1f}" y="{y + RADIUS + 15:.1f}">{below}</text>'
    if layer == last:
        target = number(given["y"] if chain else given[f"y_{j}"])
        drawn += f'<text class="faint" x="{x + RADIUS + 32:.1f}" y="{y + 5:.1f}">y = {target}</text>'
    return drawn
