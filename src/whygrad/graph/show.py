"""A traced program as text: one line for each value, with its operation, its shape and the user's line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from whygrad.graph.node import Node, plain


def show(nodes: Iterable[Node], labels: Mapping[Node, str] | None = None) -> str:
    """The program that made ``nodes``, oldest first, one line each; ``labels`` are preferred names.

    >>> from whygrad.graph.node import Trace
    >>> with Trace() as trace:
    ...     x = trace.leaf(np.array([1.0, 2.0]), "x")
    ...     y = np.tanh(x) * 2
    >>> print(show([x, y.inputs[0], y]))
    x  = input                float64 (2,)
    v1 = tanh(x)              float64 (2,)
    v2 = multiply(v1, 2)      float64 (2,)
    """
    ordered = sorted(nodes, key=lambda node: node.number)
    names: dict[Node, str] = {}
    lines = []
    for node in ordered:
        names[node] = (labels or {}).get(node) or node.name or f"v{len([n for n in names.values() if n[0] == 'v']) + 1}"
        made = "input" if node.rule is None else _call(node, names)
        value = plain(node)
        lines.append((names[node], made, f"{value.dtype} {value.shape or ''}".strip(), _line(node)))
    widths = [max((len(line[k]) for line in lines), default=0) for k in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}} = {made:<{max(widths[1], 20)}} {kind:<{widths[2]}}  {line}".rstrip()
        for name, made, kind, line in lines)


def _call(node: Node, names: Mapping[Node, str]) -> str:
    assert node.rule is not None
    arguments = [names[x] if isinstance(x, Node) and x in names else _constant(x) for x in node.inputs]
    options = [f"{key}={_constant(value)}" for key, value in node.params.items()]
    return f"{node.rule.name}({', '.join(arguments + options)})"


def _constant(x: Any) -> str:
    """A number as it is, an array by its dtype and shape, anything else on one line."""
    x = plain(x)
    if isinstance(x, np.ndarray):
        return f"{x.dtype}{list(x.shape)}"
    if isinstance(x, tuple):
        return f"({', '.join(map(_constant, x))})"
    return str(x) if isinstance(x, np.generic) else " ".join(repr(x).split())


def _line(node: Node) -> str:
    return f"{PurePath(node.site.file).name}:{node.site.line}" if node.site else ""
