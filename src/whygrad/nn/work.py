"""How much work a fit is, by fixed rates: what of it is worth compiling, and how many steps one native call runs.

The rates are those of one ordinary machine, and nothing is measured: the same fit always takes the same way, so that
its results repeat to the bit.
"""

from __future__ import annotations

from itertools import pairwise

from whygrad.nn.plan import Plan

CALL = 0.05  # seconds between two looks at Ctrl-C and the progress bar
MOST_MASKS = 1 << 22  # numbers of dropout masks drawn for one call: 16 MB
COPY = 2e-9  # seconds to copy one number of the state after each call
NATIVE_LAYER, NATIVE_FLOP = 2e-6, 1 / 4e11  # seconds of a step on a quick processor; a look is a while later on others
NUMPY_LAYER, NUMPY_FLOP = 3e-4, 1 / 5e10  # seconds of a step: 784-30-10 at batch 10 took 300 to 800 µs
EXAMPLE_NEURON, EXAMPLE_FLOP = 5e-9, 1 / 5e10  # seconds of an evaluation by NumPy
FIRST_PROGRAM = 2.0  # seconds that NumPy must need for the steps: compiling them took 1.7 the very first time
NEXT_PROGRAM = 0.5  # seconds that NumPy must need for anything else that could be compiled beside them


def steps_per_call(sizes: tuple[int, ...], plan: Plan, numbers: int) -> int:
    """As many as take about 50 ms on a quick processor, and 20 times as long as copying the state afterwards, which is
    so many numbers.
    """
    step = NATIVE_LAYER * (len(sizes) - 1) + NATIVE_FLOP * _flops(sizes, plan.batch_size)
    steps = max(CALL, 20 * COPY * numbers) / step
    if plan.dropout:
        steps = min(steps, MOST_MASKS / (plan.batch_size * sum(sizes[1:-1])))
    return max(1, int(steps))


def steps_are_worth_it(sizes: tuple[int, ...], plan: Plan, n: int) -> bool:
    """Whether NumPy would be at the steps for longer than a compiler takes to start."""
    return plan.epochs * -(-n // plan.batch_size) * _numpy_step(sizes, plan.batch_size) > FIRST_PROGRAM


def last_batch_is_worth_it(sizes: tuple[int, ...], plan: Plan, rows: int) -> bool:
    """Whether the smaller last batch of each epoch should have a program of its own, beside that of whole batches."""
    return plan.epochs * _numpy_step(sizes, rows) > NEXT_PROGRAM


def evaluation_is_worth_it(sizes: tuple[int, ...], plan: Plan, examples: int) -> bool:
    """Whether to compile the evaluation of so many examples after each epoch."""
    one = EXAMPLE_NEURON * sum(sizes[1:]) + EXAMPLE_FLOP * _flops(sizes, 1) / 3
    return plan.epochs * examples * one > NEXT_PROGRAM


def _numpy_step(sizes: tuple[int, ...], rows: int) -> float:
    return NUMPY_LAYER * (len(sizes) - 1) + NUMPY_FLOP * _flops(sizes, rows)


def _flops(sizes: tuple[int, ...], rows: int) -> float:
    """Multiplications and additions of one step: forward, back to the inputs, back to the weights."""
    return 6.0 * rows * sum(n_in * n_out for n_in, n_out in pairwise(sizes))
