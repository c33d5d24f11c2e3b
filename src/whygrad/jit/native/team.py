"""A team of threads that run one program together: the caller is thread 0, daemon threads are the others.

Native code is called through ctypes, which lets go of Python's lock, so all of them truly run at once.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from pathlib import Path

from whygrad.errors import ArgumentError
from whygrad.jit.native.handover import DESK_BYTES, handover

DESKS = 64  # workers for whom there is memory, from the first on
SYNC_BYTES = 256  # the barrier's words, 64 bytes apart, in memory aligned to 64


def thread_count() -> int:
    """How many threads a team should have: ``WHYGRAD_THREADS``, or the physical cores that this process may use."""
    chosen = os.environ.get("WHYGRAD_THREADS", "").strip()
    if not chosen:
        return cores()
    if not chosen.isdecimal() or int(chosen) == 0:
        raise ArgumentError(f"WHYGRAD_THREADS is {chosen!r}, not a number of threads", where="the environment")
    return int(chosen)


def cores() -> int:
    """The cores open to this process; two hardware threads of one core are one, as they share its arithmetic units."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    found = set()
    for cpu in os.sched_getaffinity(0):
        try:
            found.add(Path(topology.format(cpu)).read_text(encoding="ascii"))
        except OSError:  # not Linux's usual /sys: every processor counts
            found.add(str(cpu))
    return len(found)


class Team:
    """Worker threads, started when first needed; one run at a time, others wait for their turn."""

    def __init__(self) -> None:
        self._memory = (ctypes.c_char * (SYNC_BYTES + 64))()
        self.sync = aligned(self._memory)
        self._begin_anew()
        if hasattr(os, "register_at_fork"):
            mine = weakref.WeakMethod(self._begin_anew)
            os.register_at_fork(after_in_child=lambda: (again := mine()) is not None and again())

    def _begin_anew(self) -> None:
        """No workers, nothing pending: at the start, and in a forked child, where threads do not exist."""
        self._turn = threading.Lock()
        self._desks: Desks | None = None
        ctypes.memset(self.sync, 0, SYNC_BYTES)

    def run(self, entry: int, table: int, threads: int) -> int:
        """Run the function at ``entry`` on this thread and on workers, at the same time: the first status but 0.

        An interrupt comes before all of it or after: the threads are asked and joined by one native call.
        """
        with self._turn:
            if self._desks is None or self._desks.room < threads - 1:
                self._desks = Desks(max(threads - 1, DESKS))  # if there are earlier workers, they sleep for ever
            self._desks.occupy(threads - 1)
            return handover().together(self._desks.place, threads - 1, entry, table)


class Desks:
    """Memory where workers find what to run, and the workers."""

    def __init__(self, room: int) -> None:
        self.room, self._workers = room, 0
        memory = (ctypes.c_char * (room * DESK_BYTES + 64))()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))  # never freed: a worker looks at it until the process ends
        self.place = aligned(memory)
        for desk in self._desks(room):
            handover().prepare(desk)

    def occupy(self, count: int) -> None:
        """See to it that so many workers are there."""
        for desk in self._desks(count)[self._workers :]:
            threading.Thread(target=handover().serve, args=(desk,), name="whygrad", daemon=True).start()
            self._workers += 1  # an interrupt before this brings another worker to the same desk, who leaves

    def _desks(self, count: int) -> range:
        return range(self.place, self.place + count * DESK_BYTES, DESK_BYTES)


def aligned(memory: ctypes.Array[ctypes.c_char]) -> int:
    """The first address in this memory at which a line of the cache begins."""
    return -(-ctypes.addressof(memory) // 64) * 64
