"""Functions of the C library for compiled code, found by name."""

from __future__ import annotations

import ctypes
import sys
from functools import cached_property

from llvmlite import binding as llvm

from whygrad.jit.native.arrays import NativeError


def provide(symbol: str) -> None:
    """Let LLVM find a function of the C library. It would end the process over a name that it can not resolve."""
    if llvm.address_of_symbol(symbol):
        return
    for library in LIBRARIES.loaded:
        function = getattr(library, symbol, None)
        if function is not None:
            llvm.add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
            return
    raise NativeError(f"compiled code calls {symbol}, which the C library lacks")


class Libraries:
    """The C libraries, opened when first needed."""

    @cached_property
    def loaded(self) -> list[ctypes.CDLL]:
        """Where ``expf``, ``memcpy``, ``sched_yield`` live on this platform."""
        if sys.platform == "win32":
            names: tuple[str | None, ...] = ("ucrtbase", "msvcrt", "kernel32")
        else:
            names = (None, "libm.so.6" if sys.platform == "linux" else "libm.dylib")
        return [library for name in names if (library := opened(name)) is not None]


def opened(name: str | None) -> ctypes.CDLL | None:
    """A shared library, or None where this platform calls it something else."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


LIBRARIES = Libraries()
