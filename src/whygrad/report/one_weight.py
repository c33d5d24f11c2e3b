"""One weight of a trained network under the glass: its derivation, checked in three ways, the equations and a demon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.derivatives.measure import slope
from whygrad.explain.demon import Demon, cost_after
from whygrad.explain.equations import Equations
from whygrad.explain.explanation import Explanation
from whygrad.nn.network import Network

MOST_PATHS = 2000  # more are not added up one by one
PUSH = 0.1  # what the demon adds


@dataclass(frozen=True)
class Check:
    """Two numbers that should be one. ``error``: how far apart they may be for reasons that are known."""

    what: str
    found: float
    expected: float
    error: float

    @property
    def difference(self) -> float:
        """How far apart they are."""
        return abs(self.found - self.expected)

    @property
    def holds(self) -> bool:
        """Whether they are as near as they should be."""
        return self.difference <= self.error


@dataclass(frozen=True, eq=False)
class OneWeight:
    """Why ∂C/∂w^layer_jk has its value on the example in ``row``; a demon pushes the neuron behind the weight."""

    row: int
    layer: int
    j: int
    k: int
    why: Explanation
    checks: tuple[Check, ...]
    equations: Equations
    demon: Demon


def look_closely(net: Network, row: int, x: NDArray[Any], y: NDArray[Any]) -> OneWeight:
    """The weight of the first layer that this example pulls at most."""
    pulls = np.abs(net.gradient(x, y).weights[0])
    j, k = (int(i) for i in np.unravel_index(np.argmax(pulls), pulls.shape))
    why = net.explain_weight(1, j, k, x, y)
    return OneWeight(row, 1, j, k, why, checks(why, 1, j, k), net.equations(x, y), net.demon(x, y, 1, j, PUSH))


def checks(why: Explanation, layer: int, j: int, k: int) -> tuple[Check, ...]:
    """The gradient against the product of its factors, the sum of its paths, and a measurement without any calculus."""
    value = float(why.value)
    rounding = 1e-12 * max(abs(value), float(np.finfo(float).tiny))
    found = [Check("the factors multiply to it", math.prod(float(f.value) for f in why.factors), value, rounding)]
    if 0 < why.path_count <= MOST_PATHS:
        paths = why.paths(why.path_count)
        together = sum(abs(path.value) for path in paths)  # what cancels leaves its rounding behind
        what = "its one path is it" if len(paths) == 1 else f"its {len(paths):,} paths add up to it"
        found.append(Check(what, math.fsum(path.value for path in paths), value, 1e-12 * together + rounding))
    W = why.program.find(f"W^{layer}")

    def cost_when_moved(by: float) -> float:
        moved = W.value.copy()
        moved[j, k] += by
        return cost_after(why.program, W, moved)

    measured = slope(cost_when_moved)
    found.append(Check("measured by moving the weight", measured.value, value, 4 * measured.error + rounding))
    return tuple(found)
