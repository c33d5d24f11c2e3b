"""``whygrad demo``: learn to read digits, explain one gradient to the last factor, and check every claim."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from whygrad.cli.answer import STOPPED, check_folder, say, say_json, write_whole
from whygrad.cli.examples import Examples, load
from whygrad.cli.train import judged, summary
from whygrad.nn import schedules
from whygrad.nn.network import Network
from whygrad.render.numbers import counted, number
from whygrad.render.text import explanation_renderable
from whygrad.report.findings import Findings, look
from whygrad.report.one_weight import Check, OneWeight
from whygrad.report.page import page

# Over seeds 0 to 9: 94.7 % to 95.4 % of the test digits right.
HIDDEN, EPOCHS, BATCH_SIZE, RATE = 100, 12, 10, 0.5


def run(report: Path, seed: int, as_json: bool) -> None:
    """Train, explain, check, and write the report."""
    check_folder(report)
    examples = load("digits")
    net = Network([784, HIDDEN, 10], cost="cross_entropy", seed=seed)
    if not as_json:
        say(_title("1  Learning to read"), "", _plan(net, examples), "")
    history = net.fit(
        examples.X,
        examples.Y,
        EPOCHS,
        BATCH_SIZE,
        RATE,
        validation=(examples.test_X, examples.test_Y),
        progress=sys.stdout.isatty() and not as_json,
        schedule=schedules.cosine(EPOCHS),
    )
    if history.note:  # Ctrl-C
        sys.stderr.write(f"{history.note}\n")
        raise SystemExit(STOPPED)
    found = look(net, history, judged(examples))
    write_whole(report, page(found))
    if as_json:
        say_json(_answer(found, examples, report))
    else:
        _show(found, report)


def _show(found: Findings, report: Path) -> None:
    close = found.close
    say(_learned(found), "")
    say(_title("2  Why one weight changes"), "", _subject(found), "", explanation_renderable(close.why), "")
    say(_title("3  Checked"), "", _checks(close), "")
    say(_title("4  The demon"), "", *_demon(close), "")
    say(Text.assemble("The report, with pictures: ", (str(report), "bold cyan")))


def _title(text: str) -> Text:
    return Text(text, style="bold magenta")


def _plan(net: Network, examples: Examples) -> str:
    shape = " → ".join(str(n) for n in net.sizes)
    return (
        f"A network of {shape} sigmoid neurons, random at first, looks at {len(examples.labels):,} handwritten digits "
        f"{EPOCHS} times. It is judged by {len(examples.test_labels):,} others."
    )


def _learned(found: Findings) -> Text:
    accuracies = " ".join(f"{a:.0%}" for a in found.history.validation_accuracy if a is not None)
    said = Text.assemble(
        "It reads ", (f"{found.accuracy:.2%}", "bold green"), f" of them, after {found.seconds:.1f} s. "
    )
    said.append(f"Epoch by epoch: {accuracies}.")
    for i, j, times in found.mix_ups(1):
        said.append(f" Most often it takes {i} for {j}: {counted(times, 'time')}.")
    return said


def _subject(found: Findings) -> str:
    subject, close, names = found.subject, found.close, found.judged.names
    row, column = divmod(close.k, found.judged.side)
    return (
        f"Test digit {subject.row} is a {names[subject.label]}, and the network says {names[subject.said]}. Of all "
        f"{found.net.weights[0].size:,} weights of layer 1, it pulls hardest at the one from the pixel in row {row}, "
        f"column {column} to neuron {close.j}. This is its pull, and where it comes from:"
    )


def _checks(close: OneWeight) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column, side in (("the gradient", "left"), ("number", "right"), ("difference", "right"), ("", "left")):
        table.add_column(column, justify="right" if side == "right" else "left")
    table.add_row("from the backward sweep", f"{float(close.why.value):.12f}", "", "")
    for check in close.checks:
        table.add_row(check.what, f"{check.found:.12f}", number(check.difference, 2), _holds(check))
    both = close.equations
    count = sum(row.left.size for row in both.rows)
    agree = Text("✓", style="bold green") if both.max_difference <= 1e-12 else Text("✗", style="bold red")
    table.add_row(f"BP1 to BP4, {count:,} numbers", "", number(both.max_difference, 2), agree)
    return table


def _holds(check: Check) -> Text:
    return Text("✓", style="bold green") if check.holds else Text("✗ they should be one", style="bold red")


def _demon(close: OneWeight) -> tuple[str, str]:
    tale = close.demon
    first = tale.pushes[0]
    shares = ", ".join(f"{1 / ratio:.0%}" for ratio in tale.error_ratios[:4])
    foretold = (
        f"A demon adds {first.dz:g} to what goes into neuron {tale.neuron}. δ foretells a change of the cost by "
        f"{number(first.predicted)}; it is {number(first.measured)}."
    )
    return foretold, f"With each halving of the push, the error of the prediction falls to about a quarter: {shares}."


def _answer(found: Findings, examples: Examples, report: Path) -> dict[str, Any]:
    close = found.close
    return summary(found, examples) | {
        "example": close.row,
        "explanation": close.why.to_dict(),
        "checks": [
            {"what": c.what, "found": c.found, "expected": c.expected, "difference": c.difference, "holds": c.holds}
            for c in close.checks
        ],
        "equations_max_difference": close.equations.max_difference,
        "demon": close.demon.to_dict(),
        "report": str(report),
    }
