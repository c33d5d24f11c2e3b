"""Symbols: run a rule on names instead of numbers and it writes its own formula."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from whygrad.rules.define import Rule

CHOICE, SUM, PRODUCT, POWER, ATOM = range(5)  # how tightly a formula holds together

GREEK = frozenset(
    "alpha beta gamma delta epsilon eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega".split()
)


class Symbol:
    """A formula in two spellings: ``text`` is valid Python, ``latex`` is for people.

    Arithmetic leaves out what says nothing: ``1 * x`` is written ``x``, ``x + 0`` is ``x``.
    """

    __slots__ = ("binds", "latex", "negates", "number", "text")

    def __init__(
        self,
        text: str,
        latex: str | None = None,
        binds: int = ATOM,
        number: float | None = None,
        negates: Symbol | None = None,
    ) -> None:
        self.text, self.latex, self.binds = text, latex_name(text) if latex is None else latex, binds
        self.number = number  # set if this is a plain number
        self.negates = negates  # set if this is minus another formula, so that signs can cancel

    def __repr__(self) -> str:
        return self.text

    def apply_rule(self, rule: Rule, args: tuple[Any, ...], params: Mapping[str, Any]) -> Symbol:
        """What ``rule`` of these arguments is written as: an operator where there is one, else a function call."""
        operator = OPERATORS.get(rule.name)
        if operator is not None:
            return operator(*args)
        symbols = [symbol(a) for a in args]
        call = ", ".join([s.text for s in symbols] + [f"{k}={v!r}" for k, v in params.items()])
        names: dict[str, Any] = dict(zip(rule.inputs, (s.latex for s in symbols), strict=False))
        if rule.variadic:
            names = {rule.inputs[0][1:]: ", ".join(s.latex for s in symbols)}
        bare = rule.written.startswith("{") or rule.written.endswith(
            "}}"
        )  # e.g. x^2: its argument needs brackets to stand under it
        if bare and not rule.variadic:
            names |= {
                n: bracket(s, "latex", ATOM)
                for n, s in zip(rule.inputs, symbols, strict=True)
                if rule.written.startswith("{" + n + "}")
            }
        try:
            latex = rule.written.format(**names, **{k: v for k, v in params.items() if k not in names})
        except (KeyError, IndexError, ValueError):
            latex = rf"\mathrm{{{_escaped(rule.name)}}}({', '.join(s.latex for s in symbols)})"
        return Symbol(f"{rule.name}({call})", latex)

    def __add__(self, y: Any) -> Symbol:
        a, b = self, symbol(y)
        if a.number == 0 or b.number == 0:
            return b if a.number == 0 else a
        if b.negates is not None:
            return a - b.negates
        return infix(a, b, " + ", " + ", SUM, SUM)

    def __sub__(self, y: Any) -> Symbol:
        a, b = self, symbol(y)
        if b.number == 0:
            return a
        if b.negates is not None:
            return a + b.negates
        return -b if a.number == 0 else infix(a, b, " - ", " - ", SUM, PRODUCT)

    def __mul__(self, y: Any) -> Symbol:
        a, b = self, symbol(y)
        if a.number is not None and b.number is not None:
            return symbol(a.number * b.number)
        for one, other in ((a, b), (b, a)):
            if one.number == 0:
                return one
            if one.number == 1:
                return other
            if one.number == -1:
                return -other
        if a.negates is not None or b.negates is not None:
            product = (a.negates or a) * (b.negates or b)
            return product if a.negates is not None and b.negates is not None else -product
        if b.number is not None:  # the number first, as people write it
            a, b = b, a
        beside = a.number is not None and not re.match(r"[\d\\-]", b.latex)
        return infix(a, b, " * ", r"\," if beside else r" \cdot ", PRODUCT, POWER)

    def __truediv__(self, y: Any) -> Symbol:
        a, b = self, symbol(y)
        if b.number == 1 or a.number == 0:
            return a
        if a.negates is not None:
            return -(a.negates / b)
        return Symbol(infix(a, b, " / ", "", PRODUCT, POWER).text, rf"\frac{{{a.latex}}}{{{b.latex}}}", PRODUCT)

    def __matmul__(self, y: Any) -> Symbol:
        return infix(self, symbol(y), " @ ", r"\,", PRODUCT, POWER)

    def __pow__(self, y: Any) -> Symbol:
        a, b = self, symbol(y)
        if b.number == 1:
            return a
        return Symbol(
            f"{bracket(a, 'text', ATOM)} ** {bracket(b, 'text', ATOM)}",
            f"{bracket(a, 'latex', ATOM)}^{{{b.latex}}}",
            POWER,
        )

    def __neg__(self) -> Symbol:
        if self.number is not None:
            return symbol(-self.number)
        if self.negates is not None:
            return self.negates
        return Symbol(
            "-" + bracket(self, "text", PRODUCT), "-" + bracket(self, "latex", PRODUCT), PRODUCT, negates=self
        )

    def __radd__(self, y: Any) -> Symbol:
        return symbol(y) + self

    def __rsub__(self, y: Any) -> Symbol:
        return symbol(y) - self

    def __rmul__(self, y: Any) -> Symbol:
        return symbol(y) * self

    def __rtruediv__(self, y: Any) -> Symbol:
        return symbol(y) / self

    def __rpow__(self, y: Any) -> Symbol:
        return symbol(y) ** self

    def __rmatmul__(self, y: Any) -> Symbol:
        return symbol(y) @ self

    def __gt__(self, y: Any) -> Symbol:
        return infix(self, symbol(y), " > ", " > ", CHOICE, SUM)

    def __ge__(self, y: Any) -> Symbol:
        return infix(self, symbol(y), " >= ", r" \ge ", CHOICE, SUM)

    def __lt__(self, y: Any) -> Symbol:
        return infix(self, symbol(y), " < ", " < ", CHOICE, SUM)

    def __le__(self, y: Any) -> Symbol:
        return infix(self, symbol(y), " <= ", r" \le ", CHOICE, SUM)

    def __eq__(self, y: object) -> Symbol:  # type: ignore[override]  # a formula, as NumPy's == gives an array
        return infix(self, symbol(y), " == ", " = ", CHOICE, SUM)

    def __ne__(self, y: object) -> Symbol:  # type: ignore[override]  # as for ==
        return infix(self, symbol(y), " != ", r" \ne ", CHOICE, SUM)

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol(f"{bracket(self, 'text', ATOM)}[{index!r}]", rf"{bracket(self, 'latex', ATOM)}[\cdot]")

    @property
    def T(self) -> Symbol:
        """The transpose."""
        return Symbol(bracket(self, "text", ATOM) + ".T", bracket(self, "latex", ATOM) + r"^{\top}")

    @property
    def spoken(self) -> str:
        """The text as people write it by hand: ``2·(a - y)``."""
        return self.text.replace(" ** ", "^").replace(" * ", "·")


OPERATORS: dict[str, Callable[..., Symbol]] = {
    "add": lambda x, y: symbol(x) + y,
    "subtract": lambda x, y: symbol(x) - y,
    "multiply": lambda x, y: symbol(x) * y,
    "divide": lambda x, y: symbol(x) / y,
    "power": lambda x, y: symbol(x) ** y,
    "matmul": lambda x, y: symbol(x) @ y,
    "negative": lambda x: -symbol(x),
    "square": lambda x: symbol(x) ** 2,
    "carry": lambda g, slope: symbol(g) * slope,
    "greater": lambda x, y: symbol(x) > y,
    "greater_equal": lambda x, y: symbol(x) >= y,
    "less": lambda x, y: symbol(x) < y,
    "less_equal": lambda x, y: symbol(x) <= y,
    "equal": lambda x, y: symbol(x) == y,
    "not_equal": lambda x, y: symbol(x) != y,
}


def symbol(x: Any) -> Symbol:
    """A symbol as it is; a number written out."""
    if isinstance(x, Symbol):
        return x
    number = float(x)
    text = str(int(number)) if abs(number) < 1e16 and number == int(number) else repr(number)
    return Symbol(text, text, ATOM if number >= 0 else PRODUCT, number)


def bracket(a: Symbol, spelling: str, at_least: int) -> str:
    """``a`` in brackets unless it holds together at least so tightly."""
    formula: str = getattr(a, spelling)
    return formula if a.binds >= at_least else f"({formula})"


def infix(a: Symbol, b: Symbol, text: str, latex: str, left: int, right: int) -> Symbol:
    """Two formulas around an operator."""
    return Symbol(
        bracket(a, "text", left) + text + bracket(b, "text", right),
        bracket(a, "latex", left) + latex + bracket(b, "latex", right),
        left,
    )


def formulas(rule: Rule, **params: Any) -> list[Symbol | None]:
    """The derivative for each input, as a person writes it: the rule itself, run on symbols."""
    out, g = Symbol("out", r"\mathrm{out}"), Symbol("g", r"\bar{g}")
    inputs = [Symbol(name) for name in rule.inputs]
    if rule.slopes is not None:
        return [
            None if slope is None else symbol(slope(out, *inputs, **params) if callable(slope) else slope)
            for slope in rule.slopes
        ]
    return [None if pull is None else symbol(pull(g, out, *inputs, **params)) for pull in rule.pulls]


def latex_name(name: str) -> str:
    """A variable's name in LaTeX: ``w1`` is w with index 1, ``delta`` the Greek letter, ``loss`` upright.

    ``h⟨3⟩``, the third h, is h with a raised (3); what stands in brackets is an index: ``layers[0]['W'][1, 2]``.
    """
    head, brackets = re.fullmatch(r"([^\[]*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]  # matches all
    if not re.fullmatch(r"(\[[^\]]*\])*(⟨\d+⟩)?", brackets):  # not a name: the user's expression x[0] * 2
        return rf"\mathrm{{{_escaped(name)}}}"
    head, turn = (part.strip("⟩") for part in (*head.split("⟨"), "")[:2])
    if not turn and brackets.endswith("⟩"):
        brackets, _, turn = brackets[:-1].rpartition("⟨")
    base, has_index = _latex_word(head)
    if turn:
        base = f"{base}^{{({turn})}}" if "^" not in base else f"({base})^{{({turn})}}"
    if not brackets:
        return base
    inside = [part.strip() for part in re.findall(r"\[([^\]]*)\]", brackets)]
    indices = [
        rf"\mathrm{{{_escaped(part[1:-1])}}}" if part[:1] in ("'", '"') else _escaped(part.replace(" ", ""))
        for part in inside
    ]
    return (f"({base})" if has_index else base) + f"_{{{','.join(indices)}}}"


def _latex_word(word: str) -> tuple[str, bool]:
    """A plain name in LaTeX, and whether it carries an index already."""
    found = re.fullmatch(r"([^\W\d_]+?)_?(\d*)((?:\^\d+)?)((?:_\d+)?)", word)
    if not found:
        return rf"\mathrm{{{_escaped(word)}}}", False
    letters, digits, upper, lower = found.groups()
    base = "\\" + letters if letters in GREEK else letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
    index = digits or lower[1:]
    return base + (f"^{{{upper[1:]}}}" if upper else "") + (f"_{{{index}}}" if index else ""), bool(index)


def _escaped(text: str) -> str:
    text = text.replace("\\", "")  # a backslash of repr's, as in ['it\'s'], would take the next brace with it
    return re.sub(r"([_&%$#{}])", r"\\\1", text)
