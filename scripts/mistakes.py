"""How often the right mistake in a derivation is named, and whether a right one is ever reported.

    python -m scripts.mistakes --pairs 1200 --right 1200 --seed 0
    python -m scripts.mistakes --page        also writes the table into docs/check.md

Each pair is a random program (scripts/learners.py) and one line of its backward pass written wrong. In every second
pair the learner shows every number; in the others only some of them, so that the wrong line may be hidden.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scripts.learners import Task, task

import whygrad as wg

PAGE = Path(__file__).resolve().parent.parent / "docs" / "check.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass
class Pair:
    """A program and one mistake: what the learner shows, and what is then said."""

    task: Task
    mistake: str
    line: int
    mine: dict[str, Any]


@dataclass
class Score:
    """The answers to many pairs: by mistake, how often each kind of answer was given; pairs that show nothing wrong."""

    by_mistake: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unchanged: int = 0
    examples: list[str] = field(default_factory=list)

    def count(self, answer: str) -> int:
        """How many pairs got this answer."""
        return sum(counter[answer] for counter in self.by_mistake.values())

    @property
    def pairs(self) -> int:
        """All pairs that count."""
        return sum(counter.total() for counter in self.by_mistake.values())

    @property
    def share(self) -> float:
        """The share of pairs whose mistake is named first, alone or among equals."""
        return (self.count("alone") + self.count("among equals")) / max(self.pairs, 1)


def pairs(seed: int) -> Iterator[Pair | None]:
    """Pairs without end; None for one whose mistake changes none of the numbers that are shown."""
    number = 0
    while True:
        made, rng = task(seed, number)
        number += 1
        choices = [(i, *wrong) for i, line in enumerate(made.backward) for wrong in line.wrong]
        at, mistake, code = choices[rng.integers(len(choices))]
        right = made.gradients(float, made.lines())
        wrong = made.gradients(float, made.lines(at, code))
        names = list(right)
        shown = names if number % 2 else [name for name in names if rng.random() < 0.6]
        changed = [name for name in shown if not _same(right[name], wrong[name])]
        yield Pair(made, mistake, at, {name: wrong[name] for name in shown}) if changed else None


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-9, atol=1e-12))


def measure(count: int, seed: int) -> Score:
    """The answers to ``count`` pairs."""
    score = Score()
    for pair in pairs(seed):
        if pair is None:
            score.unchanged += 1
            continue
        with np.errstate(all="ignore"):
            verdict = wg.check_derivation(pair.task.function(), *pair.task.arguments.values(), mine=pair.mine)
        answer = _answer(pair, verdict)
        score.by_mistake[pair.mistake][answer] += 1
        if answer not in ("alone", "among equals"):
            line = pair.task.lines(pair.line, dict(pair.task.backward[pair.line].wrong)[pair.mistake])[pair.line]
            score.examples.append(f"{pair.mistake:24} {answer:14} {line:50} -> {verdict.sentence}")
        if score.pairs == count:
            return score
    raise AssertionError("pairs() does not end")


def _answer(pair: Pair, verdict: Any) -> str:
    """alone, among equals, another mistake, none named, or not noticed."""
    first = verdict.first_wrong
    if first is None:
        return "not noticed"
    named = [found.ids for found in first.mistakes]
    if not named:
        return "none named"
    if not any(pair.mistake in ids for ids in named):
        return "another"
    return "alone" if len(named) == 1 else "among equals"


def false_alarms(count: int, seed: int) -> list[str]:
    """What is reported on right learners, who write each line in any of its ways, in float32 and float64."""
    alarms = []
    for number in range(count):
        made, rng = task(seed, 1_000_000 + number)
        dtype = np.float32 if number % 2 else np.float64
        mine = made.gradients(dtype, made.lines(written=rng))
        arguments = [np.asarray(x, dtype)[()] for x in made.arguments.values()]
        with np.errstate(all="ignore"):
            verdict = wg.check_derivation(made.function(), *arguments, mine=mine)
        if not verdict.right:
            alarms.append(f"{made.kind}, {np.dtype(dtype).name}: {verdict.sentence}")
    return alarms


def table(score: Score, alarms: list[str], right: int, seed: int) -> str:
    """The measurement as a table in Markdown."""
    answers = ("alone", "among equals", "another", "none named", "not noticed")
    lines = [
        "| mistake | pairs | named alone | among equals | another named | none named | not noticed |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for mistake in sorted(score.by_mistake):
        counter = score.by_mistake[mistake]
        lines.append(f"| {mistake} | {counter.total()} | " + " | ".join(str(counter[a]) for a in answers) + " |")
    lines.append(f"| **all** | {score.pairs} | " + " | ".join(str(score.count(a)) for a in answers) + " |")
    alone = 100 * score.count("alone") / score.pairs
    lines += [
        "",
        f"The right mistake is named first in {100 * score.share:.1f} % of {score.pairs:,} pairs,",
        f"{alone:.1f} % alone, the others among equally simple mistakes that give the same number.",
        f"{score.unchanged:,} pairs were left out, because the mistake changed none of the numbers shown.",
        f"False alarms on right derivations: {len(alarms)} of {right:,}, half of them in float32. Seed {seed}.",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mistakes", description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=1200)
    parser.add_argument("--right", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", action="store_true", help="write the table into docs/check.md")
    parser.add_argument("--show", action="store_true", help="print every pair whose mistake was not named")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    score = measure(options.pairs, options.seed)
    alarms = false_alarms(options.right, options.seed)
    made = table(score, alarms, options.right, options.seed)
    print(made)
    print(f"\n{time.perf_counter() - start:.0f} s")
    if options.show:
        print("\n".join([*score.examples, *alarms]))
    if options.page:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")
    return 0 if score.share >= 0.95 and not alarms else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
