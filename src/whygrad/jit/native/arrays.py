"""The addresses of the arrays of one call, with a check that they are what the program was compiled for.

Asking ten arrays for shape, dtype, flags and ``ctypes.data`` takes 17 µs in Python, where a small training step takes
six. So a few lines of native code read the fields that NumPy's C interface lays open (``PyArrayObject_fields`` in
ndarraytypes.h, part of its binary interface since NumPy 1.7): 0.3 µs. They are tried on known arrays first; whatever
they do not accept, another layout of NumPy included, is left to ``addresses``, the same in Python.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from llvmlite import binding as llvm

from whygrad.errors import WhygradError

Array = np.ndarray[Any, Any]
Arguments = tuple[tuple[tuple[int, ...], str], ...]
Read = Callable[[int, int, int], int]

HEAD = object.__basicsize__  # bytes of a PyObject; its type is the last pointer of them
FIELDS = 80  # bytes of an array after that, in the layout that the code below knows
CONTIGUOUS_ALIGNED = 0x0001 | 0x0100  # NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_ALIGNED
GIVEN_UP = 1

# For each array of a tuple: its data pointer goes into the table, if type, flags, dtype and shape are the wanted ones.
# `wanted` holds words: how many arrays, ndarray's type; then for each array its dtype object, its rank, its shape.
READ = f"""
define i32 @read(ptr %tuple, ptr %table, ptr %wanted) {{
start:
  %count = load i64, ptr %wanted
  %type_at = getelementptr i64, ptr %wanted, i64 1
  %type = load ptr, ptr %type_at
  %first = getelementptr i64, ptr %wanted, i64 2
  %items = getelementptr i8, ptr %tuple, i64 {tuple.__basicsize__}
  br label %next
next:
  %i = phi i64 [0, %start], [%i_after, %accepted]
  %want = phi ptr [%first, %start], [%want_after, %accepted]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %array, label %all
array:
  %item_at = getelementptr ptr, ptr %items, i64 %i
  %item = load ptr, ptr %item_at
  %its_type_at = getelementptr i8, ptr %item, i64 {HEAD - 8}
  %its_type = load ptr, ptr %its_type_at
  %is_array = icmp eq ptr %its_type, %type
  br i1 %is_array, label %look, label %refuse
look:
  %flags_at = getelementptr i8, ptr %item, i64 {HEAD + 48}
  %flags = load i32, ptr %flags_at
  %good_flags = and i32 %flags, {CONTIGUOUS_ALIGNED}
  %flags_fit = icmp eq i32 %good_flags, {CONTIGUOUS_ALIGNED}
  %dtype_at = getelementptr i8, ptr %item, i64 {HEAD + 40}
  %dtype = load ptr, ptr %dtype_at
  %want_dtype = load ptr, ptr %want
  %dtype_fits = icmp eq ptr %dtype, %want_dtype
  %rank_at = getelementptr i8, ptr %item, i64 {HEAD + 8}
  %rank32 = load i32, ptr %rank_at
  %rank = zext i32 %rank32 to i64
  %want_rank_at = getelementptr i64, ptr %want, i64 1
  %want_rank = load i64, ptr %want_rank_at
  %rank_fits = icmp eq i64 %rank, %want_rank
  %two_fit = and i1 %flags_fit, %dtype_fits
  %fit = and i1 %two_fit, %rank_fits
  br i1 %fit, label %shape, label %refuse
shape:
  %sizes_at = getelementptr i8, ptr %item, i64 {HEAD + 16}
  %sizes = load ptr, ptr %sizes_at
  %want_sizes = getelementptr i64, ptr %want, i64 2
  br label %axis
axis:
  %a = phi i64 [0, %shape], [%a_after, %same]
  %axes_left = icmp ult i64 %a, %rank
  br i1 %axes_left, label %compare, label %accepted
compare:
  %size_at = getelementptr i64, ptr %sizes, i64 %a
  %size = load i64, ptr %size_at
  %want_size_at = getelementptr i64, ptr %want_sizes, i64 %a
  %want_size = load i64, ptr %want_size_at
  %size_fits = icmp eq i64 %size, %want_size
  br i1 %size_fits, label %same, label %refuse
same:
  %a_after = add i64 %a, 1
  br label %axis
accepted:
  %data_at = getelementptr i8, ptr %item, i64 {HEAD}
  %data = load ptr, ptr %data_at
  %slot = getelementptr ptr, ptr %table, i64 %i
  store ptr %data, ptr %slot
  %i_after = add i64 %i, 1
  %want_after = getelementptr i64, ptr %want_sizes, i64 %rank
  br label %next
all:
  ret i32 0
refuse:
  ret i32 {GIVEN_UP}
}}
"""


class NativeError(WhygradError, RuntimeError):
    """Compiled code that can not be linked, was given other arrays than it was made for, or failed: our own mistake."""


class Reader:
    """Fills a program's table of addresses from the arrays of a call."""

    def __init__(self, arguments: Arguments) -> None:
        self.shapes = tuple(shape for shape, _ in arguments)
        self.dtypes = tuple(np.dtype(dtype) for _, dtype in arguments)
        words = [len(arguments), id(np.ndarray)]
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            words += [id(dtype), len(shape), *shape]
        self._wanted = (ctypes.c_int64 * len(words))(*words)
        self._place = ctypes.addressof(self._wanted)
        self._native = native_read() if ctypes.sizeof(ctypes.c_void_p) == 8 else give_up

    def takes(self, given: tuple[Any, ...], place: int) -> bool:
        """Whether the native code has found these to fit, and has written their addresses to a table at ``place``."""
        return len(given) == len(self.shapes) and not self._native(id(given), place, self._place)

    def fill(self, given: tuple[Array, ...], table: Any, place: int) -> None:
        """Write the address of each array into ``table``, whose own address is ``place``; refuse what does not fit."""
        if len(given) != len(self.shapes):
            raise NativeError(f"{len(given)} arrays for a program of {len(self.shapes)}")
        if not self.takes(given, place):
            table[:] = addresses(given, self.shapes, self.dtypes)


def addresses(arrays: Sequence[Array], shapes: Sequence[tuple[int, ...]], dtypes: Sequence[np.dtype[Any]]) -> list[int]:
    """Where each array's numbers begin; an array of another shape or dtype, or with gaps, is refused."""
    for index, (array, shape, dtype) in enumerate(zip(arrays, shapes, dtypes, strict=True)):
        whole = array.flags.c_contiguous and array.flags.aligned
        if array.shape != shape or array.dtype != dtype or not whole:
            raise NativeError(
                f"array {index} is {array.dtype}{list(array.shape)}, {'' if whole else 'not '}contiguous; "
                f"the program was compiled for contiguous {dtype}{list(shape)}"
            )
    return [array.ctypes.data for array in arrays]


def give_up(given: int, table: int, wanted: int) -> int:
    """What stands in for the native code where it can not be used."""
    return GIVEN_UP


@cache
def native_read() -> Read:
    """The native code, compiled by LLVM in 5 ms; ``give_up`` where it does not read known arrays rightly."""
    if sys.implementation.name != "cpython" or np.ndarray.__basicsize__ != HEAD + FIELDS:
        return give_up
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, opt=0)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(READ), machine)
    engine.finalize_object()
    # Called with Python's lock held: nobody changes an array meanwhile.
    function = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
        engine.get_function_address("read")
    )
    vars(function)["engine"] = engine  # owns the code
    return function if reads_rightly(function) else give_up


def reads_rightly(read: Read) -> bool:
    """Whether the native code accepts what it should, refuses what it should, and finds the same addresses."""
    grid, row, one = np.zeros((3, 2), np.float32), np.zeros(5, np.int64), np.zeros(())
    words = [3, id(np.ndarray), id(grid.dtype), 2, 3, 2, id(row.dtype), 1, 5, id(one.dtype), 0]
    wanted = (ctypes.c_int64 * len(words))(*words)
    table = (ctypes.c_int64 * 3)()

    def status(*given: Any) -> int:
        return read(id(given), ctypes.addressof(table), ctypes.addressof(wanted))

    accepted = status(grid, row, one) == 0 and list(table) == [array.ctypes.data for array in (grid, row, one)]
    others = (grid.T, grid[:, :1], np.zeros((6, 2), np.float32)[::2], np.zeros((3, 2)), np.zeros(6, np.float32), [1.0])
    return accepted and all(status(other, row, one) == GIVEN_UP for other in others)
