"""What this CPU's registers hold: the shape of the matmul's tile, chosen from the processor's features."""

from __future__ import annotations

from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np


class Tile(NamedTuple):
    """A block of C that stays in registers: `rows` of `vectors` registers, each `vector_bytes` wide."""

    rows: int
    vectors: int
    vector_bytes: int

    @property
    def panel_bytes(self) -> int:
        """How wide the tile is; the same for float32 and float64, so half as many columns of the latter."""
        return self.vectors * self.vector_bytes


LINE = 64  # bytes that come from memory together

# Rows × vectors accumulators, the vectors of one row of B and one broadcast number of A have to fit into the registers.
# Each needs at least 8 independent sums (2 units × 4 cycles that a multiply-add takes), or the units wait.
AVX512 = Tile(12, 2, 64)  # 24 + 2 + 1 of 32
AVX = Tile(6, 2, 32)      # 12 + 2 + 1 of 16
NEON = Tile(6, 4, 16)     # 24 + 4 + 1 of 32
SSE = Tile(6, 2, 16)      # 12 + 2 + 1 of 16, and one for the product: there is no fused multiply-add
# An odd vector at the end of a row joins the two before it: alone, it has one sum for each broadcast number.
WIDER = {AVX512: Tile(8, 3, 64), AVX: Tile(4, 3, 32)}  # 24 + 3 + 1 of 32, 12 + 3 + 1 of 16


def host_features() -> frozenset[str]:
    """The features of this processor, in LLVM's words; none where LLVM can not tell."""
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, present in features.items() if present)


def choose_tile(features: frozenset[str], triple: str) -> Tile:
    """The tile for a CPU with these LLVM features.

    >>> choose_tile(frozenset({"sse2", "avx", "avx2", "fma"}), "x86_64-unknown-linux-gnu")
    Tile(rows=6, vectors=2, vector_bytes=32)
    """
    if triple.startswith(("aarch64", "arm64")):  # NEON is part of the architecture
        return NEON
    if "avx512f" in features:
        return AVX512
    return AVX if "avx" in features else SSE


TILE = choose_tile(host_features(), llvm.get_process_triple())


def panel_columns(dtype: Any) -> int:
    """How many columns a panel of B has; a B whose N is a multiple of it has no edge."""
    return TILE.panel_bytes // int(np.dtype(dtype).itemsize)


def panels_size(K: int, N: int, dtype: Any) -> int:
    """How many numbers `pack` writes for a K × N matrix: whole panels."""
    columns = panel_columns(dtype)
    return (N + columns - 1) // columns * columns * K
