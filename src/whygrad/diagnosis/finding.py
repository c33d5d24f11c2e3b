"""What a finding is: one thing that is wrong, with its evidence, what is to blame, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from whygrad.explain.explanation import Explanation

Level = Literal["problem", "note"]
Sure = Literal["certain", "likely", "possible"]
Blame = Literal["input activation", "slope", "error from above", "weights", "data", "cost", "learning rate", "unknown"]


@dataclass(frozen=True, eq=False)
class Finding:
    """One finding.

    ``id``: stable and short, such as ``vanishing-gradients``; the ids and their meaning are the table in
    ``docs/diagnose.md``. ``level``: a "problem" keeps the model from learning well, a "note" is worth knowing.
    ``where``: the layers, units or data concerned, in words: ``layer 1 to layer 4``. ``layers``: the same as indices
    into the record's layers, empty where it is not about layers. ``what``: one sentence with its numbers. ``evidence``:
    the numbers by name, as measured. ``blame``: the factor to blame; "unknown" is an answer. ``because``: why that one,
    in one sentence, or "". ``sure``: "certain" for a fact of arithmetic, "likely" where thresholds decide, "possible"
    where it may be meant so. ``try_``: what to try, the most promising first. ``weight``: (index of the layer, j, k) of
    a weight that is typical of the finding, and ``derivation`` its explanation on one example, where the model can give
    one.
    """

    id: str
    where: str
    what: str
    evidence: Mapping[str, float | int | str | tuple[float, ...] | None]
    blame: Blame
    sure: Sure
    try_: tuple[str, ...]
    level: Level = "problem"
    because: str = ""
    layers: tuple[int, ...] = ()
    weight: tuple[int, int, int] | None = None
    derivation: Explanation | None = None

    def __str__(self) -> str:
        from whygrad.render.findings_text import finding_text

        return finding_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; the derivation after docs/explanation-schema.json."""
        return {
            "id": self.id,
            "level": self.level,
            "where": self.where,
            "layers": list(self.layers),
            "what": self.what,
            "evidence": {k: list(v) if isinstance(v, tuple) else v for k, v in self.evidence.items()},
            "blame": self.blame,
            "because": self.because,
            "sure": self.sure,
            "try": list(self.try_),
            "weight": None if self.weight is None else list(self.weight),
            "derivation": None if self.derivation is None else self.derivation.to_dict(),
        }
