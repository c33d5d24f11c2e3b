"""The answer to "is my derivation right?": every step with its verdict, the first wrong one, and the mistake in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.checking.blame import Found
from whygrad.checking.judge import Judged


@dataclass(frozen=True, eq=False)
class Line:
    """One line of the derivation, as it should be: what it computes, the formula, and its number or array."""

    of: str
    formula: str
    value: Any


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a derivation: the verdict on it and, if it is wrong, the mistakes that give exactly its number.

    Several mistakes: each alone gives it, and none is simpler than the others. None, although the step is wrong: no
    known mistake gives this number. ``corrected`` is the line as it should be, in the learner's own names.
    """

    judged: Judged
    mistakes: tuple[Found, ...] = ()
    corrected: Line | None = None

    @property
    def name(self) -> str:
        """The value, as the learner spells it."""
        return self.judged.name

    @property
    def verdict(self) -> str:
        """exact, rounding, carried forward, wrong or not given."""
        return self.judged.verdict

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data."""
        one = self.judged
        return {
            "name": one.name,
            "value": one.label,
            "verdict": one.verdict,
            "mine": None if one.mine is None else one.mine.tolist(),
            "right": one.right.tolist(),
            "carried": one.carried.tolist(),
            "off": one.off,
            "ulps": one.ulps,
            "allowed": one.allowed,
            "decimals": one.decimals,
            "note": one.note,
            "mistakes": [{"ids": list(found.ids), "sentence": found.sentence} for found in self.mistakes],
            "corrected": None
            if self.corrected is None
            else {
                "of": self.corrected.of,
                "formula": self.corrected.formula,
                "value": np.asarray(self.corrected.value).tolist(),
            },
        }


@dataclass(frozen=True, eq=False)
class DerivationVerdict:
    """The verdict on a whole derivation. ``print()`` it; ``steps`` are in backward order, nearest to the cost first."""

    function: str
    output: str
    cost: float
    steps: tuple[Step, ...]
    dtype: str
    note: str = ""

    @property
    def right(self) -> bool:
        """No step is wrong."""
        return self.first_wrong is None

    @property
    def first_wrong(self) -> Step | None:
        """The wrong step nearest to the cost; later ones may only carry its error on."""
        return next((step for step in self.steps if step.verdict == "wrong"), None)

    @property
    def sentence(self) -> str:
        """The verdict in a sentence or two."""
        from whygrad.render.verdicts import sentence

        return sentence(self)

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if name in (step.name, step.judged.label):
                return step
        raise KeyError(name)

    def __str__(self) -> str:
        from whygrad.render.verdicts import verdict_text

        return verdict_text(self)

    def __repr__(self) -> str:
        return f"<verdict: {self.sentence.splitlines()[0]}>"

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """One HTML fragment that needs nothing else."""
        from whygrad.render.verdicts import verdict_html

        return verdict_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; arrays as lists."""
        first = self.first_wrong
        return {
            "function": self.function,
            "cost": self.cost,
            "right": self.right,
            "first_wrong": None if first is None else first.name,
            "sentence": self.sentence,
            "dtype": self.dtype,
            "note": self.note,
            "steps": [step.to_dict() for step in self.steps],
        }
