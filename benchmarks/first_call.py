"""The first call in a fresh process: ``python -m benchmarks.first_call CONTESTANT`` prints the seconds it takes.

``times`` starts such processes with empty caches, and once more with what the first left on disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

from benchmarks.machine import ROOT, environment
from benchmarks.peers import CONTESTANTS

QUICK = ("whygrad native", "whygrad numpy", "JAX scan")
NAMES = ("whygrad native", "whygrad numpy", "PyTorch eager", "PyTorch compile", "JAX jit", "JAX scan")
CACHES = ("WHYGRAD_CACHE", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR")
ALWAYS_KEEP = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}


def times(names: tuple[str, ...] = NAMES, repeats: int = 3) -> dict[str, dict[str, list[float] | str]]:
    """Seconds per contestant: ``import``, ``cold`` and ``cached``, or ``left_out``."""
    found: dict[str, dict[str, list[float] | str]] = {}
    for name in names:
        if package := CONTESTANTS[name].missing():
            found[name] = {"left_out": f"{package} is not installed"}
            continue
        seen: dict[str, list[float]] = {"import": [], "cold": [], "cached": []}
        for _ in range(repeats if "compile" not in name else 1):
            with tempfile.TemporaryDirectory() as caches:
                cold, cached = (_process(name, caches) for _ in range(2))
            if "left_out" in cold:
                break
            seen["import"].append(cached["import"])
            seen["cold"].append(cold["first"])
            seen["cached"].append(cached["first"])
        found[name] = dict(seen) if seen["cold"] else {"left_out": cold["left_out"]}
    return found


def _process(name: str, caches: str) -> dict[str, float]:
    own = environment() | dict.fromkeys(CACHES, caches) | ALWAYS_KEEP
    run = subprocess.run([sys.executable, "-m", "benchmarks.first_call", name], cwd=ROOT, env=own, capture_output=True,
                         text=True, check=False, timeout=120)
    lines = run.stdout.strip().splitlines()
    if run.returncode or not lines:
        return {"left_out": (run.stderr.strip().splitlines() or ["no message"])[-1][:200]}  # type: ignore[dict-item]
    return json.loads(lines[-1])  # type: ignore[no-any-return]


def main(name: str) -> None:
    """Import, then build the training of 784-30-10 and do one step (of a scanned epoch: the shortest there is)."""
    from benchmarks.workloads.base import Network
    from benchmarks.workloads.training import examples, first_parameters

    network = Network((784, 30, 10), "sigmoid", 10, batches=2)
    X, Y = examples(network, network.batches)
    parameters = first_parameters(network.sizes)
    start = time.perf_counter()
    module = CONTESTANTS[name].load()
    imported = time.perf_counter()
    trainer = module.training(CONTESTANTS[name].variant, network, X, Y, parameters)
    trainer.run(trainer.multiple)
    trainer.weights()
    print(json.dumps({"import": imported - start, "first": time.perf_counter() - imported}), flush=True)
    os._exit(0)  # thread pools that are slow to end are not what is asked


if __name__ == "__main__":
    main(sys.argv[1])
