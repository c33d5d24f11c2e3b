"""Fair times: the contestants take turns, so that a busy moment of the machine hits them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians(
    contestants: Mapping[str, Callable[[], object]], rounds: int = 40, seconds: float = 0.02,
) -> dict[str, float]:
    """The median seconds of one call of each, over interleaved rounds of about ``seconds`` each."""
    repeats = {name: _repeats(call, seconds) for name, call in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(seen) for name, seen in times.items()}


def _repeats(call: Callable[[], object], seconds: float) -> int:
    """So many calls fill ``seconds``; the first calls, which load and cache, are not counted."""
    call()
    start = time.perf_counter()
    call()
    return max(1, int(seconds / max(time.perf_counter() - start, 1e-9)))


def table(title: str, times: Mapping[str, float], ours: str = "whygrad") -> str:
    """One line per contestant: its time, and how many times ours it takes."""
    lines = [title]
    for name, seconds in times.items():
        lines.append(f"  {name:<24} {1e6 * seconds:12.1f} µs   {seconds / times[ours]:6.2f} x {ours}")
    return "\n".join(lines)
