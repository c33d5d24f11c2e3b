"""The page's plots as SVG, drawn from a report; files are the same for the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt

from benchmarks.peers import CONTESTANTS, is_ours
from benchmarks.results import Report
from benchmarks.stats import slope, summary
from benchmarks.workloads.base import Workload
from benchmarks.workloads.registry import WORKLOADS

COLOURS = dict(zip(CONTESTANTS, ("#c0392b", "#e67e22", "#f1c40f", "#7f8c8d", "#8e44ad", "#d35400", "#a04000", "#2980b9",
                                 "#1f618d", "#16a085", "#2c3e50", "#27ae60"), strict=True))
FAMILIES = {"weights": "weights", "width": "neurons per layer", "depth": "layers", "batch": "examples in a batch"}
mpl.rcParams.update({"svg.hashsalt": "whygrad", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
                     "axes.spines.right": False})


def draw(report: Report, folder: Path) -> list[str]:
    """All plots that the report has numbers for; their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, plot in (("speed", speed), ("growth", growth), ("price", price), ("reverse", reverse)):
        figure = plot(report)
        if figure is not None:
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            plt.close(figure)
            made.append(name)
    return made


def speed(report: Report) -> Any:
    """Seconds per workload, a mark per contestant."""
    rows = [(w, call) for w in report.rows if not WORKLOADS[w].family
            for call in report.calls(w) if call in ("step", "gradient", "hessian", "fit") and report.standing(w, call)]
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.4), layout="constrained")
    for y, (workload, call) in enumerate(rows):
        for name, seconds in report.standing(workload, call).items():
            found = summary(seconds)
            axes.plot([found.low, found.high], [y, y], color=COLOURS[name], linewidth=1.5)
            axes.plot(found.median, y, "D" if is_ours(name) else "o", color=COLOURS[name], markersize=6)
    axes.set(xscale="log", xlabel="seconds, median and quartiles", ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticks(range(len(rows)), [f"{WORKLOADS[w].title}" + (f", {c}" if c == "hessian" else "") for w, c in rows])
    axes.grid(axis="x", alpha=0.3)
    _legend(figure, [n for n in CONTESTANTS if any(n in report.standing(w, c) for w, c in rows)])
    return figure


def growth(report: Report) -> Any:
    """Value and gradient as width, depth, batch and weights grow, with the exponent over the last three sizes."""
    families = {f: rows for f in FAMILIES if (rows := _family(report, f))}
    if not families:
        return None
    size = (3.2 * len(families), 3.4)
    figure, panels = plt.subplots(1, len(families), figsize=size, layout="constrained", squeeze=False)
    seen: list[str] = []
    for axes, (family, rows) in zip(panels[0], families.items(), strict=True):
        for name in CONTESTANTS:
            points = [(r.size, report.median(r.name, name, "gradient")) for r in rows
                      if report.seconds(r.name, name, "gradient")]
            if len(points) > 1:
                seen.append(name)
                x, y = zip(*points, strict=True)
                axes.plot(x, y, "D-" if is_ours(name) else "o-", color=COLOURS[name], markersize=4,
                          label=f"{slope(x[-3:], y[-3:]):.2f}")
        axes.set(xscale="log", yscale="log", xlabel=FAMILIES[family], title=f"growth with {FAMILIES[family]}")
        axes.legend(title="exponent", fontsize=7, title_fontsize=7)
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("seconds, value and gradient")
    _legend(figure, [n for n in CONTESTANTS if n in seen])
    return figure


def price(report: Report) -> Any:
    """M20: the gradient's time over the function's own."""
    rows = _family(report, "weights")
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for name in CONTESTANTS:
        points = [(r.size, times.value) for r in rows if (times := report.over_value(r.name, name))]
        if points:
            axes.plot(*zip(*points, strict=True), "D-" if is_ours(name) else "o-", color=COLOURS[name], label=name)
    axes.axhline(3.2, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="weights", ylabel="gradient over value", ylim=(0, None))
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)
    return figure


def reverse(report: Report) -> Any:
    """A whole gradient by differences, by forward mode, and by one backward sweep (whygrad, eager)."""
    rows, us = _family(report, "weights"), "whygrad eager"
    rows = [r for r in rows if report.seconds(r.name, us, "gradient") and report.seconds(r.name, us, "forward")]
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    sizes = [r.size for r in rows]
    ways = {"finite differences": ("value", lambda n: n + 1), "forward mode": ("forward", lambda n: n),
            "reverse mode": ("gradient", lambda _: 1)}
    for way, (call, times) in ways.items():
        axes.plot(sizes, [times(r.size) * report.median(r.name, us, call) for r in rows], "o-", label=way)
    axes.set(xscale="log", yscale="log", xlabel="weights", ylabel="seconds for all slopes")
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)
    return figure


def _family(report: Report, family: str) -> list[Workload]:
    return [row for row in WORKLOADS.values() if row.family == family and report.standing(row.name, "gradient")]


def _legend(figure: Any, names: list[str]) -> None:
    marks = [plt.Line2D([], [], marker="D" if is_ours(n) else "o", linestyle="", color=COLOURS[n]) for n in names]
    figure.legend(marks, names, loc="outside lower center", ncols=4, fontsize=8)
