"""The demon at a neuron: it adds Δz to the neuron's weighted input; what δ predicts, and what then happens."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any, Literal

from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.rules.define import Value

HALVINGS = 6


@dataclass(frozen=True)
class Push:
    """One Δz: the change of the cost that δ·Δz predicts, the change measured, and the error of the prediction."""

    dz: float
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """The measured change less the predicted one."""
        return self.measured - self.predicted


@dataclass(frozen=True)
class Demon:
    """What a push of one neuron does. ``pushes``: Δz, Δz/2, Δz/4, ...; their errors fall as Δz²: to a quarter each."""

    layer: int
    neuron: int
    cost: float
    delta: float
    pushes: tuple[Push, ...]
    opposite: Push  # -Δz

    @property
    def predicted(self) -> float:
        """δ·Δz."""
        return self.pushes[0].predicted

    @property
    def measured(self) -> float:
        """The cost after the push, less the cost before."""
        return self.pushes[0].measured

    @property
    def error(self) -> float:
        """The measured change less the predicted one."""
        return self.pushes[0].error

    @property
    def error_ratios(self) -> tuple[float, ...]:
        """By what the error shrinks with each halving of Δz: near 4, until rounding takes over."""
        errors = [push.error for push in self.pushes]
        return tuple(a / b if b else float("nan") for a, b in itertools.pairwise(errors))

    @property
    def sign_that_helps(self) -> Literal["+", "-", ""]:
        """The sign of Δz that lowers the cost: that of -δ; none where δ is 0."""
        return "" if self.delta == 0 else "-" if self.delta > 0 else "+"

    @property
    def can_help(self) -> bool:
        """Whether a push of this size lowers the cost in either direction."""
        return min(self.measured, self.opposite.measured) < 0

    def __str__(self) -> str:
        from whygrad.render.lessons import demon_text

        return demon_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {
            "predicted": self.predicted,
            "measured": self.measured,
            "error": self.error,
            "error_ratios": list(self.error_ratios),
            "sign_that_helps": self.sign_that_helps,
            "can_help": self.can_help,
        }


def demon(program: Program, z: Node, g: Value, layer: int, neuron: int, dz: float) -> Demon:
    """Push neuron ``neuron`` of the values ``z`` (``(n_l,)``, or rows of it: then in every example). ``g``: ∂C/∂z."""
    delta = float(g[..., neuron].sum())
    cost = float(program.output.value)

    def push(step: float) -> Push:
        moved = z.value.copy()
        moved[..., neuron] += step
        return Push(step, delta * step, cost_after(program, z, moved) - cost)

    pushes = tuple(push(dz / 2**i) for i in range(HALVINGS))
    return Demon(layer, neuron, cost, delta, pushes, push(-dz))


def cost_after(program: Program, node: Node, value: Value) -> float:
    """The program's output with ``value`` in the place of one of its values: what depends on it is computed again."""
    values: dict[Node, Value] = {node: value}
    for other in program.tape:
        if other.rule is not None and other is not node and any(parent in values for _, parent in other.parents):
            inputs = [values.get(x, x.value) if isinstance(x, Node) else x for x in other.inputs]
            values[other] = other.rule(*inputs, **other.params)
    after: Value = values.get(program.output, program.output.value)
    return float(after)
