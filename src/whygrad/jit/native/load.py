"""Object code into this process: linked by LLVM, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import binding as llvm

from whygrad.jit.native.arrays import Arguments, Array, NativeError, Reader
from whygrad.jit.native.libraries import provide
from whygrad.jit.native.team import Team

ENTRY = ctypes.CFUNCTYPE(  # int64 f(table, tid, threads)
    ctypes.c_int64,
    *[ctypes.c_void_p] * 3,  # words; ctypes passes an int as c_void_p in 0.05 µs, as c_int64 in 0.15
)


@dataclass(frozen=True)
class ObjectCode:
    """One compiled program: the object's bytes, its entry's name, the symbols it needs, and its arrays."""

    data: bytes
    function: str
    symbols: tuple[str, ...]
    arguments: Arguments


def normalized(arguments: Sequence[tuple[Sequence[int], Any]]) -> Arguments:
    """Shapes as tuples of int, dtypes by their names."""
    return tuple((tuple(int(size) for size in shape), np.dtype(dtype).name) for shape, dtype in arguments)


def load(code: ObjectCode, team: Team | None = None) -> Loaded:
    """Link a compiled program; ``team`` is whose threads run it (its own, if none is given)."""
    return Loaded(code, Team() if team is None else team)


class Loaded:
    """A program that can be called; it keeps its machine code, and its arrays while it runs, alive."""

    def __init__(self, code: ObjectCode, team: Team) -> None:
        self.arguments = code.arguments
        self.team = team
        self._engine = linked(code)
        address = self._engine.get_function_address(code.function)
        if not address:
            raise NativeError(f"the object code lacks its entry {code.function}", where="")
        self.address: int = address
        self.entry: Callable[[int, int, int], int] = ENTRY(address)
        self.reader = Reader(code.arguments)
        self._idle: dict[int, list[Frame]] = {}

    def run(self, arrays: Sequence[Array], threads: int = 1) -> int:
        """Run the program once on these arrays, as many threads together, and return its status."""
        status = self.attempt(arrays, threads)
        return self.bind(arrays, threads)() if status is None else status

    def attempt(self, arrays: Sequence[Any], threads: int = 1) -> int | None:
        """The same, or None where a quick look does not find these to be arrays that the program was compiled for."""
        idle = self._idle.setdefault(threads, [])
        try:
            frame = idle.pop()
        except IndexError:  # as many frames as callers at once
            frame = Frame(self, threads)
        given = tuple(arrays)
        status = frame.run() if self.reader.takes(given, frame.place) else None
        idle.append(frame)
        return status

    def bind(self, arrays: Sequence[Array], threads: int = 1) -> Callable[[], int]:
        """The program with its arrays looked up once: call it as often as wanted, while their contents change."""
        frame = Frame(self, threads)
        frame.keeps = tuple(arrays)
        self.reader.fill(frame.keeps, frame.table, frame.place)
        return frame.run


class Frame:
    """What one call needs in memory: the table of addresses, after that of the barrier."""

    def __init__(self, loaded: Loaded, threads: int) -> None:
        self.keeps: tuple[Array, ...] = ()
        self._loaded, self._threads = loaded, threads
        words = len(loaded.arguments)
        self._memory = (ctypes.c_size_t * (1 + words))(loaded.team.sync)
        self._begin = ctypes.addressof(self._memory)
        self.place = self._begin + ctypes.sizeof(ctypes.c_size_t)
        self.table = (ctypes.c_size_t * words).from_buffer(self._memory, ctypes.sizeof(ctypes.c_size_t))

    def run(self) -> int:
        """Run once: the status, that of the first thread which has one."""
        loaded, threads = self._loaded, self._threads
        if threads == 1:
            return loaded.entry(self._begin, 0, 1)
        return loaded.team.run(loaded.address, self._begin, threads)


# ── linking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def linked(code: ObjectCode) -> Any:
    """An LLVM engine that holds the program, relocated and executable."""
    for symbol in code.symbols:
        provide(symbol)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code.data))
    engine.finalize_object()
    return engine
