"""What a rule of another debugger is, and the few shapes that such rules have.

A rule looks at records, oldest first: one record is a look at one moment, several are training that was watched. A rule
that compares moments says nothing of a single one. Comparisons with NaN are false here, as they are in the tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whygrad.diagnosis.records import LayerRecord, Record

Array = npt.NDArray[Any]
Records = Sequence[Record]
Measure = Callable[[LayerRecord], float | None]  # None: the rule does not apply to this layer

# What a rule is about, in our words, whatever its tool calls it.
Kind = Literal[
    "vanishing", "exploding", "dead", "saturated", "large updates", "small updates", "initialization", "not a number",
    "variance", "loss stands still", "loss is unsteady", "input scale", "target scale", "constant input", "underflow",
    "class balance", "output range", "constant output", "first loss", "cut off",
]  # fmt: skip


class Hit(NamedTuple):
    """A layer (its index; None for the model as a whole) in which a rule holds, and the number it was judged by."""

    layer: int | None
    value: float


Judge = Callable[[Records], list[Hit]]


@dataclass(frozen=True)
class Rule:
    """One rule: ``term`` is the tool's own name for what it reports, ``says`` the rule with its limits.

    ``source``: where it was read, within the tool's own source or documentation. ``caution``: what of it was not read
    but remembered or guessed, or adapted to what is measured here; "" if nothing.
    """

    term: str
    kind: Kind
    says: str
    judge: Judge
    source: str
    caution: str = ""


@dataclass(frozen=True)
class Preset:
    """The rules of one tool. ``origin``: the tool's repository, documentation or course."""

    name: str
    title: str
    origin: str
    rules: tuple[Rule, ...]


# ── shapes of rules ──────────────────────────────────────────────────────────────────────────────────────────────────


def any_layer(
    measure: Measure,
    *,
    below: float | None = None,
    above: float | None = None,
    first: bool = False,
    least: float | None = None,
) -> Judge:
    """Holds in each layer whose number is below or above a limit (or at ``least`` so much) at any moment.

    ``first``: only the moments before training count.
    """

    def judge(records: Records) -> list[Hit]:
        found: dict[int, float] = {}
        for record in before_training(records) if first else records:
            for l, layer in enumerate(record.layers):
                number = quietly(measure, layer)
                if l not in found and number is not None and outside(number, below, above, least):
                    found[l] = number
        return [Hit(l, x) for l, x in sorted(found.items())]

    return judge


def mostly(measure: Measure, *, below: float | None = None, above: float | None = None) -> Judge:
    """Holds in each layer whose number is below or above a limit in the median of all moments: a rule of thumb."""

    def judge(records: Records) -> list[Hit]:
        found = []
        for l in range(len(records[0].layers)):
            numbers = [x for record in records if (x := quietly(measure, record.layers[l])) is not None]
            middle = float(np.median(numbers)) if numbers else None
            if middle is not None and outside(middle, below, above):
                found.append(Hit(l, middle))
        return found

    return judge


def any_moment(
    measure: Callable[[Record], float | None],
    *,
    below: float | None = None,
    above: float | None = None,
    first: bool = False,
) -> Judge:
    """Holds for the model if its number is below or above a limit at any moment."""

    def judge(records: Records) -> list[Hit]:
        for record in before_training(records) if first else records:
            number = quietly(measure, record)
            if number is not None and (
                (below is not None and number < below) or (above is not None and number > above)
            ):
                return [Hit(None, number)]
        return []

    return judge


def one_of(*judges: Judge) -> Judge:
    """Holds where any of these holds."""

    def judge(records: Records) -> list[Hit]:
        found: dict[int | None, Hit] = {}
        for each in judges:
            for hit in each(records):
                found.setdefault(hit.layer, hit)
        return list(found.values())

    return judge


def over_layers(
    measure: Measure,
    combine: Callable[[list[float]], float | None],
    *,
    below: float | None = None,
    above: float | None = None,
) -> Judge:
    """Holds for the model if the layers' numbers, combined into one, are below or above a limit at any moment."""

    def whole(record: Record) -> float | None:
        numbers = [x for layer in record.layers if (x := quietly(measure, layer)) is not None]
        return combine(numbers) if numbers else None

    return any_moment(whole, below=below, above=above)


def outside(x: float, below: float | None, above: float | None, least: float | None = None) -> bool:
    """Whether a number is below, above or at a limit; never for NaN."""
    return (below is not None and x < below) or (above is not None and x > above) or (least is not None and x >= least)


def before_training(records: Records) -> list[Record]:
    """The moments at which no step, or at most ten, had been done; of unknown ones the first of several."""
    known = [r for r in records if r.steps is not None and r.steps <= 10]
    return known or [r for r in records[:1] if len(records) > 1 and r.steps is None]


def quietly(measure: Callable[[Any], float | None], of: Any) -> float | None:
    """The number, without NumPy's warnings: NaN and inf are what some of the rules look for."""
    with np.errstate(all="ignore"):
        return measure(of)


# ── numbers that many tools take ─────────────────────────────────────────────────────────────────────────────────────


def gradient_norm(layer: LayerRecord) -> float | None:
    """``‖∂C/∂W‖``."""
    return None if layer.weight_gradient is None else norm(layer.weight_gradient)


def mean_gradient(layer: LayerRecord) -> float | None:
    """The mean of ``|∂C/∂w|``."""
    return None if layer.weight_gradient is None else float(np.mean(np.abs(layer.weight_gradient)))


def rms_gradient(layer: LayerRecord) -> float | None:
    """The root mean square of ``∂C/∂w``."""
    g = layer.weight_gradient
    return None if g is None else norm(g) / float(np.sqrt(g.size))


def update_ratio(layer: LayerRecord) -> float | None:
    """``‖ΔW‖ / ‖W‖`` of the last step."""
    if layer.update is None or layer.weight is None:
        return None
    return ratio(norm(layer.update), norm(layer.weight))


def log_ratio(numerator: float, denominator: float) -> float | None:
    """The ratio's decimal logarithm; None where there is nothing to take it of."""
    return float(np.log10(numerator / denominator)) if numerator > 0 and denominator > 0 else None


def unit_share(units: Array) -> float:
    """The share of units for which this is true."""
    return float(np.mean(units)) if units.size else 0.0


def norm(array: Array) -> float:
    """The Euclidean norm of all its numbers, in float64: squares of small float32 numbers would be 0."""
    return float(np.linalg.norm(np.asarray(array, np.float64).ravel()))


def ratio(numerator: float, denominator: float) -> float:
    """Their quotient; NaN for 0/0, about which rules of ratios then say nothing."""
    return float(np.divide(numerator, denominator))


def not_finite(arrays: Iterable[Array | None]) -> float:
    """How many numbers are NaN or inf."""
    return float(sum(np.count_nonzero(~np.isfinite(a)) for a in arrays if a is not None))


def tensors(layer: LayerRecord) -> tuple[Array | None, ...]:
    """What a debugger with hooks sees of a layer."""
    return layer.z, layer.a, layer.weight, layer.bias, layer.weight_gradient, layer.bias_gradient


def accuracy(record: Record) -> float | None:
    """The share of examples classified rightly; None where targets are not classes."""
    if record.labels is None or record.outputs is None:
        return None
    outputs = record.outputs
    said = outputs[:, 0] >= 0.5 if outputs.shape[1] == 1 else np.argmax(outputs, axis=1)
    return float(np.mean(said == record.labels))


def bad_loss(record: Record) -> float | None:
    """1 if the loss is NaN or inf."""
    return None if record.cost is None else float(not np.isfinite(record.cost))


def losses(records: Records) -> list[float]:
    """The cost at each moment."""
    return [record.cost for record in records if record.cost is not None]
