"""A saved network and the examples it is asked about."""

from __future__ import annotations

from pathlib import Path

from whygrad.cli.examples import Examples, load_to_judge
from whygrad.errors import ArgumentError, ShapeError
from whygrad.explain.explanation import Explanation
from whygrad.nn.network import Network


def network_and_examples(model: Path, data: str) -> tuple[Network, Examples]:
    """The saved network and the data, if they fit: a class is known by its place among the data's classes."""
    net, examples = Network.load(model), load_to_judge(data)
    inputs, classes = examples.test_X.shape[1], len(examples.names)
    if (net.sizes[0], net.sizes[-1]) != (inputs, classes):
        raise ShapeError(
            f"{model.name} has {net.sizes[0]} inputs and {net.sizes[-1]} outputs; {examples.called} has "
            f"{inputs} columns and {classes} classes",
            where="",
            try_="--data with what it was trained on",
        )
    return net, examples


def explain_parameter(model: Path, weight: str | None, bias: str | None, data: str, example: int) -> Explanation:
    """The explanation of one weight, ``L,J,K``, or of one bias, ``L,J``, on one example."""
    if (weight is None) == (bias is None):
        raise ArgumentError(
            "one weight or one bias of the network is explained",
            where="",
            try_="--weight 1,0,300 for w^1_0,300, or --bias 2,7 for b^2_7",
        )
    numbers = _indices(weight, "--weight", 3) if weight is not None else _indices(str(bias), "--bias", 2)
    net, examples = network_and_examples(model, data)
    x, y = examples.test_example(example)
    if weight is not None:
        layer, j, k = numbers
        return net.explain_weight(layer, j, k, x, y)
    layer, j = numbers
    return net.explain_bias(layer, j, x, y)


def _indices(text: str, option: str, count: int) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise ArgumentError(
            f"{option} {text!r} is not {count} whole numbers",
            where="",
            try_=f"{option} {'1,0,300' if count == 3 else '2,7'}: the layer, from 1, then neurons, from 0",
        )
    return numbers
