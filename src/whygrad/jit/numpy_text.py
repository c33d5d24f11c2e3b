"""A program printed as NumPy code: one line for each step, which runs as it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whygrad.jit.page import remark
from whygrad.jit.program import Loop, Op, Program, Ref, Var, names_of

INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "matmul": "@",
    "greater": ">",
    "greater_equal": ">=",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "not_equal": "!=",
    "power": "**",
}


@dataclass
class NumpyText:
    """A program's text; ``arrays``: what its names ``constant...`` stand for."""

    program: Program
    names: dict[Var, str]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    rules: set[str] = field(default_factory=set)

    def reference(self, x: Ref) -> str:
        """A variable's name, or a number as Python writes it."""
        if isinstance(x, Var):
            constant = self.program.constants.get(x)
            if constant is not None and constant.ndim == 0 and np.isfinite(constant):
                return f"np.{constant.dtype.name.replace('bool', 'bool_')}({constant[()].item()!r})"
            return self.names[x]
        if isinstance(x, float) and not math.isfinite(x):
            return "np.nan" if math.isnan(x) else f"{'-' if x < 0 else ''}np.inf"
        return f"({x!r})" if x < 0 else repr(x)

    def value(self, x: Any) -> str:
        """A parameter of a rule, as Python writes it."""
        if isinstance(x, slice):
            return f"slice({self.value(x.start)}, {self.value(x.stop)}, {self.value(x.step)})"
        if isinstance(x, (tuple, list)):
            inner = ", ".join(map(self.value, x)) + ("," if isinstance(x, tuple) and len(x) == 1 else "")
            return f"({inner})" if isinstance(x, tuple) else f"[{inner}]"
        if isinstance(x, dict):
            return "{" + ", ".join(f"{key!r}: {self.value(y)}" for key, y in x.items()) + "}"
        if isinstance(x, (np.dtype, type)):
            return f"np.{np.dtype(x).name.replace('bool', 'bool_')}"
        if x is None or x is Ellipsis or isinstance(x, (bool, int, str)):
            return repr(x) if x is not Ellipsis else "..."
        if isinstance(x, float) and math.isfinite(x):
            return repr(x)
        name = f"part{len(self.arrays)}"
        self.arrays[name] = x
        return name

    def call(self, op: Op) -> str:
        """The right-hand side of a step."""
        args = [self.reference(x) for x in op.inputs]
        name = op.rule.name
        if name == "where" and op.out.dtype == np.float32:  # plain numbers would make it float64
            args = [x if isinstance(y, Var) else f"np.float32({x})" for x, y in zip(args, op.inputs, strict=True)]
        if name in INFIX:
            return f"{args[0]} {INFIX[name]} {args[1]}"
        if name in WRITTEN:
            return WRITTEN[name](self, args, op.params)
        params = [f"{key}={self.value(x)}" for key, x in op.params.items()]
        if isinstance(op.rule.forward, np.ufunc) and not params:
            return f"np.{op.rule.forward.__name__}({', '.join(args)})"
        self.rules.add(name)
        return f"rules.{name}({', '.join(args + params)})"


def _index(text: NumpyText, index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)

    def part(i: Any) -> str:
        if isinstance(i, slice):
            start, stop, step = ("" if x is None else str(x) for x in (i.start, i.stop, i.step))
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return text.value(i)

    return ", ".join(map(part, parts)) + ("," if isinstance(index, tuple) and len(parts) == 1 else "")


def _reduction(name: str) -> Callable[[NumpyText, list[str], Mapping[str, Any]], str]:
    def written(text: NumpyText, args: list[str], params: Mapping[str, Any]) -> str:
        shown = [f"{key}={text.value(x)}" for key, x in params.items() if x is not None and x is not False]
        return f"np.{name}({', '.join(args + shown)})"

    return written


WRITTEN: dict[str, Callable[[NumpyText, list[str], Mapping[str, Any]], str]] = {
    "negative": lambda text, args, params: f"-{args[0]}",
    "where": lambda text, args, params: f"np.where({', '.join(args)})",
    "transpose": lambda text, args, params: (
        f"{args[0]}.T"
        if params.get("axes") in (None, (1, 0))
        else f"np.transpose({args[0]}, {text.value(params['axes'])})"
    ),
    "reshape": lambda text, args, params: f"np.reshape({args[0]}, {text.value(params['shape'])})",
    "broadcast_to": lambda text, args, params: f"np.broadcast_to({args[0]}, {text.value(params['shape'])})",
    "getitem": lambda text, args, params: f"{args[0]}[{_index(text, params['index'])}]",
    "sum": _reduction("sum"),
    "max": _reduction("max"),
    "min": _reduction("min"),
}


def numpy_source(program: Program) -> tuple[str, dict[str, Any]]:
    """The text of ``program(*inputs)``, and what its names for constants stand for."""
    text = NumpyText(program, names_of(program))
    lines: list[str] = []
    for op in program.ops:
        _write(text, op, lines, "    ")
    outputs = ", ".join(map(text.reference, program.outputs)) + ("," if len(program.outputs) == 1 else "")
    inputs = ", ".join(text.names[x] for x in program.inputs)
    for x, array in program.constants.items():
        if array.ndim or not np.isfinite(array):
            text.arrays[text.names[x]] = array
    head = ["import numpy as np", ""]
    if text.rules:
        head += ["from whygrad.jit.plain import rules", ""]
    shapes = [f"#   {text.names[x]}: {x.dtype}{list(x.shape)}" for x in program.inputs]
    body = [*head, "", *shapes, f"def program({inputs}):", *lines, f"    return {outputs}", ""]
    return "\n".join(body), dict(text.arrays)


def _write(text: NumpyText, op: Op | Loop, lines: list[str], pad: str) -> None:
    if isinstance(op, Op):
        lines.append(f"{pad}{text.names[op.out]} = {text.call(op)}".ljust(64) + f"  # {remark(op)}")
        return
    names = text.names
    lines += [f"{pad}{names[s.out]} = np.empty({s.out.shape}, np.{s.out.dtype.name})" for s in op.stacked]
    lines += [f"{pad}{names[c.inside]} = {text.reference(c.first)}" for c in op.carried]
    lines.append(f"{pad}for t in range({op.count}):")
    lines += [f"{pad}    {names[s.inside]} = {names[s.of]}[{_turn(s.start, s.stride)}]" for s in op.sliced]
    for inner in op.body:
        _write(text, inner, lines, pad + "    ")
    lines += [f"{pad}    {names[s.out]}[{_turn(s.start, s.stride)}] = {names[s.inside]}" for s in op.stacked]
    if op.carried:
        left = ", ".join(names[c.inside] for c in op.carried)
        right = ", ".join(text.reference(c.next) for c in op.carried)
        lines.append(f"{pad}    {left} = {right}")
    lines += [f"{pad}{names[c.last]} = {names[c.inside]}" for c in op.carried]


def _turn(start: int, stride: int) -> str:
    """The place of turn t: ``3 + t``, ``9 - t``, ``2 * t``."""
    step = "t" if abs(stride) == 1 else f"{abs(stride)} * t"
    if start == 0 and stride > 0:
        return step
    return f"{start} {'+' if stride > 0 else '-'} {step}"
