"""Findings about how the model was put together: its activations, its cost, and the weights it starts from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.measure import squashes
from whygrad.diagnosis.measures import Measures
from whygrad.diagnosis.typical import typical_weight
from whygrad.diagnosis.wording import layers_named, number, percent, times

SHARES = ("sigmoid", "softmax")  # between 0 and 1
RANGES = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf)}  # of outputs
SQUARES = ("squared_error", "half_squared_error", "mse", "mean_squared_error")
SLOW_START = 0.25  # of the largest slope is all that the outputs' errors meet
WORSE = 10.0  # times the best constant answer's cost: outputs of sigmoids at 0 or 1 by chance cost 5 times as much
BEYOND = 0.01  # of all targets may lie outside the outputs' range by rounding or noise


def linear_model(m: Measures) -> Iterator[Finding]:
    """Hidden layers without an activation: several matrices in a row are one matrix."""
    plain = [i for i in m.hidden() if m.layers[i].activation == "identity"]
    if plain and m.record.chain and len(plain) == len(m.hidden()):
        yield Finding(
            "linear-model",
            layers_named(m.record, plain),
            f"No hidden layer has an activation: the {len(m.layers)} layers together compute one matrix and one bias, "
            "and can learn nothing that a single layer can not.",
            {"layers without activation": len(plain)},
            "unknown",
            "certain",
            ("relu, tanh or sigmoid after each hidden layer",),
            because="a product of matrices is a matrix",
            layers=tuple(plain),
        )


def double_squashing(m: Measures) -> Iterator[Finding]:
    """A softmax of a softmax, or a sigmoid of a sigmoid."""
    applied, last = m.record.cost_applies, m.layers[-1].activation
    hidden = [i for i in m.hidden() if m.layers[i].activation == "softmax" and i == len(m.layers) - 2]
    if applied in SHARES and last in SHARES:
        yield Finding(
            "double-softmax" if applied == "softmax" else "double-sigmoid",
            f"{m.layers[-1].name} and the cost",
            f"The cost applies a {applied} of its own to outputs that have been through a {last} already: a {applied} "
            "of numbers between 0 and 1 stays near the middle, so no answer can be sure and the cost can not fall far.",
            {"output activation": last, "the cost applies": applied},
            "cost",
            "certain",
            (f"take the {last} out of the last layer: the cost wants its weighted inputs z (logits)",),
            because=_softmax_range(m) if applied == "softmax" else "a sigmoid of 0 to 1 lies between 0.5 and 0.731",
            layers=(len(m.layers) - 1,),
            weight=typical_weight(m.record, len(m.layers) - 1),
        )
    elif last == "softmax" and hidden and m.layers[hidden[0]].units == m.layers[-1].units:
        yield Finding(
            "double-softmax",
            f"{m.layers[hidden[0]].name} and {m.layers[-1].name}",
            f"{m.layers[-1].name} applies a softmax to what comes out of a softmax: its inputs add up to 1 and lie "
            "between 0 and 1.",
            {"softmax layers": 2},
            "slope",
            "likely",
            ("relu or tanh in the layer before the last",),
            layers=(hidden[0], len(m.layers) - 1),
            weight=typical_weight(m.record, hidden[0]),
        )


def _softmax_range(m: Measures) -> str:
    k = m.layers[-1].units
    return f"a softmax over {k} numbers between 0 and 1 gives at most {number(np.e / (np.e + k - 1))}"


def lone_softmax(m: Measures) -> Iterator[Finding]:
    """A softmax over a single output is 1, whatever its input."""
    if m.layers[-1].units == 1 and "softmax" in (m.layers[-1].activation, m.record.cost_applies):
        yield Finding(
            "softmax-of-one",
            m.layers[-1].name,
            "A softmax over one output is always 1: the cost does not depend on any weight.",
            {"outputs": 1},
            "slope",
            "certain",
            ("a sigmoid with cross_entropy for two classes", "one output per class"),
            layers=(len(m.layers) - 1,),
        )


def unfit_cost(m: Measures) -> Iterator[Finding]:
    """An output activation whose values the cost can not take, or targets that the outputs can not reach."""
    yield from _outputs_outside(m)
    yield from _targets_outside(m)


def _outputs_outside(m: Measures) -> Iterator[Finding]:
    outputs, name, last = m.record.outputs, m.record.cost_name, m.layers[-1].activation
    logarithms = "cross_entropy" in name and not m.record.cost_applies
    if not logarithms or outputs is None or last in SHARES:
        return
    outside = (outputs < 0) | (outputs > 1)
    yield Finding(
        "unfit-cost",
        f"{m.layers[-1].name} and the cost",
        f"{name} takes logarithms of the outputs, which must lie between 0 and 1; {last or 'this activation'} gave "
        f"{percent(float(outside.mean()))} outside (from {number(float(outputs.min()))} to "
        f"{number(float(outputs.max()))}).",
        {"outside": float(outside.mean()), "lowest": float(outputs.min()), "highest": float(outputs.max())},
        "cost",
        "certain" if outside.any() else "likely",
        (
            "sigmoid outputs for cross_entropy, softmax for classes that exclude each other",
            "half_squared_error for outputs without bounds",
        ),
        layers=(len(m.layers) - 1,),
    )


def _targets_outside(m: Measures) -> Iterator[Finding]:
    Y, last, own = m.record.Y, m.layers[-1].activation, m.record.cost_applies
    low, high = RANGES.get(last if last in RANGES else own, (-np.inf, np.inf))
    if Y is None or not np.isfinite(Y).all() or m.record.labels is not None:
        return
    outside = (Y.astype(float) < low - 1e-6) | (Y.astype(float) > high + 1e-6)
    if outside.mean() > BEYOND:
        yield Finding(
            "targets-out-of-reach",
            "targets",
            f"{percent(float(outside.mean()))} of the targets lie outside what {last or own} can give ({number(low)} "
            f"to {number(high)}): they go from {number(float(Y.min()))} to {number(float(Y.max()))}.",
            {"outside": float(outside.mean()), "lowest": float(Y.min()), "highest": float(Y.max())},
            "data",
            "certain",
            ("identity as the last activation", f"targets scaled to {number(low)} to {number(high)}"),
            because="the outputs are pushed to the end of their range, where the slope goes to 0",
            layers=(len(m.layers) - 1,),
        )


def worse_than_constant(m: Measures) -> Iterator[Finding]:
    """Outputs far worse than one answer for everything would be."""
    cost, constant = m.record.cost, m.record.constant_cost
    if cost is None or not constant or not np.isfinite(cost) or cost < WORSE * constant:
        return
    out = m.last.z if m.last.z is not None else m.record.outputs
    typical = None if out is None else float(np.sqrt(np.mean(out.astype(float) ** 2)))
    size = "" if typical is None else f"the typical |z| of the last layer is {number(typical)}"
    if not m.trained and "entropy" not in m.record.cost_name and not _far_off(m, typical):
        return  # random outputs of the size of the targets cost many times as much as their mean, and no harm is done
    scales = [layer.weight_scale for layer in m.layers if layer.weight_scale is not None]
    large = f"; the rms of W times √n_in is up to {number(max(scales))} (about 1 is usual)" if scales else ""
    yield Finding(
        "worse-than-constant",
        "outputs",
        f"The cost is {number(cost)}: {times(cost / constant)} that of answering the mean target to every example "
        f"({number(constant)}).",
        {"cost": cost, "constant": constant},
        "weights",
        "likely",
        (
            "a smaller learning rate, and start again"
            if m.trained
            else "smaller first weights (init='he' for relu, 'glorot' for tanh)",
            "inputs and targets scaled to about -1 to 1",
        ),
        because=size + large,
        layers=(len(m.layers) - 1,),
        weight=typical_weight(m.record, len(m.layers) - 1),
    )


def _far_off(m: Measures, typical: float | None) -> bool:
    """Whether outputs are many times the size of anything that is wanted."""
    return typical is None or typical > WORSE * max(m.data.target_scale or 0.0, 1.0)


def slow_start(m: Measures) -> Iterator[Finding]:
    """Squared error on squashed outputs: what is confidently wrong learns slowest."""
    used, name = m.layers[-1].slope_used, m.record.cost_name
    if used is None or used >= SLOW_START or not squashes(m.last) or m.learns or name not in SQUARES:
        return
    yield Finding(
        "slow-start",
        f"{m.layers[-1].name} and the cost",
        f"The outputs' errors meet {percent(used)} of the largest slope: with {name} a {m.last.activation} output that "
        "is confidently wrong learns slowest (BP1 has σ'(z) as a factor).",
        {"slope used": used},
        "slope",
        "certain",
        ("cross_entropy, whose slope cancels σ' (wg.compare_costs() shows how)", "smaller first weights"),
        level="note",
        because=f"|σ'(z)| is below 5 % of its largest value in {percent(m.layers[-1].saturated or 0.0)} of all outputs",
        layers=(len(m.layers) - 1,),
        weight=typical_weight(m.record, len(m.layers) - 1),
    )
