"""A run as data: what the worker processes found, written to JSON and read back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.driver import Measured
from benchmarks.peers import is_ours
from benchmarks.stats import Ratio, Summary, paired, ratio, summary

Rows = dict[str, dict[str, Measured]]  # by workload, then by contestant


@dataclass
class Report:
    """Everything a page needs; nothing of it is computed again."""

    machine: dict[str, Any]
    peak: dict[str, Any]
    when: str
    settings: dict[str, Any]
    rows: Rows = field(default_factory=dict)
    first_call: dict[str, Any] = field(default_factory=dict)
    checkpoint: dict[str, dict[str, float]] = field(default_factory=dict)
    inside: dict[str, dict[str, float]] = field(default_factory=dict)  # tables of seconds by name
    profiles: dict[str, dict[str, float]] = field(default_factory=dict)  # of whygrad's own programs, by workload
    again: dict[str, str] = field(default_factory=dict)  # rows that were measured again, and when

    def seconds(self, workload: str, contestant: str, call: str) -> list[float]:
        """One contestant's rounds; empty if it was left out or has no such call."""
        measured = self.rows.get(workload, {}).get(contestant)
        return measured.calls.get(call, []) if measured and not measured.left_out else []

    def standing(self, workload: str, call: str) -> dict[str, list[float]]:
        """Everybody who was measured, fastest first."""
        found = {name: self.seconds(workload, name, call) for name in self.rows.get(workload, {})}
        return dict(sorted(((n, s) for n, s in found.items() if s), key=lambda pair: summary(pair[1]).median))

    def best(self, workload: str, call: str, *, ours: bool) -> str:
        """The fastest of ours, or of the peers; empty if there is none."""
        return next((name for name in self.standing(workload, call) if is_ours(name) == ours), "")

    def median(self, workload: str, contestant: str, call: str) -> float:
        """Median seconds, NaN if not measured."""
        seconds = self.seconds(workload, contestant, call)
        return summary(seconds).median if seconds else float("nan")

    def summary(self, workload: str, contestant: str, call: str) -> Summary:
        """Median and spread of a contestant that was measured."""
        return summary(self.seconds(workload, contestant, call))

    def against(self, workload: str, call: str, peer: str = "") -> Ratio | None:
        """A peer's time (the fastest's unless named) over the fastest of ours; None if either is missing."""
        ours, peer = self.best(workload, call, ours=True), peer or self.best(workload, call, ours=False)
        theirs = self.seconds(workload, peer, call)
        return ratio(theirs, self.seconds(workload, ours, call)) if ours and theirs else None

    def over_value(self, workload: str, contestant: str) -> Ratio | None:
        """A contestant's gradient over its value, round by round; None if either is missing."""
        value, gradient = (self.seconds(workload, contestant, call) for call in ("value", "gradient"))
        return paired(gradient, value) if value and gradient else None

    def calls(self, workload: str) -> list[str]:
        """The names of what was timed."""
        return list(dict.fromkeys(call for m in self.rows.get(workload, {}).values() for call in m.calls))

    def why_not(self, workload: str) -> str:
        """Why none of ours was measured."""
        return next((m.left_out for name, m in self.rows.get(workload, {}).items() if is_ours(name) and m.left_out),
                    "not run")

    def with_again(self, later: Report) -> Report:
        """This run with the rows of a later one in the place of its own."""
        again = self.again | dict.fromkeys(later.rows, later.when)
        return replace(self, rows=self.rows | later.rows, again=again)

    def save(self, path: Path) -> None:
        """As JSON, with every round."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Report:
    """What ``save`` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = {w: {name: Measured(**m) for name, m in row.items()} for w, row in found.pop("rows").items()}
    return Report(**found, rows=rows)
