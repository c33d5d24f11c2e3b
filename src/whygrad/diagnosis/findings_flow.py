"""Findings about what flows back: NaN and inf, no path, gradients of 0, errors that vanish or explode."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whygrad.diagnosis.finding import Blame, Finding, Sure
from whygrad.diagnosis.measure import ONE_SIDED, arrays_of
from whygrad.diagnosis.measures import Measures
from whygrad.diagnosis.typical import typical_weight
from whygrad.diagnosis.wording import layers_named, number, percent, times

VANISHED = 0.01  # of the last layer's error: six layers at a sigmoid's best slope of 1/4 pass on less
EXPLODED = 100.0  # times the last layer's error
LOST = 0.01  # of all errors, below what the dtype can hold
CLEAR = 0.65  # of the attenuation: the part to blame carries so much of its logarithm
HALF_OPEN = math.sqrt(0.5)  # the slope part of a ReLU layer that passes half of its errors: how it is meant to work


def not_finite(m: Measures) -> Iterator[Finding]:
    """NaN or inf somewhere: the first layer and array in the order of computation, then backwards."""
    for part in (_forward, _backward):
        found = part(m)
        if found is not None:
            yield found
            return


def _forward(m: Measures) -> Finding | None:
    for place, layer in enumerate(m.record.layers):
        for name, array in arrays_of(layer).items():
            if name.startswith(("errors", "weight gradient", "bias gradient", "slopes")) or np.isfinite(array).all():
                continue
            return _not_finite(m, place, name, array, "data" if name == "input" else "weights")
    costs = m.record.costs
    if costs is not None and not np.isfinite(costs).all():
        return _not_finite(m, len(m.record.layers) - 1, "cost", costs, "cost")
    return None


def _backward(m: Measures) -> Finding | None:
    for place in range(len(m.record.layers) - 1, -1, -1):
        for name, array in arrays_of(m.record.layers[place]).items():
            if not np.isfinite(array).all():
                return _not_finite(m, place, name, array, "slope" if name == "slopes" else "error from above")
    return None


def _not_finite(m: Measures, place: int, name: str, array: np.ndarray, blame: Blame) -> Finding:
    layer = m.record.layers[place]
    bad = np.argwhere(~np.isfinite(array))
    at, first = tuple(int(i) for i in bad[0]), float(array[tuple(bad[0])])
    where = f"{name} of {layer.name}" if name != "cost" else "the cost"
    born = m.record.born
    return Finding(
        "not-finite",
        where,
        f"{len(bad):,} of {array.size:,} numbers are NaN or infinite; the first is {number(first)} at {at}. "
        "Everything computed before is finite.",
        {"first": number(first), "at": at, "count": len(bad), "of": array.size},
        blame,
        "certain",
        (*(born.try_ if born else ()), _against_not_finite(name)),
        because=born.said if born else "",
        layers=(place,),
    )


def _against_not_finite(name: str) -> str:
    if name in ("weights", "biases"):
        return "weights from before the training step that made them so"
    return "a smaller learning rate, or inputs scaled to about -1 to 1"


def no_path(m: Measures) -> Iterator[Finding]:
    """Weights that nothing connects with the cost."""
    cut = tuple(i for i, layer in enumerate(m.record.layers) if not layer.reached)
    if cut:
        where = layers_named(m.record, cut)
        yield Finding(
            "no-path",
            where,
            f"No path leads from the weights of {where} to the cost: they have no gradient, not a gradient of 0.",
            {"layers": len(cut)},
            "unknown",
            "certain",
            (
                "look for detach(), no_grad(), .data, .item() or a conversion to NumPy between them and the cost",
                "check that their output is used in the cost",
            ),
            layers=cut,
        )


def zero_gradients(m: Measures) -> Iterator[Finding]:
    """Layers all of whose weight gradients are exactly 0, with the factor that is 0."""
    places = [i for i, layer in enumerate(m.layers) if layer.zero_gradient and m.record.layers[i].reached]
    if not places or (m.record.costs is not None and not np.any(m.record.costs)):
        return  # a cost of exactly 0 in every example has a slope of 0 with reason
    top = places[-1]
    blame, because = _zero_factor(m, top)
    where = layers_named(m.record, places)
    yield Finding(
        "zero-gradients",
        where,
        f"Every weight of {where} has a gradient of exactly 0 although the cost is {number(m.record.cost or 0.0)}.",
        {"layers": len(places), "weights": sum(_size(m, i) for i in places)},
        blame,
        "certain",
        ("follow the zero factor in the derivation below", "other first weights: random, not 0"),
        because=because,
        layers=tuple(places),
        weight=typical_weight(m.record, top),
    )


def _zero_factor(m: Measures, place: int) -> tuple[Blame, str]:
    layer = m.record.layers[place]
    if layer.inputs is not None and not layer.inputs.any():
        return "input activation", f"every input of {layer.name} is 0 in every example"
    if layer.slope is not None and not layer.slope.any():
        return "slope", f"σ'(z) is 0 for every unit of {layer.name} in every example"
    if layer.error is not None and not layer.error.any():
        above = m.record.layers[place + 1] if place + 1 < len(m.record.layers) else None
        if above is not None and above.weight is not None and not above.weight.any():
            return "weights", f"no error arrives: every weight of {above.name} above it is 0"
        return "error from above", f"no error arrives at {layer.name} in any example"
    if layer.delta is not None and not layer.delta.any():
        return "error from above", f"δ of {layer.name} is 0 in every example"
    return "unknown", "no factor is 0 everywhere: the examples cancel each other, or their products underflow"


def vanishing(m: Measures) -> Iterator[Finding]:
    """The error gets lost on the way down: which layers, and whether their slopes or the weights lose it."""
    if m.learns:
        return
    slow = [
        i
        for i in m.hidden()
        if (e := m.layers[i].relative_error) is not None and 0 < e < VANISHED and _is_slow(m.layers[i].relative_speed)
    ]
    if not slow:
        return
    low = min(slow, key=lambda i: m.layers[i].relative_error or 1.0)
    blame, because, sure, parts = _lost_where(m, low)
    ratio = 1 / (m.layers[low].relative_error or 1.0)
    where = layers_named(m.record, slow)
    yield Finding(
        "vanishing-gradients",
        where,
        f"{m.layers[low].name} learns {times(ratio)} slower than {m.layers[-1].name}: the error δ shrinks by "
        f"{times(ratio ** (1 / (len(m.layers) - 1 - low)))} per layer on the way down.",
        {"slower": ratio, "speed ratio": m.layers[low].relative_speed, **parts},
        blame,
        sure,
        _against(m, low, blame),
        because=because,
        layers=tuple(slow),
        weight=typical_weight(m.record, low),
    )


def _is_slow(relative_speed: float | None) -> bool:
    return relative_speed is not None and relative_speed < VANISHED


def _lost_where(m: Measures, low: int) -> tuple[Blame, str, Sure, dict[str, float | None]]:
    """The slope part and the weight part of the whole way down, and which of them carries most of its logarithm."""
    steps = [m.layers[i].attenuation for i in range(low, len(m.layers) - 1)]
    if any(step is None or not step.slope or not step.weights for step in steps):
        return (
            "unknown",
            "the slopes of the activations are not known, so the two parts can not be told apart",
            "likely",
            {},
        )
    slopes = math.prod(step.slope for step in steps if step is not None and step.slope)
    weights = math.prod(step.weights for step in steps if step is not None and step.weights)
    meant = math.prod(HALF_OPEN for layer in m.layers[low:-1] if layer.activation in ONE_SIDED)
    whole, by_slope = math.log(slopes * weights), math.log(min(slopes / meant, 1.0))
    share = by_slope / whole if whole else 0.0
    parts: dict[str, float | None] = {"slope part": slopes, "weight part": weights}
    numbers = f"the slopes multiply to {number(slopes)}, the weights to {number(weights)}"
    if share >= CLEAR:
        return "slope", f"{numbers}{_best_slope(m, low)}", "certain", parts
    if share <= 1 - CLEAR:
        return "weights", f"{numbers}: they are too small to keep the error's size", "certain", parts
    return ("slope" if share >= 0.5 else "weights"), f"{numbers}: both lose some of it", "likely", parts


def _best_slope(m: Measures, low: int) -> str:
    layer = m.record.layers[low]
    if not layer.max_slope or layer.max_slope > 0.5:
        return ""
    return f"; the slope of {layer.activation} is at most {number(layer.max_slope)}, whatever the weights are"


def _against(m: Measures, low: int, blame: Blame) -> tuple[str, ...]:
    if blame == "slope":
        return (
            "relu in the hidden layers with He's initialization (activation='relu', init='he'): a slope of 1",
            "tanh with smaller weights, whose slope is 1 around 0 (init='glorot')",
            "fewer layers",
        )
    if blame == "weights":
        scale = m.layers[low].weight_scale
        now = f"; the rms of W times √n is {number(scale)} now" if scale is not None else ""
        return (f"an initialization that keeps the size: 'he' for relu, 'glorot' for tanh{now}", "batch normalization")
    return ("relu with He's initialization", "residual connections", "batch normalization")


def exploding(m: Measures) -> Iterator[Finding]:
    """The error grows on the way down."""
    large = [i for i in m.hidden() if (m.layers[i].relative_error or 0.0) > EXPLODED]
    if not large or m.learns:
        return
    top = max(large, key=lambda i: m.layers[i].relative_error or 0.0)
    ratio = m.layers[top].relative_error or 1.0
    steps = [m.layers[i].attenuation for i in range(top, len(m.layers) - 1)]
    weights = [step.weights for step in steps if step is not None and step.weights]
    known = len(weights) == len(steps)
    yield Finding(
        "exploding-gradients",
        layers_named(m.record, large),
        f"The error at {m.layers[top].name} is {times(ratio)} as large as at {m.layers[-1].name}: it grows by "
        f"{times(ratio ** (1 / (len(m.layers) - 1 - top)))} per layer on the way down.",
        {"larger": ratio, "weight part": math.prod(weights) if known else None},
        "weights" if known else "unknown",
        "certain",
        ("smaller first weights (init='he' for relu, 'glorot' for tanh)", "clip_norm=1.0", "batch normalization"),
        because=f"the weights alone multiply it by {number(math.prod(weights))}" if known else "",
        layers=tuple(large),
        weight=typical_weight(m.record, top),
    )


def underflow(m: Measures) -> Iterator[Finding]:
    """Errors too small for the dtype."""
    lost = [i for i, layer in enumerate(m.layers) if layer.underflow > LOST]
    if lost:
        low = max(lost, key=lambda i: m.layers[i].underflow)
        share, dtype = m.layers[low].underflow, m.record.dtype
        yield Finding(
            "underflow",
            layers_named(m.record, lost),
            f"{percent(share)} of the errors δ of {m.layers[low].name} are too small for {dtype}: below "
            f"{number(float(np.finfo(dtype).tiny))} numbers lose their digits and then become 0.",
            {"share": share, "dtype": str(dtype), "smallest": float(np.finfo(dtype).tiny)},
            "error from above",
            "certain",
            (
                "a loss scale (multiply the cost, divide the gradients)" if dtype.itemsize < 4 else "dtype='float64'",
                "what is to be done against vanishing gradients",
            ),
            because="neither what arrives nor the slope is 0, their product is",
            layers=tuple(lost),
            weight=typical_weight(m.record, low),
        )


def _size(m: Measures, place: int) -> int:
    weight = m.record.layers[place].weight
    return 0 if weight is None else int(weight.size)
