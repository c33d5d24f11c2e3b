"""Shorter forms: for each rule, what a step can be said as instead, and still compute the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from whygrad.jit.program import Op, Ref, Var
from whygrad.rules import linear, shapes, sums
from whygrad.rules.table import RULES

Rewritten = (
    Ref | tuple[Op, ...] | None
)  # the value it equals; the steps that replace it, the last one its result; as it is


class Seen(NamedTuple):
    """What is known of the steps before one."""

    made: Mapping[Var, Op]
    constants: Mapping[Var, np.ndarray]
    relus: Mapping[Ref, Var]  # of which values relu has been taken

    def maker(self, x: Ref) -> Op | None:
        """The step that computes x."""
        return self.made.get(x) if isinstance(x, Var) else None

    def number(self, x: Ref) -> float | None:
        """The number that x always is."""
        if not isinstance(x, Var):
            return float(x)
        return float(self.constants[x][()]) if x in self.constants and x.size == 1 else None


# ── shorter forms: (step, the steps before it) -> what it becomes ────────────────────────────────────────────────────


def _passes(op: Op, x: Ref) -> bool:
    """x is already what the step would return."""
    return isinstance(x, Var) and x.shape == op.out.shape and x.dtype == op.out.dtype


def _is(x: Ref, number: float) -> bool:
    return not isinstance(x, Var) and x == number


def _step(op: Op, name: str, *inputs: Ref, **params: Any) -> Op:
    return replace(op, rule=RULES[name], inputs=inputs, params=params)


def _multiply(op: Op, seen: Seen) -> Rewritten:
    x, y = op.inputs
    for one, other in ((x, y), (y, x)):
        if seen.number(one) == 1 and _passes(op, other):
            return other
        if seen.number(one) == -1 and _passes(op, other):
            return (_step(op, "negative", other),)
    return None


def _carry(op: Op, seen: Seen) -> Rewritten:
    """0 · slope is 0 also where the slope is inf or NaN; a plain finite number is neither."""
    g, slope = map(seen.number, op.inputs)
    if (slope is None or not np.isfinite(slope)) and (g is None or g == 0):
        return None
    product = _step(op, "multiply", *op.inputs)
    return _multiply(product, seen) or (product,)


def _add(op: Op, seen: Seen) -> Rewritten:
    x, y = op.inputs
    for one, other in ((x, y), (y, x)):
        if _is(one, 0) and _passes(op, other):
            return other
        before = seen.maker(one)
        if before is not None and before.rule.name == "negative" and one.shape == op.out.shape:  # type: ignore[union-attr]  # a Var, as it was made
            return (_step(op, "subtract", other, before.inputs[0]),)
    return None


def _subtract(op: Op, seen: Seen) -> Rewritten:
    x, y = op.inputs
    return x if _is(y, 0) and _passes(op, x) else None


def _divide(op: Op, seen: Seen) -> Rewritten:
    x, y = op.inputs
    if _is(y, 1) and _passes(op, x):
        return x
    before = seen.maker(x)  # -q / y, the slope of a quotient q, is -q · q if that was 1 / y
    quotient = seen.maker(before.inputs[0]) if before is not None and before.rule.name == "negative" else None
    if quotient is not None and quotient.rule.name == "divide" and seen.number(quotient.inputs[0]) == 1:
        return (_step(op, "multiply", x, quotient.out),) if quotient.inputs[1] is y else None
    return None


def _power(op: Op, seen: Seen) -> Rewritten:
    x, y = op.inputs
    if _is(y, 1) and _passes(op, x):
        return x
    if _is(y, 2) and isinstance(x, Var):
        return (_step(op, "square", x),)
    if _is(y, 0.5) and isinstance(x, Var):
        return (_step(op, "sqrt", x),)
    return (_step(op, "reciprocal", x),) if _is(y, -1) and isinstance(x, Var) and x.dtype.kind == "f" else None


def _negative(op: Op, seen: Seen) -> Rewritten:
    x = op.inputs[0]
    before = seen.maker(x)
    return before.inputs[0] if before is not None and before.rule.name == "negative" else None


def _unchanged(op: Op, seen: Seen) -> Rewritten:
    return op.inputs[0] if _passes(op, op.inputs[0]) else None


def _reshape(op: Op, seen: Seen) -> Rewritten:
    x = op.inputs[0]
    before = seen.maker(x)
    if _passes(op, x):
        return x
    if before is not None and before.rule is shapes.reshape:
        return (_step(op, "reshape", before.inputs[0], shape=op.out.shape),)
    return (_step(op, "reshape", x, shape=op.out.shape),) if op.params["shape"] != op.out.shape else None


def axes_of(op: Op) -> tuple[int, ...]:
    """The order of axes that a transpose makes."""
    axes, n = op.params.get("axes"), len(op.out.shape)
    return tuple(reversed(range(n))) if axes is None else tuple(a % n for a in axes)


def _transpose(op: Op, seen: Seen) -> Rewritten:
    """Two transposes in one; (x y)ᵀ is yᵀ xᵀ, whose transposes cost a matrix product nothing."""
    x, axes = op.inputs[0], axes_of(op)
    before = seen.maker(x)
    if axes == tuple(range(len(axes))):
        return x
    if before is not None and before.rule is shapes.transpose:
        inner = axes_of(before)
        return _transpose(_step(op, "transpose", before.inputs[0], axes=tuple(inner[a] for a in axes)), seen) or (
            _step(op, "transpose", before.inputs[0], axes=tuple(inner[a] for a in axes)),
        )
    if before is not None and before.rule is linear.matmul and len(axes) == 2:
        a, b = before.inputs
        if isinstance(a, Var) and isinstance(b, Var) and len(a.shape) == len(b.shape) == 2:
            left, right = _flipped(b, op), _flipped(a, op)
            return (left, right, _step(op, "matmul", left.out, right.out))
    return (_step(op, "transpose", x, axes=axes),) if op.params.get("axes") != axes else None


def _flipped(x: Var, op: Op) -> Op:
    return Op(Var(x.shape[::-1], x.dtype), shapes.transpose, (x,), {"axes": (1, 0)}, op.note)


def _sum(op: Op, seen: Seen) -> Rewritten:
    """A sum over axes of length 1 is no sum."""
    x = op.inputs[0]
    same = isinstance(x, Var) and x.size == op.out.size and x.dtype == op.out.dtype and x.size > 0
    return (_step(op, "reshape", x, shape=op.out.shape),) if same else None


def _mean(op: Op, seen: Seen) -> Rewritten:
    x = op.inputs[0]
    if not isinstance(x, Var) or x.dtype.kind != "f":
        return None
    total = Op(Var(op.out.shape, op.out.dtype), sums.sum_, (x,), op.params, op.note)
    return (total, _step(op, "divide", total.out, float(sums.count(x, op.params.get("axis")))))


def _cast(op: Op, seen: Seen) -> Rewritten:
    """A choice between plain numbers is made in the precision of what it is multiplied with.

    The slope of relu, ``where(x > 0, 1.0, 0.0)``, is float64 in NumPy, and the product is rounded to float32
    afterwards; that of maximum is a choice among three.
    """
    x = op.inputs[0]
    product = seen.maker(x)
    if _passes(op, x):
        return x
    if op.rule is not shapes.cast or product is None or product.rule.name not in ("multiply", "carry"):
        return None
    for g, factor in (product.inputs, product.inputs[::-1]):
        narrow = isinstance(g, Var) and g.dtype == op.out.dtype and op.out.shape == product.out.shape
        choices = _choices(factor, op.out.dtype, seen) if narrow else None
        if choices:
            inputs = tuple([choices[-1].out if y is factor else y for y in product.inputs])
            return (*choices, replace(product, out=op.out, inputs=inputs))
    return None


def _choices(x: Ref, dtype: np.dtype[Any], seen: Seen) -> tuple[Op, ...] | None:
    """The steps that choose x among plain numbers, in this precision; None if x is no such choice."""
    made = seen.maker(x)
    if made is None:
        return None if isinstance(x, Var) else ()
    if made.rule.name != "where":
        return None
    parts = [_choices(y, dtype, seen) for y in made.inputs[1:]]
    if any(part is None for part in parts):
        return None
    steps = tuple(step for part in parts for step in part or ())
    inputs = [part[-1].out if part else y for y, part in zip(made.inputs[1:], parts, strict=True)]
    return (*steps, replace(made, out=Var(made.out.shape, dtype), inputs=(made.inputs[0], *inputs)))


def _greater(op: Op, seen: Seen) -> Rewritten:
    """x > 0 where relu(x) > 0, and of the two only relu(x) has to be kept for the way back."""
    x, y = op.inputs
    return (_step(op, "greater", seen.relus[x], y),) if seen.number(y) == 0 and x in seen.relus else None


SHORTER: dict[str, Callable[[Op, Seen], Rewritten]] = {
    "multiply": _multiply,
    "carry": _carry,
    "add": _add,
    "subtract": _subtract,
    "divide": _divide,
    "power": _power,
    "negative": _negative,
    "greater": _greater,
    "positive": _unchanged,
    "stop_gradient": lambda op, seen: op.inputs[0],
    "cast": _cast,
    "truncate": _unchanged,
    "broadcast_to": _unchanged,
    "copies": _unchanged,
    "reshape": _reshape,
    "transpose": _transpose,
    "mean": _mean,
    "sum": _sum,
}
