"""How many threads run a loop that finds the same numbers with any: as many as are quickest at the moment.

On a quiet machine two threads take 12 µs for a step of 784-30-10 where one takes 15. Where another program has one of
the cores, or both are one real core, each waits for the other and they take up to 40: nobody knows but the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

LEAST = 1e-3  # seconds, about, that each number of threads is given in a run to show how quick it is,
SHARE, MOST = 40, 16  # or one step in 40, and none if that is more than one step in 16


class Pace:
    """Calls of one loop by numbers of threads. ``step``: seconds that one step is expected to take on one thread."""

    def __init__(
        self,
        calls: Mapping[int, Callable[[], int]],
        step: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.calls, self._step, self._clock = dict(calls), step, clock
        self._seconds = dict.fromkeys(sorted(calls, reverse=True), 0.0)  # of a step, in the last call that counted

    def plan(self, steps: int, most: int) -> Iterator[tuple[int, int]]:
        """How the next steps are run: (number of threads, how many steps, at most so many).

        Where a run is divided does not depend on the clock, so sums over its parts do not either.
        """
        for first in range(0, steps, most):
            left = min(most, steps - first)
            trial = max(int(LEAST / self._step) + 1, left // SHARE)
            if len(self.calls) > 1 and left >= MOST * trial:
                for threads in sorted(self.calls, key=self._seconds.__getitem__, reverse=True):
                    yield threads, trial
                    left -= trial
            yield min(self._seconds, key=self._seconds.__getitem__), left

    def run(self, threads: int, steps: int) -> None:
        """Call it with so many threads for so many steps, and remember how long that took."""
        began = self._clock()
        self.calls[threads]()
        took = self._clock() - began
        if steps * self._step >= LEAST:  # threads that sleep need 50 µs to wake up
            self._seconds[threads] = took / steps
