"""A step of the backward sweep as a line that can be read and checked: the rules run on names and numbers at once."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from whygrad.backward import sum_to_shape
from whygrad.checking.place import Attempt
from whygrad.checking.replay import quiet
from whygrad.checking.verdict import Line
from whygrad.errors import WhygradError
from whygrad.explain.formulas import spelled
from whygrad.explain.symbol import PRODUCT, Symbol, bracket, symbol
from whygrad.graph.node import Node
from whygrad.graph.operators import ArrayOperators
from whygrad.rules.define import Rule, Value

MOST_STEPS = 30  # unnamed steps written into one line; beyond that a line is no help
LONGEST = 300  # characters


class Worked(ArrayOperators):
    """A number or an array together with the words for it: what a rule makes of it has both again."""

    __slots__ = ("product", "symbol", "value")

    def __init__(self, value: Value, words: Symbol, product: tuple[Worked, Worked] | None = None) -> None:
        self.value, self.symbol = np.asarray(value), words
        self.product = product  # the two matrices that it is the product of: its transpose is theirs

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy's."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As NumPy's."""
        return self.value.dtype

    def apply_rule(self, rule: Rule, args: tuple[Any, ...], params: Mapping[str, Any]) -> Worked:
        """The rule on the numbers, and in words."""
        if rule.name == "transpose" and params.get("axes") is None and self.product is not None:
            left, right = self.product
            return cast(Worked, right.T @ left.T)
        with quiet():
            value = rule.forward(*(x.value if isinstance(x, Worked) else x for x in args), **params)
        words = _words(rule, [_symbol(x) for x in args], params, np.shape(getattr(args[0], "value", args[0])))
        both = rule.name == "matmul" and all(isinstance(x, Worked) and x.value.ndim == 2 for x in args)
        return Worked(value, words, (args[0], args[1]) if both else None)


def _symbol(x: Any) -> Symbol:
    if isinstance(x, Worked):
        return x.symbol
    return symbol(np.asarray(x).item()) if np.size(x) == 1 else Symbol(f"[array of shape {np.shape(x)}]")


def _words(rule: Rule, symbols: list[Symbol], params: Mapping[str, Any], shape: tuple[int, ...]) -> Symbol:
    """As NumPy's code is written; a value that is only copied or moved keeps its words."""
    first = symbols[0]
    if rule.name in ("copies", "broadcast_to", "cast", "positive"):
        return first
    if rule.name == "reshape":
        return _moved(first, shape, params["shape"])
    if rule.name in ("multiply", "carry"):
        return _product(first, symbols[1])
    if rule.name == "transpose" and params.get("axes") is None:
        return Symbol(first.text.removesuffix(".T")) if first.text.endswith(".T") else first.T
    if rule.name in ("sum", "mean") and not params.get("keepdims"):
        return Symbol(f"{rule.name}({first.text}{_axis(params)})", rule.written.format(x=first.latex))
    if rule.name == "sum":
        return Symbol(f"sum({first.text}{_axis(params)}, keepdims=True)", rule.written.format(x=first.latex))
    return symbols[0].apply_rule(rule, tuple(symbols), params)


def _product(a: Symbol, b: Symbol) -> Symbol:
    """As people write it: a·b·c without brackets, and a division by n at the end."""
    if match := re.fullmatch(r"1 / (\d+)", a.text):
        return b if b.number == 1 else b / symbol(int(match[1]))
    if match := re.fullmatch(r"1 / (.+)", b.text):
        return Symbol(f"{bracket(a, 'text', PRODUCT)} / {match[1]}", rf"\frac{{{a.latex}}}{{{match[1]}}}", PRODUCT)
    made = a * b
    if b.binds == PRODUCT and b.negates is None and made.text.endswith(f" * ({b.text})"):
        return Symbol(made.text.removesuffix(f"({b.text})") + b.text, made.latex, PRODUCT)
    return made


def _axis(params: Mapping[str, Any]) -> str:
    axis = params.get("axis")
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    return "" if axis is None else f", axis={axis}"


def _moved(x: Symbol, before: tuple[int, ...], after: tuple[int, ...]) -> Symbol:
    """A vector as a column or a row, and back again."""
    if len(before) == 1 and len(after) == 2:
        return Symbol(f"{bracket(x, 'text', 4)}[{':, None' if after[1] == 1 else 'None, :'}]", x.latex)
    if len(after) == 1 and x.text.endswith("[:, None]") and "@" in x.text:
        return Symbol(x.text.removesuffix("[:, None]"), x.latex, PRODUCT)
    return x


def corrected_line(derivation: Attempt, at: Node) -> Line | None:
    """``∂C/∂z1 = ∂C/∂a1 * a1 * (1 - a1)``, with the number; None where the line would be too long to help."""
    output = derivation.program.output
    by = f"∂{derivation.program.label(output)}/∂{derivation.program.label(at)}"
    try:
        named = _Line(derivation, at, numbers=False).written()
        numbers = _Line(derivation, at, numbers=True).written() if at.shape == () else named
    except (
        WhygradError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
    ):
        return None  # a rule that words can not run through
    if named is None or numbers is None or len(named.symbol.text) > LONGEST or "…" in named.symbol.text:
        return None
    formula = named.symbol.spoken
    if at.shape == () and numbers.symbol.text != named.symbol.text and len(numbers.symbol.text) < LONGEST // 2:
        formula += f" = {numbers.symbol.spoken}"
    return Line(by, formula, derivation.carried[at])


class _Line:
    """One line being written: named values above are where it ends."""

    def __init__(self, derivation: Attempt, at: Node, numbers: bool) -> None:
        self.derivation, self.at, self.numbers = derivation, at, numbers
        self.program, self.steps = derivation.program, 0

    def written(self) -> Worked | None:
        """The sum over the uses of the value, each carried back in words."""
        return self._collected(self.at)

    def _arriving(self, node: Node) -> Worked | None:
        """What arrives at a step: by its name, if it has one."""
        value = self.derivation.arriving_at(node)
        if node is self.program.output:
            return Worked(value, symbol(1))
        if node in self.program.labels or node in self.derivation.given:
            label = f"∂{self.program.label(self.program.output)}/∂{self.program.label(node)}"
            return Worked(value, self._spelled(value, label))
        return self._collected(node)

    def _collected(self, node: Node) -> Worked | None:
        total: Any = self._squished(node)
        if total is not None:
            return total  # type: ignore[no-any-return]  # a Value is Any
        for user, arg in reversed(self.derivation.users.get(node, ())):
            self.steps += 1
            g = self._arriving(user) if self.steps < MOST_STEPS else None
            rule = user.rule
            pull = rule.pull(arg) if rule is not None else None
            if g is None or pull is None:
                return None
            flow = pull(g, self._input(user), *(self._input(x) for x in user.inputs), **user.params)
            flow = flow if isinstance(flow, Worked) else Worked(flow, _symbol(flow))
            if flow.shape != node.shape:
                flow = sum_to_shape(flow, node.shape)
            total = flow if total is None else total + flow
        return total  # type: ignore[no-any-return]  # a Value is Any

    def _squished(self, node: Node) -> Worked | None:
        """Through an activation of the table that the learner wrote out: as the table writes its slope."""
        for squish in self.derivation.squishes:
            if squish.z is not node or squish.known is None or squish.a not in self.program.labels:
                continue
            among = set(squish.steps)
            if all(user in among for user, _ in self.derivation.users.get(node, ())):
                slope = squish.known.slopes[0] if squish.known.slopes is not None else None
                g = self._arriving(squish.a)
                if g is not None and callable(slope):
                    return g * slope(self._input(squish.a), self._input(node))  # type: ignore[no-any-return]  # a Value is Any
        return None

    def _input(self, x: Any) -> Any:
        """A value that a slope is written with: by its name, else by how it was made; a constant as it is."""
        if not isinstance(x, Node):
            return np.asarray(x).item() if np.size(x) == 1 else x
        if x in self.program.labels:
            return Worked(x.value, self._spelled(x.value, self.program.labels[x]))
        self.steps += 1
        if x.rule is None or self.steps > MOST_STEPS:
            return Worked(x.value, Symbol("…"))
        made = x.rule(*(self._input(i) for i in x.inputs), **x.params)
        return made if isinstance(made, Worked) else Worked(x.value, _symbol(made))

    def _spelled(self, value: Any, label: str) -> Symbol:
        if self.numbers and np.size(value) == 1 and math.isfinite(float(np.ravel(value)[0])):
            return spelled(float(np.ravel(value)[0]))
        return Symbol(label)
