"""How many examples are looked at, which ones, and the note that says so."""

from __future__ import annotations

import numpy as np

from whygrad.diagnosis.records import Array

MOST = 1000  # examples by default: quantiles and shares are steady, and a network of a million weights takes a second


def evenly(n: int, most: int) -> Array:
    """At most ``most`` places of n, at equal distances: data that are sorted by class keep all classes."""
    places: Array = np.linspace(0, n - 1, min(n, most)).astype(int)
    return places


def left_out(looked_at: int, n: int) -> list[str]:
    """The note on a report that not all examples given were looked at; none if they were."""
    return [f"{looked_at:,} of the {n:,} examples given were looked at, evenly taken."] if looked_at < n else []
