"""Programs run in plain Python on several threads at once, every number that they touch written down.

What native code does between two barriers can not be seen. Here the same text runs with arrays that note who reads and
who writes which number; at each barrier the notes are compared, and numbers that two threads touched, one of them
writing, are a race.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from whygrad.jit.native import words

PRODUCTS = ("multiply", "multiply_rows", "multiply_short", "add_short")  # of some rows


class RaceError(AssertionError):
    """Two threads touched one number between two barriers, and one of them wrote it."""


class Notes:
    """What each thread has touched since the last barrier."""

    def __init__(self, arrays: Sequence[np.ndarray], names: Sequence[str]) -> None:
        self.arrays, self.names = arrays, names
        self.me = threading.local()
        self.touched: dict[tuple[int, bool], list[np.ndarray]] = defaultdict(list)
        self.barriers = 0

    def note(self, x: np.ndarray, writes: bool) -> None:
        """This thread reads or writes all of x."""
        places = np.asarray(x.__array_interface__["data"][0])
        for n, step in zip(x.shape, x.strides, strict=True):
            places = np.add.outer(places, np.arange(n) * step)
        self.touched[self.me.tid, writes].append(places.ravel())

    def compare(self) -> None:
        """At a barrier: no number is touched by two threads of which one writes it."""
        self.barriers += 1
        found = {key: np.unique(np.concatenate(places)) for key, places in self.touched.items()}
        self.touched.clear()
        for (one, writes), places in found.items():
            for (other, _), theirs in found.items():
                if writes and one != other and (both := np.intersect1d(places, theirs)).size:
                    where = f"{self.named(both[0])}, before barrier {self.barriers}"
                    raise RaceError(f"threads {one} and {other} at {where}")

    def named(self, place: int) -> str:
        """The number at an address."""
        for x, name in zip(self.arrays, self.names, strict=True):
            distance = int(place) - x.__array_interface__["data"][0]
            if 0 <= distance < x.nbytes:
                return f"{name}[{', '.join(map(str, np.unravel_index(distance // x.itemsize, x.shape)))}]"
        return "a number of no array"


class Watched:
    """An array that notes what is read and written."""

    def __init__(self, x: np.ndarray, notes: Notes) -> None:
        self.x, self.notes = x, notes

    def __getitem__(self, index: Any) -> Any:
        seen = self.x[index] if index == () else self.x[(*index, ...) if isinstance(index, tuple) else (index, ...)]
        if np.ndim(seen):
            return Watched(seen, self.notes)
        self.notes.note(np.asarray(self.x[(*index, ...) if isinstance(index, tuple) else (index, ...)]), False)
        return seen[()]

    def __setitem__(self, index: Any, value: Any) -> None:
        place = self.x[(*index, ...) if isinstance(index, tuple) else (index, ...)]
        self.notes.note(place, True)
        place[...] = value

    @property
    def T(self) -> Watched:
        return Watched(self.x.T, self.notes)


def run(source: str, arrays: Sequence[np.ndarray], threads: int) -> int:
    """The program of this text on so many threads; RaceError if two of them meet. Returns how many barriers it had."""
    names = [line[4:].partition(":")[0] for line in source.splitlines() if line.startswith("#   ")]
    notes = Notes(arrays, names)
    barrier = threading.Barrier(threads, notes.compare)
    space: dict[str, Any] = {}
    exec(source, space)
    space |= {name: word for name, word in watching(notes).items() if name in space}
    space["wait"] = lambda sync, count: barrier.wait(30)
    given = [Watched(x, notes) for x in arrays]
    errors: list[BaseException] = []

    def work(tid: int) -> None:
        notes.me.tid = tid
        try:
            space["program"](tid, threads, 0, *given)
            barrier.wait(30)
        except BaseException as error:  # noqa: BLE001  told below, in the test's own thread
            errors.append(error)
            barrier.abort()

    workers = [threading.Thread(target=work, args=(tid,)) for tid in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
    return notes.barriers


def watching(notes: Notes) -> dict[str, Callable[..., Any]]:
    """The words of a program that touch arrays, with notes of what."""

    def reads(*arrays: Watched) -> None:
        for x in arrays:
            notes.note(x.x, False)

    def product(name: str, A: Watched, B: Watched, C: Watched, i0: int, i1: int, *rest: Any) -> None:
        reads(Watched(A.x[i0:i1], notes), B)
        into = C.x[i0:i1, : rest[0]] if name == "multiply" else C.x[i0:i1]
        if name == "add_short" or (name != "multiply_short" and rest[-1]):
            notes.note(into, False)
        notes.note(into, True)
        getattr(words, name)(A.x, B.x, C.x, i0, i1, *rest)

    def multiply_few(A: Watched, B: Watched, C: Watched, M: int, N: int, K: int, alpha: Any, beta: Any) -> None:
        reads(Watched(A.x[:M, :K], notes), B)
        notes.note(C.x[:M, :N], True)
        words.multiply_few(A.x, B.x, C.x, M, N, K, alpha, beta)

    def multiply_picked(X: Watched, places: Watched, B: Watched, C: Watched) -> None:
        reads(places, B, *(Watched(X.x[i], notes) for i in places.x))
        notes.note(C.x, True)
        words.multiply_picked(X.x, places.x, B.x, C.x)

    def add_picked(X: Watched, places: Watched, B: Watched, C: Watched, i0: int, i1: int, alpha: Any,
                   following: Watched | None = None) -> None:
        reads(places, B, *(Watched(X.x[i, i0:i1], notes) for i in places.x))
        notes.note(C.x[i0:i1], True)
        words.add_picked(X.x, places.x, B.x, C.x, i0, i1, alpha)

    def pack(tid: int, threads: int, B: Watched, packed: Watched) -> None:
        reads(B)
        panels = packed.x.reshape(-1, len(B.x) * words.panel_columns(B.x.dtype))
        own = panels[tid * len(panels) // threads : (tid + 1) * len(panels) // threads]
        notes.note(own, True)
        words.pack(0, 1, B.x[:, tid * len(panels) // threads * words.panel_columns(B.x.dtype) :][:, : (
            len(own) * words.panel_columns(B.x.dtype))], own.reshape(-1)) if len(own) else None

    def strided(x: Watched, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Watched:
        flat = x.x.reshape(-1)
        return Watched(as_strided(flat[offset:], shape, tuple(step * flat.itemsize for step in strides)), notes)

    products = {name: (lambda *a, name=name: product(name, *a)) for name in PRODUCTS}
    return {
        **products, "multiply_few": multiply_few, "multiply_picked": multiply_picked, "add_picked": add_picked,
        "pack": pack, "strided": strided, "flattened": lambda x: Watched(x.x.reshape(-1), notes),
        "fetch": lambda x, row: None,
    }
