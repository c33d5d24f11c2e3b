"""The machine and the versions that numbers belong to."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"  # adbench/ and mnist/, if they are there
PACKAGES = ("numpy", "scipy", "llvmlite", "autograd", "micrograd", "torch", "jax", "jaxlib", "tinygrad",
            "scikit-learn")
_BLAS = """
import numpy, json
try:
    import threadpoolctl
    found = [f"{b['internal_api']} {b['version']}, kernel {b.get('architecture', '?')}, {b['num_threads']} threads"
             for b in threadpoolctl.threadpool_info() if b["user_api"] == "blas"]
except ImportError:
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = [f"{blas['name']} {blas['version']}"]
print("; ".join(found))
"""


def environment() -> dict[str, str]:
    """The user's own, but each BLAS chooses its kernel for this machine, and Python keeps the bytecode that it makes.

    The peers come with their bytecode; without it, a start of whygrad from a checkout compiles its sources again.
    """
    kept = {k: v for k, v in os.environ.items() if k not in {"OPENBLAS_CORETYPE", "PYTHONDONTWRITEBYTECODE"}}
    kept["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Processor, cores, memory, system, Python, packages, NumPy's BLAS as the contestants get it."""
    blas = subprocess.run([sys.executable, "-c", _BLAS], capture_output=True, text=True, check=False, env=environment())
    return {
        "processor": processor(),
        "cores": cores(),
        "caches": caches(),
        "memory_gb": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy_blas": blas.stdout.strip() or "unknown",
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def processor() -> str:
    """What the processor calls itself, with the family and model that tell generations apart."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(map(str.strip, line.split(":", 1)) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    vectors = next((name for name in ("avx512f", "avx2") if name in facts.get("flags", "").split()), "no AVX2")
    return (f"{facts.get('model name', platform.machine())} (family {facts.get('cpu family', '?')}, "
            f"model {facts.get('model', '?')}, {vectors})")


def caches() -> str:
    """Sizes of the first core's caches."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_text(index / part) for part in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"


def memory() -> int:
    """Gigabytes of memory, rounded."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):
        return 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return "?"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
