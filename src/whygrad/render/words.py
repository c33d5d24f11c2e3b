"""The sentences of an explanation, and what is left out of a long one: the same in the terminal and on a page."""

from __future__ import annotations

import linecache
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

import numpy as np

from whygrad.explain.explanation import Cases, Explanation, Factor, Path, Term
from whygrad.render.numbers import count, number, percent, summary

T = TypeVar("T")

SHOWN_TERMS = 8
SHOWN_FACTORS = 12  # a longer chain shows its two ends
SHOWN_VALUES = 12


def spoken(formula: str) -> str:
    """A formula as people write it by hand: ``2 · (a - y)``, ``x^2``."""
    formula = _without_outer_brackets(formula)
    return formula.replace(" ** ", "^").replace(" * ", " · ")


def _without_outer_brackets(formula: str) -> str:
    """``(a + b)`` is ``a + b``, while ``(a) + (b)`` keeps its brackets."""
    if not (formula.startswith("(") and formula.endswith(")")):
        return formula
    depth = 0
    for position, character in enumerate(formula):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(formula) - 1:
            return formula
    return _without_outer_brackets(formula[1:-1])


def ends(items: Sequence[T], most: int) -> tuple[Sequence[T], int, Sequence[T]]:
    """The first items, how many are left out, and the last. Everything, where that is hardly longer than ``most``."""
    if len(items) <= most + 1:
        return items, 0, ()
    last = most // 2
    return items[: most - last], len(items) - most, items[len(items) - last :]


def is_array(why: Explanation) -> bool:
    """Whether the gradient of a whole array is explained, not that of one number."""
    return why.routes is None


def is_one_sum(why: Explanation) -> bool:
    """Whether the paths part at the very value asked about, or none leaves it: then there is a sum and no product."""
    return not is_array(why) and len(why.factors) == 1 and why.factors[0].kind == "sum"


def is_one_step(why: Explanation) -> bool:
    """Whether the only factor is the gradient itself: then there is a slope, but nothing to multiply."""
    return len(why.factors) == 1 and why.factors[0].written == derivative(why)


def is_carried(factor: Factor) -> bool:
    """Whether a factor of an array says how what arrived is carried on: a formula, not a number."""
    return factor.kind == "slope" and np.ndim(factor.value) > 0


def derivative(why: Explanation) -> str:
    """``∂C/∂w``."""
    return f"∂{why.of}/∂{why.wrt}"


def headline(why: Explanation) -> str:
    """``∂C/∂w = -0.1065``; for an array its shape and norm."""
    return f"{derivative(why)} = {summary(why.value)}"


def values(why: Explanation) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """The named numbers on the way from the value asked about to the cost, in this order; and the others beside it."""
    route = {name.text for factor in why.factors for name in (factor.of, factor.by)}
    named = [(name.text, value) for name, value in reversed(why.values)]
    return [v for v in named if v[0] in route], [v for v in named if v[0] not in route]


def chain(why: Explanation) -> str:
    """``∂C/∂w = ∂C/∂a · ∂a/∂z · ∂z/∂w``."""
    first, left_out, last = ends([factor.written for factor in why.factors], SHOWN_FACTORS)
    return f"{derivative(why)} = " + " · ".join([*first, *(["…"] if left_out else []), *last])


def verdict(why: Explanation) -> str:
    """What a gradient of zero, NaN or inf comes from; empty where there is nothing to say."""
    value = np.asarray(why.value)
    if is_array(why):
        return ""
    if not np.isfinite(value).all():
        bad = [factor for factor in why.factors if not np.isfinite(factor.value).all()]
        if not bad:
            return f"The gradient is {number(value)} although every factor is a number: their product is too large."
        if is_one_step(why) and not bad[0].terms:
            return f"The gradient is {number(value)}: {bad[0].written} = {spoken(bad[0].formula.text)}."
        said = " and ".join(f"{factor.written} is {number(factor.value)}" for factor in bad[-2:])
        return f"The gradient is {number(value)} because {said}."
    if float(value) != 0:
        return ""
    if why.path_count == 0:
        return f"The gradient is zero because no path leads from {why.wrt} to {why.of}."
    zero = [factor.written for factor in why.factors if float(factor.value) == 0]
    if is_one_step(why):
        return "The gradient is zero because its terms cancel." if any(t.value for t in why.factors[0].terms) else ""
    if zero:
        return f"The gradient is zero because {listed(zero)} is zero, and one zero factor makes the product zero."
    return ""


def cases(found: Cases) -> str:
    """``∂C/∂a = { ...``: a line for each case, the one that applies marked."""
    left = f"∂{found.of}/∂{found.by} = "
    width = max(len(branch.formula.text) for branch in found.branches)
    return "\n".join(
        f"{' ' * len(left) if place else left}{{ {branch.formula.text:<{width}}  {branch.condition.text}"
        + ("  ← this case" if branch.applies else "")
        for place, branch in enumerate(found.branches)
    )


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + f" and {names[-1]}"


def counting(why: Explanation) -> str:
    """How many paths there are: ``One path leads from w to C.``"""
    paths = why.path_count
    if paths == 0:
        return f"No path leads from {why.wrt} to {why.of}."
    leads = "path leads" if paths == 1 else "paths lead"
    sentence = f"{'one' if paths == 1 else count(paths)} {leads} from {why.wrt} to {why.of}."
    return sentence[0].upper() + sentence[1:]


def carrying(why: Explanation, shown: int) -> str:
    """What the strongest paths carry together; empty where they are all there is."""
    if why.path_count <= shown:
        return ""
    share = percent(why.coverage_of(shown))
    return f"The {shown} strongest carry {share} of what all paths contribute, sign left aside."


def cancelling(why: Explanation) -> str:
    """How far the paths pull against each other; empty for a single path."""
    cancelled = why.cancellation
    if why.path_count < 2 or not math.isfinite(cancelled):
        return ""
    if cancelled < 1e-12:
        return "Nothing cancels: all paths pull the same way."
    if cancelled > 1 - 1e-12:
        return "The paths cancel completely: what some add, the others take away."
    return f"{percent(cancelled)} of it cancels: some paths pull one way, some the other."


def shares(why: Explanation, paths: Sequence[Path]) -> list[float]:
    """Each path's part of what all paths contribute, sign left aside."""
    listed = sum(abs(path.value) for path in paths)
    together = why.coverage_of(len(paths)) if paths else 0.0
    return [abs(path.value) / listed * together if listed > 0 else math.nan for path in paths]


def terms(factor: Factor) -> tuple[Sequence[Term], int, float]:
    """The terms to show, how many more there are, and what those add up to."""
    shown = factor.terms[:SHOWN_TERMS]
    return shown, factor.term_count - len(shown), float(factor.value) - sum(term.value for term in shown)


def value_of(why: Explanation) -> str:
    """The named value that was asked about, or whose element was; empty where the program has no name for it."""
    name = why.wrt.text
    while name not in why.dependencies and "[" in name:
        name = name[: name.rindex("[")]
    return name if name in why.dependencies else ""


def depends(why: Explanation) -> str:
    """What the value has to do with the cost, in a sentence; empty where its name is not in the program."""
    name = value_of(why)
    if not name:
        return ""
    dependency = why.dependencies[name]
    if not dependency.paths:
        return dependency.sentence + "."
    left_out = len(dependency.between) - 5
    between = ", ".join(dependency.between[:5]) + (f" and {left_out} more" if left_out > 0 else "")
    return f"{name} moves {why.of} " + (f"through {between}." if between else "directly.")


@dataclass(frozen=True)
class Line:
    """A line of the user's code and the factors that were made there."""

    place: str  # neuron.py:12
    function: str
    code: str  # empty where the source is not at hand
    factors: tuple[str, ...]

    @property
    def made(self) -> str:
        """The factors in a phrase."""
        more = len(self.factors) - 2
        return ", ".join(self.factors) if more <= 0 else f"{self.factors[0]} and {more + 1} more"


def lines(why: Explanation, most: int = 8) -> list[Line]:
    """Where in the user's code the factors were made, in the code's order; only the file's name, not its folder."""
    found: dict[tuple[str, int, str], list[str]] = {}
    for factor in why.factors:
        place = re.fullmatch(r"(.*):(\d+)(?:, in (.*))?", factor.where)
        if place:
            key = (place[1], int(place[2]), place[3] or "")
            found.setdefault(key, []).append(factor.written)
    ordered = sorted(found.items(), key=lambda item: item[0][:2])[:most]
    return [
        Line(f"{PurePath(file.replace(chr(92), '/')).name}:{line}", function, _source(file, line), tuple(written))
        for (file, line, function), written in ordered
    ]


def _source(file: str, line: int) -> str:
    return linecache.getline(file, line).strip()


def through(path: Path, most: int = 9) -> str:
    """``w → z → a → C``: the names a path passes, from the value to the cost."""
    first, left_out, last = ends([name.text for name in reversed(path.through)], most)
    return " → ".join([*first, *([f"… {count(left_out)} more …"] if left_out else []), *last])
