"""Every tool on every set-up: what it reports of the same records, and whether that is what is wrong."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from scripts.corpus.matching import OURS, stands_for
from scripts.corpus.recipe import Setup
from scripts.corpus.table import SETUPS
from scripts.corpus.watch import watched

from whygrad.diagnosis.preset_rules import Kind
from whygrad.diagnosis.presets import PRESETS, fired
from whygrad.diagnosis.records import Record
from whygrad.diagnosis.report import diagnosed

US = "whygrad"
TOOLS = (US, *PRESETS)


class Report(NamedTuple):
    """One thing a tool reports: its own term, what that is about, the layers (from 1), whether it is a mere note."""

    term: str
    kind: Kind | str
    layers: tuple[int, ...] = ()
    note: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one tool reports of one set-up."""

    setup: Setup
    tool: str
    reports: tuple[Report, ...]

    @property
    def alarms(self) -> tuple[Report, ...]:
        """Reports of problems; notes are neither a find nor a false alarm."""
        return tuple(report for report in self.reports if not report.note)

    @property
    def right(self) -> tuple[Report, ...]:
        """The alarms that stand for what is wrong."""
        return tuple(report for report in self.alarms if stands_for([report.kind], self.setup.truth))

    @property
    def noted(self) -> bool:
        """Whether a note, but no alarm, says what is wrong."""
        return not self.right and stands_for([report.kind for report in self.reports if report.note], self.setup.truth)

    @property
    def verdict(self) -> str:
        """found, something else, missed; of healthy set-ups silent, false alarm."""
        if self.setup.healthy:
            return "false alarm" if self.alarms else "silent"
        return "found" if self.right else "something else" if self.alarms else "missed"

    @property
    def located(self) -> bool:
        """Whether an alarm that is right names one of the layers where the trouble sits."""
        return any(set(report.layers) & set(true.layers) for report in self.right for true in self.setup.truth)


def ours(records: list[Record]) -> tuple[Report, ...]:
    """What our findings say at any of the moments, each id once, with all the layers it was said of."""
    found: dict[tuple[str, bool], set[int]] = {}
    for record in records:
        for finding in diagnosed(record).findings:
            layers = found.setdefault((finding.id, finding.level == "note"), set())
            layers.update(l + 1 for l in finding.layers)
    return tuple(Report(name, OURS.get(name, name), tuple(sorted(layers)), note)
                 for (name, note), layers in found.items())


def theirs(tool: str, records: list[Record]) -> tuple[Report, ...]:
    """What the rules of a tool say."""
    return tuple(Report(rule.term, rule.kind, tuple(hit.layer + 1 for hit in hits if hit.layer is not None))
                 for rule, hits in fired(PRESETS[tool], records))


def judged(index: int) -> tuple[int, dict[str, tuple[Report, ...]], float]:
    """The set-up in this row, watched and shown to every tool."""
    began = time.perf_counter()
    records = watched(SETUPS[index].recipe)
    reports = {US: ours(records)} | {tool: theirs(tool, records) for tool in PRESETS}
    return index, reports, time.perf_counter() - began


def outcomes(rows: list[int], processes: int) -> dict[int, dict[str, Outcome]]:
    """Row by row, tool by tool."""
    if processes == 1:
        results = [judged(row) for row in rows]
    else:
        with ProcessPoolExecutor(processes) as pool:
            results = list(pool.map(judged, rows))
    return {row: {tool: Outcome(SETUPS[row], tool, reports[tool]) for tool in TOOLS} for row, reports, _ in results}
