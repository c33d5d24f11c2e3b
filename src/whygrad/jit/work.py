"""How much work a kernel is: what decides whether threads share it."""

from __future__ import annotations

import math
from enum import Enum

from whygrad.jit.kernels import Kernel, Nest, Product

# A core does some 30 multiply-adds of a product in a nanosecond, or one or two simple steps on single numbers. Below
# these
# sizes, about 10 µs, sharing gains less than the two barriers and the cold caches of the other core cost.
LARGE_PRODUCT = 400_000
LARGE_NEST = 16_000


class Share(Enum):
    """What of a kernel each thread computes: all is thread 0's, rows or columns are dealt out, or each has a copy.

    By columns, the part of a weight matrix that a thread reads is the one that it has written, and lies in its own
    cache.
    """

    NONE = 0
    ROWS = 1
    COLUMNS = 2
    COPIES = 3


def is_large(kernel: Kernel, epilogue: Nest | None = None) -> bool:
    """Worth sharing among threads, and can be: split along its first axis; ``epilogue``: what follows a product."""
    if epilogue is not None and is_large(epilogue):
        return True
    if isinstance(kernel, Nest):
        return bool(kernel.shape) and kernel.shape[0] >= 16 and work_of(kernel) >= LARGE_NEST and kernel.splittable
    if isinstance(kernel, Product):
        return work_of(kernel) >= LARGE_PRODUCT and (len(kernel.left.shape) == 2 or kernel.left.shape[0] >= 2)
    return any(is_large(inner) for inner in kernel.body)


def work_of(kernel: Kernel) -> int:
    """Multiply-adds of a product, steps on single numbers of a nest."""
    if isinstance(kernel, Nest):
        return math.prod(kernel.shape) * len(kernel.statements)
    if isinstance(kernel, Product):
        return math.prod(kernel.left.shape) * kernel.right.shape[-1]
    return kernel.loop.count * sum(map(work_of, kernel.body))
