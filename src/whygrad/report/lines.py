"""Small line charts as SVG: a few lines over the epochs, each named where it ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from whygrad.render.lettering import width as text_width
from whygrad.render.numbers import number

WIDE, HIGH = 430.0, 250.0  # read on a phone without zooming
LEFT, TOP, BOTTOM = 54.0, 14.0, 40.0
LETTERS = 13.0  # font size
APART = 18.0  # least distance between the names of two lines


@dataclass(frozen=True)
class Line:
    """One line: what it is called, its colour (a variable of the page), and a number for each epoch."""

    name: str
    colour: str
    values: Sequence[float]


def line_chart(title: str, lines: Sequence[Line], *, log: bool = False, shares: bool = False) -> str:
    """The lines over epochs 1, 2, …; ``log``: equal distances are equal factors; ``shares``: percentages."""
    seen = [v for line in lines for v in line.values if math.isfinite(v) and (v > 0 or not log)]
    if not seen:
        return ""
    ticks = _log_ticks(min(seen), max(seen)) if log else _ticks(min(seen), max(seen))
    low, high = ticks[0], ticks[-1]
    right = 12 + max(text_width(line.name, LETTERS, bold=True) for line in lines)
    epochs = max(len(line.values) for line in lines)

    def x(epoch: int) -> float:
        return LEFT + (WIDE - LEFT - right) * ((epoch - 1) / (epochs - 1) if epochs > 1 else 0.5)

    def y(value: float) -> float:
        share = math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        return HIGH - BOTTOM - (HIGH - BOTTOM - TOP) * share

    parts = [
        f'<line class="rule" x1="{LEFT}" x2="{WIDE - right:.1f}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y(t) + 4:.1f}" text-anchor="end">{_tick(t, shares)}</text>'
        for t in ticks
    ]
    parts += [
        f'<text class="tick" x="{x(e):.1f}" y="{HIGH - BOTTOM + 20:.1f}" text-anchor="middle">{e}</text>'
        for e in _epochs_to_name(epochs)
    ]
    parts.append(f'<text class="tick" x="{x(1) if epochs > 1 else LEFT:.1f}" y="{HIGH - 4:.1f}">epoch</text>')
    ends = _kept_apart([y(line.values[-1]) if _drawn(line.values[-1], log) else y(low) for line in lines])
    for line, end in zip(lines, ends, strict=True):
        points = [(x(e), y(v)) for e, v in enumerate(line.values, 1) if _drawn(v, log)]
        parts.append(
            f'<polyline class="line" style="stroke:var(--{line.colour})" points="'
            + " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            + '"/>'
        )
        parts += [
            f'<circle r="3.2" cx="{a:.1f}" cy="{b:.1f}" style="fill:var(--{line.colour})"/>'
            for a, b in (points if len(points) <= 20 else points[-1:])
        ]
        parts.append(
            f'<text class="name" x="{WIDE - right + 8:.1f}" y="{end + 4:.1f}" '
            f'style="fill:var(--{line.colour})">{escape(line.name)}</text>'
        )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDE:g} {HIGH:g}" role="img"><title>{escape(title)}</title>'
        + "".join(parts)
        + "</svg>"
    )


def _tick(value: float, shares: bool) -> str:
    return f"{round(100 * value, 6):g} %" if shares else number(value)


def _drawn(value: float, log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not log)


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers that hold all values between them."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span))
    step = next(step * f for f in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if span / (step * f) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, max(last, first + 1) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten that hold all values between them; over two decades or less also 2 and 5 times them."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    if last - first > 2:
        return [10.0**i for i in range(first, last + 1)]
    ticks = [m * 10.0**i for i in range(first - 1, last + 2) for m in (1, 2, 5)]
    below, above = max(t for t in ticks if t <= low * (1 + 1e-9)), min(t for t in ticks if t > high * (1 - 1e-9))
    return [t for t in ticks if below <= t <= max(above, 2 * below)]


def _epochs_to_name(epochs: int) -> list[int]:
    """At most ten, evenly spaced, and the first where it does not crowd the second."""
    step = max(1, math.ceil(epochs / 10))
    return [e for e in range(1, epochs + 1) if e % step == 0 or (e == 1 and step > 2)]


def _kept_apart(heights: Sequence[float]) -> list[float]:
    """The heights, moved down as little as needed for names not to run over each other."""
    placed, last = list(heights), -math.inf
    for i in sorted(range(len(heights)), key=lambda i: heights[i]):
        placed[i] = last = max(heights[i], last + APART)
    over = max([0.0, *(h - (HIGH - BOTTOM) for h in placed)])
    return [h - over for h in placed]
