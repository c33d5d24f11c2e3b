"""What a peer's module gives back, so that the worker can time and check every peer alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


class NotThereError(Exception):
    """This peer has no such thing, here or yet: it is named and left out."""


class Trainer(Protocol):
    """Mini-batch training of one network."""

    multiple: int  # steps are only done in multiples of this (a scanned epoch)

    def run(self, steps: int) -> None:
        """So many steps of plain SGD, finished when it returns."""

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer, W of shape (inputs, outputs)."""


@dataclass(frozen=True)
class Calls:
    """One objective: each call does the work once and is finished when it returns."""

    calls: dict[str, Callable[[], Any]]  # "value", "gradient", "hessian", "forward"
    numbers: Callable[[Any], Any] = np.asarray  # one result as NumPy


def chosen(functions: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """Those functions of a peer that an objective asks for by name."""
    return {name: function for name, function in functions.items() if name in wanted}
