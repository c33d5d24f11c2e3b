"""exp, expm1, log, log1p, tanh, sigmoid, erf without branches, so that LLVM vectorises the loop that calls them.

A call of the C library keeps a loop scalar: 4 to 15 ns a number, where these take about 0.3 to 2. Each function is a
formula over ``Lane``, one number being computed; running the formula writes LLVM instructions straight into the
caller, without a call. Every instruction carries the flag ``contract`` (a*b+c may round once) and with that no other:
the order of these operations is what makes the last digits right.

The polynomials are ours: interpolation at Chebyshev nodes in 60 digits, rounded; the remainder is below 2^-57 in
float64 and 2^-27 in float32, relative to the function. The shape of log is that of W. Kahan's and K. C. Ng's log in
FreeBSD's msun (e_log.c), the argument reduction is W. J. Cody's and W. Waite's (Software Manual, 1980).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

CONTRACT = ("contract",)


@dataclass(frozen=True)
class Format:
    """A floating-point format: its bits, and the polynomials and limits that suit its precision."""

    number: Any  # the LLVM type
    pattern: Any  # the integer type of as many bits
    mantissa: int  # bits of it that are stored
    bias: int
    smallest: float  # normal number
    packing: tuple[str, str]  # struct's codes of number and pattern
    ln2: tuple[float, float]  # high part with so few bits that a multiple of it is exact, and the rest
    root_half: float
    exp_range: tuple[float, float]  # outside it exp is 0 or infinity
    expm1_floor: float  # below it expm1 is -1
    tanh_one: float  # above it tanh rounds to 1
    erf_one: float
    exp: tuple[float, ...]  # (exp(r) - 1 - r) / r²,          |r| ≤ ln(2)/2
    log: tuple[float, ...]  # (2 atanh(s) / s - 2) / s²,      as powers of s², |s| ≤ 0.172
    erf: tuple[float, ...]  # erf(x) / x - 1,                 as powers of x², |x| ≤ 1
    erfc: tuple[float, ...]  # erfc(x) exp(x²),               as powers of 1 / (x + 2), 1 ≤ x ≤ erf_one

    @property
    def magic(self) -> float:
        """Added to a number and taken off again, it rounds to an integer, which then stands in the lowest bits."""
        return 1.5 * 2.0**self.mantissa


SINGLE = Format(
    number=ir.FloatType(),
    pattern=ir.IntType(32),
    mantissa=23,
    bias=127,
    smallest=2.0**-126,
    packing=("f", "I"),
    ln2=(0.693145751953125, 1.428606765330187e-06),
    root_half=0.70710677,
    exp_range=(-104.0, 89.0),
    expm1_floor=-20.0,
    tanh_one=10.0,
    erf_one=4.0,
    exp=(0.5, 0.16666667, 0.041666463, 0.0083333105, 0.0013933821, 0.0001989118),
    log=(0.6666667, 0.40000123, 0.28550693, 0.23333909),
    erf=(0.12837917, -0.37612626, 0.11283594, -0.026854211, 0.0051890872, -0.00080168643, 7.875875e-05),
    erfc=(0.00129682, 0.52957594, 1.5091487, -0.21890765, 9.627562, -6.967495),
)

# fmt: off
DOUBLE = Format(
    number=ir.DoubleType(),
    pattern=ir.IntType(64),
    mantissa=52,
    bias=1023,
    smallest=2.0**-1022,
    packing=("d", "Q"),
    ln2=(0.6931471805592082, 7.371002565167799e-13),
    root_half=0.7071067811865476,
    exp_range=(-746.0, 710.0),
    expm1_floor=-40.0,
    tanh_one=22.0,
    erf_one=6.0,
    exp=(
        0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326025, 0.001388888888888367,
        0.00019841269875205077, 2.4801587325822283e-05, 2.75572549134867e-06, 2.7557273295539724e-07,
        2.5105419192016337e-08, 2.091483135138041e-09,
    ),
    log=(
        0.6666666666666666, 0.40000000000000896, 0.28571428570792073, 0.22222222394326058, 0.18181795361427514,
        0.1538625483939804, 0.13268368374196163, 0.1309085280389437,
    ),
    erf=(
        0.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
        -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
        -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11,
    ),
    erfc=(
        1.5787361218875787e-07, 0.5641774492271413, 1.1288112614482952, 1.9652121116384982, 2.9628448889367087,
        1.1332948666450164, 12.330214280361908, -85.30646687873627, 353.21855679936374, -1296.5712115063998,
        3375.455437293695, -5722.7557371089215, 6109.8553833358765, -3781.562446455142, 1045.1519609963764,
    ),
)
# fmt: on

INFINITY, NAN = float("inf"), float("nan")


class Lane:
    """One number being computed: arithmetic on it writes instructions. Python's numbers become constants."""

    def __init__(self, builder: Any, form: Format, value: Any) -> None:
        self.builder, self.form, self.value = builder, form, value

    def of(self, other: Any) -> Lane:
        """A constant of this format; a Lane stays as it is."""
        return other if isinstance(other, Lane) else Lane(self.builder, self.form, self.form.number(other))

    def _with(self, operation: str, left: Any, right: Any) -> Lane:
        write = getattr(self.builder, operation)
        return Lane(self.builder, self.form, write(self.of(left).value, self.of(right).value, flags=CONTRACT))

    def __add__(self, other: Any) -> Lane:
        return self._with("fadd", self, other)

    def __radd__(self, other: Any) -> Lane:
        return self._with("fadd", other, self)

    def __sub__(self, other: Any) -> Lane:
        return self._with("fsub", self, other)

    def __rsub__(self, other: Any) -> Lane:
        return self._with("fsub", other, self)

    def __mul__(self, other: Any) -> Lane:
        return self._with("fmul", self, other)

    def __rmul__(self, other: Any) -> Lane:
        return self._with("fmul", other, self)

    def __truediv__(self, other: Any) -> Lane:
        return self._with("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> Lane:
        return self._with("fdiv", other, self)

    def below(self, other: Any) -> Any:
        """A bit: this is less than ``other``; never for NaN."""
        return self.builder.fcmp_ordered("<", self.value, self.of(other).value)

    def equal(self, other: Any) -> Any:
        """A bit: this equals ``other``."""
        return self.builder.fcmp_ordered("==", self.value, self.of(other).value)

    def where(self, bit: Any, other: Any) -> Lane:
        """This if the bit is set, else ``other``."""
        return Lane(self.builder, self.form, self.builder.select(bit, self.value, self.of(other).value))

    def at_most(self, limit: float) -> Lane:
        """The smaller of the two; NaN stays NaN."""
        return self.of(limit).where(self.of(limit).below(self), self)

    def at_least(self, limit: float) -> Lane:
        """The greater of the two; NaN stays NaN."""
        return self.of(limit).where(self.below(limit), self)

    def bits(self) -> Any:
        """The bit pattern as an integer."""
        return self.builder.bitcast(self.value, self.form.pattern)

    def from_bits(self, pattern: Any) -> Lane:
        """The number with this bit pattern."""
        return Lane(self.builder, self.form, self.builder.bitcast(pattern, self.form.number))

    def size(self) -> Lane:
        """The absolute value: its sign bit is cleared."""
        mask = (1 << (self.form.pattern.width - 1)) - 1
        return self.from_bits(self.builder.and_(self.bits(), self.form.pattern(mask)))

    def signed_as(self, other: Lane) -> Lane:
        """This magnitude with the sign of ``other``: odd functions keep -0.0 this way."""
        sign = 1 << (self.form.pattern.width - 1)
        bit = self.builder.and_(other.bits(), self.form.pattern(sign))
        return self.from_bits(self.builder.or_(self.size().bits(), bit))

    def polynomial(self, coefficients: tuple[float, ...]) -> Lane:
        """The sum of coefficients times powers of this, paired by G. Estrin's scheme.

        Horner's rule has as few operations, but each waits for the one before: 40 cycles at degree 10, where these
        take 16. That is what limits a loop over them.
        """
        terms, power = [self.of(coefficient) for coefficient in coefficients], self
        while len(terms) > 1:
            paired = [low + high * power for low, high in zip(terms[::2], terms[1::2], strict=False)]
            terms = paired + terms[len(paired) * 2 :]
            power = power * power if len(terms) > 1 else power
        return terms[0]


# ── the functions ────────────────────────────────────────────────────────────────────────────────────────────────────


def reduced(x: Lane) -> tuple[Lane, Lane]:
    """``k`` and ``p`` with exp(x) = 2^k (1 + p), where k is an integer and |p| below about 0.42."""
    high, low = x.form.ln2
    k = (x * 1.4426950408889634 + x.form.magic) - x.form.magic
    r = (x - k * high) - k * low
    return k, r + r * r * r.polynomial(x.form.exp)


def power_of_two(k: Lane) -> Lane:
    """2^k for an integer k within the normal exponents: shifted from the low bits of k + magic to the exponent's."""
    form, write = k.form, k.builder
    low = write.add((k + form.magic).bits(), form.pattern(form.bias))
    return k.from_bits(write.shl(low, form.pattern(form.mantissa)))


def halves(k: Lane) -> tuple[Lane, Lane]:
    """Two integers whose sum is k: 2^k may lie beyond the normal numbers, 2 to each of these does not."""
    half = (k * 0.5 + k.form.magic) - k.form.magic
    return half, k - half


def exp_of(x: Lane) -> Lane:
    """e^x."""
    k, p = reduced(x.at_least(x.form.exp_range[0]).at_most(x.form.exp_range[1]))
    first, second = (power_of_two(half) for half in halves(k))
    return (first + first * p) * second


def expm1_of(x: Lane) -> Lane:
    """e^x - 1, exact to the last places also near 0."""
    k, p = reduced(x.at_least(x.form.expm1_floor).at_most(x.form.exp_range[1]))
    half, rest = halves(k)
    first = power_of_two(half)
    return ((first * p + (first - power_of_two(0.0 - rest))) * power_of_two(rest)).signed_as(x)


def quotient(above: Lane, first: float, second: Lane) -> Lane:
    """``above / (first + second)``, with what rounding the sum and the division lost given back: 0.5 ulp, not 1.5."""
    below = first + second
    lost = second - (below - first)
    inverse = 1.0 / below
    near = above * inverse
    return near + ((above - near * below) - near * lost) * inverse


def tanh_of(x: Lane) -> Lane:
    """(e^2x - 1) / (e^2x + 1), from expm1 of 2|x|."""
    k, p = reduced(2.0 * x.size().at_most(x.form.tanh_one))
    power = power_of_two(k)
    t = power * p + (power - 1.0)
    return quotient(t, 2.0, t).signed_as(x)


def sigmoid_of(x: Lane) -> Lane:
    """1 / (1 + e^-x), as e^x / (1 + e^x) where x is negative: small values keep all their digits."""
    k, p = reduced((0.0 - x.size()).at_least(x.form.exp_range[0]))
    spare = 64.0  # k goes below the normal exponents by less than that, and never above 0: one factor is enough
    power = power_of_two(k + spare)
    e = (power + power * p) * 2.0**-spare
    return quotient(e.where(x.below(0.0), 1.0), 1.0, e)


def log_of_normal(x: Lane, shift: Lane) -> Lane:
    """Log(x) + shift ln(2) for a positive normal x: x = 2^k (1 + f) with 1 + f between √½ and √2."""
    form, write = x.form, x.builder
    spare = 2 * form.bias + 2  # keeps the exponent positive, so that it can be shifted down without its sign
    root = form.pattern(struct.unpack(form.packing[1], struct.pack(form.packing[0], form.root_half))[0])
    above = write.sub(x.bits(), root)
    exponent = write.lshr(write.add(above, form.pattern(spare << form.mantissa)), form.pattern(form.mantissa))
    steps = write.and_(above, form.pattern(((1 << form.pattern.width) - 1) & -(1 << form.mantissa)))
    f = x.from_bits(write.sub(x.bits(), steps)) - 1.0
    ruler = 2.0**form.mantissa  # an integer below it, written into its low bits, is added to it
    ruler_bits = struct.unpack(form.packing[1], struct.pack(form.packing[0], ruler))[0]
    k = x.from_bits(write.or_(exponent, form.pattern(ruler_bits))) - (ruler + spare) + shift
    s = f / (f + 2.0)
    z = s * s
    half_square = 0.5 * f * f
    bend = s * (half_square + z * z.polynomial(form.log))
    return k * form.ln2[0] - ((half_square - (bend + k * form.ln2[1])) - f)


def log_of(x: Lane) -> Lane:
    """The natural logarithm: -inf at 0, NaN below."""
    tiny, scale = x.below(x.form.smallest), x.form.mantissa + 2
    y = log_of_normal((x * 2.0**scale).where(tiny, x), x.of(-float(scale)).where(tiny, 0.0))
    y = y.where(x.below(INFINITY), x)
    y = x.of(-INFINITY).where(x.equal(0.0), y)
    return x.of(NAN).where(x.below(0.0), y)


def log1p_of(x: Lane) -> Lane:
    """Log(1 + x): what rounding 1 + x lost is given back as a first-order correction."""
    u = 1.0 + x
    y = log_of_normal(u, x.of(0.0)) + (x - (u - 1.0)) / u
    y = y.signed_as(x).where(x.below(INFINITY), x)
    y = x.of(-INFINITY).where(x.equal(-1.0), y)
    return x.of(NAN).where(x.below(-1.0), y)


def erf_of(x: Lane) -> Lane:
    """The error function: a polynomial up to 1, and 1 - erfc beyond."""
    size = x.size().at_most(x.form.erf_one)
    square = size * size
    near = size + size * square.polynomial(x.form.erf)
    k, p = reduced(0.0 - square)
    power = power_of_two(k)
    far = 1.0 - (power + power * p) * (1.0 / (size + 2.0)).polynomial(x.form.erfc)
    return near.where(size.below(1.0), far).signed_as(x)
