"""The targets, each beside what was measured: met, short of it, or not measured and why."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.peers import is_ours
from benchmarks.results import Report
from benchmarks.stats import slope, summary
from benchmarks.workloads.adbench import GMM, LSTM
from benchmarks.workloads.base import Network
from benchmarks.workloads.registry import WORKLOADS

TRAINING = {  # workload: times as fast as the best peer, as PyTorch eager
    "train-tiny": (3.0, 20.0), "train-book": (3.0, 10.0), "train-wider": (2.0, 6.0), "train-medium": (1.2, 2.0),
    "train-large": (1.0, 2.0)}
OF_PEAK = 0.75
GRADIENT_OVER_VALUE, ADBENCH_OVER_VALUE = 3.2, 3.0
SLOPE, SLOPE_FROM = (0.95, 1.05), 1e6  # arithmetic dominates from so many weights on
FIRST_CALL = {"cold": 2.5, "cached": 0.4}
FIT_SECONDS, FIT_RATIO = 4.0, 2.5


@dataclass(frozen=True)
class Verdict:
    """One line of the table. ``met`` is None where it was not measured."""

    what: str
    target: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        """How the page says it."""
        return {True: "PASS", False: "short of target", None: "not measured"}[self.met]


def verdicts(report: Report) -> list[Verdict]:
    """Every target, in order."""
    return [*training(report), *adbench(report), *price(report), *first_calls(report), *whole_run(report)]


def training(report: Report) -> list[Verdict]:
    """Training steps against the best peer and PyTorch eager; the large one against the peak."""
    found = []
    for name, (best, eager) in TRAINING.items():
        title = f"step {WORKLOADS[name].title}"
        found += [_faster(report, name, "step", "", f"{title}, against the best peer", best),
                  _faster(report, name, "step", "PyTorch eager", f"{title}, against PyTorch eager", eager)]
    share = share_of_peak(report, "train-large", report.best("train-large", "step", ours=True))
    found.append(Verdict(f"step {WORKLOADS['train-large'].title}, share of the measured peak", f"≥ {OF_PEAK:.0%}",
                         *(("not measured", None) if share is None else (f"{share:.0%}", share >= OF_PEAK))))
    return found


def share_of_peak(report: Report, workload: str, contestant: str) -> float | None:
    """Multiplications and additions per second over the peak's, measured just before each turn: the median turn's."""
    what, seconds = WORKLOADS[workload].what, report.seconds(workload, contestant, "step")
    if not seconds or not isinstance(what, Network) or not report.peak:
        return None
    peaks = report.rows[workload][contestant].notes.get("peaks") or [report.peak["gflops"]] * len(seconds)
    return statistics.median(what.operations / s / 1e9 / peak for s, peak in zip(seconds, peaks, strict=True))


def adbench(report: Report) -> list[Verdict]:
    """Value and gradient of GMM and LSTM against PyTorch and JAX, and against the value alone."""
    found = []
    for name in (*GMM, *LSTM):
        title = WORKLOADS[name].title
        rivals = [n for n in report.standing(name, "gradient") if n.startswith("PyTorch")][:1]
        found += [_faster(report, name, "gradient", peer, f"{title}, gradient against {peer}", 1.0)
                  for peer in (*(rivals or ["PyTorch eager"]), "JAX jit")]
        found.append(_over_value(report, name, f"{title}, gradient over value", ADBENCH_OVER_VALUE))
    return found


def price(report: Report) -> list[Verdict]:
    """M20: the gradient costs about what the function costs, and grows with the number of weights as it should."""
    family = [row for row in WORKLOADS.values() if row.family == "weights"]
    found = [_over_value(report, row.name, f"gradient over value, {row.size:.0e} weights", GRADIENT_OVER_VALUE)
             for row in family]
    large = [row for row in family if row.size >= SLOPE_FROM]
    times = [report.seconds(row.name, report.best(row.name, "gradient", ours=True), "gradient") for row in large]
    what, target = f"growth of the gradient from {SLOPE_FROM:.0e} weights on, exponent", "1 ± 0.05"
    if not all(times):
        return [*found, Verdict(what, target, "not measured", None)]
    rounds = zip(*times, strict=False)  # the rows of a round are timed one after the other
    exponent = statistics.median(slope([row.size for row in large], each) for each in rounds)
    return [*found, Verdict(what, target, f"{exponent:.3f}", SLOPE[0] <= exponent <= SLOPE[1])]


def first_calls(report: Report) -> list[Verdict]:
    """A compiled training loop's first step in a fresh process."""
    seen = report.first_call.get("whygrad native", {})
    found = []
    for which, limit in FIRST_CALL.items():
        what, target = f"first call of a compiled 784-30-10 loop, {which}", f"≤ {limit} s"
        if not seen.get(which):
            found.append(Verdict(what, target, seen.get("left_out", "not run"), None))
        else:
            seconds = summary(seen[which]).median
            found.append(Verdict(what, target, f"{seconds:.2f} s", seconds <= limit))
    return found


def whole_run(report: Report) -> list[Verdict]:
    """Thirty epochs of digits, end to end."""
    title, ours = WORKLOADS["fit-mnist"].title, report.best("fit-mnist", "fit", ours=True)
    seconds = report.median("fit-mnist", ours, "fit")
    first = Verdict(title, f"< {FIT_SECONDS:.0f} s", f"{seconds:.2f} s", seconds < FIT_SECONDS) if ours else \
        Verdict(title, f"< {FIT_SECONDS:.0f} s", report.why_not("fit-mnist"), None)
    return [first, _faster(report, "fit-mnist", "fit", "", f"{title}, against the fastest peer", FIT_RATIO)]


def behind(report: Report) -> list[str]:
    """Every row and peer where the peer is faster than the fastest of ours."""
    found = []
    for name in report.rows:
        for call in report.calls(name):
            for peer in report.standing(name, call):
                ratio = None if is_ours(peer) else report.against(name, call, peer)
                if ratio and ratio.value < 1:
                    found.append(f"{WORKLOADS[name].title}, {call}: {peer} takes {ratio} of whygrad's time")
    return found


def _faster(report: Report, name: str, call: str, peer: str, what: str, target: float) -> Verdict:
    ratio = report.against(name, call, peer)
    if ratio is None:
        missing = report.why_not(name) if not report.best(name, call, ours=True) else "no peer"
        return Verdict(what, f"≥ {target:g}×", missing, None)
    who = "" if peer else f", {report.best(name, call, ours=False)}"
    return Verdict(what, f"≥ {target:g}×", f"{ratio}{who}", ratio.value >= target)


def _over_value(report: Report, name: str, what: str, limit: float) -> Verdict:
    ours = report.best(name, "gradient", ours=True)
    times = report.over_value(name, ours) if ours else None
    if times is None:
        return Verdict(what, f"≤ {limit:g}", report.why_not(name), None)
    return Verdict(what, f"≤ {limit:g}", f"{times}, {ours}", times.value <= limit)
