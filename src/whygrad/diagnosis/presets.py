"""The rules of other debuggers by name, and what they report of records in the form of our findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.preset_rules import Hit, Preset, Rule
from whygrad.diagnosis.preset_rules_courses import CS231N, KARPATHY, LEARNERS
from whygrad.diagnosis.preset_rules_deepchecker import DEEPCHECKER
from whygrad.diagnosis.preset_rules_hooks import GRADGLASS, GRADSCOPE, GRADSNITCH, GRAPHYCO, NANSENSE, TORCHLENS
from whygrad.diagnosis.preset_rules_keras import AUTOTRAINER, DEEPDIAGNOSIS
from whygrad.diagnosis.preset_rules_sagemaker import SAGEMAKER
from whygrad.diagnosis.records import Record
from whygrad.errors import ArgumentError

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (
    SAGEMAKER, DEEPDIAGNOSIS, DEEPCHECKER, AUTOTRAINER, TORCHLENS, GRADGLASS, GRADSCOPE, GRAPHYCO, GRADSNITCH, NANSENSE,
    CS231N, KARPATHY, LEARNERS,
)}  # fmt: skip


def preset(name: object) -> Preset:
    """The preset of that name; ArgumentError names those there are."""
    if not isinstance(name, str) or name not in PRESETS:
        raise ArgumentError(f"rules={name!r} is not a set of rules", try_=f"one of {', '.join(PRESETS)}")
    return PRESETS[name]


def judged_by(name: str, records: Sequence[Record]) -> tuple[Finding, ...]:
    """What that tool's rules report of a model: one record for one moment, several, oldest first, for its training.

    A finding's id is ``tool/rule``. The tools do not say what is to blame nor what to try, so neither do these.
    """
    chosen = preset(name)
    return tuple(_finding(chosen, rule, hits, records[-1]) for rule, hits in fired(chosen, records))


def fired(chosen: Preset, records: Sequence[Record]) -> list[tuple[Rule, list[Hit]]]:
    """The tool's rules that hold of these records, with the layers in which they do."""
    if not records:
        return []
    with np.errstate(all="ignore"):  # NaN and inf are what some of the rules look for
        judged = [(rule, rule.judge(records)) for rule in chosen.rules]
    return [(rule, hits) for rule, hits in judged if hits]


def cited(tool: Preset, rule: Rule) -> str:
    """Where a rule was read."""
    return tool.origin + ("" if rule.source.startswith("#") else ": ") + rule.source


def slug(term: str) -> str:
    """A tool's term as an id: DeadRelu is dead-relu."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", term)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _finding(tool: Preset, rule: Rule, hits: list[Hit], record: Record) -> Finding:
    """A rule's hits as one finding, with the number that each layer was judged by."""
    layers = tuple(sorted(hit.layer for hit in hits if hit.layer is not None))
    where = ", ".join(record.layers[l].name for l in layers) or "the model"
    evidence: dict[str, float | int | str | tuple[float, ...] | None] = {
        "the model" if hit.layer is None else record.layers[hit.layer].name: hit.value for hit in hits
    }
    evidence["source"] = cited(tool, rule)
    if rule.caution:
        evidence["caution"] = rule.caution
    return Finding(
        id=f"{tool.name}/{slug(rule.term)}",
        where=where,
        what=f"{tool.title} would report “{rule.term}”: {rule.says}.",
        evidence=evidence,
        blame="unknown",
        because="the rule does not say",
        sure="possible",
        try_=(),
        layers=layers,
    )
