"""What a diagnosis is: a verdict, the findings behind it, and everything that was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.findings import found
from whygrad.diagnosis.measures import Measures, measure
from whygrad.diagnosis.records import Record
from whygrad.diagnosis.wording import examples
from whygrad.errors import public


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What ``wg.diagnose`` says of a model. ``findings``: the most important first, notes last.

    ``measures``: all numbers, layer by layer and of the data.

    ``print(diagnosis)``, ``diagnosis.html()`` and ``diagnosis.to_dict()`` show the same.
    """

    measures: Measures
    findings: tuple[Finding, ...]

    @property
    def record(self) -> Record:
        """The arrays behind the numbers."""
        return self.measures.record

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that keep the model from learning well."""
        return tuple(finding for finding in self.findings if finding.level == "problem")

    @property
    def ids(self) -> tuple[str, ...]:
        """The findings' ids, in order."""
        return tuple(finding.id for finding in self.findings)

    @property
    def verdict(self) -> str:
        """One sentence: the most important finding, or that nothing was found."""
        if not self.problems:
            return f"Nothing found that keeps it from learning, on {examples(self.record.n)}."
        first, more = self.problems[0], len(self.problems) - 1
        others = "" if not more else " (and one more finding)" if more == 1 else f" (and {more} more findings)"
        return f"{first.id.replace('-', ' ').capitalize()}: {first.where}{others}."

    def __getitem__(self, id: str) -> Finding:  # noqa: A002  # what findings call it
        """The finding of that id; KeyError if there is none."""
        for finding in self.findings:
            if finding.id == id:
                return finding
        raise KeyError(id)

    def __contains__(self, id: object) -> bool:  # noqa: A002  # as above
        return id in self.ids

    def __str__(self) -> str:
        from whygrad.render.findings_text import diagnosis_text

        return diagnosis_text(self)

    @public
    def html(self) -> str:
        """The diagnosis as one HTML fragment: needs no script and no network."""
        from whygrad.render.findings_html import diagnosis_html

        return diagnosis_html(self)

    def _repr_html_(self) -> str:
        return self.html()

    @public
    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: numbers that are NaN or infinite are the strings "NaN", "Infinity" and "-Infinity"."""
        from whygrad.render.json import json_data

        record = self.record
        spelled: dict[str, Any] = json_data(
            {
                "schema": "whygrad.diagnosis",
                "version": 1,
                "model": record.model,
                "examples": record.n,
                "verdict": self.verdict,
                "findings": [finding.to_dict() for finding in self.findings],
                "cost": {"name": record.cost_name, "value": record.cost, "constant": record.constant_cost},
                "layers": [layer.to_dict() for layer in self.measures.layers],
                "data": self.measures.data.to_dict(),
                "trial_steps": [list(pair) for pair in record.trial_steps],
                "notes": list(record.notes),
            }
        )
        return spelled


def diagnosed(record: Record) -> Diagnosis:
    """Measure a record and look for everything in the table of findings."""
    measures = measure(record)
    return Diagnosis(measures, tuple(_derived(record, finding) for finding in found(measures)))


def _derived(record: Record, finding: Finding) -> Finding:
    """The finding with the derivation of its typical weight, where the model can give one."""
    if record.explain is None or finding.weight is None:
        return finding
    return replace(finding, derivation=record.explain(*finding.weight))
