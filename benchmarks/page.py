"""docs/speed.md: a run as a page that anyone can make again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import plots, sections
from benchmarks.machine import ROOT
from benchmarks.results import Report

DOCS = ROOT / "docs"
INTRODUCTION = """# Speed

Every number on this page comes from one run of `make bench` on {when}; `make bench ARGS=--page` makes the page again
on your machine. All rounds, and the versions of everything, are in [results.json](speed/results.json).

- **Machine**: {processor}, {cores} cores, {memory_gb} GB, caches {caches}; {system}, Python {python}.
- **NumPy's BLAS**: {numpy_blas}.
- **Peak**: {gflops:.0f} GFLOP/s in float32, measured in the same run: {how}.
  NumPy's matrix product reached {numpy_matmul_gflops:.0f}. Shares of the peak are of the one measured just before each
  turn, as what a shared machine leaves to us changes by the second.
- **Versions**: {versions}.

How it is measured: each contestant runs alone in its own process, with all cores. Its numbers are compared with NumPy's
before any time is taken. Then the contestants take turns, round after round; who is not working is stopped by the
operating system, so that no waiting thread takes a core, and everybody keeps its own threads' settings. A turn begins
with a fifth of it untimed, as stopped processes wake up slowly.
`OPENBLAS_CORETYPE` is unset, so each BLAS chooses its kernel for the machine. Peers are written as their experts would:
batches laid out ready, fused optimizers, donated buffers, whole steps and epochs compiled. whygrad shuffles and
gathers its batches inside the time. A ratio is the peer's median over the median of the fastest whygrad; in brackets
the quartiles of the rounds' own ratios. A gradient over its value is the median of those, as one process does both one
after the other. Compiling is not part of any row but "first call".
"""


def write(report: Report) -> None:
    """The page, its plots and its data."""
    folder = DOCS / "speed"
    drawn = plots.draw(report, folder)
    report.save(folder / "results.json")
    (DOCS / "speed.md").write_text("\n".join(text(report, drawn)), encoding="utf-8")


def text(report: Report, drawn: Sequence[str]) -> Iterator[str]:
    """The page's parts; ``drawn``: the plots there are."""
    packages = ", ".join(f"{name} {version}" for name, version in report.machine["packages"].items())
    yield INTRODUCTION.format(when=report.when, versions=packages, **report.machine, **report.peak)
    if report.again:
        rows = ", ".join(f"{name} ({when})" for name, when in report.again.items())
        yield f"**Measured again, in a run of their own, after a mistake was mended:** {rows}.\n"
    yield from sections.targets(report)
    yield from sections.behind(report)
    yield from sections.steps(report)
    if "speed" in drawn:
        yield "![Seconds per workload, a mark per contestant](speed/speed.svg)\n"
    yield from sections.profiles(report)
    yield from sections.functions(report)
    yield from sections.whole_run(report)
    yield from sections.price(report)
    for name, title in (("price", "The gradient's time over the function's own"),
                        ("reverse", "All slopes by differences, forward mode and reverse mode"),
                        ("growth", "Growth with weights, width, depth and batch")):
        if name in drawn:
            yield f"![{title}](speed/{name}.svg)\n"
    yield from sections.sigma_prime(report)
    yield from sections.first_calls(report)
    yield from sections.memory(report)
    yield from sections.inside(report)
    yield from sections.left_out(report)
