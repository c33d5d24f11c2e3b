"""The page docs/findings.md: what each debugger finds, how that was judged, and what we miss."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scripts.corpus.judging import TOOLS, US, Outcome
from scripts.corpus.matching import STANDS_FOR
from scripts.corpus.recipe import KINDS, spelled
from scripts.corpus.score import Found, Score, family_scores, score

from whygrad.diagnosis.presets import PRESETS, cited

PAGE = Path(__file__).resolve().parent.parent / "docs" / "findings.md"
MARKS = {"found": "●", "something else": "x", "missed": "·", "silent": "", "false alarm": "X"}
TITLES = {US: "whygrad"} | {name: preset.title for name, preset in PRESETS.items()}

INTRODUCTION = """# What each debugger finds

This page is made by `make findings ARGS=--page`; `make findings` prints the same numbers. It shows {broken} broken
and {healthy} healthy training set-ups (`scripts/corpus`, a file for each family) to whygrad's own findings and to the
rules of {others} other tools, and counts.

**How a set-up is made.** Each broken one is a healthy recipe with one fault, so that its truth is known:
`broken("sigmoid at rate 0.0001", …, rate=0.0001)`. That the fault matters is checked by training: `python -m
scripts.corpus --verify` trains every set-up and the same without its fault for as many epochs, and prints what
fraction of the task each has learned on unseen examples ([the corpus](corpus.md)); a healthy one must learn. The data
are 600 digits that come with whygrad, reduced to 14 × 14 pixels, and two made-up problems of two inputs.

**What the tools see.** Each set-up is trained for six epochs (some are trained before anyone looks). Seven records of
the whole network, one before training and one after each epoch, hold every input, weighted sum, activation, weight,
gradient, the last step's update and the cost. All tools see the same records. Where training ends because a number is
not finite, the last record is the network after that step.

**How the other tools are run.** Their rules are written down as they were read in their sources or documentation
(`src/whygrad/diagnosis/preset_rules*.py`, cited rule by rule below), not by running them: most need a framework of
their own. What was not read but remembered, guessed or adapted says so. Rules about overfitting, speed and other
things that are not faults of gradients are left out. `wg.diagnose(net, X, Y, rules="sagemaker")` shows what they say
of your own network.

**When something counts as found.** When a tool reports, at any of the seven moments and in any layer, a term that
stands for the trouble, for its cause or for its direct consequence; the [table](#what-stands-for-what) is one for all
tools. **Precision** is the share of set-ups of which a tool reports something where that is right: a report on a
healthy set-up counts against it, and so does one on a broken set-up that names only something else. **Recall** is the
share of broken set-ups that are found. Neither says much alone: a tool that reports something of every network finds
everything. Our *notes* ("worth knowing") count as neither. *Right layer*: of the found set-ups whose trouble sits in
certain layers, those of which a tool names such a layer.

**What was tuned.** The limits of our findings were set before they were tried on the corpus, and changed afterwards
only for what was seen in its even rows. The odd rows are therefore the fairer half; both are shown. The corpus was
made by the people who made whygrad, and its faults are those that we thought of. The other tools' limits are their
defaults, which were chosen for other networks than these.
"""


def page(found: Found, seconds: float) -> str:
    """The whole page."""
    parts = (
        INTRODUCTION.format(broken=score(found, US).broken, healthy=score(found, US).healthy, others=len(PRESETS)),
        "## The result\n", *totals(found), "\nBroken set-ups found, by family:\n", *by_family(found),
        "\n## What we miss\n", *misses(found), "\n## Every set-up\n",
        "● found; o noted, not reported; · missed; x reports only something else; X false alarm on a healthy set-up.\n",
        *every_setup(found), "\n## Every rule\n",
        "How often each fired: where its term stands for the trouble, on other broken and on healthy set-ups.\n",
        *rules(found), "\n## What stands for what\n",
        "What a tool's term is about, and the troubles that it counts for:\n", *matching(),
        "\nThe troubles:\n", *(f"- **{kind}**: {meaning}" for kind, meaning in KINDS.items()),
        f"\nMeasured in {seconds:.0f} s with Python {platform.python_version()} and NumPy {np.__version__}.",
    )  # fmt: skip
    return "\n".join(parts) + "\n"


def table(head: list[str], rows: Iterator[list[str]], numbers_from: int = 1) -> Iterator[str]:
    """A Markdown table whose columns are aligned right from this one on."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---" if i < numbers_from else "--:" for i in range(len(head))) + "|"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def totals(found: Found) -> Iterator[str]:
    """Precision and recall of every tool, and of ours by half."""
    halves = [(f"whygrad, {name} rows", {row: o for row, o in found.items() if row % 2 == odd})
              for name, odd in (("even", 0), ("odd", 1))]
    lines = [("**whygrad**", score(found, US)), *((name, score(half, US)) for name, half in halves),
             *((TITLES[tool], score(found, tool)) for tool in PRESETS)]
    yield from table(["", "found", "recall", "precision", "names only something else", "false alarms on healthy",
                      "right layer"], ([name, *cells(s)] for name, s in lines))


def cells(s: Score) -> list[str]:
    """A row of the first table."""
    precision = "" if np.isnan(s.precision) else f"{s.precision:.0%}"
    return [f"{s.found} of {s.broken}", f"{s.recall:.0%}", precision, str(s.else_), f"{s.alarms} of {s.healthy}",
            f"{s.located} of {s.layered}"]


def by_family(found: Found) -> Iterator[str]:
    """How many of each family every tool finds."""
    rows = ([family, str(s[US].broken), *(str(s[tool].found) for tool in TOOLS)]
            for family, s in family_scores(found).items())
    yield from table(["family", "set-ups", *TITLES.values()], rows)


def misses(found: Found) -> Iterator[str]:
    """Broken set-ups that ours do not find, and healthy ones of which they report something."""
    own = [by_tool[US] for by_tool in found.values()]
    for outcome in own:
        if outcome.verdict in ("missed", "something else"):
            said = ", ".join(f"`{report.term}`" for report in outcome.alarms)
            instead = f"; reports {said} instead" if said else "; noted, not reported" if outcome.noted else ""
            others = ", ".join(TITLES[t] for t in PRESETS if found_by(found, outcome, t)) or "none"
            yield f"- {outcome.setup.name} ({spelled(outcome.setup.truth)}){instead}. Found by: {others}."
    for outcome in own:
        if outcome.verdict == "false alarm":
            yield f"- False alarm: {outcome.setup.name}, {', '.join(f'`{r.term}`' for r in outcome.alarms)}."
    if all(outcome.verdict in ("found", "silent") for outcome in own):
        yield "Nothing of this corpus."


def found_by(found: Found, ours: Outcome, tool: str) -> bool:
    """Whether another tool finds this set-up."""
    return any(o[tool].verdict == "found" for o in found.values() if o[tool].setup is ours.setup)


def every_setup(found: Found) -> Iterator[str]:
    """Rows are set-ups, columns tools; with what ours say."""
    rows = ([str(row), o[US].setup.name, spelled(o[US].setup.truth),
             *(("o" if o[tool].noted else MARKS[o[tool].verdict]) for tool in TOOLS),
             ", ".join(f"`{report.term}`" for report in o[US].alarms)] for row, o in found.items())
    yield from table(["row", "set-up", "trouble", *TITLES.values(), "whygrad says"], rows, numbers_from=99)


def rules(found: Found) -> Iterator[str]:
    """Each rule with its source, and how often it fired rightly and wrongly."""
    rows = []
    for tool, preset in PRESETS.items():
        for rule in preset.rules:
            hits = [o[tool] for o in found.values() if any(r.term == rule.term for r in o[tool].reports)]
            right = sum(any(r.term == rule.term for r in o.right) for o in hits)
            healthy = sum(o.setup.healthy for o in hits)
            caution = f" *{rule.caution}*" if rule.caution else ""
            rows.append([preset.title, rule.term, rule.kind, f"{rule.says}{caution}", cited(preset, rule),
                         str(right), str(len(hits) - right - healthy), str(healthy)])
    yield from table(["tool", "its term", "about", "rule, *and what of it was not read*", "source", "right",
                      "something else", "healthy"], iter(rows), numbers_from=5)


def matching() -> Iterator[str]:
    """The table of terms."""
    yield from table(["about", "counts for"], ([kind, ", ".join(kinds)] for kind, kinds in STANDS_FOR.items()), 9)
