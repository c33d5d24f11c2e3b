"""An imported model as text: what goes in, every step with its place in the author's code, and what it learns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whygrad.bridges.model import Model, Port
    from whygrad.graph.sites import Site

LONGEST = 40  # steps that are written out; of more, the first and the last


def model_text(model: Model) -> str:
    """The model as lines of text."""
    numbers = sum(x.size for x in model.parameters.values())
    size = f"{len(model.steps)} steps, {numbers:,} parameters in {len(model.parameters)} arrays"
    lines = [
        f"{model.name} from {model.origin}: {size}",
        f"  takes    {', '.join(map(_port, model.inputs))}",
        f"  returns  {', '.join(map(_port, model.outputs))}",
    ]
    rows = [(step.label or step.outputs[0], step.operator, _place(step.site)) for step in model.steps]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
    written = [f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    if len(written) > LONGEST:
        left = len(written) - LONGEST
        written = [*written[: LONGEST // 2], f"  … {left} more", *written[-LONGEST // 2 :]]
    return "\n".join([*lines, *written])


def _place(site: Site | None) -> str:
    return f"{Path(site.file).name}:{site.line}" if site else ""


def _port(port: Port) -> str:
    from whygrad.bridges.model import shape_text

    return f"{port.name} {shape_text(port.shape)} {port.dtype}"
