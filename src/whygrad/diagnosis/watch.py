"""Looking at a model again and again while it trains, for a bounded share of the time, and saying each finding once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.findings import found
from whygrad.diagnosis.measures import measure
from whygrad.diagnosis.records import Record

# Of the training's time, that looking may take. It costs up to twice that: after a look, the threads of NumPy's BLAS
# keep a core waiting for more work (1.02 times the training with one BLAS thread, 1.15 with two and a share of 0.05).
SHARE = 0.02
ROWS = 256  # at most, of the examples trained on last: enough to call a unit inactive, few enough to be quick

Key = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Appeared:
    """A finding and when it was first seen: after ``step`` training steps, in ``epoch``, counted from 1."""

    step: int
    epoch: int
    finding: Finding

    def __str__(self) -> str:
        at = "before the first step" if not self.step else f"step {self.step:,} (epoch {self.epoch})"
        return f"{at}: {self.finding.id}: {self.finding.where}: {self.finding.what}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"step": self.step, "epoch": self.epoch} | self.finding.to_dict()


class Watch:
    """When to look, and what is new.

    A look is due when all looks so far, and one more, take at most 2 % of the time since the start. A finding that is
    certain is told at once, any other when the next look sees it too, so that no passing state is called a fault.
    ``tell`` is called with each finding when it appears; ``findings`` has them all.
    """

    def __init__(self, tell: Callable[[Appeared], None] = lambda appeared: None) -> None:
        self.findings: tuple[Appeared, ...] = ()
        self.looks, self.spent = 0, 0.0
        self._tell, self._told, self._seen = tell, set[Key](), set[Key]()
        self._began, self._longest = time.perf_counter(), 0.0

    def start(self) -> None:
        """The clock starts here."""
        self._began, self.spent = time.perf_counter(), 0.0

    @property
    def due(self) -> bool:
        """Whether another look keeps within the share."""
        return self.spent + self._longest <= SHARE * (time.perf_counter() - self._began)

    def look(self, step: int, epoch: int, record: Callable[[], Record], *, last: bool = False) -> None:
        """Take a record and tell what is new; in the ``last`` look nothing waits to be seen again."""
        began = time.perf_counter()
        keys: dict[Key, Finding] = {}
        for finding in found(measure(record())):
            keys.setdefault(_key(finding), finding)
        for key, finding in keys.items():
            sure = last or finding.sure == "certain" or key in self._seen
            if sure and key not in self._told:
                self._told.add(key)
                appeared = Appeared(step, epoch, finding)
                self.findings = (*self.findings, appeared)
                self._tell(appeared)
        self._seen = set(keys)
        took = time.perf_counter() - began
        self.looks, self.spent, self._longest = self.looks + 1, self.spent + took, max(self._longest / 2, took)


def _key(finding: Finding) -> Key:
    """What makes two findings the same: the kind, and the first layer concerned."""
    return finding.id, finding.layers[:1]
