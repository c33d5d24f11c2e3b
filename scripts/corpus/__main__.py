"""The corpus on its own: python -m scripts.corpus [--verify] [--page] [--only WORD] [--processes 2]."""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: matrices this small gain nothing from threads

from scripts.corpus.recipe import spelled
from scripts.corpus.table import SETUPS
from scripts.corpus.verify import LEARNS, Learned, checked

PAGE = Path(__file__).resolve().parents[2] / "docs" / "corpus.md"
INTRODUCTION = f"""# The corpus of training set-ups

What [findings.md](findings.md) judges tools by; made by `python -m scripts.corpus --verify --page`. Each broken set-up
is a healthy recipe with one fault. Both are trained for as many epochs, and judged by what fraction of the task they
have learned on examples they have not seen: 1 is perfect, 0 no better than the best constant answer. A fault counts if
it costs at least 0.03 of that, or if the cost becomes NaN or infinite; a healthy set-up must learn at least {LEARNS:g}.

| family | set-up | trouble | learned | the same, mended |
|---|---|---|--:|--:|
"""

Result = tuple[Learned, Learned | None, bool]


def verified(row: int) -> Result:
    """What the set-up in this row learns, what it learns mended, and whether that is as it should be."""
    result = checked(SETUPS[row])
    return result.broken, result.mended, result.holds


def verify(rows: list[int], processes: int) -> dict[int, Result]:
    """Train the set-ups of these rows, and the same without their faults."""
    with ProcessPoolExecutor(processes) as pool:
        return dict(zip(rows, pool.map(verified, rows), strict=True))


def page(results: dict[int, Result]) -> str:
    """docs/corpus.md."""
    lines = []
    for row, (learned, mended, _) in results.items():
        setup = SETUPS[row]
        cells = (setup.family, setup.name, spelled(setup.truth), learned, "" if mended is None else mended)
        lines.append("| " + " | ".join(str(cell).strip() for cell in cells) + " |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def main() -> None:
    """List the set-ups, or train each beside its mended counterpart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verify", action="store_true", help="train every set-up, and the same without its fault")
    parser.add_argument("--page", action="store_true", help="with --verify: write docs/corpus.md")
    parser.add_argument("--only", default="", help="set-ups whose name or family contains this word")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    asked = parser.parse_args()
    rows = [row for row, setup in enumerate(SETUPS) if asked.only in setup.name or asked.only in setup.family]
    if asked.page and (asked.only or not asked.verify):
        parser.error("--page shows what --verify finds of the whole corpus")
    results = verify(rows, asked.processes) if asked.verify else {}
    for row in rows:
        print(f"{SETUPS[row].family:24} {SETUPS[row].name:58} {spelled(SETUPS[row].truth)}")
        if results:
            learned, mended, holds = results[row]
            beside = "" if mended is None else f"   mended {mended}"
            print(f"{'':24} learned {learned}{beside}   {'ok' if holds else 'DOES NOT SHOW IT'}")
    failed = sum(not holds for _, _, holds in results.values())
    print(f"{len(rows)} set-ups{f', {failed} of which do not hold' if results else ''}")
    if asked.page:
        PAGE.write_text(page(results), encoding="utf-8")
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
