"""The table of findings: an id, what it means, the function that looks for it, and what it is a consequence of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from whygrad.diagnosis import findings_data, findings_flow, findings_rates, findings_start, findings_units
from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.measures import Measures

NUMBERS = ("not-finite",)
DATA = ("identical-inputs", "unscaled-inputs", "unscaled-targets", "targets-out-of-reach", "labels-unrelated")
BUILT = ("softmax-of-one", "unfit-cost", "double-softmax", "double-sigmoid", "identical-units", "no-path")
UNITS = ("dead-units", "saturated-units", "zero-gradients", "vanishing-gradients", "exploding-gradients")
RATES = ("rate-too-high", "rate-too-low")


class Rule(NamedTuple):
    """One kind of finding. ``symptom_of``: ids of findings that explain it; with one of them it is not told again."""

    ids: tuple[str, ...]
    meaning: str
    look: Callable[[Measures], Iterator[Finding]]
    symptom_of: tuple[str, ...] = ()


FINDINGS = (  # the most important first: what comes early in the computation, and explains the rest
    Rule(("not-finite",), "A number is NaN or infinite", findings_flow.not_finite),
    Rule(("no-path",), "Weights from which no path leads to the cost", findings_flow.no_path),
    Rule(("softmax-of-one",), "A softmax over a single output, which is always 1", findings_start.lone_softmax),
    Rule(
        ("unfit-cost", "targets-out-of-reach"),
        "Outputs that the cost can not take, or targets out of their reach",
        findings_start.unfit_cost,
        NUMBERS,
    ),
    Rule(("double-softmax", "double-sigmoid"), "Outputs squashed twice", findings_start.double_squashing),
    Rule(("identical-inputs",), "All examples are the same", findings_data.inputs_all_alike),
    Rule(("one-class",), "All labels are of one class", findings_data.one_class),
    Rule(
        ("unscaled-inputs",), "Inputs far from the size of 1, or of very different sizes", findings_data.unscaled_inputs
    ),
    Rule(("unscaled-targets",), "Numbers to predict that are far larger than 1", findings_data.unscaled_targets),
    Rule(
        ("identical-units",), "Units that are copies of each other and stay so", findings_units.identical_units, NUMBERS
    ),
    Rule(("linear-model",), "No hidden layer has an activation", findings_start.linear_model),
    Rule(
        ("dead-units",),
        "Units never active over the given examples, a third of a layer or all of it",
        findings_units.dead_units,
        NUMBERS + BUILT,
    ),
    Rule(("saturated-units",), "A layer mostly where its activation is flat", findings_units.saturated, NUMBERS),
    Rule(
        ("zero-gradients",),
        "Gradients of exactly 0 where the cost is not, and the factor that is 0",
        findings_flow.zero_gradients,
        (*NUMBERS, *BUILT, "dead-units"),
    ),
    Rule(
        ("vanishing-gradients",),
        "The error shrinks to less than 1 % on the way down",
        findings_flow.vanishing,
        (*NUMBERS, "zero-gradients", "no-path"),
    ),
    Rule(
        ("exploding-gradients",),
        "The error grows more than a hundredfold on the way down",
        findings_flow.exploding,
        NUMBERS,
    ),
    Rule(("underflow",), "Errors too small for the dtype", findings_flow.underflow, NUMBERS),
    Rule(
        ("rate-too-high",),
        "A step that raises the cost it should lower",
        findings_rates.rate_too_high,
        (*NUMBERS, "unscaled-inputs", "unscaled-targets"),
    ),
    Rule(
        ("rate-too-low",), "Steps a thousand times too short", findings_rates.rate_too_low, (*NUMBERS, *BUILT, *UNITS)
    ),
    Rule(("labels-unrelated",), "Labels that do not follow the inputs", findings_data.labels_unrelated, NUMBERS),
    Rule(
        ("worse-than-constant",),
        "A cost many times that of one answer for everything",
        findings_start.worse_than_constant,
        (*NUMBERS, *DATA, "rate-too-high", "exploding-gradients"),
    ),
    Rule(
        ("same-answer",),
        "Outputs that do not depend on the inputs",
        findings_units.same_answer,
        (*NUMBERS, *DATA, *BUILT, *UNITS),
    ),
    Rule(
        ("noisy-gradient",),
        "Batches far smaller than the gradient's noise scale, and a cost that stands still",
        findings_rates.noisy_gradient,
        (*NUMBERS, *DATA, *BUILT, *UNITS, *RATES),
    ),
    Rule(
        ("cost-plateau",),
        "A cost that stands still with most of it left",
        findings_rates.plateau,
        (*NUMBERS, *DATA, *BUILT, *UNITS, *RATES, "linear-model", "same-answer", "noisy-gradient", "one-class"),
    ),
    Rule(
        ("slow-start",),
        "Squared error on squashed outputs that are confidently wrong",
        findings_start.slow_start,
        NUMBERS,
    ),
    Rule(("dead-inputs",), "Inputs that are 0 in every example", findings_data.dead_inputs),
)


def found(m: Measures) -> tuple[Finding, ...]:
    """All findings, the most important first, notes last; without those that another one explains."""
    every: list[Finding] = []
    for rule in FINDINGS:
        known = {finding.id for finding in every}
        if not known.intersection(rule.symptom_of):
            every.extend(rule.look(m))
    return tuple(sorted(every, key=lambda finding: finding.level == "note"))
