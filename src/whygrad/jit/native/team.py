"""A team of threads that run one program together: the caller is thread 0, daemon threads are the others.

An entry is called through ctypes, which lets go of Python's lock, so all of them truly run at once.
"""

from __future__ import annotations

import ctypes
import operator
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from whygrad.errors import ArgumentError

Call = Callable[[], int]
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
        self.sync = -(-ctypes.addressof(self._memory) // 64) * 64
        self._begin_anew()
        if hasattr(os, "register_at_fork"):
            mine = weakref.WeakMethod(self._begin_anew)
            os.register_at_fork(after_in_child=lambda: (again := mine()) is not None and again())

    def _begin_anew(self) -> None:
        """No workers, nothing pending: at the start, and in a forked child, where threads do not exist."""
        self._turn = threading.Lock()
        self._workers: list[Worker] = []
        ctypes.memset(self.sync, 0, SYNC_BYTES)

    def run(self, calls: Sequence[Call], keeps: object = None) -> int:
        """Run ``calls[0]`` here and the others on workers, at the same time; the first status that is not 0.

        ``keeps`` is what the calls work on: an interrupt can drop the caller's own references while workers run.
        """
        with self._turn:
            while len(self._workers) < len(calls) - 1:
                self._workers.append(Worker())
            workers = self._workers[: len(calls) - 1]
            for worker in workers:
                worker.settle()  # an interrupt may have kept an earlier run from waiting
            for worker, call in zip(workers, calls[1:], strict=True):
                worker.call, worker.keeps = call, keeps
            starts = [step for worker in workers for step in worker.start]
            # One pass through C: once a worker has started, no KeyboardInterrupt can keep thread 0 from joining it.
            *_, status = map(operator.call, [*starts, calls[0]])
            for worker in workers:
                worker.settle()
            return status or next((worker.status for worker in workers if worker.status), 0)


class Worker:
    """A thread that waits, calls, and waits again."""

    def __init__(self) -> None:
        self.call: Call = int
        self.keeps: object = None
        self.status = 0
        self._go, self._busy = threading.Lock(), threading.Lock()
        self._go.acquire()
        self.start = (self._busy.acquire, self._go.release)
        threading.Thread(target=self._work, name="whygrad", daemon=True).start()

    def settle(self) -> None:
        """Wait until the last call has returned."""
        with self._busy:
            pass

    def _work(self) -> None:
        while True:
            self._go.acquire()
            self.status = self.call()
            self.keeps = None
            self._busy.release()
