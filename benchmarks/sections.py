"""The page's sections, each a heading, a sentence and a table, from a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks import acceptance
from benchmarks.console import duration
from benchmarks.peers import CONTESTANTS
from benchmarks.results import Report
from benchmarks.stats import ratio, slope, summary
from benchmarks.workloads.base import Network
from benchmarks.workloads.registry import WORKLOADS

LEAST_SHOWN = 5e5  # operations of products whose speed says something


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Markdown."""
    heads = list(heads)
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    yield from ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    yield ""


def targets(report: Report) -> Iterator[str]:
    """What was promised, beside what was measured."""
    found = acceptance.verdicts(report)
    met = sum(v.met is True for v in found)
    yield f"## Targets: {met} of {len(found)} met\n"
    yield from table(("", "target", "measured", ""), ((v.what, v.target, v.measured, v.word) for v in found))


def behind(report: Report) -> Iterator[str]:
    """Every peer that is ahead somewhere."""
    yield "## Where a peer is faster\n"
    found = acceptance.behind(report)
    yield from (f"- {line}" for line in found)
    yield "" if found else "No peer was faster than whygrad on any row of this run.\n"


def steps(report: Report) -> Iterator[str]:
    """Training steps: time, ratio, share of the peak."""
    yield "## Training steps\n"
    yield "One step of plain SGD on a mini-batch, float32, squared error averaged over the batch.\n"
    for name in _rows(report, "step"):
        what = WORKLOADS[name].what
        assert isinstance(what, Network)
        size = f"{what.weights:,} weights, {what.operations / 1e6:,.3g} million operations"
        yield f"**{WORKLOADS[name].title}**, {size}\n"
        shares = {n: acceptance.share_of_peak(report, name, n) for n in report.standing(name, "step")}
        yield from _standings(report, name, "step", {n: f"{s:.0%}" for n, s in shares.items() if s}, "of the peak")


def profiles(report: Report) -> Iterator[str]:
    """What bounds whygrad's own programs."""
    if not report.profiles:
        return
    yield "## What bounds whygrad\n"
    yield ("Where the time goes inside whygrad's own programs, by the processor's clock between their statements, on "
           "as many threads as the program found quickest. Of the peak: the products' speed, as a share of what those "
           "threads could do beside it; empty where the machine had something else to do then. "
           "`python -m benchmarks.profiling NAME` shows a program statement by statement, as "
           "`wg.jit(f).profile(*args)` does for a function of yours.\n")
    heads = ("", "threads", "time", "matrix products", "of the peak", "number by number", "waiting", "the call")
    yield from table(heads, ((WORKLOADS[name].title, f"{seen['threads']:.0f}", duration(seen["seconds"]),
                              *(f"{seen[kind] / seen['seconds']:.0%}" if kind else _of_peak(seen)
                                for kind in ("products", "", "numbers", "waiting", "outside")))
                             for name, seen in report.profiles.items()))


def _of_peak(seen: dict[str, float]) -> str:
    share = seen["operations"] / seen["products"] / seen["peak"] if seen["operations"] > LEAST_SHOWN else 0
    return f"{share:.0%}" if 0 < share <= 1 else ""


def functions(report: Report) -> Iterator[str]:
    """Everything else with a gradient, outside the families that grow."""
    yield "## Functions of arrays\n"
    yield "whygrad differentiates and compiles the plain NumPy text; see `benchmarks/workloads`.\n"
    for name in [*_rows(report, "gradient"), *_rows(report, "hessian")]:
        call = "hessian" if "hessian" in report.calls(name) else "gradient"
        if WORKLOADS[name].family:
            continue
        yield f"**{WORKLOADS[name].title}**\n"
        over = {n: f"{times.value:.2f}" for n in report.standing(name, "gradient")
                if (times := report.over_value(name, n))}
        yield from _standings(report, name, call, over, "gradient over value")


def _standings(report: Report, name: str, call: str, extra: dict[str, str], head: str) -> Iterator[str]:
    standing = report.standing(name, call)
    ours = report.best(name, call, ours=True)
    rows = []
    for contestant, seconds in standing.items():
        found = summary(seconds)
        rows.append((contestant, duration(found.median), f"{duration(found.low)} to {duration(found.high)}",
                     str(ratio(seconds, standing[ours])) if ours else "", extra.get(contestant, "")))
    yield from table(("", "median", "quartiles", "times the fastest whygrad", head), rows)


def whole_run(report: Report) -> Iterator[str]:
    """Thirty epochs, with the accuracy that each reached."""
    standing = report.standing("fit-mnist", "fit")
    if not standing:
        return
    notes = {name: report.rows["fit-mnist"][name].notes for name in standing}
    yield f"## A whole training run: {WORKLOADS['fit-mnist'].title}\n"
    yield (f"{next(iter(notes.values()))['source']}. Shuffling and validation after every epoch included. Half squared "
           "error, except scikit-learn, which offers cross-entropy only. Who would take more than 25 s ran fewer "
           "epochs, as the table says, and its time is multiplied to make thirty.\n")
    extra = {name: f"{note['accuracy']:.1%} after {note['epochs']} epochs" for name, note in notes.items()}
    yield from _standings(report, "fit-mnist", "fit", extra, "validation accuracy")


def price(report: Report) -> Iterator[str]:
    """M20: gradient over value, against differences and forward mode, and how all of it grows."""
    yield "## The price of a gradient, and how it grows\n"
    rows = [r for r in WORKLOADS.values() if r.family == "weights" and report.standing(r.name, "gradient")]
    yield "Value and gradient over value alone, for dense relu networks of four layers (batch 256, float32):\n"
    names = [n for n in CONTESTANTS if any(report.seconds(r.name, n, "value") for r in rows)]
    yield from table(("weights", *names),
                     ((f"{r.size:,.0f}", *(_over(report, r.name, n) for n in names)) for r in rows))
    us = "whygrad eager"
    compared = [r for r in rows if report.seconds(r.name, us, "forward")]
    yield ("All slopes, eager: reverse mode takes one sweep, finite differences one evaluation per weight and one "
           "more, forward mode one sweep per weight (one is timed, times their number):\n")
    yield from table(("weights", "reverse mode", "finite differences", "forward mode"), (
        (f"{r.size:,.0f}", duration(report.median(r.name, us, "gradient")),
         duration((r.size + 1) * report.median(r.name, us, "value")),
         duration(r.size * report.median(r.name, us, "forward"))) for r in compared))
    yield "Exponents of growth (seconds ~ sizeᵖ) over the last three sizes:\n"
    yield from table(("", *names), ((f"with {label}", *(_exponent(report, family, n) for n in names))
                                    for family, label in {"weights": "weights", "width": "neurons per layer",
                                                          "depth": "layers", "batch": "batch size"}.items()))


def _over(report: Report, workload: str, name: str) -> str:
    times = report.over_value(workload, name)
    return f"{times.value:.2f}" if times else ""


def _exponent(report: Report, family: str, name: str) -> str:
    points = [(r.size, report.median(r.name, name, "gradient")) for r in WORKLOADS.values()
              if r.family == family and report.seconds(r.name, name, "gradient")][-3:]
    return f"{slope(*zip(*points, strict=True)):.2f}" if len(points) == 3 else ""


def sigma_prime(report: Report) -> Iterator[str]:
    """M12."""
    sizes = {name.removeprefix("Σ' "): times for name, times in report.inside.items() if name.startswith("Σ'")}
    if sizes:
        yield "## Hadamard product against the matrix Σ'\n"
        yield "The error of a layer from the next one's, both ways of BP2, one example:\n"
        yield from table(("neurons", "Hadamard", "matrix", "matrix over Hadamard"), (
            (n, duration(t["Hadamard"]), duration(t["matrix"]), f"{t['matrix'] / t['Hadamard']:.1f}")
            for n, t in sizes.items()))


def first_calls(report: Report) -> Iterator[str]:
    """What a user waits for at the start."""
    if report.first_call:
        yield "## The first call\n"
        yield "One training step of 784-30-10 in a fresh process, caches on disk empty and full; imports apart:\n"
        yield from table(("", "import", "first call, cold", "first call, cached"), (
            (name, *(duration(summary(seen[w]).median) if w in seen else seen.get("left_out", "")
                     for w in ("import", "cold", "cached"))) for name, seen in report.first_call.items()))


def memory(report: Report) -> Iterator[str]:
    """The processes' largest resident memory, and what checkpoint saves."""
    yield "## Memory\n"
    shown = [name for name in ("train-book", "train-medium", "train-large", "gmm-d64-K25") if name in report.rows]
    names = [n for n in CONTESTANTS if any(_megabytes(report, w, n) for w in shown)]
    yield "Largest resident memory of a contestant's process, in MB, its imports included:\n"
    yield from table(("", *(WORKLOADS[w].title for w in shown)),
                     ((n, *(_megabytes(report, w, n) for w in shown)) for n in names))
    if report.checkpoint:
        yield "`wg.checkpoint`: a gradient through 1,000 layers of 100,000 numbers, float64, eager:\n"
        yield from table(("", "memory", "time"), ((name, f"{seen['mb']:.0f} MB", duration(seen["seconds"]))
                                                  for name, seen in report.checkpoint.items()))


def _megabytes(report: Report, workload: str, name: str) -> str:
    measured = report.rows[workload].get(name)
    there = measured and not measured.left_out and "peak_mb" in measured.notes
    return f"{measured.notes['peak_mb']:.0f}" if there else ""


def inside(report: Report) -> Iterator[str]:
    """whygrad's eager engine and its explanations."""
    others = {name: times for name, times in report.inside.items() if not name.startswith("Σ'")}
    if others:
        yield "## The eager engine, and explanations\n"
        yield from (f"- {name}: {', '.join(f'{who} {duration(s)}' for who, s in times.items())}"
                    for name, times in others.items())
        yield ""


def left_out(report: Report) -> Iterator[str]:
    """Who did not take part where, and why."""
    found = [(WORKLOADS[w].title, name, measured.left_out) for w, row in report.rows.items()
             for name, measured in row.items() if measured.left_out]
    if found:
        yield "## Left out\n"
        yield from table(("workload", "contestant", "why"), found)


def _rows(report: Report, call: str) -> list[str]:
    return [name for name in report.rows if report.standing(name, call)]
