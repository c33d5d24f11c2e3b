"""Single numbers of a program being compiled: what type the result of an operation has, and the instruction for it.

The types are those that NumPy's numbers have: float32 with float32 stays float32, with float64 it becomes float64.
Printed programs convert on purpose and by name, so there is no more to it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from whygrad.jit.native.writing import I1, declared

DType = np.dtype[Any]
BOOL, INT, FLOAT, SINGLE = (np.dtype(name) for name in ("bool", "int64", "float64", "float32"))
FASTMATH = ("contract", "reassoc", "nsz", "arcp")  # never nnan or ninf: NaN and infinity keep their meaning
FLOATS = {SINGLE: ir.FloatType(), FLOAT: ir.DoubleType()}
LONGEST_POWER = 64  # whole exponents up to this are products


class UntypedError(Exception):
    """An operation that has no meaning for its operands; whoever knows the line says which."""


@dataclass(frozen=True)
class Number:
    """A number: the LLVM value that holds it, its type, and its value where that is a constant whole number."""

    value: Any
    dtype: DType
    constant: int | None = None

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point number."""
        return self.dtype in FLOATS


def kind_of(dtype: DType) -> Any:
    """The LLVM type of a number in a register."""
    if dtype in FLOATS:
        return FLOATS[dtype]
    if dtype.kind not in "biu":
        raise UntypedError(f"numbers of type {dtype}")
    return I1 if dtype == BOOL else ir.IntType(8 * dtype.itemsize)


def kind_in_memory(dtype: DType) -> Any:
    """The LLVM type of a number in an array: yes and no take a byte."""
    return ir.IntType(8) if dtype == BOOL else kind_of(dtype)


def of(x: bool | int | float) -> Number:
    """A constant, typed as Python's."""
    if isinstance(x, bool):
        return Number(I1(int(x)), BOOL)
    if isinstance(x, int):
        return Number(kind_of(INT)(x), INT, x)
    return Number(FLOATS[FLOAT](x), FLOAT)


def common(x: DType, y: DType) -> DType:
    """The type in which numbers of these two are computed together."""
    if x == y:
        return INT if x == BOOL else x
    if x in FLOATS and y in FLOATS:
        return FLOAT
    if x in FLOATS or y in FLOATS:
        return FLOAT if INT in (x, y) else np.promote_types(x, y)
    return INT if x.kind != "u" or y.kind != "u" else np.dtype(np.uint64)


def together(x: Number, y: Number) -> DType:
    """The type of a choice between the two, or of their comparison: of two conditions that is no number."""
    return BOOL if x.dtype == y.dtype == BOOL else common(x.dtype, y.dtype)


def converted(b: ir.IRBuilder, x: Number, dtype: DType) -> Number:
    """The number in another type; as in C, towards zero from a float to a whole number."""
    if x.dtype == dtype:
        return x
    kind = kind_of(dtype)
    if dtype == BOOL:
        return truth(b, x)
    if x.is_float:
        if dtype in FLOATS:
            return Number((b.fptrunc if dtype == SINGLE else b.fpext)(x.value, kind), dtype)
        return Number((b.fptoui if dtype.kind == "u" else b.fptosi)(x.value, kind), dtype)
    unsigned = x.dtype.kind in "bu"
    if dtype in FLOATS:
        if x.constant is not None:
            return Number(kind(float(x.constant)), dtype)
        return Number((b.uitofp if unsigned else b.sitofp)(x.value, kind), dtype)
    if x.constant is not None:
        return Number(kind(x.constant), dtype, x.constant)
    if kind.width <= x.value.type.width:
        return Number(b.trunc(x.value, kind) if kind.width < x.value.type.width else x.value, dtype)
    return Number((b.zext if unsigned else b.sext)(x.value, kind), dtype)


def truth(b: ir.IRBuilder, x: Number) -> Number:
    """Whether it is not zero; NaN is not."""
    if x.dtype == BOOL:
        return x
    if x.is_float:
        return Number(b.fcmp_unordered("!=", x.value, FLOATS[x.dtype](0.0)), BOOL)
    return Number(b.icmp_unsigned("!=", x.value, x.value.type(0)), BOOL)


def index(b: ir.IRBuilder, x: Number) -> Any:
    """The number as a 64-bit index."""
    if x.is_float:
        raise UntypedError("a float as an index")
    return converted(b, x, INT).value


# ── operators ────────────────────────────────────────────────────────────────────────────────────────────────────────


def arithmetic(b: ir.IRBuilder, name: str, x: Number, y: Number) -> Number:
    """``x name y`` for Python's names: Add, Sub, Mult, Div, FloorDiv, Mod, Pow, BitAnd, BitOr, BitXor."""
    if name in BITWISE:
        if x.dtype == y.dtype == BOOL:
            return Number(BITWISE[name](b)(x.value, y.value), BOOL)
        dtype = common(x.dtype, y.dtype)
        return Number(BITWISE[name](b)(converted(b, x, dtype).value, converted(b, y, dtype).value), dtype)
    if name == "Pow":
        return power(b, x, y)
    dtype = FLOAT if name == "Div" and not (x.is_float or y.is_float) else common(x.dtype, y.dtype)
    folded = _folded(name, x.constant, y.constant)
    if folded is not None and dtype == INT:
        return of(folded)
    left, right = converted(b, x, dtype).value, converted(b, y, dtype).value
    if dtype in FLOATS:
        if name not in ON_FLOATS:
            raise UntypedError(f"{name} of floating-point numbers")
        return Number(ON_FLOATS[name](b)(left, right, flags=FASTMATH), dtype)
    if name in ON_INTEGERS:
        return Number(ON_INTEGERS[name](b)(left, right, flags=("nsw",) if dtype == INT else ()), dtype)
    return _divided(b, name, left, right, dtype)


ON_FLOATS: dict[str, Callable[[Any], Any]] = {
    "Add": lambda b: b.fadd, "Sub": lambda b: b.fsub, "Mult": lambda b: b.fmul, "Div": lambda b: b.fdiv,
}  # fmt: skip
ON_INTEGERS: dict[str, Callable[[Any], Any]] = {"Add": lambda b: b.add, "Sub": lambda b: b.sub, "Mult": lambda b: b.mul}
ON_PYTHONS: dict[str, Callable[[int, int], int]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "FloorDiv": operator.floordiv, "Mod": operator.mod,
}  # fmt: skip
BITWISE: dict[str, Callable[[Any], Any]] = {
    "BitAnd": lambda b: b.and_, "BitOr": lambda b: b.or_, "BitXor": lambda b: b.xor,
}  # fmt: skip


def _folded(name: str, x: int | None, y: int | None) -> int | None:
    """Whole numbers that are known while compiling: shapes and strides stay constants."""
    if x is None or y is None or (name in {"FloorDiv", "Mod"} and y == 0):
        return None
    return ON_PYTHONS[name](x, y) if name in ON_PYTHONS else None


def _divided(b: ir.IRBuilder, name: str, x: Any, y: Any, dtype: DType) -> Number:
    """Python's ``//`` and ``%``: the remainder has the sign of the divisor."""
    if dtype.kind == "u":
        return Number((b.udiv if name == "FloorDiv" else b.urem)(x, y), dtype)
    rest = b.srem(x, y)
    zero = x.type(0)
    is_off = b.and_(b.icmp_signed("!=", rest, zero), b.icmp_signed("<", b.xor(rest, y), zero))
    if name == "Mod":
        return Number(b.add(rest, b.select(is_off, y, zero)), dtype)
    return Number(b.sub(b.sdiv(x, y), b.zext(is_off, x.type)), dtype)


def power(b: ir.IRBuilder, x: Number, y: Number) -> Number:
    """``x ** y``: a product where the exponent is a small whole constant."""
    if y.constant is not None and 0 <= y.constant <= LONGEST_POWER:
        result, square, left = converted(b, of(1), x.dtype), x, y.constant
        while left:
            result = arithmetic(b, "Mult", result, square) if left & 1 else result
            left >>= 1
            square = arithmetic(b, "Mult", square, square) if left else square
        return result
    dtype = x.dtype if x.is_float and y.dtype != FLOAT else common(x.dtype, y.dtype)
    if dtype not in FLOATS:
        raise UntypedError("a whole number to a power that is not a small constant")
    return called(b, "llvm.pow", dtype, converted(b, x, dtype), converted(b, y, dtype))


def negative(b: ir.IRBuilder, x: Number) -> Number:
    """``-x``."""
    if x.constant is not None:
        return of(-x.constant)
    if x.is_float:
        return Number(b.fneg(x.value, flags=FASTMATH), x.dtype)
    x = converted(b, x, INT) if x.dtype == BOOL else x
    return Number(b.neg(x.value), x.dtype)


def compared(b: ir.IRBuilder, sign: str, x: Number, y: Number) -> Number:
    """``x sign y``; with NaN only ``!=`` holds."""
    dtype = together(x, y)
    left, right = converted(b, x, dtype).value, converted(b, y, dtype).value
    if dtype in FLOATS:
        compare = b.fcmp_unordered if sign == "!=" else b.fcmp_ordered
        return Number(compare(sign, left, right, flags=FASTMATH), BOOL)
    compare = b.icmp_unsigned if dtype.kind in "bu" else b.icmp_signed
    return Number(compare(sign, left, right), BOOL)


def chosen(b: ir.IRBuilder, condition: Number, x: Number, y: Number) -> Number:
    """``x if condition else y`` of two numbers that are both there."""
    dtype = together(x, y)
    yes, no = converted(b, x, dtype).value, converted(b, y, dtype).value
    return Number(b.select(truth(b, condition).value, yes, no), dtype)


def called(b: ir.IRBuilder, name: str, dtype: DType, *arguments: Number) -> Number:
    """A function of floating-point numbers: LLVM's (``llvm.sqrt``) or the C library's (``atan2``)."""
    kind = FLOATS[dtype]
    suffix = f".f{8 * dtype.itemsize}" if name.startswith("llvm.") else "f" if dtype == SINGLE else ""
    function = declared(b.module, name + suffix, kind, [kind] * len(arguments))
    return Number(b.call(function, [x.value for x in arguments], fastmath=FASTMATH), dtype)
