"""The sections of the page that look closely at one weight: its derivation, the four equations, the demon."""

from __future__ import annotations

import math
from html import escape

from whygrad.render.html import mathml
from whygrad.render.network_picture import network_picture
from whygrad.render.numbers import number
from whygrad.report.findings import Findings
from whygrad.report.one_weight import Check, OneWeight
from whygrad.report.sections import picture_of, section, table

SHOWN_PATHS = 10


def derivation(found: Findings) -> str:
    """Why one weight's gradient has its value: the example, the paths on the network, the factors, three checks."""
    close, net = found.close, found.net
    see = (
        "The chain rule, with this network's own numbers: what each factor is, what each path adds, and three ways to "
        "check the result."
    )
    parts = [
        f'<div class="pair">{_subject(found)}{_paths_drawn(close, net.sizes, found.judged.names)}</div>',
        f'<div class="panel">{close.why.html()}</div>',
        "<h3>Checked</h3>" + _checks(close.checks),
    ]
    return section("derivation", "Why one weight changes", see, *parts)


def _subject(found: Findings) -> str:
    """The example, and what the gradient means for the weight."""
    close, judged, subject = found.close, found.judged, found.subject
    names = [escape(name) for name in judged.names]
    taken = f"and the network says {names[subject.said]}" if subject.label != subject.said else "and the network agrees"
    value = float(close.why.value)
    move = "stay" if value == 0 else "fall" if value > 0 else "rise"
    weight = mathml(close.why.wrt.latex, close.why.wrt.text)
    source, image = f"input {close.k}", ""
    if judged.side:
        row, column = divmod(close.k, judged.side)
        source = f"the marked pixel (row {row}, column {column}, from 0)"
        image = _marked(found, row, column)
    return (
        f'<div class="subject">{image}<p>Test example {subject.row} is {names[subject.label]}, {taken} '
        f"(output {subject.output:.2f}). The weight {weight} leads from {source} to neuron {close.j} of layer "
        f"{close.layer}. Its gradient is <b>{number(value)}</b>: a step of training on this example lets it {move}."
        "</p></div>"
    )


def _marked(found: Findings, row: int, column: int) -> str:
    """The example as an image with one pixel framed."""
    share = 100 / found.judged.side
    place = f"left:{share * column:.3f}%;top:{share * row:.3f}%;width:{share:.3f}%;height:{share:.3f}%"
    alt = escape(f"test example {found.subject.row}: {found.judged.names[found.subject.label]}")
    image = picture_of(found.judged, found.subject.row)
    return f'<div class="pixel"><img alt="{alt}" src="{image}"><i style="{place}"></i></div>'


def _paths_drawn(close: OneWeight, sizes: tuple[int, ...], names: tuple[str, ...]) -> str:
    drawn = strongest(close, len(sizes) - 1)
    if not drawn:
        return ""
    picture = network_picture(
        sizes, drawn, outputs=names, title=f"the strongest paths from {close.why.wrt} to the cost"
    )
    return f'<figure class="picture">{picture.svg()}</figure>'


def strongest(close: OneWeight, layers: int) -> list[tuple[tuple[int, ...], float]]:
    """The neurons that the strongest paths pass, and what goes through them; paths through the same ones are added."""
    routes, labels = close.why.routes, close.why.program.labels
    assert routes is not None  # one weight is a single number
    through: dict[tuple[int, ...], float] = {}
    for edges in routes.paths.strongest(SHOWN_PATHS):
        at = {labels.get(edge.upper.node): edge.upper.index for edge in edges}
        neurons = (close.k, *(at[f"z^{l}"] for l in range(1, layers + 1)))
        through[neurons] = through.get(neurons, 0.0) + math.prod(edge.slope for edge in edges)
    return list(through.items())


def _checks(checks: tuple[Check, ...]) -> str:
    rows = [[_mark(c.holds), escape(c.what), f"{c.found:.12g}", number(c.difference, 2)] for c in checks]
    return table(["", "", "number", "differs by"], rows, {2, 3})


def _mark(holds: bool) -> str:
    """A tick or a cross, in words for those who do not see it."""
    kind, sign, said = ("ok", "✓", "holds") if holds else ("no", "✗", "does not hold")
    return f'<span class="{kind}" role="img" aria-label="{said}">{sign}</span>'


def equations(found: Findings) -> str:
    """The four equations, both sides of each computed apart."""
    both = found.close.equations
    rows = [
        [row.name, mathml(row.latex, row.whole), f"{row.left.size:,}", number(row.difference, 2)] for row in both.rows
    ]
    see = (
        "The left side of each comes from the engine's backward sweep, the right side from the textbook's formula, on "
        f"the same example. The largest difference between two of their numbers is {number(both.max_difference, 2)}."
    )
    body = table(["", "equation", "numbers", "differ by"], rows, {2, 3})
    return section(
        "equations",
        "The four equations hold",
        see,
        body,
        f'<p class="axis">{escape(both.note)}</p>' if both.note else "",
    )


def demon(found: Findings) -> str:
    """A small push at one neuron: what δ predicts, and what happens."""
    tale = found.close.demon
    neuron = f"neuron {tale.neuron} of layer {tale.layer}"
    see = (
        f"A demon sits at {neuron} and adds a little Δz to what goes into it. The neuron's error "
        f"δ = {number(tale.delta)} foretells the change of the cost as δ·Δz. Halve the push, and the "
        "error of the prediction falls to a quarter."
    )
    ratios = ("", *(number(ratio, 3) for ratio in tale.error_ratios))
    rows = [
        [number(push.dz), number(push.predicted), number(push.measured), number(push.error, 2), ratio]
        for push, ratio in zip(tale.pushes, ratios, strict=True)
    ]
    body = table(["Δz", "predicted", "measured", "error", "shrinks by"], rows, {0, 1, 2, 3, 4})
    return section("demon", "A demon at a neuron", see, body)
