"""Programs already compiled: in this process, and as object code on disk, so that a second start compiles nothing.

A file is named after everything that its code depends on. It is believed only if its checksum holds and if it belongs
to this user and no other can write it; anything else is compiled anew. Without a usable folder all works, uncached.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding as llvm

from whygrad.jit.native.arrays import Arguments, NativeError
from whygrad.jit.native.load import Loaded, ObjectCode, linked, load, normalized
from whygrad.jit.native.team import Team

MAGIC = b"whygrad object code 1\n"
SUFFIX = ".whygrad"
SHARED = "whygrad."  # how the names of functions that all programs share begin
LIMIT = 200 * 1024 * 1024  # bytes on disk; one program is 10 to 100 KB
PROGRAMS = 256  # loaded in one process
TEMPORARY_AGE = 3600.0  # seconds after which an unfinished file was left by a process that died
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Programs:
    """What is loaded in this process, the folder behind it, and the team that runs it all."""

    def __init__(self) -> None:
        self.team = Team()
        self._shared: dict[str, Any] = {}  # engines that hold the shared functions, which must live as long as programs
        self._begin_anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)  # a lock may have been held by a thread that is gone

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._loaded: OrderedDict[tuple[str, Arguments], Loaded] = OrderedDict()

    def native(self, source: str, arguments: Sequence[tuple[Sequence[int], Any]]) -> Loaded:
        """The program of this text for arrays of these shapes and dtypes: loaded, from disk, or compiled now."""
        wanted = source, normalized(arguments)
        with self._lock:  # held while compiling: who asks for the same program waits for it
            if wanted in self._loaded:
                self._loaded.move_to_end(wanted)
                return self._loaded[wanted]
            found = self._loaded[wanted] = self._from_disk(*wanted)
            while len(self._loaded) > PROGRAMS:
                self._loaded.popitem(last=False)
            return found

    def forget(self) -> None:
        """Drop what is loaded in this process; programs in use live on."""
        with self._lock:
            self._loaded.clear()

    def _from_disk(self, source: str, arguments: Arguments) -> Loaded:
        folder = Folder(cache_folder())
        name = hashlib.sha256(f"{self.surroundings}\n{arguments}\n{source}".encode()).hexdigest()
        if (code := folder.read(name)) is not None:
            with contextlib.suppress(NativeError):
                return self._linked(code, folder)
        from whygrad.jit.native.compile import compile_source

        code = compile_source(source, arguments)
        folder.write(name, code)
        return self._linked(code, folder)

    def _linked(self, code: ObjectCode, folder: Folder) -> Loaded:
        """The program, and before it what it calls of the functions that all programs share."""
        self.provide({symbol.rpartition(".")[2] for symbol in code.symbols if symbol.startswith(SHARED)}, folder)
        return load(code, self.team)

    def provide(self, suffixes: set[str], folder: Folder) -> None:
        """Make the shared functions for these types of numbers known to LLVM, which ends the process over unknown
        names.
        """
        for suffix in suffixes - self._shared.keys():
            self._shared[suffix] = self._provided(suffix, folder)

    def _provided(self, suffix: str, folder: Folder) -> Any:
        """The engine that holds the shared functions for one type of numbers, which LLVM now finds by name."""
        name = hashlib.sha256(f"{self.surroundings}\nshared {suffix}".encode()).hexdigest()
        shared = folder.read(name)
        if shared is None:
            from whygrad.jit.native.shared import compiled

            shared = compiled(suffix)
            folder.write(name, shared)
        engine = linked(shared)
        for function in shared.function.split():
            llvm.add_symbol(function, engine.get_function_address(function))
        return engine

    @cached_property
    def surroundings(self) -> str:
        """All that compiled code depends on besides its own text: this room's text, the processor, the compilers."""
        parts = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
        parts += [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), platform.machine(), sys.platform]
        parts += [llvmlite.__version__, sys.version]
        return "\0".join(parts)


def cache_folder() -> Path:
    """``WHYGRAD_CACHE``, or the place for caches on this platform."""
    if chosen := os.environ.get("WHYGRAD_CACHE"):
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("whygrad", appauthor=False)) / "native"


class Folder:
    """Object code on disk: written whole or not at all, believed only when intact and one's own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> ObjectCode | None:
        """The program kept under this name, or None where it is missing, damaged or not ours."""
        path = self.path / (name + SUFFIX)
        try:
            if not trusted(self.path.stat()):
                return None
            with path.open("rb") as file:
                if not trusted(os.fstat(file.fileno())):
                    return None
                content = file.read()
            code = unpacked(name, content)
            if code is not None:
                os.utime(path)  # used just now: what was used longest ago goes first
        except OSError:
            return None
        return code

    def write(self, name: str, code: ObjectCode) -> None:
        """Keep a program; a disk that is full, read-only or shared with others keeps none."""
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not trusted(self.path.stat()):
                return
            handle, temporary = tempfile.mkstemp(dir=self.path, suffix=".tmp")  # readable by this user only
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(packed(name, code))
                Path(temporary).replace(self.path / (name + SUFFIX))
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            self.trim()

    def trim(self, limit: int = LIMIT) -> None:
        """Remove what was used longest ago until the rest fits, and what a process that died left unfinished."""
        known = []
        with os.scandir(self.path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    if entry.name.endswith(".tmp") and status.st_mtime < time.time() - TEMPORARY_AGE:
                        Path(entry.path).unlink()
                    elif entry.name.endswith(SUFFIX):
                        known.append((status.st_mtime, status.st_size, entry.path))
        total = sum(size for _, size, _ in known)
        for _, size, path in sorted(known):
            if total <= limit:
                break
            with contextlib.suppress(OSError):  # another process may have removed it
                Path(path).unlink()
            total -= size


def trusted(status: os.stat_result) -> bool:
    """True for what belongs to this user and can be written by no other."""
    if not hasattr(os, "getuid"):  # Windows: the user's own cache folder is private by its access list
        return True
    return status.st_uid == os.getuid() and not status.st_mode & OTHERS_WRITE


def packed(name: str, code: ObjectCode) -> bytes:
    """A file's content: what it is, a checksum over its name and the rest, what is known of the code, the code."""
    known = {"function": code.function, "symbols": code.symbols, "arguments": code.arguments}
    rest = json.dumps(known).encode() + b"\n" + code.data
    return MAGIC + hashlib.sha256(name.encode() + rest).hexdigest().encode() + b"\n" + rest


def unpacked(name: str, content: bytes) -> ObjectCode | None:
    """The program of a file, or None unless it is intact and was written under this name."""
    if not content.startswith(MAGIC):
        return None
    checksum, _, rest = content[len(MAGIC) :].partition(b"\n")
    if checksum != hashlib.sha256(name.encode() + rest).hexdigest().encode():
        return None
    known, _, data = rest.partition(b"\n")
    fields = json.loads(known)
    return ObjectCode(data, fields["function"], tuple(fields["symbols"]), shapes_from_json(fields["arguments"]))


def shapes_from_json(arguments: list[list[Any]]) -> Arguments:
    """JSON knows lists only; shapes are tuples."""
    return tuple((tuple(shape), dtype) for shape, dtype in arguments)


CACHE = Programs()
native = CACHE.native
