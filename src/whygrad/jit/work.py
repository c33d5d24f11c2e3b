"""How much work a kernel is: what decides whether threads share it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum

from whygrad.jit.kernels import Kernel, Nest, Product, Reduce, Turns

# A core does some 30 multiply-adds of a product in a nanosecond, or one or two simple steps on single numbers. Below
# these sizes, about 10 µs, sharing gains less than the two barriers and the cold caches of the other core cost.
LARGE_PRODUCT = 400_000
LARGE_NEST = 16_000
LARGE_DEPTH = 100_000  # of a step that then has one barrier: 784 × 30 by 10 took 8 µs twice, and takes 4
# Rows of the left factor for which packing the right one costs more than reading it as it lies: 32 × 784 × 100, twice.
FEW_ROWS = 64


class Share(Enum):
    """What of a kernel each thread computes.

    NONE: thread 0 does it all. EACH: every thread does it all, for itself. ROWS, COLUMNS: they are dealt out; by
    columns, the part of a weight matrix that a thread reads is the one that it has written, and lies in its own cache.
    DEPTH: every thread adds up a part of each sum of a product, so that its weights are its own by rows.
    """

    NONE = 0
    ROWS = 1
    COLUMNS = 2
    EACH = 3
    DEPTH = 4

    @property
    def is_dealt(self) -> bool:
        """Threads have different parts of the result."""
        return self in (Share.ROWS, Share.COLUMNS)


def is_large(kernel: Kernel, epilogue: Nest | None = None) -> bool:
    """Worth sharing among threads, and can be: split along its first axis; ``epilogue``: what follows a product."""
    if epilogue is not None and is_large(epilogue):
        return True
    if isinstance(kernel, Nest):
        return bool(kernel.shape) and has_rows(kernel) and work_of(kernel) >= LARGE_NEST and kernel.splittable
    if isinstance(kernel, Product):
        return work_of(kernel) >= LARGE_PRODUCT and (len(kernel.left.shape) == 2 or kernel.left.shape[0] >= 2)
    return any(is_large(inner) for inner in kernel.body)


def has_rows(nest: Nest) -> bool:
    """Enough of them to be dealt out: a sum over few rows would have as many parts as it has rows."""
    adds_up = any(isinstance(s, Reduce) and 0 in s.axes for s in nest.statements)
    return nest.shape[0] >= (16 if adds_up else 2)


def work_of(kernel: Kernel) -> int:
    """Multiply-adds of a product, steps on single numbers of a nest."""
    if isinstance(kernel, Nest):
        return math.prod(kernel.shape) * len(kernel.statements)
    if isinstance(kernel, Product):
        return math.prod(kernel.left.shape) * kernel.right.shape[-1]
    return kernel.loop.count * sum(map(work_of, kernel.body))


def seconds_of_turn(kernels: Sequence[Kernel]) -> float:
    """About how long a turn of a program's loops takes on one thread."""
    bodies = [kernel.body for kernel in kernels if isinstance(kernel, Turns)]
    return 1e-9 * sum(work_of(k) / (30 if isinstance(k, Product) else 1) for body in bodies for k in body)
