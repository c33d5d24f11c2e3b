"""``python -m benchmarks``: everything side by side in one run; prints tables, writes JSON, and with --page the page.

--only NAME ...   these rows only (a part of a name is enough; --list shows them)
--quick           a few rows, two rounds: under two minutes
--page            also write docs/speed.md and its plots, from this run; --page --from FILE: from an earlier one
--from FILE --only NAME ...: these rows are measured again, the others stay as they were; the page says so
--data DIR        the folder with adbench/ and mnist/; without it, ../shared/data if it is there
"""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import console, engine, explaining, first_call, machine, peak, profiling, remembering, sigma_prime
from benchmarks.driver import grouped, measure
from benchmarks.machine import DATA, ROOT
from benchmarks.results import Report, load
from benchmarks.workloads.base import Workload
from benchmarks.workloads.registry import WORKLOADS

QUICK = ("train-tiny", "train-book", "train-medium", "gmm-d10-K10", "rosenbrock", "hessian-vector")
SLOW_TO_START = ("PyTorch compile",)  # left out of a quick run


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="rows whose names contain one of these")
    parser.add_argument("--list", action="store_true", help="print the rows' names and leave")
    parser.add_argument("--quick", action="store_true", help="a few rows, two rounds")
    parser.add_argument("--rounds", type=int, help="of interleaved turns, for every row")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmarks", help="folder for results.json")
    parser.add_argument("--data", type=Path, default=DATA, help="holds adbench/, mnist/")
    parser.add_argument("--page", action="store_true", help="write docs/speed.md and its plots")
    parser.add_argument("--from", dest="source", type=Path, help="results of an earlier run; only --only is measured")
    return parser.parse_args()


def main() -> int:
    """Run, print, write."""
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that no stopped worker is left behind
    if args.list:
        print("\n".join(f"{row.name:<18}{row.title}" for row in WORKLOADS.values()))
        return 0
    chosen = [row for row in WORKLOADS.values() if wanted(row.name, args)]
    if not chosen and not args.source:
        print("no such row; --list shows them", file=sys.stderr)
        return 2
    report = load(args.source) if args.source and not args.only else run(chosen, args)
    if args.source and args.only:
        report = load(args.source).with_again(report)
    print(console.ending(report))
    if args.only or not args.source:
        report.save(args.out / "results.json")
        print(f"\nwrote {args.out / 'results.json'}")
    if args.page:
        from benchmarks import page

        page.write(report)
        print("wrote docs/speed.md")
    return 0


def wanted(name: str, args: argparse.Namespace) -> bool:
    """Whether the command line asks for this row."""
    if args.only:
        return any(part in name for part in args.only)
    return name in QUICK if args.quick else True


def run(chosen: list[Workload], args: argparse.Namespace) -> Report:
    """The peak, then one group of rows after the other, then what is measured without peers."""
    say: Callable[[str], None] = (lambda text: print(f"\r\033[K{text}", end="", flush=True)) if sys.stdout.isatty() \
        else (lambda text: None)
    say("measuring the machine's peak")
    report = Report(machine.describe(), peak.measure(), datetime.datetime.now(datetime.UTC).date().isoformat(),
                    {"quick": args.quick, "rounds": args.rounds, "data": args.data.is_dir()})
    print(heading(report))
    for group in grouped(chosen):
        rows = [row for row in group if all((args.data / file).exists() for file in row.needs)]
        for row in group:
            if row not in rows:
                print(f"\n{row.title}: left out, needs {', '.join(row.needs)} below --data")
        skipped = SLOW_TO_START if args.quick else ()
        report.rows |= measure(rows, args.data, args.rounds or (2 if args.quick else None), say, skipped)
        say("")
        print(*("\n" + console.row_table(report, row.name) for row in rows), sep="\n", flush=True)
    report.peak = max(report.peak, peak.measure(), key=lambda found: found["gflops"])  # a quieter moment may come later
    if not args.only:
        without_peers(report, args.data, quick=args.quick, say=say)
    return report


def heading(report: Report) -> str:
    """The machine in two lines."""
    about, top = report.machine, report.peak
    return (f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB; BLAS: {about['numpy_blas']}\n"
            f"peak {top['gflops']:.0f} GFLOP/s float32 ({top['how']}); NumPy's {top['numpy_matmul_gflops']:.0f}\n"
            f"(each row: median, quartiles, and times the fastest whygrad with the rounds' quartiles)")


def without_peers(report: Report, data: Path, *, quick: bool, say: Callable[[str], None]) -> None:
    """First calls, memory, Hadamard against Σ', the eager engine, explanations, profiles."""
    say("first calls")
    report.first_call = first_call.times(first_call.QUICK, 1) if quick else first_call.times()
    say("memory of checkpoint")
    report.checkpoint = {} if quick else remembering.times()
    say("Hadamard against Σ', the eager engine, explanations")
    report.inside = {f"Σ' {n}": sigma_prime.times(n) for n in sigma_prime.SIZES}
    report.inside |= {name: engine.times(workload) for name, workload in engine.WORKLOADS.items()}
    report.inside["explanations"] = explaining.times(1 if quick else 5)
    say("where the time of a step goes")
    report.profiles = {} if quick else profiling.times(data)
    say("")
    print(console.others(report))


if __name__ == "__main__":
    sys.exit(main())
