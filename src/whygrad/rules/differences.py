"""Differences of neighbors, slopes of sampled functions, and the area under them."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, ShapeError
from whygrad.rules.arithmetic import ONE
from whygrad.rules.define import At, Value, at, spells
from whygrad.rules.shapes import broadcast, join, reshape
from whygrad.rules.sums import shape, span, sum_


def _neighbors(x: Value, axis: int) -> Value:
    return span(x, axis, 1, None) - span(x, axis, 0, -1)


@spells(np.diff, tested_at=(ONE, at((2, 4), n=2), at((3, 2), axis=0)))
def diff(a: Value, n: int = 1, axis: int = -1, prepend: Value = None, append: Value = None) -> Value:
    """``numpy.diff``."""
    parts = [_edge(edge, a, axis) for edge in (prepend, a, append) if edge is not None]
    a = join(*parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        a = _neighbors(a, axis)
    return a


def _edge(edge: Value, a: Value, axis: int) -> Value:
    """What is put before or after ``a``; a single number is one place wide."""
    edge = edge if hasattr(edge, "apply_rule") else np.asarray(edge)
    return broadcast(edge, shape=tuple(1 if i == axis % len(shape(a)) else n for i, n in enumerate(shape(a)))) if shape(edge) == () else edge


def _upright(x: Value, like: Value, axis: int) -> Value:
    """A row of numbers as an array that lies along ``axis`` of ``like``."""
    return reshape(x, shape=tuple(-1 if i == axis % len(shape(like)) else 1 for i in range(len(shape(like)))))


def sampled(rng: np.random.Generator) -> list[Value]:
    """Values, and the increasing places where they were sampled."""
    return [rng.normal(size=(2, 4)), np.cumsum(rng.uniform(0.5, 1.5, 4))]


@spells(np.trapezoid, tested_at=(ONE, at((4, 2), dx=0.5, axis=0), At(given=sampled)))
def trapezoid(y: Value, x: Value = None, dx: Value = 1.0, axis: int = -1) -> Value:
    """``numpy.trapezoid``: the area under sampled values; differentiable in the places ``x`` too."""
    if x is not None:
        x = x if hasattr(x, "apply_rule") else np.asarray(x)
        dx = _upright(_neighbors(x, 0), y, axis) if len(shape(x)) == 1 else _neighbors(x, axis)
    return sum_(dx * (span(y, axis, 1, None) + span(y, axis, 0, -1)), axis=axis) / 2.0


@spells(np.gradient, tested_at=(at((5,)), at((2, 4), axis=1), at((4, 3), axis=0, edge_order=2), At(given=lambda rng: [rng.normal(size=5), 0.3]),
                                At(given=lambda rng: [x[0] if x.ndim == 2 else x for x in sampled(rng)]),
                                At(given=sampled, params=dict(axis=1, edge_order=2))))
def gradient(f: Value, *varargs: Value, axis: int | tuple[int, ...] | None = None, edge_order: int = 1) -> Value:
    """``numpy.gradient``: the slope of sampled values along each axis; ``varargs`` are the spacings, or the places."""
    axes = tuple(range(len(shape(f)))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    spacings = varargs or (1.0,)
    if len(spacings) not in (1, len(axes)):
        raise ArgumentError(f"np.gradient along {len(axes)} axes was given {len(spacings)} spacings", try_="one for all axes, or one for each")
    if edge_order not in (1, 2):
        raise ArgumentError(f"np.gradient(..., edge_order={edge_order})", try_="1 or 2")
    slopes = tuple(_gradient(f, spacings[i if len(spacings) > 1 else 0], a, edge_order) for i, a in enumerate(axes))
    return slopes[0] if len(slopes) == 1 else slopes


def _gradient(f: Value, spacing: Value, axis: int, edge_order: int) -> Value:
    n = shape(f)[axis]
    if n <= edge_order:
        raise ShapeError(f"np.gradient of an array of shape {shape(f)} along axis {axis} with edge_order={edge_order}",
                         try_=f"at least {edge_order + 1} numbers along the axis")
    spacing = spacing if hasattr(spacing, "apply_rule") else np.asarray(spacing, f.dtype)
    steps = broadcast(spacing, shape=(n - 1,)) if shape(spacing) == () else _neighbors(spacing, 0)
    steps = _upright(steps, f, axis)

    def f_(start: int, stop: int | None) -> Value:
        return span(f, axis, start, stop)

    before, after = span(steps, axis, 0, -1), span(steps, axis, 1, None)
    inner = _through_three(f_(0, -2), f_(1, -1), f_(2, None), before, after, 0)
    if edge_order == 1:
        first = (f_(1, 2) - f_(0, 1)) / span(steps, axis, 0, 1)
        last = (f_(n - 1, n) - f_(n - 2, n - 1)) / span(steps, axis, n - 2, n - 1)
    else:
        first = _through_three(f_(0, 1), f_(1, 2), f_(2, 3), span(steps, axis, 0, 1), span(steps, axis, 1, 2), -1)
        last = _through_three(f_(n - 3, n - 2), f_(n - 2, n - 1), f_(n - 1, n),
                              span(steps, axis, n - 3, n - 2), span(steps, axis, n - 2, n - 1), 1)
    return join(first, inner, last, axis=axis)


def _through_three(a: Value, b: Value, c: Value, h: Value, k: Value, place: Any) -> Value:
    """The slope at the left (-1), middle (0) or right (1) point of the parabola through three points, h and k apart.

    With the two straight slopes p = (b - a) / h and q = (c - b) / k, the parabola bends by (q - p) / (h + k) per unit of x.
    """
    p, q = (b - a) / h, (c - b) / k
    bend = (q - p) / (h + k)
    return p - h * bend if place < 0 else p + h * bend if place == 0 else q + k * bend
