"""Numbers that are easy by hand: halves and small whole numbers, the same for the same seed on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

WEIGHTS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0)
BIASES = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
INPUTS = (-1.0, 0.5, 1.0, 1.5, 2.0, 3.0)
TARGETS = (-1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0)
GRID = 0.25  # the table of σ has a row for each multiple of it
TABLE_ENDS = 2.5  # the last z of the table
SATURATED = 2.0  # a neuron's |z| is at most this: beyond it σ' is below 0.1
SMALLEST, LARGEST = 0.02, 20.0  # of the numbers on the way: smaller ones lose their digits, larger ones are tedious


class Draw:
    """Numbers drawn one after the other. Only ``Random.random`` is used: Python keeps its stream the same for ever."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random(" ".join(map(str, seed)))

    def one(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        return choices[int(self._random.random() * len(choices))]


def is_short(x: float, places: int = 2) -> bool:
    """Whether a number has at most so many decimals."""
    return abs(x * 10.0**places - round(x * 10.0**places)) < 1e-6


def in_table(z: float) -> bool:
    """Whether the table of σ has a row for z where the neuron is neither saturated nor at 0."""
    return 0 < abs(z) <= SATURATED and (z / GRID).is_integer()


def is_handy(x: float) -> bool:
    """Neither 0 nor so small or so large that work by hand gets tedious."""
    return SMALLEST <= abs(x) <= LARGEST
