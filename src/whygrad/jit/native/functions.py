"""What the functions that a printed program calls become: the instructions for each, by the name that the text uses.

``words.py`` says in plain Python what the ones of our own mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from llvmlite import ir

from whygrad.jit.native import barrier, clock, matmul, memory, numbers, picked, short, subnormals, vector_math
from whygrad.jit.native.memory import ArrayAt, in_rows, in_vectors
from whygrad.jit.native.numbers import BOOL, FLOAT, FLOATS, INT, SINGLE, Number, UntypedError, converted, index
from whygrad.jit.native.writing import Int

Value = Number | ArrayAt | tuple[Any, ...] | None
Function = Callable[..., Value]


def _floating(x: Number) -> np.dtype[Any]:
    return x.dtype if x.is_float else FLOAT


def _math(name: str) -> Function:
    """A function of LLVM's or the C library's, in the widest type of its arguments."""

    def write(b: ir.IRBuilder, *arguments: Number) -> Number:
        dtype = SINGLE if all(_floating(x) == SINGLE for x in arguments) else FLOAT
        return numbers.called(b, name, dtype, *(converted(b, x, dtype) for x in arguments))

    return write


def _own(formula: Callable[[vector_math.Lane], vector_math.Lane]) -> Function:
    """One of our own functions, written where it is called."""

    def write(b: ir.IRBuilder, x: Number) -> Number:
        dtype = _floating(x)
        form = vector_math.SINGLE if dtype == SINGLE else vector_math.DOUBLE
        return Number(formula(vector_math.Lane(b, form, converted(b, x, dtype).value)).value, dtype)

    return write


def _cast(dtype: np.dtype[Any]) -> Function:
    return lambda b, x: converted(b, x, dtype)


def _absolute(b: ir.IRBuilder, x: Number) -> Number:
    if x.is_float:
        return numbers.called(b, "llvm.fabs", x.dtype, x)
    below = numbers.compared(b, "<", x, numbers.of(0))
    return numbers.chosen(b, below, numbers.negative(b, x), x)


def _sign(b: ir.IRBuilder, x: Number) -> Number:
    """1, -1 or 0; NaN stays NaN."""
    one, zero = (converted(b, numbers.of(n), x.dtype) for n in (1, 0))
    above, below = (numbers.compared(b, sign, x, zero) for sign in (">", "<"))
    rest = numbers.chosen(b, numbers.compared(b, "==", x, zero), zero, x)
    return numbers.chosen(b, above, one, numbers.chosen(b, below, numbers.negative(b, one), rest))


def _extreme(sign: str) -> Function:
    return lambda b, x, y: numbers.chosen(b, numbers.compared(b, sign, x, y), x, y)


def _is_nan(b: ir.IRBuilder, x: Number) -> Number:
    return numbers.compared(b, "!=", x, x)


def _is_inf(b: ir.IRBuilder, x: Number) -> Number:
    infinite = Number(FLOATS[x.dtype](float("inf")), x.dtype)
    return numbers.compared(b, "==", _absolute(b, x), infinite)


# ── the words of our own ─────────────────────────────────────────────────────────────────────────────────────────────


def _wait(b: ir.IRBuilder, sync: Number, threads: Number) -> None:
    barrier.wait(b, sync.value, threads.value)


def _rows_of(b: ir.IRBuilder, *given: Number) -> tuple[Number, ...]:
    return tuple(Number(x.value, INT) for x in matmul.rows_of(*(Int(b, index(b, n)) for n in given)))


def _pack(b: ir.IRBuilder, tid: Number, threads: Number, B: ArrayAt, packed: ArrayAt) -> None:
    matmul.pack(b, Int(b, tid.value), Int(b, threads.value), B, packed)


def _multiply(b: ir.IRBuilder, A: ArrayAt, packed: ArrayAt, C: ArrayAt, *rest: Number) -> None:
    *whole, alpha, beta = rest
    i0, i1, N, K = (Int(b, index(b, n)) for n in whole)
    matmul.multiply(b, A, packed, in_rows(C), i0, i1, N, K, *_factors(b, A, alpha, beta))


def _multiply_rows(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, *rest: Number) -> None:
    *whole, alpha, beta = rest
    i0, i1 = (Int(b, index(b, n)) for n in whole)
    matmul.multiply_rows(b, A, B, in_rows(C), i0, i1, *_factors(b, A, alpha, beta))


def _multiply_few(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, *rest: Number) -> None:
    *whole, alpha, beta = rest
    M, N, K = _constants(tuple(whole))
    matmul.multiply_few(b, A, in_rows(B), in_rows(C), M, N, K, *_factors(b, A, alpha, beta))


def _add_short(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Number, i1: Number, alpha: Number) -> None:
    first, last = (Int(b, index(b, n)) for n in (i0, i1))
    short.add_short(b, A, in_vectors(B), in_vectors(C), first, last, converted(b, alpha, A.dtype).value)


def _multiply_short(b: ir.IRBuilder, A: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Number, i1: Number, alpha: Number) -> None:
    first, last = (Int(b, index(b, n)) for n in (i0, i1))
    short.multiply_short(b, A, B, in_vectors(C), first, last, converted(b, alpha, A.dtype).value)


def _multiply_picked(b: ir.IRBuilder, X: ArrayAt, places: ArrayAt, B: ArrayAt, C: ArrayAt) -> None:
    picked.multiply_picked(b, in_rows(X), places, in_vectors(B), in_vectors(C))


def _add_picked(
    b: ir.IRBuilder, X: ArrayAt, places: ArrayAt, B: ArrayAt, C: ArrayAt, i0: Number, i1: Number, alpha: Number,
    following: ArrayAt | None = None,
) -> None:
    first, last = (Int(b, index(b, n)) for n in (i0, i1))
    factor = converted(b, alpha, X.dtype).value
    picked.add_picked(b, in_rows(X), places, in_vectors(B), in_vectors(C), first, last, factor, following)


def _factors(b: ir.IRBuilder, A: ArrayAt, alpha: Number, beta: Number) -> tuple[Any, Any]:
    return converted(b, alpha, A.dtype).value, converted(b, beta, A.dtype).value


def _strided(
    b: ir.IRBuilder, x: ArrayAt, offset: Number, shape: tuple[Number, ...], steps: tuple[Number, ...]
) -> ArrayAt:
    return memory.strided(b, x, index(b, offset), _constants(shape), _constants(steps))


def _constants(sizes: tuple[Number, ...]) -> tuple[int, ...]:
    found = tuple(n.constant for n in sizes if n.constant is not None)
    if len(found) != len(sizes):
        raise UntypedError("a shape or strides that are not constants")
    return found


def _fetch(b: ir.IRBuilder, x: ArrayAt, row: Number) -> None:
    memory.fetch(b, x, index(b, row))


def _tick(b: ir.IRBuilder, ticks: ArrayAt, tid: Number, k: Number) -> None:
    clock.tick(b, ticks, tid.value, index(b, k))


def _flush(b: ir.IRBuilder) -> Number:
    return Number(subnormals.flush(b), np.dtype(np.int32))


def _restore(b: ir.IRBuilder, before: Number) -> None:
    subnormals.restore(b, before.value)


WORDS: Mapping[str, Function] = {
    "add_picked": _add_picked,
    "add_short": _add_short,
    "erf": _own(vector_math.erf_of),
    "exp": _own(vector_math.exp_of),
    "expm1": _own(vector_math.expm1_of),
    "fetch": _fetch,
    "flattened": lambda b, x: memory.flattened(x),
    "flush_subnormals": _flush,
    "log": _own(vector_math.log_of),
    "log1p": _own(vector_math.log1p_of),
    "multiply": _multiply,
    "multiply_few": _multiply_few,
    "multiply_picked": _multiply_picked,
    "multiply_rows": _multiply_rows,
    "multiply_short": _multiply_short,
    "pack": _pack,
    "restore_subnormals": _restore,
    "rows_of": _rows_of,
    "sigmoid": _own(vector_math.sigmoid_of),
    "strided": _strided,
    "tanh": _own(vector_math.tanh_of),
    "tick": _tick,
    "wait": _wait,
}

PYTHONS: Mapping[str, Function] = {
    "abs": _absolute,
    "bool": _cast(BOOL),
    "f32": _cast(SINGLE),
    "float": _cast(FLOAT),
    "int": _cast(INT),
    "max": _extreme(">"),
    "min": _extreme("<"),
    "math.sqrt": _math("llvm.sqrt"),
}

NUMPYS: Mapping[str, Function] = {
    **{
        name: _cast(np.dtype(name))
        for name in "float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
    },
    **{name: _math(f"llvm.{name}") for name in "sqrt sin cos log2 log10 floor ceil rint trunc".split()},
    **{name: _math(name) for name in ("tan", "sinh", "cosh", "hypot")},
    **{f"arc{name}": _math(f"a{name}") for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    "bool_": _cast(BOOL),
    "copysign": _math("llvm.copysign"),
    "isinf": _is_inf,
    "isnan": _is_nan,
    "sign": _sign,
}

FUNCTIONS: Mapping[str, Function] = {**WORDS, **PYTHONS, **{f"np.{name}": write for name, write in NUMPYS.items()}}
CONSTANTS: Mapping[str, float] = {"np.inf": float("inf"), "np.nan": float("nan"), "math.inf": float("inf")}
