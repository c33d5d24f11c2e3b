"""What each debugger finds on a corpus of broken and healthy training set-ups: ours, and the rules of others.

    python -m scripts.findings [--page] [--only WORD] [--processes 2]

Every set-up (scripts/corpus) is trained for six epochs, and the same seven records of it, one before training and one
after each epoch, are shown to every tool. ``--page`` writes docs/findings.md. Two cores take about two minutes.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: matrices this small gain nothing from threads

from scripts.corpus.judging import TOOLS, US, Outcome, outcomes
from scripts.corpus.score import family_scores, score
from scripts.corpus.table import SETUPS
from scripts.findings_page import PAGE, page

MARKS = {"found": "●", "something else": "x", "missed": "·", "silent": "·", "false alarm": "X"}
SHORT = {"whygrad": "ours", "sagemaker": "SageM", "deepdiagnosis": "DeepD", "thedeepchecker": "DeepC",
         "autotrainer": "AutoT", "torchlens": "TLens", "gradglass": "gglas", "gradscope": "gscop", "graphyco": "gphyc",
         "gradsnitch": "gsnit", "nansense": "NaNse", "cs231n": "CS231", "karpathy": "Karpa", "learners": "sites"}


def mark(outcome: Outcome) -> str:
    """One character; o for a mere note that says what is wrong."""
    return "o" if outcome.noted else MARKS[outcome.verdict]


def print_table(found: dict[int, dict[str, Outcome]]) -> None:
    """Rows are set-ups, columns tools."""
    print("● found   o noted, not reported   · missed, or rightly silent   x only something else   X false alarm")
    print(f"{'':58}" + " ".join(f"{SHORT[tool]:>5}" for tool in TOOLS))
    family = ""
    for by_tool in found.values():
        setup = by_tool[US].setup
        if setup.family != family:
            family = setup.family
            print(f"— {family}")
        print(f"  {setup.name[:55]:56}" + " ".join(f"{mark(by_tool[tool]):>5}" for tool in TOOLS))


def print_scores(found: dict[int, dict[str, Outcome]]) -> None:
    """Precision and recall, then recall by family."""
    print(f"\n{'':24}{'found':>12}{'recall':>8}{'precision':>11}{'false alarms on healthy':>25}{'right layer':>13}")
    for tool in TOOLS:
        print(f"{tool:24}{score(found, tool).line}")
    for half, rows in (("even rows", 0), ("odd rows", 1)):
        part = {row: by_tool for row, by_tool in found.items() if row % 2 == rows}
        if part:
            print(f"{f'{US}, {half}':24}{score(part, US).line}")
    print(f"\nrecall by family{'':22}" + " ".join(f"{SHORT[tool]:>5}" for tool in TOOLS))
    for family, scores in family_scores(found).items():
        print(f"{family:32} of {scores[US].broken:2} " + " ".join(f"{scores[tool].found:5}" for tool in TOOLS))


def main() -> None:
    """Run every tool over the corpus, print the tables, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", action="store_true", help="write docs/findings.md")
    parser.add_argument("--only", default="", help="set-ups whose name or family contains this")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    asked = parser.parse_args()
    if asked.page and asked.only:
        parser.error("--page shows the whole corpus: leave out --only")
    rows = [row for row, s in enumerate(SETUPS) if asked.only in s.name or asked.only in s.family]
    if not rows:
        parser.error(f"no set-up is called {asked.only!r}: python -m scripts.corpus lists them")
    began = time.perf_counter()
    found = outcomes(rows, asked.processes)
    seconds = time.perf_counter() - began
    print_table(found)
    print_scores(found)
    print(f"\n{len(rows)} set-ups, {len(TOOLS)} tools, in {seconds:.0f} s")
    if asked.page:
        PAGE.write_text(page(found, seconds), encoding="utf-8")
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
