"""All workloads by name."""

from __future__ import annotations

from benchmarks.workloads import adbench, functions, networks, training
from benchmarks.workloads.base import Workload
from benchmarks.workloads.fitting import FITS

WORKLOADS: dict[str, Workload] = {
    row.name: row for room in (training, adbench, functions, networks) for row in room.WORKLOADS} | FITS
