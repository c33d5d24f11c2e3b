"""What one core can do at most, measured: multiply-adds that wait for nothing but the units that do them."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np
from llvmlite import ir

from whygrad.jit.native.compile import object_code
from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.load import ObjectCode, linked
from whygrad.jit.native.shared import NUMBERS
from whygrad.jit.native.tile import TileWriter
from whygrad.jit.native.writing import I32, I64, Int

CHAINS = TILE.rows * TILE.vectors  # as many sums as the matmul's tile keeps: enough to fill every unit
STEPS = 4                          # multiply-adds of each chain per turn of the loop
TURNS = 50_000                     # 50000 × 48 × 2 vectors of float32: 0.4 ms at 90 GFLOP/s


def chains(number: ir.Type) -> ir.Module:
    """The function chains(turns, x): s = x * x + s, so many turns; the sum of all s, so that none is left out."""
    module = ir.Module("whygrad")
    function = ir.Function(module, ir.FunctionType(number, [I64, number]), "chains")
    turns, x = function.args
    b, writer = ir.IRBuilder(function.append_basic_block("entry")), TileWriter(module, number)
    factor = writer.splat(b, x)
    entry, loop, done = b.block, b.append_basic_block("turn"), b.append_basic_block("done")
    b.branch(loop)
    b.position_at_end(loop)
    turn, sums = b.phi(I64), [b.phi(writer.vector) for _ in range(CHAINS)]
    longer: list[Any] = list(sums)
    for _ in range(STEPS):
        longer = [writer.muladd(b, factor, factor, s) for s in longer]
    following = Int(b, turn) + 1
    turn.add_incoming(I64(0), entry)
    turn.add_incoming(following.value, loop)
    for s, then in zip(sums, longer, strict=True):
        s.add_incoming(factor, entry)
        s.add_incoming(then, loop)
    b.cbranch(following.compare("<", Int(b, turns)), loop, done)
    b.position_at_end(done)
    total = longer[0]
    for s in longer[1:]:
        total = b.fadd(total, s)
    b.ret(b.extract_element(total, I32(0)))
    return module


def peak(dtype: Any, seconds: float = 0.1) -> float:
    """Floating-point operations per second of one core for this dtype: the best of many tries within the time given.

    A multiply-add counts as two. The neighbours on a shared machine slow single tries down by a third.
    """
    kind = np.dtype(dtype)
    engine = linked(ObjectCode(object_code(chains(NUMBERS[f"f{8 * kind.itemsize}"])), "chains", (), ()))
    number = ctypes.c_float if kind == np.float32 else ctypes.c_double
    run = ctypes.CFUNCTYPE(number, ctypes.c_int64, number)(engine.get_function_address("chains"))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        run(TURNS, 1e-3)
        best = min(best, time.perf_counter() - start)
    lanes = TILE.vector_bytes // int(kind.itemsize)
    return 2 * TURNS * STEPS * CHAINS * lanes / best
