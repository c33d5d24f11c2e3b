"""How the loops of a compiled program spell each elementwise rule, on single numbers.

Only values are spelled here; derivatives are traced from the rules like everything else.
``tests/jit/test_rules_native.py``
compares each spelling with the rule's own forward at the rule's test points, special numbers and in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# Written with ``c(0.5)`` where a number must have the precision of the others. Arguments are names, or loads of one
# number.
Number = Callable[[float], str]
Spelling = Callable[..., str]


def _infix(sign: str) -> Spelling:
    return lambda c, x, y: f"{x} {sign} {y}"


def _call(name: str) -> Spelling:
    return lambda c, *xs: f"{name}({', '.join(xs)})"


def _larger(c: Number, x: str, y: str) -> str:
    return f"{x} if ({x} >= {y}) | ({x} != {x}) else {y}"  # NaN wins, as in NumPy


def _smaller(c: Number, x: str, y: str) -> str:
    return f"{x} if ({x} <= {y}) | ({x} != {x}) else {y}"


def _power(c: Number, x: str, y: str) -> str:
    if y in (c(3), c(4)):
        return " * ".join([x] * (3 if y == c(3) else 4))  # 20 times as fast as pow
    return f"{x} ** {y}"


SPELLED: dict[str, Spelling] = {
    "add": _infix("+"),
    "subtract": _infix("-"),
    "multiply": _infix("*"),
    "divide": _infix("/"),
    "negative": lambda c, x: f"-{x}",
    "positive": lambda c, x: x,
    "square": lambda c, x: f"{x} * {x}",
    "reciprocal": lambda c, x: f"{c(1)} / {x}",
    "carry": lambda c, g, slope: f"{c(0)} if {g} == {c(0)} else {g} * {slope}",
    "power": _power,
    "sqrt": _call("math.sqrt"),
    "exp": _call("exp"),
    "expm1": _call("expm1"),
    "log": _call("log"),
    "log1p": _call("log1p"),
    "sin": _call("np.sin"),
    "cos": _call("np.cos"),
    "tanh": _call("tanh"),
    "sigmoid": _call("sigmoid"),
    "erf": _call("erf"),
    "exp2": lambda c, x: f"exp({x} * {c(math.log(2))})",
    "log2": _call("np.log2"),
    "log10": _call("np.log10"),
    "tan": _call("np.tan"),
    "arcsin": _call("np.arcsin"),
    "arccos": _call("np.arccos"),
    "arctan": _call("np.arctan"),
    "arctan2": _call("np.arctan2"),
    "sinh": _call("np.sinh"),
    "cosh": _call("np.cosh"),
    "arcsinh": _call("np.arcsinh"),
    "arccosh": _call("np.arccosh"),
    "arctanh": _call("np.arctanh"),
    "hypot": _call("np.hypot"),
    "degrees": lambda c, x: f"{x} * {c(180 / math.pi)}",
    "rad2deg": lambda c, x: f"{x} * {c(180 / math.pi)}",
    "radians": lambda c, x: f"{x} * {c(math.pi / 180)}",
    "deg2rad": lambda c, x: f"{x} * {c(math.pi / 180)}",
    # ── choices ──
    "where": lambda c, yes, x, y: f"{x} if {yes} else {y}",
    "maximum": _larger,
    "minimum": _smaller,
    "fmax": lambda c, x, y: f"{x} if ({x} >= {y}) | ({y} != {y}) else {y}",
    "fmin": lambda c, x, y: f"{x} if ({x} <= {y}) | ({y} != {y}) else {y}",
    "absolute": _call("abs"),
    "fabs": _call("abs"),
    "sign": _call("np.sign"),
    "copysign": _call("np.copysign"),
    "floor": _call("np.floor"),
    "ceil": _call("np.ceil"),
    "rint": _call("np.rint"),
    "trunc": _call("np.trunc"),
    "greater": _infix(">"),
    "greater_equal": _infix(">="),
    "less": _infix("<"),
    "less_equal": _infix("<="),
    "equal": _infix("=="),
    "not_equal": _infix("!="),
    "isnan": lambda c, x: f"{x} != {x}",
    "isfinite": lambda c, x: f"{x} - {x} == {c(0)}",
    "isinf": lambda c, x: f"abs({x}) == {c(math.inf)}",
    "logical_not": lambda c, x: f"not {x}",
    "logical_and": lambda c, x, y: f"bool({x}) & bool({y})",
    "logical_or": lambda c, x, y: f"bool({x}) | bool({y})",
    "logical_xor": lambda c, x, y: f"bool({x}) ^ bool({y})",
    # ── activations ──
    "relu": lambda c, x: f"{x} if ({x} > {c(0)}) | ({x} != {x}) else {c(0)}",
    "leaky_relu": lambda c, x, slope=0.01: f"{x} if {x} > {c(0)} else {c(slope)} * {x}",
    "elu": lambda c, x, alpha=1.0: f"{x} if {x} > {c(0)} else {c(alpha)} * expm1({x})",
    "gelu": lambda c, x: f"{c(0.5)} * {x} * ({c(1)} + erf({x} * {c(math.sqrt(0.5))}))",
    "silu": lambda c, x: f"{x} * sigmoid({x})",
    "softplus": lambda c, x: f"({x} if {x} > {c(0)} else {c(0)}) + log1p(exp(-abs({x})))",
}

COMPARISONS = frozenset(
    {
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
        "not_equal",
        "isnan",
        "isfinite",
        "isinf",
        "logical_not",
        "logical_and",
        "logical_or",
        "logical_xor",
    }
)


def literal(x: Any, dtype: np.dtype[Any]) -> str:
    """A plain number of this dtype, as text."""
    if dtype.kind == "b":
        return str(bool(x))
    if dtype.kind in "iu":
        return repr(int(x))
    number = float(x)
    text = (
        repr(number)
        if math.isfinite(number)
        else "np.nan"
        if math.isnan(number)
        else f"{'-' if number < 0 else ''}np.inf"
    )
    return f"f32({text})" if dtype == np.float32 else f"({text})" if text.startswith("-") else text


def spelled_dtype(dtype: np.dtype[Any]) -> str:
    """The function that makes a number of this dtype."""
    return "f32" if dtype == np.float32 else "bool" if dtype.kind == "b" else f"np.{dtype.name}"
