"""``whygrad equations``: BP1 to BP4 on one example, both sides of each."""

from __future__ import annotations

from pathlib import Path

from whygrad.cli.answer import say_exactly, say_json
from whygrad.cli.network import network_and_examples


def run(model: Path, data: str, example: int, as_json: bool) -> None:
    """Compute both sides and answer."""
    net, examples = network_and_examples(model, data)
    found = net.equations(*examples.test_example(example))
    if as_json:
        say_json({"data": examples.called, "example": example} | found.to_dict())
    else:
        say_exactly(str(found))
