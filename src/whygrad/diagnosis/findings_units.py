"""Findings about units that pass nothing on: never active, saturated, copies of each other, blind to the inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.measure import LayerMeasures, squashes
from whygrad.diagnosis.measures import Measures
from whygrad.diagnosis.typical import typical_weight
from whygrad.diagnosis.wording import examples, layers_named, number, percent, units_listed

DEAD = (
    1 / 3
)  # of a layer's units: He's initialization of ReLUs leaves 5 to 10 % never active, often more after training
FEWEST_DEAD, FEWEST_EXAMPLES = 3, 20  # so few units, or examples, say nothing about a layer
SATURATED_SHARE = 0.4  # of (unit, example) pairs: weights from N(0, 1) make 53 to 68 % in a tanh layer of 30
SLOPE_USED = 0.35  # of the largest slope: above, the errors that arrive still get through
ALIKE = 1e-3  # of the spread of the inputs: outputs that differ less are the same answer to everything


def dead_units(m: Measures) -> Iterator[Finding]:
    """Units that pass nothing on for any example: a third of a layer, or all of it."""
    if m.record.n < FEWEST_EXAMPLES:
        return
    for place, layer in enumerate(m.layers):
        dead = layer.never_active
        if not dead or squashes(m.record.layers[place]) or _gets_nothing(m, place):
            continue
        whole = len(dead) == layer.units
        if whole or (len(dead) >= max(FEWEST_DEAD, DEAD * layer.units) and not m.learns):
            yield _dead(m, place, dead, whole)


def _dead(m: Measures, place: int, dead: tuple[int, ...], whole: bool) -> Finding:
    layer = m.layers[place]
    over = f"over the {examples(m.record.n)} given ({layer.activation}: σ'(z) = 0)"
    below = f", and with them those of every layer below {layer.name}" if place else ""
    return Finding(
        "dead-units",
        layer.name,
        f"None of the {layer.units} units is ever active {over}: all its weights have a gradient of exactly 0{below}."
        if whole
        else f"{len(dead)} of {layer.units} units are never active {over}: {units_listed(dead)}. The gradient of their "
        "weights is exactly 0, so they will not come back by themselves.",
        {"dead": len(dead), "units": layer.units, "examples": m.record.n},
        "slope",
        "certain" if whole else "likely",
        (
            "a smaller learning rate: one step too far can push a unit below 0 for good"
            if m.trained
            else "He's initialization with biases of 0 (init='he')",
            "leaky_relu or elu, which keep a slope where z < 0",
            "inputs centred around 0",
        ),
        because=_why_dead(m, place, dead),
        layers=(place,),
        weight=typical_weight(m.record, place, dead),
    )


def _gets_nothing(m: Measures, place: int) -> bool:
    """Whether a layer's inputs are all 0 because the layer below is dead: then that one is to blame."""
    inputs = m.record.layers[place].inputs
    return place > 0 and inputs is not None and not inputs.any()


def _why_dead(m: Measures, place: int, dead: tuple[int, ...]) -> str:
    """What holds their z at 0 or below: the bias alone, or the weights with it."""
    layer = m.record.layers[place]
    if layer.z is None or layer.bias is None:
        return ""
    z, b = layer.z[:, list(dead)].astype(float), layer.bias[list(dead)].astype(float)
    if not z.any():
        return "z is exactly 0, because the weights and biases are; there the slope is taken as 0"
    by_bias = float(np.mean(b < -np.abs(z - b).max(axis=0)))
    blamed = f"; in {percent(by_bias)} of them the bias alone holds it there" if by_bias > 0 else ""
    return f"the largest z of any of them in any example is {number(float(np.max(z)))}{blamed}"


def identical_units(m: Measures) -> Iterator[Finding]:
    """Hidden layers whose units are copies of each other: every step leaves them so."""
    same = tuple(i for i in m.hidden() if m.layers[i].copies >= max(1, m.layers[i].units // 2))
    if same:
        low = same[0]
        layer = m.layers[low]
        yield Finding(
            "identical-units",
            layers_named(m.record, same),
            f"{layer.copies + 1} of the {layer.units} units of {layer.name} compute the same and get the same error in "
            f"every example, so every step changes them alike: they will never do the work of more than "
            f"{layer.units - layer.copies}.",
            {"copies": layer.copies, "units": layer.units},
            "weights",
            "certain",
            ("random first weights, different for every unit (init='suited')",),
            because="units that start with the same weights, in and out, have the same gradient",
            layers=same,
            weight=typical_weight(m.record, low),
        )


def saturated(m: Measures) -> Iterator[Finding]:
    """Hidden layers that sit where their activation is flat, so that the error that arrives does not get through."""
    flat = [] if m.learns else [place for place in m.hidden() if _is_flat(m.layers[place])]
    if not flat:
        return
    worst = max(flat, key=lambda place: m.layers[place].saturated or 0.0)
    layer, used = m.layers[worst], m.layers[worst].slope_used or 0.0
    others = f" ({layer.name}, the worst of {len(flat)} such layers)" if len(flat) > 1 else ""
    largest = number(m.record.layers[worst].max_slope or 1.0)
    yield Finding(
        "saturated-units",
        layers_named(m.record, flat),
        f"{layer.activation} is flat, with a slope below 5 % of its largest, in {percent(layer.saturated or 0.0)} of "
        f"all (unit, example) pairs{others}; {len(layer.saturated_units)} of {layer.units} units are in nearly every "
        f"one of {examples(m.record.n)}.",
        {f"saturated in {m.layers[place].name}": m.layers[place].saturated for place in flat} | {"slope used": used},
        "slope",
        "likely",
        (_smaller_z(m, worst), "inputs scaled to about -1 to 1", "batch normalization before the activation"),
        because=f"{_typical_z(m, worst)}the error that arrives meets {percent(used)} of the largest slope {largest}",
        layers=tuple(flat),
        weight=typical_weight(m.record, worst, layer.saturated_units or None),
    )


def _is_flat(layer: LayerMeasures) -> bool:
    share, used = layer.saturated, layer.slope_used
    return share is not None and used is not None and share >= SATURATED_SHARE and used <= SLOPE_USED


def _typical_z(m: Measures, place: int) -> str:
    z = m.record.layers[place].z
    return "" if z is None else f"the typical |z| is {number(float(np.sqrt(np.mean(z.astype(float) ** 2))))}, and "


def _smaller_z(m: Measures, place: int) -> str:
    scale = m.layers[place].weight_scale
    now = f" (the rms of W times √n_in is {number(scale)}; about 1 is usual)" if scale is not None and scale > 2 else ""
    return f"smaller first weights: init='glorot' or 'scaled'{now}"


def same_answer(m: Measures) -> Iterator[Finding]:
    """Outputs that do not depend on the inputs."""
    outputs, data = m.record.outputs, m.data
    if outputs is None or m.record.n < FEWEST_EXAMPLES or not data.varying or not data.input_scale or m.learns:
        return
    if m.record.Y is not None and not np.any(np.ptp(m.record.Y.astype(float), axis=0)):
        return
    spread = float(np.sqrt(np.mean(np.var(outputs.astype(float), axis=0))))
    if not _is_lost(spread, data.input_scale):
        return
    lost = (i for i in m.hidden() if _is_lost(m.layers[i].spread, data.input_scale))
    place = next(lost, None)
    if place is None:
        return  # a last layer that starts at 0 gives one answer too, and learns at once
    yield Finding(
        "same-answer",
        "outputs",
        f"The outputs are the same for all {examples(m.record.n)}: their standard deviation over examples is "
        f"{number(spread)}, that of the inputs about {number(data.input_scale)}. The difference is lost at "
        f"{m.layers[place].name}.",
        {"output spread": spread, "input scale": data.input_scale},
        "input activation",
        "certain",
        ("larger first weights (init='he' for relu, 'glorot' for tanh)", "smaller biases", "fewer layers"),
        layers=(place,),
        weight=typical_weight(m.record, place),
    )


def _is_lost(spread: float | None, input_scale: float) -> bool:
    return spread is not None and spread < ALIKE * min(input_scale, 1.0)
