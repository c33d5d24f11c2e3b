"""What a birth of NaN or inf means and what to try: a table, one row for each way in which it happens.

A row says in which operations, forwards or backwards, for which numbers, why, and what to write instead; ``{x}`` and
``{y}`` stand for what the user calls the numbers that met, ``{X}`` and ``{Y}`` for the values they belong to.
The first row that fits is taken, and the last fits everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from whygrad.diagnosis.places import Operand
from whygrad.graph.node import Node
from whygrad.graph.record import Program


@dataclass(frozen=True)
class Situation:
    """One birth: the operation ``node``, what it met at number ``index``, and the ``value`` that came of it."""

    program: Program
    node: Node
    index: int
    way: str
    operands: tuple[Operand, ...]
    value: float
    arg: int = 0
    arrived: float | None = None

    @property
    def x(self) -> float:
        """The first operand's number; NaN where all of its numbers take part."""
        return self.number(0)

    @property
    def y(self) -> float:
        """The second operand's number."""
        return self.number(1)

    def number(self, i: int) -> float:
        """Operand number ``i`` as a float."""
        value = self.operands[i].value if i < len(self.operands) else None
        return float("nan") if value is None else float(value)

    @property
    def limit(self) -> str:
        """The largest number of the dtype, in words."""
        dtype = np.dtype(self.node.dtype)
        return f"{dtype} ends at {float(np.finfo(dtype).max):.2g}" if dtype.kind == "f" else str(dtype)


@dataclass(frozen=True)
class Row:
    """One row: it fits ``rules`` (empty: all) on its ``way`` (empty: both) where ``when`` holds."""

    rules: str
    way: str
    when: Callable[[Situation], bool]
    because: str
    try_: tuple[str, ...] = ()


def _made_by(s: Situation, rule: str) -> bool:
    """Whether the first operand was made by that rule, perhaps through steps that only move numbers or subtract."""
    node = s.node.inputs[0] if s.node.inputs else None
    for _ in range(4):
        if not isinstance(node, Node) or node.rule is None:
            return False
        if node.rule.name == rule:
            return True
        if node.rule.name not in ("getitem", "reshape", "pick", "subtract", "transpose"):
            return False
        node = node.parents[0][1] if node.parents else None
    return False


def _in_sigmoid(s: Situation) -> bool:
    """Whether 1 is added to the exponential: 1 + exp(x)."""
    return any(
        node.rule is not None
        and node.rule.name == "add"
        and any(parent is s.node for _, parent in node.parents)
        and any(not isinstance(x, Node) and np.all(np.asarray(x) == 1) for x in node.inputs)
        for node in s.program.tape
    )


def _all_finite(s: Situation) -> bool:
    return all(np.isfinite(x).all() for x in map(np.asarray, s.node.input_values()) if x.dtype.kind == "f")


LOGS, EXPS, SUMS = "log log2 log10", "exp exp2 expm1 sinh cosh", "sum mean matmul dot einsum tensordot cumsum var"
TABLE = (
    Row(
        "",
        "given",
        lambda s: s.node.rule is None,
        "the argument {made} is {kind} before anything is computed",
        ("clean the data: np.isfinite(...) finds the rows", "np.nan_to_num(x) only if 0 is a sensible substitute"),
    ),
    Row("", "given", lambda s: True, "a constant on this line is {kind}", ("look where the constant comes from",)),
    Row(
        "divide",
        "forward",
        lambda s: s.x == 0 and s.y == 0,
        "0 / 0 is not a number",
        ("np.where({(Y)} != 0, {(X)} / np.where({(Y)} != 0, {Y}, 1.0), 0.0)", "{(X)} / ({Y} + 1e-12)"),
    ),
    Row(
        "divide remainder fmod",
        "forward",
        lambda s: s.y == 0,
        "a division by 0",
        ("np.where({(Y)} != 0, {(X)} / np.where({(Y)} != 0, {Y}, 1.0), 0.0)", "{(X)} / ({Y} + 1e-12)"),
    ),
    Row("reciprocal", "", lambda s: s.x == 0, "a division by 0", ("1 / ({X} + 1e-12)",)),
    Row(
        LOGS,
        "",
        lambda s: s.x == 0 and _made_by(s, "softmax"),
        "a share of 0 has no logarithm: the softmax underflowed",
        ("wg.log_softmax of what the softmax was taken of",),
    ),
    Row(
        LOGS,
        "",
        lambda s: s.x == 0 and _made_by(s, "sigmoid"),
        "a sigmoid of 0 has no logarithm: it underflowed",
        ("-np.logaddexp(0, -z) for log(sigmoid(z)), and -np.logaddexp(0, z) for log(1 - sigmoid(z))",),
    ),
    Row(
        LOGS,
        "",
        lambda s: s.x == 0,
        "the logarithm goes to -inf at 0, and its slope 1 / {x} to inf",
        ("np.log({X} + 1e-12)", "np.log(np.maximum({X}, 1e-12)), which has slope 0 below the bound"),
    ),
    Row(
        "log1p",
        "",
        lambda s: s.x == -1,
        "log(1 + x) goes to -inf at x = -1",
        ("np.log1p(np.maximum({X}, -1 + 1e-12))",),
    ),
    Row(
        LOGS + " log1p",
        "forward",
        lambda s: s.x < 0,
        "a negative number has no real logarithm",
        ("np.log(np.maximum({X}, 1e-12))", "np.log(np.abs({X})), if the size is meant"),
    ),
    Row(
        "sqrt",
        "forward",
        lambda s: s.x < 0,
        "a negative number has no real root",
        ("np.sqrt(np.maximum({X}, 0.0) + 1e-12)", "if {X} can be negative only by rounding, the maximum is enough"),
    ),
    Row(
        "sqrt cbrt",
        "backward",
        lambda s: s.x == 0,
        "the root is infinitely steep at 0",
        (
            "np.sqrt({X} + 1e-12)",
            "np.where({X} > 0, np.sqrt(np.where({X} > 0, {X}, 1.0)), 0.0), with slope 0 there",
            "np.linalg.norm(v) for np.sqrt(np.sum(v**2)): its slope at 0 is 0",
        ),
    ),
    Row(
        "power",
        "forward",
        lambda s: s.x == 0 and s.y < 0,
        "0 to a negative power is a division by 0",
        ("({X} + 1e-12) ** {(Y)}",),
    ),
    Row(
        "power",
        "",
        lambda s: s.x < 0 and s.y != round(s.y),
        "a negative number has no real power of {y}",
        ("np.abs({X}) ** {(Y)}", "np.maximum({X}, 0.0) ** {(Y)}"),
    ),
    Row(
        "power",
        "backward",
        lambda s: s.x == 0,
        "the slope {y} · {x}^({y} - 1) is infinite at 0",
        ("({X} + 1e-12) ** {(Y)}",),
    ),
    Row(
        EXPS,
        "forward",
        _in_sigmoid,
        "e^x outgrows the dtype: {limit}",
        ("wg.sigmoid(z) for 1 / (1 + np.exp(-z))", "np.logaddexp(0, z) for np.log(1 + np.exp(z))"),
    ),
    Row(
        EXPS,
        "forward",
        lambda s: True,
        "e^x outgrows the dtype: {limit}",
        (
            "subtract the largest first: np.exp({X} - np.max({X}))",
            "wg.softmax, wg.log_softmax or wg.logsumexp",
            "np.clip({X}, -50, 50), which has slope 0 outside",
        ),
    ),
    Row("arcsin arccos", "forward", lambda s: abs(s.x) > 1, "only -1 to 1 has an angle", ("np.clip({X}, -1.0, 1.0)",)),
    Row(
        "arcsin arccos arctanh",
        "",
        lambda s: abs(s.x) == 1,
        "infinitely steep at -1 and 1",
        ("np.clip({X}, -1 + 1e-7, 1 - 1e-7)", "np.arctan2(y, x) of the two sides, for an angle"),
    ),
    Row("arctanh", "forward", lambda s: abs(s.x) > 1, "only -1 to 1 has one", ("np.clip({X}, -1 + 1e-7, 1 - 1e-7)",)),
    Row(
        "mean var std",
        "forward",
        lambda s: 0 in s.operands[0].shape,
        "the mean of no numbers is 0 / 0",
        ("leave out empty groups: is a mask empty here?",),
    ),
    Row(
        "softmax log_softmax",
        "forward",
        lambda s: True,
        "every number of a row is -inf: 0 / 0 shares",
        ("leave at least one number of every row unmasked", "a large negative number, -1e9, for -inf"),
    ),
    Row(
        "divide",
        "backward",
        lambda s: s.y == 0,
        "the slope 1 / {y} is infinite",
        ("np.where({(Y)} != 0, {(X)} / np.where({(Y)} != 0, {Y}, 1.0), 0.0)",),
    ),
    Row(
        "multiply divide square power add subtract " + SUMS,
        "forward",
        _all_finite,
        "too large for the dtype: {limit}",
        ("smaller numbers: scale the inputs or lower the learning rate", "float64, if this is float32 or float16"),
    ),
    Row(
        "multiply square add subtract negative " + SUMS,
        "backward",
        lambda s: s.arrived != 0,
        "what comes back is too large for the dtype: {limit}",
        (
            "smaller numbers: scale the inputs or lower the learning rate",
            "clip_norm=, against single steps that are too large",
        ),
    ),
    Row(
        "",
        "forward",
        lambda s: not _all_finite(s),
        "what was infinite on purpose became NaN: inf - inf, 0 · inf or inf / inf",
        ("a large finite number, 1e9, for inf", "np.where before the operation, not after"),
    ),
    Row("", "backward", lambda s: s.arrived == 0, "0 comes back, but the slope is infinite, and 0 · inf is NaN"),
    Row(
        "",
        "backward",
        lambda s: s.value == s.value and _all_finite(s),
        "the product is infinite: {convention}",
        ("keep {X} away from this point: a small 1e-12 added, or np.clip", "clip_norm=, if only large gradients do it"),
    ),
    Row("", "", lambda s: True, "{convention}", ("keep its operands away from this point: np.clip, or 1e-12 added",)),
)
