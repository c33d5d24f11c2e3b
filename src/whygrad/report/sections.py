"""The sections of the page: each has one idea, a title, and one sentence that says what to see."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from whygrad.render.charts import png_uri
from whygrad.render.numbers import counted, number
from whygrad.report.findings import Answer, Findings, Judged
from whygrad.report.lines import Line, line_chart

LARGEST_MATRIX = 12  # classes
LAYER_COLOURS = ("accent", "gradient", "good", "bad", "faint", "ink")


def section(name: str, title: str, see: str, *parts: str) -> str:
    """One section; nothing, where there is nothing to show."""
    body = "".join(parts)
    if not body:
        return ""
    return f'<section id="{name}"><h2>{escape(title)}</h2><p class="see">{escape(see)}</p>{body}</section>'


def table(head: list[str], rows: list[list[str]], numeric: set[int]) -> str:
    """A list of rows, already escaped; the columns in ``numeric`` stand right."""

    def cells(tag: str, row: list[str]) -> str:
        return "".join(f"<{tag}{' class=n' if i in numeric else ''}>{cell}</{tag}>" for i, cell in enumerate(row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    top = f"<thead><tr>{cells('th', head)}</tr></thead>"
    return f'<div class="scroll"><table class="list">{top}<tbody>{body}</tbody></table></div>'


def header(found: Findings) -> str:
    """The headline, what was trained on what, and the numbers to remember."""
    net, judged = found.net, found.judged
    shape = " → ".join(f"{n:,}" for n in net.sizes)
    kinds = dict.fromkeys(activation.name for activation in net.architecture.activations)
    reads = "It reads" if judged.side else "It is right on"
    lead = (
        f"A network of {shape} neurons ({', '.join(kinds)}; cost: {net.architecture.cost.name.replace('_', ' ')}) was "
        f"trained on {judged.called}. This page shows what it learned, where it errs, and why one of its weights "
        "changes as it does."
    )
    facts = [
        (f"of {len(judged.labels):,} unseen {judged.kind} right", f"{found.accuracy:.1%}"),
        ("weights and biases learned", f"{found.parameter_count:,}"),
        ("times through the data", str(len(found.history))),
        ("of training", f"{found.seconds:.1f} s" if found.seconds < 100 else f"{found.seconds / 60:.1f} min"),
    ]
    shown = "".join(f"<div><dd>{value}</dd><dt>{escape(what)}</dt></div>" for what, value in facts)
    return (
        f"<header><h1>{reads} <em>{found.accuracy:.1%}</em> of {judged.kind} it has never seen, and can say why.</h1>"
        f'<p class="lead">{escape(lead)}</p><dl class="facts">{shown}</dl></header>'
    )


def curves(found: Findings) -> str:
    """Cost and accuracy over the epochs."""
    history = found.history
    lines = {
        "cost": (history.cost, history.validation_cost),
        "accuracy": (history.accuracy, history.validation_accuracy),
    }
    charts = []
    for what, (seen, unseen) in lines.items():
        pair = [
            Line(name, colour, [math.nan if v is None else v for v in values])
            for name, colour, values in (("training", "accent", seen), ("unseen", "gradient", unseen))
            if any(v is not None for v in values)
        ]
        if pair:
            chart = line_chart(f"{what} after each epoch", pair, shares=what == "accuracy")
            charts.append(f"<figure><figcaption>{what.capitalize()}</figcaption>{chart}</figure>")
    gap = (
        ""
        if None in (history.cost[-1], history.validation_cost[-1])
        else _gap(history.cost[-1], history.validation_cost[-1])
    )
    return section(
        "curves",
        "It learned",
        f"Each epoch shows it every training example once.{gap}",
        f'<div class="pair">{"".join(charts)}</div>' if charts else "",
    )


def _gap(seen: float, unseen: float | None) -> str:
    """What the distance of the two costs says."""
    if unseen is None or not unseen > 0:
        return ""
    if unseen < 1.15 * seen:
        return " The two lines stay together: what it learned holds for data it has not seen."
    return (
        f" At the end an unseen example costs {unseen / max(seen, 1e-12):.1f} times as much as a training example: "
        "where the lines part, it begins to learn by heart."
    )


def confusion(found: Findings) -> str:
    """Which class is taken for which."""
    names, mix_ups = found.judged.names, found.mix_ups(8)
    wrong = int(found.confusion.sum() - np.trace(found.confusion))
    if not mix_ups:
        see = "It made no mistake."
    else:
        i, j, times = mix_ups[0]
        see = (
            f"{wrong:,} of {len(found.judged.labels):,} are wrong. The commonest mistake: {names[i]} taken for "
            f"{names[j]}, {counted(times, 'time')}."
        )
    if len(names) > LARGEST_MATRIX:
        rows = [[escape(names[i]), escape(names[j]), str(times)] for i, j, times in mix_ups]
        return section(
            "confusion", "What it mixes up", see, table(["it is", "taken for", "how often"], rows, {2}) if rows else ""
        )
    return section("confusion", "What it mixes up", see, _matrix(found))


def _matrix(found: Findings) -> str:
    names, counts = found.judged.names, found.confusion
    worst = max(int((counts - np.diag(np.diag(counts))).max()), 1)
    head = "<tr><th></th>" + "".join(f'<th scope="col">{escape(name)}</th>' for name in names) + "</tr>"
    rows = []
    for i, name in enumerate(names):
        cells = []
        for j, count in enumerate(counts[i]):
            kind = "right" if i == j else "wrong" if count else "none"
            share = "" if kind != "wrong" else f' style="--share:{8 + 42 * math.sqrt(count / worst):.0f}"'
            cells.append(f'<td class="{kind}"{share}>{count if count or i == j else "·"}</td>')
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    return (
        f'<div class="scroll"><table class="matrix">{head}{"".join(rows)}</table></div>'
        '<p class="axis">Each row is what it is, each column what the network says.</p>'
    )


def answers(found: Findings) -> str:
    """Examples right, and the mistakes it was surest of."""
    if not found.judged.side:
        return _wrong_rows(found)
    right = _tiles(found, found.right)
    wrong = _tiles(found, found.wrong)
    surest = " The mistakes are those it was surest of." if wrong else ""
    see = f"The number under each image is the output behind the answer, between 0 and 1.{surest}"
    return section(
        "examples",
        "Right and wrong",
        see,
        f"<h3>Right</h3>{right}" if right else "",
        f"<h3>Wrong</h3>{wrong}" if wrong else "",
    )


def _tiles(found: Findings, shown: tuple[Answer, ...]) -> str:
    judged, tiles = found.judged, []
    for answer in shown:
        truth, said = escape(judged.names[answer.label]), escape(judged.names[answer.said])
        caption = (
            f"<b>{truth}</b>" if answer.label == answer.said else f'<span class="said">{said}</span>, is <b>{truth}</b>'
        )
        alt = f"test example {answer.row}: a {truth}, taken for {said}"
        tiles.append(
            f'<li><img alt="{alt}" src="{picture_of(judged, answer.row)}">{caption}'
            f"<small>{answer.output:.2f}</small></li>"
        )
    return f'<ul class="tiles">{"".join(tiles)}</ul>' if tiles else ""


def picture_of(judged: Judged, row: int) -> str:
    """One example as an image: its lowest number is paper, its highest ink."""
    pixels = np.asarray(judged.X[row], float).reshape(judged.side, judged.side)
    low, high = float(pixels.min()), float(pixels.max())
    return png_uri(1 - (pixels - low) / (high - low if high > low else 1.0))


def _wrong_rows(found: Findings) -> str:
    names = found.judged.names
    rows = [[str(a.row), escape(names[a.label]), escape(names[a.said]), number(a.output, 2)] for a in found.wrong]
    return section(
        "examples",
        "Where it is wrong",
        "The mistakes that it was surest of.",
        table(["test example", "it is", "taken for", "output"], rows, {0, 3}) if rows else "",
    )


def speeds(found: Findings) -> str:
    """How fast each layer learns, over the epochs."""
    speed = found.history.learning_speed
    layers = len(speed[0]) if speed else 0
    lines = [
        Line(f"layer {l}", LAYER_COLOURS[(l - 1) % len(LAYER_COLOURS)], [epoch[l - 1] for epoch in speed])
        for l in range(1, layers + 1)
    ]
    see = "The length of the gradient by each layer's biases: how far they move per step and unit of learning rate."
    if layers > 1 and speed[-1][-1] > 0:
        ratio = speed[-1][0] / speed[-1][-1]
        pace = "about as fast as the last" if 0.8 < ratio < 1.25 else f"{number(ratio, 2)} times as fast as the last"
        see += f" At the end the first layer learns {pace}."
    return section(
        "speeds",
        "How fast each layer learns",
        see,
        line_chart("learning speed of each layer after each epoch", lines, log=True) if lines else "",
    )
