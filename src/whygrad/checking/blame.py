"""The mistake behind a wrong number: every row of the table is tried where it could have been made, simplest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np

from whygrad.checking.judge import Judged, distance
from whygrad.checking.mistakes import MISTAKES
from whygrad.checking.place import Attempt
from whygrad.checking.replay import Array, quiet
from whygrad.checking.shapes import SHAPES, ShapeMistake
from whygrad.checking.table import Mistake, Place, Try
from whygrad.checking.tolerance import half_unit, has_two_digits
from whygrad.graph.node import Node

FACTORS = ("sign", "missing-2", "doubled-2", "missing-1/n", "doubled-1/n")  # wherever they are lost, it looks the same
WHOLE = (*FACTORS, "mean-for-sum", "transposed")
ELSEWHERE = 1  # a mistake in a step that the learner shows no number of is a little less simple
SECOND = 2  # and two mistakes at once are much less so
MOST_SAID = 3
MOST_WAYS = 100  # ways to make one mistake at one place, in a program of many values
MOST_ELSEWHERE = 1500  # tries in steps that are not shown, nearest first: each takes a sweep,
MOST_NUMBERS = 30_000_000  # and fewer where a sweep is over many numbers
MOST_KEPT = 20_000  # numbers of an array for which two mistakes at once are tried
BY_CHANCE = 0.1  # of so many numbers that are only rounded, one may fit by chance: more, and nothing is concluded


@dataclass(frozen=True, eq=False)
class Found:
    """A mistake that gives the learner's number. ``at``: the value whose gradient it was made in; ``arrival``: the
    wrong number there; ``second``: one more mistake that it takes, or None.
    """

    mistake: Mistake | ShapeMistake
    at: Node
    arrival: Array
    sentence: str
    weight: int
    second: Mistake | ShapeMistake | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rows."""
        return (self.mistake.id,) + ((self.second.id,) if self.second else ())


def find_mistakes(derivation: Attempt, step: Judged) -> list[Found]:
    """The simplest mistakes that turn what the rules give into the learner's number; equally simple ones all.

    Empty if no row of the table does: then nothing is guessed.
    """
    assert step.mine is not None
    if step.shape_differs:
        return _about_shape(derivation, step)
    return _Search(derivation, step).simplest


def farthest_up(derivation: Attempt, step: Judged, found: Found, others: Sequence[Judged]) -> Found:
    """A factor of the whole that is lost in a step nobody showed is lost in every number below it.

    ``others``: the other wrong numbers. The mistake is moved up to the value nearest to the cost from which it explains
    most of them; it stays where it is if it explains none.
    """
    if found.mistake.id not in FACTORS or found.second is not None or not others:
        return found
    at = np.ravel(derivation.carried[step.node])
    place = int(np.argmax(np.abs(at)))
    with np.errstate(all="ignore"):
        ratio = float(np.ravel(found.arrival)[place] / at[place])
    if not np.isfinite(ratio) or not ratio:
        return found
    best, most = found, 0
    for above in derivation.places(step.node)[1:]:
        if above not in derivation.program.labels:
            continue
        arrival = derivation.carried[above] * ratio
        moved = Attempt(derivation.program, {**derivation.given, above: arrival}).carried
        near = [o for o in (step, *others) if o.mine is not None and distance(o.mine, moved[o.node]) <= _near(o)]
        if near and near[0] is step and len(near) - 1 >= max(most, 1):
            place_of = Place(derivation, above)
            said = MISTAKES[found.mistake.id].sentence.format(
                w=place_of.of(above), plain=place_of.name(above), n=_number_in(found, ratio)
            )
            best, most = replace(found, at=above, arrival=arrival, sentence=said), len(near) - 1
    return best


def _computed(step: Judged) -> float:
    """How far a number may be from the learner's if nothing was rounded by hand; larger numbers are rounded more."""
    assert step.mine is not None
    right = float(np.max(np.abs(step.right), initial=0.0))
    mine = float(np.max(np.abs(step.mine), initial=0.0))
    share = max(mine, right) / right if right and np.isfinite(right) else 1.0
    return step.allowed * max(share, 1.0)


def _near(step: Judged) -> float:
    """The same, or half a unit of the last decimal written; of two digits at least, or too much would fit."""
    assert step.mine is not None
    by_hand = _half(step.decimals)
    written = has_two_digits(float(np.max(np.abs(step.mine), initial=0.0)), step.decimals)
    return max(_computed(step), by_hand if written else 0.0)


def _number_in(found: Found, ratio: float) -> int:
    """The n of a 1/n."""
    return round(max(abs(ratio), 1 / abs(ratio)))


def _about_shape(derivation: Attempt, step: Judged) -> list[Found]:
    """What would bring the number into the right shape, and what else is wrong with it then."""
    assert step.mine is not None
    place = Place(derivation, step.node)
    words = {"w": place.of(step.node), "plain": place.name(step.node)}
    shapes = {"mine": step.mine.shape, "right": step.right.shape}
    for mistake in SHAPES.values():
        said = mistake.sentence.format(**words, **shapes)
        for repaired in mistake.repairs(step.mine, step.right.shape):
            if distance(repaired, step.carried) <= max(step.allowed, _half(step.decimals)):
                return [Found(mistake, step.node, step.carried, said, 2)]
            more = _Search(derivation, replace(step, mine=repaired)).simplest
            if more:
                return [
                    Found(mistake, one.at, one.arrival, f"{said}; and {one.sentence}", one.weight + 2, one.mistake)
                    for one in more
                    if one.second is None
                ]
    no_more = SHAPES["wrong-shape"]
    return [Found(no_more, step.node, step.carried, no_more.sentence.format(**words, **shapes), 2)]


def _half(decimals: int | None) -> float:
    return half_unit(decimals) * (1 + 1e-9) if decimals else 0.0


@dataclass(frozen=True, eq=False)
class _Search:
    derivation: Attempt
    step: Judged

    @cached_property
    def simplest(self) -> list[Found]:
        """All of the lowest weight, each row once, the place nearest to the learner's number first."""
        found = list(self._single())
        if not found:
            found = list(self._pairs())
        lowest = min((one.weight for one in found), default=0)
        seen: dict[tuple[str, ...], Found] = {}
        for one in found:
            if one.weight == lowest:
                seen.setdefault(one.ids, one)
        return list(seen.values())[:MOST_SAID]

    @cached_property
    def _tries(self) -> list[tuple[Mistake, Node, Try, Array]]:
        """Every mistake at every place, with the number that it makes of the step."""
        node = self.step.node
        places = self.derivation.places(node)
        made: list[tuple[Mistake, Node, Try, Array]] = []
        elsewhere = 0
        numbers = sum(node.size for node in self.derivation.carried)
        most = min(MOST_ELSEWHERE, MOST_NUMBERS // max(numbers, 1))
        with quiet(), np.errstate(all="ignore"):
            for at in places:
                place = Place(self.derivation, at)
                for mistake in MISTAKES.values():
                    if at not in self.derivation.program.labels and mistake.id in WHOLE:
                        continue  # a factor of the whole is told of a value that has a name
                    for one in islice(mistake.tries(place), MOST_WAYS):
                        elsewhere += at is not node
                        if elsewhere > most:
                            return made
                        number = self.derivation.led_to(node, at, one.arrival, places)
                        if number is None or number.shape != self.step.carried.shape:
                            continue
                        if number.size <= MOST_KEPT or self._fits(number):
                            made.append((mistake, at, one, number))
        return made

    def _single(self) -> Iterator[Found]:
        for mistake, at, one, number in self._tries:
            if self._fits(number):
                weight = self._weight(mistake, at)
                if not self._is_exact(number) and self._expected_by_chance(weight) > BY_CHANCE:
                    continue
                yield Found(mistake, at, one.arrival, self._say(mistake, at, one), weight)

    def _weight(self, mistake: Mistake, at: Node) -> int:
        return mistake.weight * 2 + (0 if at is self.step.node else ELSEWHERE)

    def _is_exact(self, number: Array) -> bool:
        """The learner's number to all of its digits, not only as it was rounded by hand."""
        assert self.step.mine is not None
        return distance(number, self.step.mine) <= _computed(self.step)

    def _expected_by_chance(self, weight: int, times: int = 1) -> float:
        """How many of the tries up to this weight would fit a number rounded by hand if they were any numbers."""
        assert self.step.mine is not None
        tried = {float(number.ravel()[0]) for m, at, _, number in self._tries if self._weight(m, at) <= weight}
        largest = float(np.max(np.abs(self.step.mine), initial=0.0)) or 1.0
        share = min(_half(self.step.decimals) / largest, 1.0)
        return times * len(tried) * share ** min(self.step.mine.size, 8)

    def _pairs(self) -> Iterator[Found]:
        """Two mistakes: one of the table, and a factor of the whole on top of it."""
        node = self.step.node
        whole = [(m, one, n) for m, at, one, n in self._tries if at is node and m.id in WHOLE and m.id != "transposed"]
        carried = self.step.carried
        for second, said, number in whole:
            with np.errstate(all="ignore"):
                ratios = (number / carried)[np.isfinite(number / carried)]
            if not ratios.size:
                continue
            ratio = float(np.median(ratios)) if np.any(carried) else 1.0
            for mistake, at, one, made in self._tries if np.isfinite(carried * ratio).all() else ():
                with np.errstate(all="ignore"):
                    both = made * ratio
                if mistake.id not in (second.id, *_OPPOSITE.get(second.id, ())) and self._fits(both):
                    if mistake.id in WHOLE and mistake.id > second.id:
                        continue  # the same two the other way round
                    weight = 2 * (mistake.weight + second.weight + SECOND) + (0 if at is node else ELSEWHERE)
                    chance = 0 if self._is_exact(both) else self._expected_by_chance(99, len(whole))
                    if chance > BY_CHANCE:
                        continue
                    sentence = f"{self._say(mistake, at, one)}; and {self._say(second, node, said)}"
                    arrival = one.arrival * ratio if at is node else one.arrival
                    yield Found(mistake, at, arrival, sentence, weight, second)

    def _fits(self, number: Array) -> bool:
        """The learner's number, and not the right one."""
        assert self.step.mine is not None
        allowed = self._allowed
        fits = distance(number, self.step.mine) <= allowed
        return fits and distance(number, self.step.carried) > allowed

    @cached_property
    def _allowed(self) -> float:
        """How far a mistaken number may be from the learner's: rounding of this size of numbers, or by hand."""
        return _near(self.step)

    def _say(self, mistake: Mistake, at: Node, one: Try) -> str:
        place = Place(self.derivation, at)
        return mistake.sentence.format(w=place.of(at), plain=place.name(at), **one.words)


_OPPOSITE: Mapping[str, tuple[str, ...]] = {
    "missing-2": ("doubled-2",),
    "doubled-2": ("missing-2",),
    "missing-1/n": ("doubled-1/n", "mean-for-sum"),
    "doubled-1/n": ("missing-1/n", "mean-for-sum"),
    "mean-for-sum": ("missing-1/n", "doubled-1/n"),
}
