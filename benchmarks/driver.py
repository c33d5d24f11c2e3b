"""Starts a process per peer, and lets them take turns: one works, the others are stopped by the system."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import peak
from benchmarks.machine import ROOT, environment
from benchmarks.peers import CONTESTANTS
from benchmarks.workloads.base import Network, Workload

SLOW, SLOW_TURNS = 2.0, 2  # a contestant whose turn takes more seconds gets fewer turns; ten times as many, one
CAN_STOP = hasattr(signal, "SIGSTOP")


@dataclass
class Measured:
    """What one contestant did on one workload: seconds per call's name and round, or why it was left out."""

    calls: dict[str, list[float]] = field(default_factory=dict)
    left_out: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


class Process:
    """A worker. While it is not asked, it is stopped, so that no waiting thread of its spins on a core."""

    def __init__(self, contestant: str, data: Path) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contestant, str(data)], cwd=ROOT, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, bufsize=1)

    def ask(self, patience: float = 150.0, **command: Any) -> dict[str, Any]:
        """Wake it, ask, wait so many seconds for the answer, stop it."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            self._signal("SIGCONT")
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], patience)[0]:
                process.kill()
                return {"left_out": f"no answer within {patience:.0f} s"}
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        self._signal("SIGSTOP")
        return json.loads(line) if line else {"left_out": f"its process ended: {self._last_words()}"}

    def end(self) -> None:
        """Let go of it."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def _signal(self, name: str) -> None:
        if CAN_STOP and self.process.poll() is None:
            self.process.send_signal(getattr(signal, name))

    def _last_words(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "no message"


def measure(
    group: list[Workload], data: Path, rounds: int | None, say: Callable[[str], None], skipped: tuple[str, ...] = (),
) -> dict[str, dict[str, Measured]]:
    """All contestants of rows that share processes: prepare one after the other, then interleaved rounds."""
    found = {row.name: {name: Measured() for name in row.contestants} for row in group}
    processes: dict[str, Process] = {}
    try:
        for name in dict.fromkeys(name for row in group for name in row.contestants):
            package = CONTESTANTS[name].missing()
            if package or name in skipped:
                for row in group:
                    reason = f"{package} is not installed" if package else "not in a quick run"
                    found[row.name].get(name, Measured()).left_out = reason
                continue
            say(f"{group[0].group}: preparing {name}")
            processes[name] = process = Process(name, data)
            for row in group:
                if name in row.contestants:
                    _prepare(process, row, found[row.name][name])
        for turn in range(rounds or max(row.rounds for row in group)):
            say(f"{group[0].group}: round {turn + 1}")
            _round(group, processes, found)
        _memory(processes, found)
    finally:
        for process in processes.values():
            process.end()
    return found


def _prepare(process: Process, row: Workload, measured: Measured) -> None:
    answer = process.ask(row.patience, prepare=row.name)
    measured.left_out = answer.pop("left_out", "")
    measured.calls = {call: [] for call in answer.pop("calls", ())}
    measured.notes = answer


def _round(group: list[Workload], processes: dict[str, Process], found: dict[str, dict[str, Measured]]) -> None:
    for row in group:
        for name, measured in found[row.name].items():
            for call, seconds in measured.calls.items():
                if measured.left_out or _had_enough(seconds):
                    continue
                before = _peak() if isinstance(row.what, Network) else None
                answer = processes[name].ask(run=row.name, call=call)
                measured.left_out = answer.pop("left_out", "")
                if not measured.left_out:
                    if before is not None:
                        measured.notes.setdefault("peaks", []).append(before)
                    seconds.append(answer.pop("seconds"))
                    measured.notes |= answer


def _peak() -> float | None:
    """GFLOP/s that the machine would do at this moment: what a shared one has left for us changes by the second."""
    try:
        return peak.by_multiply_add(rounds=2)
    except (ImportError, RuntimeError, OSError):
        return None


def _had_enough(seconds: list[float]) -> bool:
    """A turn holds one unit of such long work, so a unit's seconds are a turn's."""
    return bool(seconds) and seconds[0] > SLOW and (len(seconds) >= SLOW_TURNS or seconds[0] > 10 * SLOW)


def _memory(processes: dict[str, Process], found: dict[str, dict[str, Measured]]) -> None:
    for name, process in processes.items():
        answer = process.ask(memory=True)
        for row in found.values():
            if name in row:
                row[name].notes |= answer


def grouped(rows: Iterable[Workload]) -> list[list[Workload]]:
    """Rows of one family together, in the order given."""
    groups: dict[str, list[Workload]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return list(groups.values())
