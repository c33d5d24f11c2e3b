"""What rounds of seconds say: medians, quartiles, ratios round by round, and the slope of a growth."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Seconds of one contestant over the rounds."""

    median: float
    best: float
    low: float  # first and third quartile
    high: float


@dataclass(frozen=True)
class Ratio:
    """How many times as long another one takes: of the medians, and the spread over the rounds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def summary(seconds: Sequence[float]) -> Summary:
    """Median, minimum and quartiles."""
    low, high = quartiles(seconds)
    return Summary(statistics.median(seconds), min(seconds), low, high)


def quartiles(numbers: Sequence[float]) -> tuple[float, float]:
    """The first and the third; of a single number, that number twice."""
    if len(numbers) < 2:
        return numbers[0], numbers[0]
    cuts = statistics.quantiles(numbers, n=4, method="inclusive")
    return cuts[0], cuts[2]


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """Theirs over ours. Rounds are paired: what disturbed a round disturbed both."""
    paired = [a / b for a, b in zip(theirs, ours, strict=False)]
    return Ratio(statistics.median(theirs) / statistics.median(ours), *quartiles(paired))


def paired(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """The median of the rounds' own ratios, for what one process does one after the other: where the machine's speed
    changes between rounds, the medians of both may come from different ones.
    """
    ratios = [a / b for a, b in zip(above, below, strict=False)]
    return Ratio(statistics.median(ratios), *quartiles(ratios))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The exponent p of ``y ~ x^p``: least squares in logarithms."""
    logs = [math.log(a) for a in x], [math.log(b) for b in y]
    return statistics.linear_regression(*logs).slope
