"""``whygrad predict``: what a saved network says about examples, and how often it is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.table import Table

from whygrad.cli.answer import say, say_json
from whygrad.cli.examples import Examples, load
from whygrad.errors import ShapeError
from whygrad.nn.network import Network


def run(model: Path, data: str, rows: int, as_json: bool) -> None:
    """Predict and answer."""
    examples = load(data)
    net = fitting_network(model, examples)
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
    say(*([table, ""] if answers else []), f"{accuracy:.2%} of {len(said):,} test examples of {examples.called} right")


def fitting_network(model: Path, examples: Examples) -> Network:
    """The saved network, if it takes these examples and knows as many classes."""
    net = Network.load(model)
    needed = (examples.test_X.shape[1], len(examples.names))
    if (net.sizes[0], net.sizes[-1]) != needed:
        raise ShapeError(
            f"{model.name} has {net.sizes[0]} inputs and {net.sizes[-1]} outputs; {examples.called} has "
            f"{needed[0]} columns and {needed[1]} classes",
            where="",
            try_="--data with what it was trained on",
        )
    return net
