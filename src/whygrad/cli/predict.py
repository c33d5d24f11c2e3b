"""``whygrad predict``: what a saved network says about examples, and how often it is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.table import Table

from whygrad.cli.answer import say, say_json
from whygrad.cli.network import network_and_examples


def run(model: Path, data: str, rows: int, as_json: bool) -> None:
    """Predict and answer."""
    net, examples = network_and_examples(model, data)
    outputs = net.predict(examples.test_X)
    said = np.argmax(outputs, axis=1)
    accuracy = float(np.mean(said == examples.test_labels))
    shown = range(min(rows, len(said)))
    answers = [
        (i, examples.names[said[i]], float(outputs[i, said[i]]), examples.names[examples.test_labels[i]]) for i in shown
    ]
    if as_json:
        keys = ("example", "predicted", "output", "label")
        say_json(
            {
                "data": examples.called,
                "examples": len(said),
                "accuracy": accuracy,
                "predictions": [dict(zip(keys, answer, strict=True)) for answer in answers],
            }
        )
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("example", "predicted", "output", "is"):
        table.add_column(column, justify="right")
    for i, name, output, label in answers:
        table.add_row(str(i), name, f"{output:.3f}", label, style="" if name == label else "red")
    if answers:
        say(table, "")
    say(f"{accuracy:.2%} of {len(said):,} test examples of {examples.called} right")
