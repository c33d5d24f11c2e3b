"""The likely mistake behind a wrong step of a worksheet: of a gradient by the table of mistakes, of a value by trying.

A forward step is taken again with one thing done wrong, such as a bias left out, until it gives the learner's number.
Where nothing does, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from whygrad.checking.answers import Answer
from whygrad.checking.derivation import verdict_on
from whygrad.checking.questions import Derivation, gradient_blank
from whygrad.errors import WhygradError

Fits = Callable[[float], bool]
MOST_SAID = 2  # mistakes that give the same number
BY_HAND = 1e6  # numbers that are larger, or smaller than its inverse, are slips of the pen, which nothing explains


def slip(
    derivation: Derivation,
    blank: str,
    mine: Answer,
    own: Mapping[str, float],
    written: Mapping[str, Answer],
    fits: Fits,
) -> str:
    """What probably went wrong, as a sentence; empty if no known mistake gives this number.

    ``own``, ``written``: the learner's earlier numbers, as values and as written; ``fits``: is it this number?
    """
    ask = derivation.asks[blank]
    sizes = [abs(number) for number in (mine.value, *own.values())]
    if not all(size == 0 or 1 / BY_HAND <= size <= BY_HAND for size in sizes):  # NaN is not either
        return ""
    if ask.kind == "gradient":
        return _of_gradient(derivation, ask.label, mine, own, written)
    tries = _of_slope if ask.kind == "slope" else _of_value
    said = [sentence for sentence, number in tries(derivation, blank, own) if fits(number)]
    return " or ".join(dict.fromkeys(said[:MOST_SAID]))


def _of_gradient(
    derivation: Derivation,
    label: str,
    mine: Answer,
    own: Mapping[str, float],
    written: Mapping[str, Answer],
) -> str:
    """The table of mistakes, on the program as it runs with the learner's own values."""
    given = {other: written.get(gradient_blank(other)) for other in derivation.gradient_labels} | {label: mine}
    numbers = {other: answer.value for other, answer in given.items() if answer is not None}
    decimals = {o: answer.decimals for o, answer in given.items() if answer is not None and answer.decimals is not None}
    try:
        verdict = verdict_on(derivation.with_values(own), numbers, np.dtype(float), decimals)
        step = verdict[label]
    except (WhygradError, KeyError):  # a learner's values may leave no derivation: then nothing is said
        return ""
    if not step.mistakes:
        return ""
    sentence = re.sub(r"∂a(\^\d+_\d+)/∂z\1", r"σ'(z\1)", step.mistakes[0].sentence)  # as the sheet calls them
    return re.sub(r"∂C/∂z(\^\d+_\d+)", r"δ\1", sentence)


def _of_value(derivation: Derivation, blank: str, own: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """A value with one of its numbers left out, negated, exchanged or mistaken for its weighted input."""
    numbers = {**derivation.given, **own}
    inputs = derivation.inputs_of(blank)

    def again(**instead: float) -> float:
        return derivation.follow(blank, {**numbers, **instead})

    if len(inputs) == 1:
        yield f"{inputs[0]} itself is not yet {blank}", numbers[inputs[0]]
        yield f"the slope was read from the table, not {blank}", derivation.slope_above(inputs[0], numbers)
    for label in inputs:
        yield f"{label} is missing", again(**{label: 0.0})
        yield f"the sign of {label} is wrong", again(**{label: -numbers[label]})
        yield f"the factor {label} is missing", again(**{label: 1.0})
        weighted = "z" + label[1:]
        if label.startswith("a^") and weighted in numbers:
            yield f"{weighted} stands where {label} belongs", again(**{label: numbers[weighted]})
    for one in inputs:
        for other in inputs:
            if one < other and one[0] == other[0]:
                yield f"{one} and {other} are exchanged", again(**{one: numbers[other], other: numbers[one]})
    yield f"the sign of {blank} is wrong", -again()


def _of_slope(derivation: Derivation, blank: str, own: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """A slope mistaken for the value, or half of it."""
    z = derivation.asks[blank].label
    a = "a" + z[1:]
    if a in own:
        yield f"{a} is the value of σ, not its slope", own[a]
        yield f"the factor {a} is missing", 1.0 - own[a]
    if z in own:
        yield f"{z} itself is not the slope", own[z]
    yield f"the sign of {blank.replace('sigma', 'σ')} is wrong", -derivation.follow(blank, own)
