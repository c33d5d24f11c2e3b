"""Operations that a user knows as one step: an imported layer runs a dozen of them, under one name and at one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from whygrad.graph.node import Node
from whygrad.graph.sites import Site
from whygrad.rules.define import Value, serial_numbers

INSIDE = "·"  # named(h, "·h3") inside a step called "lstm" makes "lstm.h3"; what has no such name stays unnamed


def one_step(run: Callable[[], Any], names: tuple[str, ...], site: Site | None) -> Any:
    """``run()``, whose results explanations call ``names``, one each; what led to them has no name of its own.

    ``site``: where the step stands in the user's model; None leaves the line that is running. Changes no number, and
    costs nothing outside of recordings. An empty name leaves a result unnamed, as a reshaped value is.
    """
    start = next(serial_numbers)
    out = run()
    parts = list(out) if isinstance(out, (tuple, list)) else [out]
    for part in parts:
        for level in _levels(part):
            _hide(level, start, names[0] if names else "", site)
    for part, name in zip(parts, names, strict=False):
        for level in _levels(part):
            if level.number >= start:
                level.name = name
    return out


def _levels(x: Value) -> Iterator[Node]:
    """A traced value, and the value it stands for in each outer trace."""
    while isinstance(x, Node):
        yield x
        x = x.value


def _hide(result: Node, start: int, prefix: str, site: Site | None) -> None:
    """Take the names of what was made since ``start``, but for those the step itself gave."""
    if not result.within.everything or result.number < start:
        return
    for node in reversed(result.within.tape):
        if node.number < start:
            break
        if node.name and node.name.startswith(INSIDE):
            node.name = f"{prefix}.{node.name[1:]}"
        elif not (node.name and prefix and node.name.startswith(f"{prefix}.")):
            node.name = ""
        node.site = site or node.site
