"""How far a right calculation may be off: measured on the program itself by rounding every one of its steps at random.

No constant of relative error fits every program: where terms cancel, a rounding error of the last digit grows. So the
program and its backward sweep are run a few times with every intermediate number off by a few units in the last place,
and what that does to a gradient is what it may be off by (the idea of CESTAC: J. Vignes, 1993, *A stochastic arithmetic
for reliable scientific computation*, Math. Comput. Simul. 35, 233-261).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.backward import pull
from whygrad.checking.replay import Array, arrived_given, program_nodes, replay
from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.rules.define import Value

TRIALS = 5
UNITS = 16.0  # units in the last place that each step is off by: other formulas for the same number round more often
BEYOND = 3.0  # the largest of a few random errors, times this, holds for the largest that is ever met


@dataclass(frozen=True)
class Rounding:
    """How each step is rounded: to a share of its size (``relative``), or by hand to decimals (``absolute``)."""

    relative: float = 0.0
    absolute: float = 0.0

    def noise(self, value: Value, rng: np.random.Generator) -> Value:
        """The value, each number off by at most its rounding."""
        array = np.asarray(value)
        if array.dtype.kind != "f" or not array.size:
            return value
        with np.errstate(all="ignore"):
            off = array * (1.0 + self.relative * rng.uniform(-1, 1, array.shape))
            off = off + self.absolute * rng.uniform(-1, 1, array.shape)
        return np.where(np.isfinite(off), off, array)[()]


def of_dtype(program: Program, dtype: np.dtype[Any]) -> Rounding:
    """The rounding of a precision; a sum of n numbers is off by about √n as much as one number is."""
    longest = max((n for node in program_nodes(program) for n in node.shape), default=1)
    return Rounding(relative=UNITS * float(np.finfo(dtype).eps) * float(np.sqrt(max(longest, 1))))


def by_hand(decimals: int) -> Rounding:
    """Every number written down to so many decimals."""
    return Rounding(absolute=half_unit(decimals))


def half_unit(decimals: int) -> float:
    """Half of one in the last place: as far as writing a number down to so many decimals may move it."""
    return 0.5 * 10.0**-decimals


def has_two_digits(size: float, decimals: int | None) -> bool:
    """Whether so many decimals show two digits of a number of that size: a single one would excuse almost anything."""
    return decimals is not None and decimals >= 1 and size >= 9.5 * 10.0**-decimals


def in_decimals(n: int | None) -> str:
    """``1 decimal``, ``2 decimals``."""
    return "1 decimal" if n == 1 else f"{n} decimals"


def tolerances(program: Program, given: Mapping[Node, Array], rounding: Rounding) -> dict[Node, float]:
    """For each node, how far the arrival at any of its numbers may be off; ``given`` as in ``arrived_given``."""
    nodes = program_nodes(program)
    exact = arrived_given(program.output, given)
    largest = {node: rounding.relative * _largest(value) + rounding.absolute for node, value in exact.items()}
    for trial in range(TRIALS):
        rng = np.random.default_rng(trial)
        again = replay(nodes, lambda node, value: value if node.rule is None else rounding.noise(value, rng))  # noqa: B023  # called at once

        def noisy(node: Node, arg: int, g: Value) -> Value | None:
            flow = pull(node, arg, rounding.noise(g, rng))  # noqa: B023  # used up within its trial
            return None if flow is None else rounding.noise(flow, rng)  # noqa: B023  # called in this turn

        off = arrived_given(again[program.output], {again[node]: value for node, value in given.items()}, noisy)
        for node, value in exact.items():
            if again[node] in off:
                largest[node] = max(largest[node], _largest(np.asarray(off[again[node]]) - value))
    return {node: BEYOND * size for node, size in largest.items()}


def _largest(value: Value) -> float:
    array = np.abs(np.asarray(value, float))
    finite = array[np.isfinite(array)]
    return float(finite.max()) if finite.size else 0.0
