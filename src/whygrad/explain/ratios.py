"""Quotients of polynomials: run a rule on them instead of numbers and what can cancel, cancels.

Symbols write a rule's formula as it stands; these also simplify it, in exact arithmetic. That is how a derivation shows
why σ' cancels: (a - y) / (a (1 - a)) times a (1 - a) is a - y.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import Any

from whygrad.explain.symbol import Symbol, symbol
from whygrad.rules.define import Rule

Monomial = tuple[tuple[str, int], ...]  # names with their powers, in alphabetical order: x y^2 is (("x", 1), ("y", 2))


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A sum of monomials with exact coefficients, in the order in which they first appeared."""

    terms: Mapping[Monomial, Fraction]

    @cached_property
    def key(self) -> frozenset[tuple[Monomial, Fraction]]:
        """The same for equal polynomials, in whatever order they were added up."""
        return frozenset(self.terms.items())

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for monomial, c in other.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + c
        return Polynomial({m: c for m, c in terms.items() if c})

    def __mul__(self, other: Polynomial) -> Polynomial:
        product = Polynomial({})
        for m, c in self.terms.items():
            product += Polynomial({_times(m, n): c * d for n, d in other.terms.items()})
        return product

    def scaled(self, by: Fraction) -> Polynomial:
        """Every coefficient times ``by``."""
        return Polynomial({m: c * by for m, c in self.terms.items()})

    def divided(self, by: Polynomial) -> Polynomial | None:
        """The exact quotient, or None if the division leaves a rest."""
        names = sorted({name for m in chain(self.terms, by.terms) for name, _ in m})

        def leading(p: Polynomial) -> Monomial:
            return max(p.terms, key=lambda m: [dict(m).get(name, 0) for name in names])

        rest, quotient, top = self, Polynomial({}), leading(by)
        while rest.terms:
            over = _over(leading(rest), top)
            if over is None:
                return None
            part = Polynomial({over: rest.terms[leading(rest)] / by.terms[top]})
            quotient, rest = quotient + part, rest + (part * by).scaled(Fraction(-1))
        return quotient


ONE = Polynomial({(): Fraction(1)})


class Ratio:
    """A coefficient times a product of polynomials to whole powers, positive or negative; factors stay factored."""

    __slots__ = ("atoms", "coefficient", "powers")

    def __init__(self, coefficient: Fraction, powers: Mapping[Polynomial, int], atoms: Mapping[str, Symbol]) -> None:
        self.coefficient, self.powers, self.atoms = coefficient, powers, atoms

    def apply_rule(self, rule: Rule, args: tuple[Any, ...], params: Mapping[str, Any]) -> Ratio:
        """Arithmetic is carried out; any other function of the table becomes a name of its own: ``log(a)``."""
        if rule.name in ARITHMETIC:
            return ARITHMETIC[rule.name](ratio(args[0]), *args[1:])
        return atom(rule(*(symbol_of(x) for x in args), **params))

    def __add__(self, other: Any) -> Ratio:
        a, b = self, ratio(other)
        if not a.coefficient or not b.coefficient:
            return a if a.coefficient else b
        a_powers, b_powers = _matched(a, b)
        every = [*a_powers, *(p for p in b_powers if p not in a_powers)]
        common = {p: min(a_powers.get(p, 0), b_powers.get(p, 0)) for p in every}
        total = _expanded(a.coefficient, {p: a_powers.get(p, 0) - n for p, n in common.items()}) + _expanded(
            b.coefficient, {p: b_powers.get(p, 0) - n for p, n in common.items()}
        )
        return _built(total, common, {**a.atoms, **b.atoms})

    def __mul__(self, other: Any) -> Ratio:
        a, b = self, ratio(other)
        a_powers, b_powers = _matched(a, b)
        powers = {p: a_powers.get(p, 0) + b_powers.get(p, 0) for p in {**a_powers, **b_powers}}
        return _cancelled(a.coefficient * b.coefficient, powers, {**a.atoms, **b.atoms})

    def __pow__(self, n: Any) -> Ratio:
        if isinstance(n, Ratio) or n != int(n):
            return atom(symbol_of(self) ** symbol_of(n))
        return Ratio(self.coefficient ** int(n), {p: k * int(n) for p, k in self.powers.items() if n}, self.atoms)

    def __neg__(self) -> Ratio:
        return Ratio(-self.coefficient, self.powers, self.atoms)

    def __sub__(self, other: Any) -> Ratio:
        return self + -ratio(other)

    def __truediv__(self, other: Any) -> Ratio:
        return self * ratio(other) ** -1

    def __radd__(self, other: Any) -> Ratio:
        return ratio(other) + self

    def __rsub__(self, other: Any) -> Ratio:
        return ratio(other) - self

    def __rmul__(self, other: Any) -> Ratio:
        return ratio(other) * self

    def __rtruediv__(self, other: Any) -> Ratio:
        return ratio(other) / self

    def __gt__(self, other: Any) -> Ratio:
        return atom(self.symbol > symbol_of(other))

    def __ge__(self, other: Any) -> Ratio:
        return atom(self.symbol >= symbol_of(other))

    def __lt__(self, other: Any) -> Ratio:
        return atom(self.symbol < symbol_of(other))

    def __le__(self, other: Any) -> Ratio:
        return atom(self.symbol <= symbol_of(other))

    def __eq__(self, other: object) -> Ratio:  # type: ignore[override]  # a formula, as for symbols
        return atom(self.symbol == symbol_of(other))

    def __ne__(self, other: object) -> Ratio:  # type: ignore[override]  # as for ==
        return atom(self.symbol != symbol_of(other))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return self.symbol.text

    def shares_a_factor_with(self, other: Ratio) -> bool:
        """True if a polynomial stands above the line in both."""
        mine, others = ({p.key for p, n in r.powers.items() if n > 0} for r in (self, other))
        return bool(mine & others)

    @property
    def symbol(self) -> Symbol:
        """The formula as people write it, a minus sign moved into a difference where there is one."""
        coefficient, powers = self.coefficient, dict(self.powers)
        if coefficient < 0:
            turned = next((p for p, n in powers.items() if n % 2 and min(p.terms.values()) < 0), None)
            if turned is not None:
                coefficient = -coefficient
                powers = {(p.scaled(Fraction(-1)) if p is turned else p): n for p, n in powers.items()}
        above, below = symbol(coefficient.numerator), symbol(coefficient.denominator)
        for p, n in powers.items():
            written = _written(p, self.atoms) ** abs(n)
            above, below = (above * written, below) if n > 0 else (above, below * written)
        return above / below


ARITHMETIC: dict[str, Callable[..., Ratio]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "carry": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, n: x**n,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "square": lambda x: x**2,
    "reciprocal": lambda x: x**-1,
}


def atom(name: Symbol) -> Ratio:
    """A name, or a formula that is treated as one."""
    return Ratio(Fraction(1), {Polynomial({((name.text, 1),): Fraction(1)}): 1}, {name.text: name})


def ratio(x: Any) -> Ratio:
    """A ratio as it is; a plain number exactly."""
    if isinstance(x, Ratio):
        return x
    near = Fraction(float(x)).limit_denominator(1000)  # 1/3 is meant, not its 53 binary digits
    return Ratio(near if float(near) == float(x) else Fraction(float(x)), {}, {})


def symbol_of(x: Any) -> Symbol:
    """The formula of a ratio, or a number written out."""
    return x.symbol if isinstance(x, Ratio) else symbol(x)


def _times(m: Monomial, n: Monomial) -> Monomial:
    powers = dict(m)
    for name, k in n:
        powers[name] = powers.get(name, 0) + k
    return tuple(sorted(powers.items()))


def _over(m: Monomial, n: Monomial) -> Monomial | None:
    """m / n, or None where a power would be negative."""
    powers = dict(m)
    for name, k in n:
        powers[name] = powers.get(name, 0) - k
    return None if min(powers.values(), default=0) < 0 else tuple(sorted((name, k) for name, k in powers.items() if k))


def _expanded(coefficient: Fraction, powers: Mapping[Polynomial, int]) -> Polynomial:
    product = ONE.scaled(coefficient)
    for p, n in powers.items():
        for _ in range(n):
            product = product * p
    return product


def _matched(a: Ratio, b: Ratio) -> tuple[Mapping[Polynomial, int], Mapping[Polynomial, int]]:
    """The factors of both, with equal polynomials made the same object so that they can meet."""
    known = {p.key: p for p in a.powers}
    return a.powers, {known.get(p.key, p): n for p, n in b.powers.items()}


def _cancelled(coefficient: Fraction, powers: Mapping[Polynomial, int], atoms: Mapping[str, Symbol]) -> Ratio:
    """The product with nothing left above the line that a polynomial below it divides."""
    left = {p: n for p, n in powers.items() if n} if coefficient else {}
    for above in [p for p, n in left.items() if n > 0]:
        for below in [p for p, n in left.items() if n < 0]:
            quotient = above.divided(below)
            if quotient is not None:
                left[below] += 1
                left[above] -= 1
                return _cancelled(coefficient, left, atoms) * _built(quotient, {}, atoms)
    return Ratio(coefficient, left, atoms)


def _built(numerator: Polynomial, powers: Mapping[Polynomial, int], atoms: Mapping[str, Symbol]) -> Ratio:
    """A polynomial times a product of others: single names apart, common numbers in front."""
    if not numerator.terms:
        return Ratio(Fraction(0), {}, {})
    if len(numerator.terms) == 1:
        ((monomial, coefficient),) = numerator.terms.items()
        singles = {Polynomial({((name, 1),): Fraction(1)}): k for name, k in monomial}
        return Ratio(coefficient, {}, atoms) * Ratio(Fraction(1), singles, atoms) * Ratio(Fraction(1), powers, atoms)
    smallest = abs(min(numerator.terms.values(), key=abs))
    whole = all((c / smallest).denominator == 1 for c in numerator.terms.values())
    content = smallest if whole else Fraction(1)
    return Ratio(content, {numerator.scaled(1 / content): 1}, atoms) * Ratio(Fraction(1), powers, atoms)


def _written(p: Polynomial, atoms: Mapping[str, Symbol]) -> Symbol:
    """A polynomial as a sum, positive terms first."""
    total = symbol(0)
    for monomial, c in sorted(p.terms.items(), key=lambda term: term[1] < 0):
        product = symbol(abs(c.numerator))
        for name, k in monomial:
            product = product * atoms[name] ** k
        product = product / symbol(c.denominator)
        total = total + product if c > 0 else total - product
    return total
