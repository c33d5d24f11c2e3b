"""A workload: a name, what has to be computed, and who takes part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Network:
    """A dense network with plain SGD on ``Σ (a - y)² / batch``, float32: the settings of a training step."""

    sizes: tuple[int, ...]
    activation: str
    batch: int
    learning_rate: float = 0.01
    batches: int = 50

    @property
    def weights(self) -> int:
        """The number of weights and biases."""
        return sum((a + 1) * b for a, b in pairwise(self.sizes))

    @property
    def operations(self) -> float:
        """Multiplications and additions of a step's matrix products: three per layer, two for the first."""
        pairs = list(pairwise(self.sizes))
        return 2.0 * self.batch * (3 * sum(a * b for a, b in pairs) - pairs[0][0] * pairs[0][1])


@dataclass(frozen=True)
class Objective:
    """A function of arrays: ``make(xp)`` writes it for NumPy or for autograd's NumPy.

    ``inputs(data)`` are its arguments, the first ``wanted`` of which are differentiated; ``data`` is the folder of data
    sets. ``constants`` reach every peer's version of the function by keyword.
    """

    make: Callable[..., Callable[..., Any]]
    inputs: Callable[[Path], tuple[Arrays, dict[str, Any]]]
    wanted: int
    tolerance: float = 1e-6
    second_order: bool = False
    forward_mode: bool = False


@dataclass(frozen=True)
class Workload:
    """One row of the page. ``contestants`` are names of ``benchmarks.peers``; ``family``: rows that share processes."""

    name: str
    title: str
    what: Network | Objective | None
    contestants: tuple[str, ...]
    family: str = ""
    size: float = 0.0  # of a family's row: the x of its plot
    seconds: float = 0.1  # that a contestant works for, each time it is its turn
    rounds: int = 7
    needs: tuple[str, ...] = field(default=())  # files below the data folder
    patience: float = 150.0  # seconds for a contestant to get ready, or to answer

    @property
    def group(self) -> str:
        """Rows of one group are timed by the same processes."""
        return self.family or self.name
