"""Which examples push a weight, and how much: a batch gradient is the sum of what its examples contribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whygrad.backward import gradients
from whygrad.explain.elements import Element, one_at
from whygrad.explain.explanation import Name
from whygrad.forward import tangents
from whygrad.graph.node import Node
from whygrad.graph.record import Program

Vector = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Contributions:
    """The parts that examples have in one weight's gradient, in the order of the data.

    ``pushes[i]`` = ``inputs[i]`` · ``errors[i]``: what goes into the weight in example i, times the error of the neuron
    behind it; both as the mean over n examples counts them, so the pushes add up to ``gradient`` = ∂C/∂w.
    """

    wrt: Name
    gradient: float
    inputs: Vector
    errors: Vector
    pushes: Vector

    @property
    def order(self) -> npt.NDArray[np.intp]:
        """The examples' numbers, the largest push first, by size."""
        return np.argsort(-np.abs(self.pushes), kind="stable")

    def largest(self, count: int = 10) -> list[tuple[int, float]]:
        """The examples that push most: (number, push)."""
        return [(int(i), float(self.pushes[i])) for i in self.order[:count]]

    @property
    def agreement(self) -> float:
        """How much the examples pull one way: 1 if all do, 0 if their pushes cancel."""
        total = float(np.abs(self.pushes).sum())
        return abs(self.gradient) / total if total else 1.0

    def __len__(self) -> int:
        return len(self.pushes)

    def __str__(self) -> str:
        from whygrad.render.lessons import contributions_text

        return contributions_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "wrt": self.wrt.text,
            "gradient": self.gradient,
            "inputs": self.inputs.tolist(),
            "errors": self.errors.tolist(),
            "pushes": self.pushes.tolist(),
            "order": self.order.tolist(),
        }


def contributions(program: Program, z: Node, weight: Element, neuron: int, wrt: Name) -> Contributions:
    """What each row of ``z`` (examples, n_l) has to do with one weight into ``neuron``."""
    g, whole = gradients({program.output: np.ones(())}, [z, weight.node])
    slopes = tangents(z, {weight.node: one_at(weight.node.value, weight.index)})  # ∂z/∂w, row by row
    inputs, errors = slopes[:, neuron].astype(float), g[:, neuron].astype(float)
    return Contributions(wrt, float(np.ravel(whole)[weight.index]), inputs, errors, inputs * errors)
