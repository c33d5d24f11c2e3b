"""Arrays of a program being compiled: an address, and a shape and strides that are constants.

LLVM then knows every trip count and every stride, and unrolls and vectorises without a check at run time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llvmlite import ir

from whygrad.jit.native.cpu import LINE, TILE
from whygrad.jit.native.numbers import BOOL, DType, Number, UntypedError, converted, kind_in_memory
from whygrad.jit.native.writing import I8, I32, I64, POINTER, VOID, Int, counted, declared


@dataclass(frozen=True)
class ArrayAt:
    """An array: where its first number lies, its shape, and how far apart neighbours are, in numbers.

    ``marks``: what loads and stores carry, by which LLVM knows that they touch no other array of the function.
    """

    place: Any
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: DType
    marks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def bytes(self, b: ir.IRBuilder) -> tuple[Int, list[int]]:
        """The address of the first number, and the strides in bytes."""
        return Int(b, b.ptrtoint(self.place, I64)), [step * self.dtype.itemsize for step in self.strides]


def in_rows(x: ArrayAt) -> ArrayAt:
    """A matrix whose rows' numbers stand beside one another; UntypedError for another, which would be read wrongly."""
    if x.strides[-1] != 1 and x.shape[-1] != 1:
        raise UntypedError(f"the numbers of a row are {x.strides[-1]} apart")
    return x


def in_vectors(x: ArrayAt) -> ArrayAt:
    """The same, of rows that are whole vectors: what were left of one would be left out."""
    if x.shape[-1] * x.dtype.itemsize % TILE.vector_bytes:
        raise UntypedError(f"rows of {x.shape[-1]} numbers are not whole vectors")
    return in_rows(x)


def array_at(b: ir.IRBuilder, address: Any, shape: tuple[int, ...], dtype: DType, marks: Mapping[str, Any]) -> ArrayAt:
    """The C-contiguous array at an address."""
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return ArrayAt(b.inttoptr(address, kind_in_memory(dtype).as_pointer()), shape, strides, dtype, marks)


def apart(function: ir.Function, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Marks for arrays of a function that do not overlap, as "scopes" of LLVM's alias analysis.

    With them a loop over a dozen arrays is vectorised without comparing their addresses first, which LLVM gives up on
    beyond 8 comparisons.
    """
    add = function.module.add_metadata
    domain = add([function.name])
    scopes = {name: add([f"{function.name} {name}", domain]) for name in names}
    return {
        name: {"alias.scope": add([scope]), "noalias": add([other for other in scopes.values() if other is not scope])}
        for name, scope in scopes.items()
    }


def marked(instruction: Any, x: ArrayAt) -> Any:
    """The load or store of a number of x."""
    for kind, mark in x.marks.items():
        instruction.set_metadata(kind, mark)
    return instruction


def element(b: ir.IRBuilder, x: ArrayAt, indices: Sequence[Any]) -> ArrayAt:
    """What is left of an array when its first axes are given indices: no axis, and it is one number."""
    if len(indices) > len(x.shape):
        raise UntypedError(f"{len(indices)} indices for {len(x.shape)} axes")
    place, terms = x.place, []
    for at, step in zip(indices, x.strides, strict=False):
        terms.append(at if step == 1 else b.mul(at, I64(step), flags=("nsw",)))
    if terms:
        total = terms[0]
        for term in terms[1:]:
            total = b.add(total, term, flags=("nsw",))
        place = b.gep(place, [total], inbounds=True)
    return replace(x, place=place, shape=x.shape[len(indices) :], strides=x.strides[len(indices) :])


def loaded(b: ir.IRBuilder, x: ArrayAt) -> Number:
    """The number at a place."""
    value = marked(b.load(x.place), x)
    return Number(b.trunc(value, ir.IntType(1)) if x.dtype == BOOL else value, x.dtype)


def stored(b: ir.IRBuilder, number: Number, x: ArrayAt) -> None:
    """Put a number in its place, in the array's type."""
    value = converted(b, number, x.dtype).value
    marked(b.store(b.zext(value, I8) if x.dtype == BOOL else value, x.place), x)


def transposed(x: ArrayAt) -> ArrayAt:
    """The array with its axes in reverse order."""
    return replace(x, shape=x.shape[::-1], strides=x.strides[::-1])


def flattened(x: ArrayAt) -> ArrayAt:
    """The same numbers of a C-contiguous array as one row."""
    return replace(x, shape=(x.size,), strides=(1,))


def strided(b: ir.IRBuilder, x: ArrayAt, offset: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> ArrayAt:
    """A look at the memory of ``x`` from number ``offset`` on, of another shape and other strides."""
    return replace(x, place=b.gep(x.place, [offset]), shape=shape, strides=strides)


def fetch(b: ir.IRBuilder, x: ArrayAt, row: Any) -> None:
    """Ask for a row of an array ahead of its use: one request for every 64 bytes, nothing is waited for."""
    step = x.strides[0] * x.dtype.itemsize
    start = b.gep(b.bitcast(x.place, POINTER), [b.mul(row, I64(step))])
    ask = declared(b.module, "llvm.prefetch.p0", VOID, [POINTER, I32, I32, I32])
    with counted(b, I64(0), I64(step), I64(LINE)) as at:
        b.call(ask, [b.gep(start, [at]), *(I32(n) for n in (0, 3, 1))])
