"""What is printed while a run goes on: a table per workload, and the verdicts at the end."""

from __future__ import annotations

from benchmarks.acceptance import behind, share_of_peak, verdicts
from benchmarks.results import Report
from benchmarks.stats import ratio, summary
from benchmarks.workloads.registry import WORKLOADS


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 999.5 else f"{seconds * factor:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def row_table(report: Report, name: str) -> str:
    """One workload: each contestant's median, quartiles, and times the fastest of ours (of all, without ours)."""
    lines = [WORKLOADS[name].title]
    for call in report.calls(name):
        standing = report.standing(name, call)
        base = report.best(name, call, ours=True) or next(iter(standing), "")
        for contestant, seconds in standing.items():
            found, times = summary(seconds), ratio(seconds, standing[base])
            spread = f"{duration(found.low)} to {duration(found.high)}"
            share = share_of_peak(report, name, contestant)
            lines.append(f"  {call:<9} {contestant:<16} {duration(found.median):>9}   {spread:<22}"
                         f" {times!s:<24}{f'{share:5.0%} of peak' if share else ''}")
    lines += [f"  left out: {contestant}: {measured.left_out}"
              for contestant, measured in report.rows[name].items() if measured.left_out]
    return "\n".join(lines)


def others(report: Report) -> str:
    """What is measured without peers: first calls, memory, and times inside whygrad."""
    lines = ["", "first call of a 784-30-10 training step in a fresh process"]
    for name, seen in report.first_call.items():
        times = [f"{which} {duration(summary(seen[which]).median)}"
                 for which in ("import", "cold", "cached") if which in seen]
        lines.append(f"  {name:<16} {', '.join(times) or seen['left_out']}")
    for name, seen in report.checkpoint.items():
        lines.append(f"gradient through 1,000 layers, {name}: {seen['mb']:.0f} MB more, {duration(seen['seconds'])}")
    for name, times in report.inside.items():
        lines.append(f"{name}: {', '.join(f'{who} {duration(seconds)}' for who, seconds in times.items())}")
    for name, seen in report.profiles.items():
        parts = ", ".join(f"{kind} {seen[kind] / seen['seconds']:.0%}"
                          for kind in ("products", "numbers", "waiting", "outside"))
        lines.append(f"{WORKLOADS[name].title}: {duration(seen['seconds'])} on {seen['threads']:.0f}, {parts}")
    return "\n".join(lines)


def ending(report: Report) -> str:
    """Targets, and where a peer is faster."""
    lines = ["", "targets"]
    lines += [f"  {v.word:<15}  {v.what:<72}  {v.target:<9}  {v.measured}" for v in verdicts(report)]
    slower = behind(report)
    lines += ["", "where a peer is faster" if slower else "no peer is faster anywhere"]
    return "\n".join([*lines, *(f"  {line}" for line in slower)])
