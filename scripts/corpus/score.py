"""Counts: how many broken set-ups a tool finds, and how often it is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.corpus.judging import TOOLS, US, Outcome

Found = dict[int, dict[str, Outcome]]  # row of the corpus -> tool -> outcome


@dataclass(frozen=True)
class Score:
    """Of one tool over some set-ups.

    ``found``: broken ones whose trouble it names; ``else_``: broken ones of which it reports only something else;
    ``alarms``: healthy ones of which it reports something. ``layered``: found ones whose trouble sits in layers;
    ``located``: those of them of which it names such a layer.
    """

    broken: int
    healthy: int
    found: int
    noted: int
    else_: int
    alarms: int
    layered: int
    located: int

    @property
    def recall(self) -> float:
        """The share of broken set-ups that are found."""
        return self.found / self.broken if self.broken else float("nan")

    @property
    def precision(self) -> float:
        """The share of set-ups it reports something of in which that is right; NaN for a tool that says nothing."""
        said = self.found + self.else_ + self.alarms
        return self.found / said if said else float("nan")

    @property
    def line(self) -> str:
        """For the terminal."""
        return (f"{f'{self.found} of {self.broken}':>12}{self.recall:>8.0%}{self.precision:>11.0%}"
                f"{f'{self.alarms} of {self.healthy}':>25}{f'{self.located} of {self.layered}':>13}")


def of(chosen: Iterable[Outcome]) -> Score:
    """The counts of these outcomes of one tool."""
    every = list(chosen)
    broken = [outcome for outcome in every if not outcome.setup.healthy]
    right = [outcome for outcome in broken if outcome.verdict == "found"]
    layered = [outcome for outcome in right if any(true.layers for true in outcome.setup.truth)]
    return Score(
        broken=len(broken),
        healthy=len(every) - len(broken),
        found=len(right),
        noted=sum(outcome.noted for outcome in broken),
        else_=sum(outcome.verdict == "something else" for outcome in broken),
        alarms=sum(outcome.verdict == "false alarm" for outcome in every),
        layered=len(layered),
        located=sum(outcome.located for outcome in layered),
    )


def score(found: Found, tool: str) -> Score:
    """Of one tool over all of these set-ups."""
    return of(by_tool[tool] for by_tool in found.values())


def family_scores(found: Found) -> dict[str, dict[str, Score]]:
    """Of every tool, family by family, in the corpus's order; without the healthy ones."""
    families = dict.fromkeys(o[US].setup.family for o in found.values() if not o[US].setup.healthy)
    return {family: {tool: of(o[tool] for o in found.values() if o[tool].setup.family == family) for tool in TOOLS}
            for family in families}
