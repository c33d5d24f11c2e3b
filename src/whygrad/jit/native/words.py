"""What the words of a printed program mean, in plain Python, which can read and run the program with them.

``program(0, 1, 0, *arrays)`` of a printed text computes with these what its native code does, slowly and on one thread.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from whygrad.jit.native.cpu import TILE, panel_columns
from whygrad.rules.table import RULES

Array = np.ndarray[Any, Any]

exp, expm1, log, log1p, tanh, sigmoid, erf = (
    RULES[name].forward for name in ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf")
)


def wait(sync: int, threads: int) -> None:
    """Until all threads are here."""
    if threads != 1:
        raise ValueError("plain Python runs a program on one thread")


def rows_of(tid: int, threads: int, M: int) -> tuple[int, int]:
    """The rows from i0 up to i1 that are this thread's, in whole tiles.

    >>> [rows_of(tid, 2, 100) for tid in range(2)]
    [(0, 48), (48, 100)]
    """
    tiles = -(-M // TILE.rows)
    return min(M, tid * tiles // threads * TILE.rows), min(M, (tid + 1) * tiles // threads * TILE.rows)


def pack(tid: int, threads: int, B: Array, packed: Array) -> None:
    """B (K × N) in panels of whole columns, [panel][K][columns], zeros at the edge."""
    columns = panel_columns(B.dtype)
    panels = packed.reshape(-1, len(B), columns)
    panels[...] = 0
    for panel in range(tid * len(panels) // threads, (tid + 1) * len(panels) // threads):
        part = B[:, panel * columns : (panel + 1) * columns]
        panels[panel, :, : part.shape[1]] = part


def multiply(A: Array, packed: Array, C: Array, i0: int, i1: int, N: int, K: int, alpha: Any, beta: Any) -> None:
    """C[i0:i1, :N] = beta * C[i0:i1, :N] + alpha * A[i0:i1, :K] @ B, for a B that `pack` packed."""
    panels = packed.reshape(-1, K, panel_columns(C.dtype))
    B = panels.transpose(1, 0, 2).reshape(K, -1)[:, :N]
    multiply_rows(A[:, :K], B, C[:, :N], i0, i1, alpha, beta)


def multiply_rows(A: Array, B: Array, C: Array, i0: int, i1: int, alpha: Any, beta: Any) -> None:
    """C[i0:i1] = beta * C[i0:i1] + alpha * A[i0:i1] @ B; C is not read where beta is 0."""
    before = beta * C[i0:i1] if beta else 0
    C[i0:i1] = before + alpha * (A[i0:i1] @ B)


def multiply_few(A: Array, B: Array, C: Array, M: int, N: int, K: int, alpha: Any, beta: Any) -> None:
    """C = beta * C + alpha * A @ B for small, constant sizes; B is packed if it has one axis."""
    if B.ndim == 1:
        multiply(A, B, C, 0, M, N, K, alpha, beta)
    else:
        multiply_rows(A[:M, :K], B[:K, :N], C[:, :N], 0, M, alpha, beta)


def add_short(A: Array, B: Array, C: Array, i0: int, i1: int, alpha: Any) -> None:
    """C[i0:i1] += alpha * A[i0:i1] @ B, for a B of few rows."""
    C[i0:i1] += alpha * (A[i0:i1] @ B)


def multiply_short(A: Array, B: Array, C: Array, i0: int, i1: int, alpha: Any) -> None:
    """C[i0:i1] = alpha * A[i0:i1] @ B, for a small B; in columns that B lacks are zeros."""
    C[i0:i1] = 0
    C[i0:i1, : B.shape[1]] = alpha * (A[i0:i1] @ B)


def multiply_picked(X: Array, places: Array, B: Array, C: Array) -> None:
    """C = X[places] @ B."""
    C[...] = X[places] @ B


def add_picked(X: Array, places: Array, B: Array, C: Array, i0: int, i1: int, alpha: Any,
               following: Array | None = None) -> None:
    """C[i0:i1] += alpha * X[places].T[i0:i1] @ B; ``following``: the places whose rows to ask for meanwhile."""
    C[i0:i1] += alpha * (X[places].T[i0:i1] @ B)


def tick(ticks: Array, tid: int, k: int) -> None:
    """The time since this thread's last tick is added to number k; the last number of a row is the clock then."""
    now = time.perf_counter_ns()
    ticks[tid, k] += now - ticks[tid, -1]
    ticks[tid, -1] = now


def flattened(x: Array) -> Array:
    """The same numbers of a C-contiguous array as one row."""
    return x.reshape(-1)


def strided(x: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """A look at the memory of ``x`` from number ``offset`` on, of another shape and other strides, in numbers."""
    return as_strided(x.reshape(-1)[offset:], shape, tuple(step * x.itemsize for step in strides))


def fetch(x: Array, row: int) -> None:
    """Ask for a row of an array ahead of its use."""


def flush_subnormals() -> int:
    """Take numbers too small for full precision as zeros from here on."""
    return 0


def restore_subnormals(before: int) -> None:
    """Compute with such numbers again as before."""
