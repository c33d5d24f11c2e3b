"""Runs a program step by step on NumPy arrays: slow and plain, what every pass and every printer is tested against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from whygrad.backward import SLOPES_MAY_BE_INFINITE
from whygrad.jit.program import Loop, Op, Program, Ref, Var


def interpret(program: Program, inputs: Sequence[Any]) -> list[np.ndarray]:
    """What the program returns for these inputs, each output as an array."""
    values: dict[Var, Any] = dict(zip(program.inputs, inputs, strict=True))
    values.update(program.constants)
    with np.errstate(**SLOPES_MAY_BE_INFINITE):
        for step in program.ops:
            if isinstance(step, Op):
                _apply(step, values)
            else:
                _turn(step, values)
    return [np.asarray(_value(x, values)) for x in program.outputs]


def _turn(loop: Loop, values: dict[Var, Any]) -> None:
    stacks = {s.out: np.empty(s.out.shape, s.out.dtype) for s in loop.stacked}
    carried = [_value(c.first, values) for c in loop.carried]
    for t in range(loop.count):
        values.update(zip((c.inside for c in loop.carried), carried, strict=True))
        values.update((s.inside, values[s.of][s.start + s.stride * t]) for s in loop.sliced)
        for op in loop.body:
            _apply(op, values)
        for s in loop.stacked:
            stacks[s.out][s.start + s.stride * t] = values[s.inside]
        carried = [values[c.next] for c in loop.carried]
    values.update(stacks)
    values.update(zip((c.last for c in loop.carried), carried, strict=True))


def _apply(op: Op, values: dict[Var, Any]) -> None:
    out = op.rule.forward(*(_value(x, values) for x in op.inputs), **op.params)
    values[op.out] = out if getattr(out, "dtype", None) == op.out.dtype else np.asarray(out, op.out.dtype)[()]


def _value(x: Ref, values: dict[Var, Any]) -> Any:
    return values[x] if isinstance(x, Var) else x
