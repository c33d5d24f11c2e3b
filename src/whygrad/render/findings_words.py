"""What a diagnosis says, as rows of texts: the terminal and the page show the same."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from whygrad.render.numbers import counted, number, percent
from whygrad.render.words import ends

if TYPE_CHECKING:
    from whygrad.diagnosis.finding import Finding
    from whygrad.diagnosis.measure import LayerMeasures, Quantiles
    from whygrad.diagnosis.report import Diagnosis

SHOWN_LAYERS = 24  # rows of a table; the middle of deeper models is counted
SPEEDS = ("layer", "activation", "speed", "error", "slope", "weights", "saturated", "never active")
FACTORS = ("layer", "input activation", "slope", "error from above", "ΔW/W")
Rows = list[tuple[str, ...]]


def headline(found: Diagnosis) -> str:
    """What was looked at."""
    return f"{_upper(found.record.model)}, seen on {counted(found.record.n, 'example')}"


def title(finding: Finding) -> str:
    """``Vanishing gradients: layer 1 and layer 2``."""
    return f"{_upper(finding.id.replace('-', ' '))}: {finding.where}"


def blamed(finding: Finding) -> str:
    """What is to blame, why, and how sure that is."""
    because = f": {finding.because}" if finding.because else ""
    return f"{finding.blame}{because}"


def evidence(finding: Finding) -> str:
    """The numbers by name, in a line."""
    return ", ".join(f"{name} {_plain(value)}" for name, value in finding.evidence.items() if value is not None)


def derivation(finding: Finding) -> tuple[str, list[str]] | None:
    """One typical weight: ``∂C/∂w^1_3,350 = 2.1e-05``, and its factors, each with its meaning."""
    why = finding.derivation
    if why is None:
        return None
    factors = [f"{f.written} = {number(f.value)}" + (f"  {f.meaning}" if f.meaning else "") for f in why.factors]
    return f"∂{why.of}/∂{why.wrt} = {number(why.value)}, on a typical example", factors


def speeds(found: Diagnosis) -> Rows:
    """The layers' table of learning speeds and what attenuates the error, for the columns ``SPEEDS``."""
    return _some([_speed(layer) for layer in found.measures.layers], len(SPEEDS))


def factors(found: Diagnosis) -> Rows:
    """The layers' table of the three factors of BP4, for the columns ``FACTORS``."""
    return _some([_factors(layer) for layer in found.measures.layers], len(FACTORS))


SPEEDS_MEAN = (
    "speed: the norm of the mean δ by the last layer's. error: what is left of the layer above's δ (rms over examples) "
    "= slope × weights. saturated: |σ'(z)| below 5 % of its largest, in pairs of unit and example. A dash: there is no "
    "such number."
)
FACTORS_MEAN = "Sizes below which 5 %, 50 % and 95 % of them lie. ΔW/W: the change of the weights in one step."


def facts(found: Diagnosis) -> list[tuple[str, str]]:
    """The cost, the examples, the gradient's noise and the steps that were tried, each in a line."""
    lines = [("cost", _cost(found)), ("inputs", _inputs(found)), ("labels", _labels(found)), ("noise", _noise(found))]
    lines += [("steps tried", _trials(found))]
    return [(name, text) for name, text in lines if text]


def _speed(layer: LayerMeasures) -> tuple[str, ...]:
    a = layer.attenuation
    whole, slope, weights = (None, None, None) if a is None else (a.whole, a.slope, a.weights)
    dead = "–" if layer.never_active is None else f"{len(layer.never_active):,} of {layer.units:,}"
    return (
        layer.name,
        layer.activation or "unknown",
        _or_dash(layer.relative_speed),
        _or_dash(whole),
        _or_dash(slope),
        _or_dash(weights),
        "–" if layer.saturated is None else percent(layer.saturated),
        dead,
    )


def _factors(layer: LayerMeasures) -> tuple[str, ...]:
    spread = [_spread(layer.factors.get(name)) for name in ("input activation", "slope", "error from above")]
    return layer.name, *spread, _or_dash(layer.update_ratio, 2)


def _spread(quantiles: Quantiles | None) -> str:
    if quantiles is None:
        return "–"
    return " ".join(number(q, 2) for q in (quantiles.q05, quantiles.q50, quantiles.q95))


def _some(rows: list[tuple[str, ...]], columns: int) -> Rows:
    first, left_out, last = ends(rows, SHOWN_LAYERS)
    middle = [(f"… {left_out} more", *[""] * (columns - 1))] if left_out else []
    return [*first, *middle, *last]


def _cost(found: Diagnosis) -> str:
    record, data = found.record, found.measures.data
    if record.cost is None:
        return ""
    parts = [f"{record.cost_name} {number(record.cost)}".strip()]
    if record.constant_cost is not None:
        parts.append(f"the best constant answer {number(record.constant_cost)}")
    if data.accuracy is not None:
        parts.append(f"{percent(data.accuracy)} right")
    return ", ".join(parts)


def _inputs(found: Diagnosis) -> str:
    data, X = found.measures.data, found.record.X
    if X is None or data.input_scale is None:
        return ""
    parts = [f"rms {number(data.input_scale)}, largest {number(data.input_largest)}"]
    if data.dead_inputs:
        width = X.reshape(len(X), -1).shape[1]
        parts.append(f"{data.dead_inputs:,} of {width:,} are 0 in every example")
    return ", ".join(parts)


def _labels(found: Diagnosis) -> str:
    data = found.measures.data
    if data.classes is None:
        return "" if data.target_scale is None else f"targets up to {number(data.target_scale)} in size"
    parts = [counted(data.classes, "class", "classes") + f", the commonest {percent(data.largest_class)}"]
    if data.neighbours is not None:
        parts.append(f"the nearest other example has the same in {percent(data.neighbours)}")
    return ", ".join(parts)


def _noise(found: Diagnosis) -> str:
    scale, batch = found.measures.data.noise, found.record.batch_size
    if scale is None:
        return ""
    if not math.isfinite(scale):
        return f"the examples' gradients cancel each other: the mean of {found.record.n:,} is noise"
    size = f"about {counted(round(scale), 'example')}" if scale >= 1 else "less than one example"
    return f"noise scale of the gradient {size}" + (f"; batches have {batch:,}" if batch else "")


def _trials(found: Diagnosis) -> str:
    """The cost after steps of several lengths, up to the first that is far too long."""
    cost = found.record.cost or 0.0
    fine = itertools.takewhile(lambda pair: pair[1] <= 2 * cost, found.record.trial_steps)
    shown = found.record.trial_steps[: len(list(fine)) + 1]
    return ", ".join(f"×{multiple:g} → {number(after)}" for multiple, after in shown)


def _or_dash(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else number(value, digits)


def _plain(value: object) -> str:
    if isinstance(value, float):
        return number(value, 3)
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
