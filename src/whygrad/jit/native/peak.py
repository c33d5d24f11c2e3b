"""What one core can do at most, measured: multiply-adds that wait for nothing but the units that do them."""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.tile import I64, Int, TileWriter

CHAINS = TILE.rows * TILE.vectors  # as many sums as the matmul's tile keeps: enough to fill every unit
STEPS = 4                          # multiply-adds of each chain per turn of the loop
TURNS = 50_000                     # 50000 × 48 × 2 vectors of float32: 0.4 ms at 90 GFLOP/s


@intrinsic
def chains(typingctx: Any, turns: Any, x: Any) -> Any:
    """Runs the chains s = x * x + s for so many turns, and returns the sum of all s so that none is left out."""

    def codegen(context: Any, b: ir.IRBuilder, signature: Any, args: Any) -> Any:
        writer = TileWriter(b.module, args[1].type)
        factor = writer.splat(b, args[1])
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
        b.cbranch(following.compare("<", Int(b, args[0])), loop, done)
        b.position_at_end(done)
        total = longer[0]
        for s in longer[1:]:
            total = b.fadd(total, s)
        return b.extract_element(total, ir.IntType(32)(0))

    return x(types.intp, x), codegen


@numba.njit(nogil=True)
def _run(turns: int, x: float) -> Any:
    return chains(turns, x)  # type: ignore[call-arg]  # numba passes the first argument, its typing context


def peak(dtype: Any, seconds: float = 0.1) -> float:
    """Floating-point operations per second of one core for this dtype: the best of many tries within the time given.

    A multiply-add counts as two. The neighbours on a shared machine slow single tries down by a third.
    """
    kind = np.dtype(dtype)
    x = kind.type(1e-3)
    _run(1, x)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        _run(TURNS, x)
        best = min(best, time.perf_counter() - start)
    lanes = TILE.vector_bytes // int(kind.itemsize)
    return 2 * TURNS * STEPS * CHAINS * lanes / best
