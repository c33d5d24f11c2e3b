"""What ``wg.checkpoint`` saves: memory and time of a gradient through 1,000 layers, with and without it.

``python -m benchmarks.remembering plain|checkpoint`` prints the extra megabytes and the seconds of one process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

import whygrad as wg
from benchmarks.machine import ROOT, environment

LAYERS, PIECE, NUMBERS = 1000, 32, 100_000


def chain(h: Any, layers: int) -> Any:
    """So many layers ``tanh(1.01 h)``, element by element."""
    for _ in range(layers):
        h = np.tanh(1.01 * h)
    return h


def whole(x: Any) -> Any:
    """Every value is kept for the way back."""
    return np.sum(chain(x, LAYERS))


def in_pieces(x: Any) -> Any:
    """Pieces of 32 layers keep only what enters them: about √1000 of each are alive at once."""
    piece = wg.checkpoint(lambda h: chain(h, PIECE))
    for _ in range(LAYERS // PIECE):
        x = piece(x)
    return np.sum(chain(x, LAYERS % PIECE))


def main(which: str) -> None:
    """One gradient, and what it took."""
    x = np.random.default_rng(0).standard_normal(NUMBERS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    gradient = wg.grad(whole if which == "plain" else in_pieces)(x)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"mb": (after - before) / 1024, "seconds": seconds, "check": float(np.sum(gradient))}))


def times() -> dict[str, dict[str, float]]:
    """Both ways, each in its own process; their gradients agree."""
    found = {}
    for which in ("plain", "checkpoint"):
        run = subprocess.run([sys.executable, "-m", "benchmarks.remembering", which], cwd=ROOT, env=environment(),
                             capture_output=True, text=True, check=True, timeout=300)
        found[which] = json.loads(run.stdout)
    np.testing.assert_allclose(found["plain"]["check"], found["checkpoint"]["check"], rtol=1e-9)
    return found


if __name__ == "__main__":
    main(sys.argv[1])
