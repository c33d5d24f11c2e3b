"""Numbers too small for full precision (below 1e-38 in float32) as zeros, for as long as a loop over steps runs.

A saturated sigmoid's slope times a small error is such a number, and a core takes some 150 cycles to compute with it:
on MNIST a step of 784-30-10 took 35 µs instead of 26. Other processors than x86 are left as they are.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir

from whygrad.jit.native.writing import I32, POINTER, VOID, declared, room

FLUSH = 0x8040  # MXCSR's bits: results are flushed to zero, operands are taken as zero
IS_X86 = platform.machine().lower() in {"x86_64", "amd64"}


def flush(b: ir.IRBuilder) -> Any:
    """Take subnormal numbers as zeros from here on; returns what ``restore`` needs."""
    if not IS_X86:
        return I32(0)
    before = register(b, "llvm.x86.sse.stmxcsr")
    register(b, "llvm.x86.sse.ldmxcsr", b.or_(before, I32(FLUSH)))
    return before


def restore(b: ir.IRBuilder, before: Any) -> None:
    """Compute with subnormal numbers again as the thread did before."""
    if IS_X86:
        register(b, "llvm.x86.sse.ldmxcsr", before)


def register(b: ir.IRBuilder, name: str, value: Any = None) -> Any:
    """Read the floating-point control register, or write it."""
    place = room(b, I32)
    if value is not None:
        b.store(value, place)
    b.call(declared(b.module, name, VOID, [POINTER]), [b.bitcast(place, POINTER)])
    return b.load(place)
