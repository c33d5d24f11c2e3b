"""A loop over the numbers of a row as stretches of turns, so that what fills no vector does not take longest.

LLVM puts the turns of a loop into vectors. What is left it does one by one, or as a vector of which a part is stored.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from llvmlite import ir

from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.writing import I64

LONG_WORDS = {"erf", "exp", "expm1", "log", "log1p", "sigmoid", "tanh"}  # of 20 instructions and more
VECTOR = 32  # bytes, which LLVM prefers even where there are longer ones
LANES = VECTOR // 4  # numbers of float32
FEWEST = 3  # numbers that are quicker as a vector in part than one by one
MANY = 3  # stores in a loop from which on it is better to store no vector in part
MASKED = TILE.vector_bytes >= VECTOR  # AVX loads and stores in part; without, LLVM would write a branch per number


def stretches_of(loop: ast.For, start: Any, stop: Any, names: Mapping[str, Any]) -> list[tuple[Any, Any, bool]]:
    """The loop's turns as loops: where each begins and ends, and whether it ends in a vector in part.

    What is left over when a row has been put into vectors takes long one by one where there are exponentials and the
    like: 10 × 30 sigmoids, 3 vectors and 6 single numbers of each row, 0.9 µs, and 0.3 as 4 vectors, the last one in
    part. Where there are more, and LLVM keeps the loop, it would look for the end in every turn: what is left is then
    a loop of its own. But to store in part takes a dozen cycles on many processors, and of a short row LLVM makes parts
    by itself. Where much is stored, what is left is loops of 4, 2 and 1 numbers, which are vectors too: the gradient of
    an LSTM of 14 neurons takes a third less.
    """
    inside = [x for statement in loop.body for x in ast.walk(statement)]
    given = isinstance(start, ir.Constant) and isinstance(stop, ir.Constant) and start.constant == 0
    if not (MASKED and given and is_over_one(loop)) or any(isinstance(x, ast.For) for x in inside):
        return [(start, stop, False)]
    stored = [names[name] for x in inside for name in stored_by(x)]
    lanes = min((VECTOR // x.dtype.itemsize for x in stored), default=LANES)
    if len(stored) >= MANY and lanes < stop.constant and stop.constant % lanes:
        return [(I64(first), I64(last), False) for first, last in in_twos(stop.constant, lanes)]
    left, calls = stop.constant % LANES, {ast.unparse(x.func) for x in inside if isinstance(x, ast.Call)}
    if left < FEWEST or stop.constant <= LANES or calls.isdisjoint(LONG_WORDS):
        return [(start, stop, False)]
    if stop.constant <= 4 * LANES:
        return [(start, stop, True)]
    middle = I64(stop.constant - left)
    return [(start, middle, False), (middle, stop, True)]


def is_over_one(loop: ast.For) -> bool:
    """One by one, from zero."""
    return isinstance(loop.iter, ast.Call) and len(loop.iter.args) == 1


def stored_by(x: ast.AST) -> Iterator[str]:
    """The array one of whose numbers is given a value there."""
    if isinstance(x, ast.Subscript) and isinstance(x.ctx, ast.Store) and isinstance(x.value, ast.Name):
        yield x.value.id


def in_twos(n: int, lanes: int) -> Iterator[tuple[int, int]]:
    """0 to n in whole vectors, and what is left in powers of two.

    >>> list(in_twos(15, 4))
    [(0, 12), (12, 14), (14, 15)]
    """
    first, last = 0, n - n % lanes
    while first < n:
        yield first, last
        first = last
        last += 1 << max(0, (n - first).bit_length() - 1)
