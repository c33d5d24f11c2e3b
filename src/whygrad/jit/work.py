"""How much work a kernel is: what decides whether threads share it."""

from __future__ import annotations

import math

from whygrad.jit.kernels import Kernel, Nest, Product

# A barrier costs about 0.5 µs on two cores, and a core does some 30 multiply-adds of a product, or one simple
# elementwise
# step on a number, in a nanosecond: below these sizes sharing gains less than 10 µs.
LARGE_PRODUCT = 1_000_000
LARGE_NEST = 20_000


def is_large(kernel: Kernel) -> bool:
    """Worth sharing among threads, and can be: split along its first axis."""
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
