"""How many threads run a loop that finds the same numbers with any: as many as are quickest at the moment.

On a quiet machine two threads take 12 µs for a step of 784-30-10 where one takes 15. Where another program has one of
the cores, or both are one real core, each waits for the other and they take up to 40: nobody knows but the clock.

The first steps on another number of threads show nothing: a thread has to wake up, and what is now its part of the
weights lies in the cache of another core. Counted in, 784-100-10 stayed on one thread, at 150 µs instead of 105. Nor
does a single trial show much: after an interrupt in its 2 ms, the next thousand steps ran on one thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

LEAST = 2e-3  # seconds, about, that a number of threads is given to get going, and as long to show how quick it is,
SHARE, MOST = 80, 32  # or one step in 80, and none if that is more than one step in 32
KEPT = 4  # calls of which the quickest counts: what the machine does meanwhile only ever makes a call longer
CLEAR, REST = 1.25, 4  # who is slower by so much is not tried again in so many parts of a run


class Pace:
    """Calls of one loop by numbers of threads. ``step``: seconds that one step is expected to take on one thread."""

    def __init__(
        self,
        calls: Mapping[int, Callable[[], int]],
        step: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.calls, self._step, self._clock = dict(calls), step, clock
        self._took = {n: deque([0.0], KEPT) for n in sorted(calls, reverse=True)}  # seconds of a step, latest calls
        self._rest = 0  # parts of a run until the next trial

    def plan(self, steps: int, most: int) -> Iterator[tuple[int, int]]:
        """How the next steps are run: (number of threads, how many steps, at most so many).

        Where a run is divided does not depend on the clock, so sums over its parts do not either.
        """
        for first in range(0, steps, most):
            left = min(most, steps - first)
            trial = max(self.steps(LEAST), left // SHARE)
            if len(self.calls) > 1 and left >= MOST * trial:
                for threads in self._tried():
                    for _ in ("to get going", "to show how quick it is"):
                        yield threads, trial
                        left -= trial
                self._rest = self._rest - 1 if self._rest else REST if self._is_clear() else 0
            yield self.best, left

    def _tried(self) -> list[int]:
        """As many numbers of threads as there are: each once, the quickest one last, or while others rest, only it."""
        if self._rest:
            return [self.best] * len(self.calls)
        return sorted(self.calls, key=self._seconds, reverse=True)

    def _is_clear(self) -> bool:
        best, *others = sorted(map(self._seconds, self.calls))
        return others[0] > CLEAR * best

    def _seconds(self, threads: int) -> float:
        """Of a step on so many threads: the quickest of the latest calls, 0 if there was none."""
        return min(self._took[threads])

    @property
    def best(self) -> int:
        """The number of threads that was the quickest so far; all of them at first."""
        return min(self._took, key=self._seconds)

    def steps(self, seconds: float) -> int:
        """How many steps take about so long."""
        return int(seconds / self._step) + 1

    def run(self, threads: int, steps: int) -> None:
        """Call it with so many threads for so many steps, and remember how long that took."""
        began = self._clock()
        self.calls[threads]()
        took = self._clock() - began
        if steps * self._step >= LEAST:  # threads that sleep need 50 µs to wake up
            if 0.0 in self._took[threads]:
                self._took[threads].clear()
            self._took[threads].append(took / steps)
