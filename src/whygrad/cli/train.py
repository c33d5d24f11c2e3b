"""``whygrad train``: learn from examples, say how well it went, keep the network and write the report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from whygrad.cli.answer import STOPPED, check_folder, say, say_json
from whygrad.cli.examples import Examples, load
from whygrad.errors import ArgumentError
from whygrad.nn.history import History
from whygrad.nn.network import Network
from whygrad.render.numbers import counted
from whygrad.report.findings import Findings, Judged, look

OUTPUTS = {"cross_entropy": "sigmoid", "softmax_cross_entropy": "softmax"}  # other costs: the hidden layers' activation


@dataclass(frozen=True)
class Choices:
    """The options of ``train``, as they were given."""

    data: str
    hidden: str
    activation: str
    cost: str
    epochs: int
    batch_size: int | None
    rate: float | None
    optimizer: str
    l2: float
    init: str
    seed: int
    test_share: float


def run(choices: Choices, save: Path | None, report: Path | None, as_json: bool) -> None:
    """Train and answer."""
    hidden = hidden_sizes(choices.hidden)
    for file in (save, report):
        check_folder(file)
    examples = load(choices.data, choices.test_share, choices.seed)
    net = Network(
        [examples.X.shape[1], *hidden, len(examples.names)],
        activation=[choices.activation] * len(hidden) + [OUTPUTS.get(choices.cost, choices.activation)],
        cost=choices.cost,
        seed=choices.seed,
        init=choices.init,
        dtype=examples.X.dtype.name,
    )
    history = net.fit(
        examples.X,
        examples.Y,
        choices.epochs,
        choices.batch_size,
        choices.rate,
        choices.optimizer,
        validation=(examples.test_X, examples.test_Y),
        progress=sys.stdout.isatty() and not as_json,
        l2=choices.l2,
    )
    found = look(net, history, judged(examples))
    if save is not None:
        net.save(save)
    if report is not None:
        from whygrad.cli.answer import write_whole
        from whygrad.report.page import page

        write_whole(report, page(found))
    answer = summary(found, examples)
    if as_json:
        say_json(answer | {"saved": str(save) if save else None, "report": str(report) if report else None})
    else:
        say(f"{net!r}", "", epochs_table(history), "", in_words(found, examples))
        say(*[f"{what}: {file}" for what, file in (("The network", save), ("The report", report)) if file])
    if history.note.startswith("interrupted"):
        raise SystemExit(STOPPED)


def hidden_sizes(text: str) -> list[int]:
    """``100,30`` or ``none``.

    >>> hidden_sizes("100, 30"), hidden_sizes("none")
    ([100, 30], [])
    """
    if text.strip().lower() in ("none", ""):
        return []
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentError(
            f"--hidden {text!r} can not be read", where="", try_="--hidden 30, --hidden 100,30 or --hidden none"
        ) from None


def judged(examples: Examples) -> Judged:
    """The test examples."""
    return Judged(examples.called, examples.test_X, examples.test_labels, examples.names, examples.side)


def summary(found: Findings, examples: Examples) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "data": examples.called,
        "train_examples": len(examples.labels),
        "test_examples": len(examples.test_labels),
        "classes": list(examples.names),
        "sizes": list(found.net.sizes),
        "parameters": found.parameter_count,
        "test_accuracy": found.accuracy,
        "seconds": found.seconds,
        "confusion": found.confusion.tolist(),
        "history": found.history.to_dict(),
    }


def in_words(found: Findings, examples: Examples) -> Text:
    """How well it went, in two sentences."""
    said = Text.assemble(
        (f"{found.accuracy:.2%}", "bold"),
        f" of {len(examples.test_labels):,} test examples right, after "
        f"{len(examples.labels):,} training examples seen {len(found.history)} times in {found.seconds:.1f} s.",
    )
    for i, j, times in found.mix_ups(1):
        said.append(f" Most often it takes {examples.names[i]} for {examples.names[j]} ({counted(times, 'time')}).")
    return said


def epochs_table(history: History) -> Table:
    """Cost and accuracy, epoch by epoch; the middle of a long training is left out."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("epoch", "cost", "accuracy", "test cost", "test accuracy", "seconds"):
        table.add_column(column, justify="right")
    rows = [
        (
            str(number),
            f"{e.cost:.4g}",
            _share(e.accuracy),
            f"{e.validation_cost:.4g}",
            _share(e.validation_accuracy),
            f"{e.seconds:.1f}",
        )
        for number, e in enumerate(history.epochs, 1)
    ]
    for row in rows if len(rows) <= 12 else [*rows[:5], ("…",) * 6, *rows[-5:]]:
        table.add_row(*row)
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
