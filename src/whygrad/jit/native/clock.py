"""The processor's clock, read between the statements of a program whose time is looked into."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir

from whygrad.jit.native.memory import ArrayAt, element, loaded, stored
from whygrad.jit.native.numbers import INT, Number
from whygrad.jit.native.writing import I64, declared

# Both count at one pace whatever the clock rate of the core: x86's counter takes 25 cycles to read and lies behind the
# first name; elsewhere that one may be forbidden to programs, and the second is meant.
COUNTER = "llvm.readcyclecounter" if platform.machine().lower() in ("x86_64", "amd64") else "llvm.readsteadycounter"


def tick(b: ir.IRBuilder, ticks: ArrayAt, tid: Any, k: Any) -> None:
    """Add what has passed since this thread's last tick to ``ticks[tid, k]``; ``ticks[tid, -1]`` is that last tick."""
    now = b.call(declared(b.module, COUNTER, I64, []), [])
    last, total = element(b, ticks, [tid, I64(ticks.shape[1] - 1)]), element(b, ticks, [tid, k])
    passed = b.sub(now, loaded(b, last).value)
    stored(b, Number(b.add(loaded(b, total).value, passed), INT), total)
    stored(b, Number(now, INT), last)
