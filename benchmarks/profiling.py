"""What bounds whygrad's own programs: where the time of a training step or a gradient goes, by the processor's clock.

``python -m benchmarks.profiling NAME [DATA]`` prints one program's profile, statement by statement.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import whygrad as wg
from benchmarks import peak
from benchmarks.machine import DATA, ROOT, cores, environment
from benchmarks.peers.whygrad_ import function, training
from benchmarks.workloads.base import Network, Objective
from benchmarks.workloads.registry import WORKLOADS
from benchmarks.workloads.training import examples, first_parameters
from whygrad.jit.profile import KINDS, Profile

STEPS = 4000  # of training before a step is looked into: by then the loop knows its number of threads
SECONDS = 2.0  # or fewer, of a large network
NAMES = ("train-tiny", "train-book", "train-wider", "train-medium", "train-large", "gmm-d20-K50",
         "lstm-l4-c4096")


@dataclass(frozen=True)
class Split:
    """Seconds of a step or call, by what it did then; ``operations`` of its products, 0 where nobody has counted;
    ``peak``: operations in a second that so many threads could do just before or after, whichever is more.
    """

    threads: int
    seconds: float
    products: float
    numbers: float
    waiting: float
    outside: float
    operations: float
    peak: float


def profile_of(name: str, data: Path) -> tuple[Profile, float]:
    """One workload's profile, and how many operations its matrix products have."""
    what = WORKLOADS[name].what
    if isinstance(what, Network):
        X, Y = examples(what, what.batches)
        trainer = training("native", what, X, Y, first_parameters(what.sizes))
        trainer.run(min(STEPS, int(SECONDS * 5e10 / what.operations) + 1))
        return trainer.loop.profile(), what.operations
    assert isinstance(what, Objective)
    args, constants = what.inputs(data)
    f = function(what, constants)
    return wg.jit(wg.value_and_grad(f, tuple(range(what.wanted))), "native").profile(*args), 0.0


def split(name: str, data: Path) -> Split:
    """The profile in a few numbers."""
    before = peak.by_multiply_add()
    found, operations = profile_of(name, data)
    of_all = max(before, peak.by_multiply_add()) * 1e9
    return Split(found.threads, found.seconds, *map(found.seconds_of, KINDS), found.outside, operations,
                 of_all * found.threads / cores())


def times(data: Path, names: tuple[str, ...] = NAMES) -> dict[str, dict[str, float]]:
    """Each in a process of its own; who needs data that is not there is left out."""
    found = {}
    for name in names:
        if all((data / file).exists() for file in WORKLOADS[name].needs):
            run = subprocess.run([sys.executable, "-m", "benchmarks.profiling", name, str(data), "--json"], cwd=ROOT,
                                 env=environment(), capture_output=True, text=True, check=True, timeout=300)
            found[name] = json.loads(run.stdout)
    return found


def main(name: str, data: str = str(DATA), form: str = "") -> None:
    """One workload's profile as text, or in a few numbers as JSON."""
    if name not in WORKLOADS:
        sys.exit(f"no such row: {name}; python -m benchmarks --list shows them")
    print(json.dumps(asdict(split(name, Path(data)))) if form == "--json" else profile_of(name, Path(data))[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
