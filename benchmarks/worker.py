"""One peer alone in its process: ``python -m benchmarks.worker PEER DATA``. Commands are lines of JSON on stdin.

``{"prepare": workload}`` builds and checks it, ``{"run": workload, "call": name}`` answers with the seconds of one unit
of work, ``{"memory": true}`` with the largest resident memory so far. Wrong numbers are answered as such, never timed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.checking import WrongNumbersError, check_calls, check_trainer, directions
from benchmarks.peers import CONTESTANTS
from benchmarks.peers.contract import NotThereError
from benchmarks.workloads import training
from benchmarks.workloads.base import Network, Objective, Workload
from benchmarks.workloads.fitting import EPOCHS, SIZES, digits
from benchmarks.workloads.registry import WORKLOADS

Timed = dict[str, tuple[Callable[[int], Any], int]]  # does so many units; at a multiple of
WARM = 5  # so many times more than what each turn begins with, untimed: processes that were stopped wake up slowly
LONG_FIT = 25.0  # seconds: who would take longer does a tenth of the epochs or less


class Worker:
    """Holds what is prepared, and how often each call is repeated to fill a turn."""

    def __init__(self, contestant: str, data: Path) -> None:
        self.contestant, self.data = CONTESTANTS[contestant], data
        self.module = self.contestant.load()
        self.timed: dict[str, Timed] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.warm: dict[tuple[str, str], int] = {}

    def prepare(self, workload: Workload) -> dict[str, Any]:
        """Build, check the numbers, find the number of repeats."""
        begun = time.perf_counter()
        self.timed[workload.name] = timed = self._built(workload)
        notes: dict[str, Any] = {}
        for call, (run, multiple) in timed.items():
            if call == "fit":
                self._epochs(run, notes)
                self.counts[workload.name, call], self.warm[workload.name, call] = notes["epochs"], 0
            else:
                count = multiple * _repeats(run, multiple, workload.seconds)
                self.counts[workload.name, call] = count
                self.warm[workload.name, call] = -(-count // (WARM * multiple)) * multiple if count > multiple else 0
        return {"calls": list(timed), "setup_seconds": time.perf_counter() - begun} | notes

    def _epochs(self, run: Callable[[int], Any], notes: dict[str, Any]) -> None:
        """All epochs, or a few that are multiplied where all would take too long. One epoch compiles, one is timed."""
        run(1)
        each = _seconds(run, 1)
        notes["epochs"] = EPOCHS if each * EPOCHS < LONG_FIT else max(1, min(EPOCHS // 10, int(LONG_FIT / each / 3)))

    def _built(self, workload: Workload) -> Timed:
        what = workload.what
        if isinstance(what, Network):
            return self._trainer(what)
        if isinstance(what, Objective):
            args, constants = what.inputs(self.data)
            direction = directions(args, what.wanted)
            gradients = getattr(self.module, "gradients", None) or _none("gradients")
            found = gradients(self.contestant.variant, what, args, constants, direction)
            check_calls(what, args, constants, direction, found)
            return {name: (_repeated(call), 1) for name, call in found.calls.items()}
        return self._fit()

    def _trainer(self, what: Network) -> Timed:
        build = getattr(self.module, "training", None) or _none("training")
        parameters = training.first_parameters(what.sizes)
        check_trainer(what, lambda X, Y: build(self.contestant.variant, what, X, Y, parameters), parameters)
        trainer = build(self.contestant.variant, what, *training.examples(what, what.batches), parameters)
        return {"step": (trainer.run, trainer.multiple)}

    def _fit(self) -> Timed:
        fit, images = getattr(self.module, "fit", None) or _none("fit"), digits(self.data)

        def run(epochs: int) -> dict[str, Any]:
            accuracy = fit(self.contestant.variant, images, training.first_parameters(SIZES), epochs)
            if accuracy < (0.9 if epochs == EPOCHS else 0.6):
                raise WrongNumbersError(f"validation accuracy {accuracy:.3f} after {epochs} epochs")
            return {"accuracy": accuracy, "source": images.source}

        return {"fit": (run, 1)}

    def run(self, name: str, call: str) -> dict[str, Any]:
        """Seconds of one unit, over as many units as fill a turn."""
        work, _ = self.timed[name][call]
        count = self.counts[name, call]
        if self.warm[name, call]:
            work(self.warm[name, call])
        start = time.perf_counter()
        extra = work(count)
        seconds = (time.perf_counter() - start) / count
        if call == "fit":
            seconds *= EPOCHS
        return {"seconds": seconds} | (extra if isinstance(extra, dict) else {})

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command's answer."""
        if "prepare" in command:
            return self.prepare(WORKLOADS[command["prepare"]])
        if "run" in command:
            return self.run(command["run"], command["call"])
        return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _seconds(run: Callable[[int], Any], count: int) -> float:
    start = time.perf_counter()
    run(count)
    return time.perf_counter() - start


def _repeats(run: Callable[[int], Any], multiple: int, seconds: float) -> int:
    """How many multiples fill so many seconds, after a first one that may compile."""
    run(multiple)
    times = 1
    while (took := _seconds(run, times * multiple)) < seconds / 4:
        times *= 4
    return max(1, round(times * seconds / took))


def _repeated(call: Callable[[], Any]) -> Callable[[int], None]:
    def run(count: int) -> None:
        for _ in range(count):
            call()

    return run


def _none(what: str) -> Any:
    raise NotThereError(f"has no {what} here")


def main() -> None:
    """Answer until stdin ends. What libraries print goes to stderr: stdout belongs to the answers."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    worker: Worker | None = None
    for line in sys.stdin:
        try:
            worker = worker or Worker(sys.argv[1], Path(sys.argv[2]))
            answer = worker.answer(json.loads(line))
        except NotThereError as error:
            answer = {"left_out": str(error)}
        except WrongNumbersError as error:
            answer = {"left_out": f"wrong numbers: {error}"}
        except Exception as error:  # noqa: BLE001  a peer that fails is named, and the others go on
            traceback.print_exc()
            answer = {"left_out": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
