"""Diagrams as SVG: no script, no network, light and dark, and every text inside its box."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from whygrad.render.diagram import Box, Diagram
from whygrad.render.layout import Layout, Link, Point, Size, layout
from whygrad.render.lettering import FAMILY, shortened, width
from whygrad.render.theme import colours

MARGIN = 20.0
NAME, SMALL = 15.0, 13.0  # font sizes
LINE = 19.0  # height of a line of text
PAD = 11.0
LEGEND = 12.5

STYLE = (
    f".wg-diagram text{{font-family:{FAMILY};fill:var(--ink);text-anchor:middle;font-variant-numeric:tabular-nums}}"
    ".wg-diagram .paper{fill:var(--paper)}"
    ".wg-diagram .box{fill:var(--paper);stroke:var(--edge);stroke-width:1.2}"
    ".wg-diagram .given{fill:var(--raised)}"
    ".wg-diagram .more{stroke-dasharray:4 3}"
    ".wg-diagram .marked.box{fill:var(--tint);stroke:var(--accent);stroke-width:2}"
    ".wg-diagram .way.box{stroke:var(--accent)}"
    ".wg-diagram .arrow{fill:none;stroke:var(--edge);stroke-width:1.3}"
    ".wg-diagram .way.arrow{stroke:var(--accent)}.wg-diagram .marked.arrow{stroke-width:2.6}"
    ".wg-diagram .head{fill:var(--edge)}.wg-diagram .way.head{fill:var(--accent)}"
    f".wg-diagram .name{{font-size:{NAME}px;font-weight:600}}"
    f".wg-diagram .sign{{font-size:{NAME}px}}"
    f".wg-diagram .small{{font-size:{SMALL}px}}"
    f".wg-diagram .gradient{{font-size:{SMALL}px;fill:var(--gradient)}}"
    f".wg-diagram .slope{{font-size:{SMALL}px;fill:var(--faint)}}"
    f".wg-diagram .sign-of{{font-size:{SMALL}px;fill:var(--faint);text-anchor:end}}"
    ".wg-diagram .way.slope{fill:var(--accent)}.wg-diagram .marked.slope{font-weight:600}"
    f".wg-diagram .legend{{font-size:{LEGEND}px;fill:var(--faint);text-anchor:start}}"
)


def diagram_svg(diagram: Diagram) -> str:
    """The diagram as one SVG element."""
    sizes = [_size(box) for box in diagram.boxes]
    links = [Link(a.start, a.end, _label_size(a.label)) for a in diagram.arrows]
    placed = layout(sizes, links)
    legend = _legend(diagram)
    across = max([placed.size[0], *(width(line, LEGEND) for line in legend)]) + 2 * MARGIN
    down = placed.size[1] + 2 * MARGIN + (LINE * len(legend) + 8 if legend else 0)
    shift = (across - 2 * MARGIN - placed.size[0]) / 2
    drawn = [_box(*each) for each in zip(diagram.boxes, placed.centers, sizes, strict=True)]
    inside = [*_arrows(diagram, placed), *drawn]
    below = [_text("legend", 0, placed.size[1] + 8 + LINE * (i + 1), line) for i, line in enumerate(legend)]
    body = f'<g transform="translate({MARGIN + shift:g},{MARGIN:g})">{"".join(inside)}</g>'
    body += f'<g transform="translate({MARGIN:g},{MARGIN:g})">{"".join(below)}</g>'
    return svg(across, down, body, diagram.title, "wg-diagram", STYLE)


def svg(across: float, down: float, body: str, title: str, kind: str, style: str) -> str:
    """An SVG element with its own colors, paper and title; on a page its style reaches only the class ``kind``."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img" width="{across:.0f}" height="{down:.0f}" '
        f'viewBox="0 0 {across:.0f} {down:.0f}"><title>{escape(title)}</title>'
        f"<style>{colours('.' + kind)}{style}</style>"
        f'<rect class="paper" width="100%" height="100%" rx="8"/>{body}</svg>'
    )


def _label_size(label: str) -> Size:
    return (width(label, SMALL, bold=True) + 10, LINE) if label else (0.0, 0.0)


def _name(box: Box) -> str:
    return shortened(box.name)


def _lines(box: Box) -> list[tuple[str, str]]:
    """The texts of a box from the top, each with its class."""
    lines = [("sign" if box.kind in ("operation", "more") else "name", _name(box))]
    lines += [("small", box.value)] if box.value else []
    lines += [("gradient", box.gradient)] if box.gradient else []
    return lines


def _size(box: Box) -> Size:
    sizes = {"name": NAME, "sign": NAME}
    across = max(width(text, sizes.get(kind, SMALL), bold=kind == "name") for kind, text in _lines(box))
    by = 2 * (width(box.by, SMALL) + 4) if box.by else 0.0  # the sign of the operation stands beside the centerd name
    named = width(_name(box), NAME, bold=True) + by
    return max(across, named, 26.0) + 2 * PAD, LINE * len(_lines(box)) + 12


def _box(box: Box, at: Point, size: Size) -> str:
    (x, y), (across, down) = at, size
    left, top = x - across / 2, y - down / 2
    radius = down / 2 if box.kind == "operation" and across < 2 * down else 14 if box.kind == "operation" else 6
    marked = " marked" if box.marked else " way" if box.on_the_way else ""
    hint = f"<title>{escape(box.hint)}</title>" if box.hint else ""
    place = f'x="{left:.1f}" y="{top:.1f}" width="{across:.1f}" height="{down:.1f}" rx="{radius:.1f}"'
    parts = [f'<rect class="box {box.kind}{marked}" {place}/>']
    parts += [_text(kind, x, top + 6 + LINE * (i + 0.75), text) for i, (kind, text) in enumerate(_lines(box))]
    if box.by:
        parts.append(_text("sign-of", x + across / 2 - 7, top + 6 + LINE * 0.75, box.by))
    return f"<g>{hint}{''.join(parts)}</g>"


def _arrows(diagram: Diagram, placed: Layout) -> list[str]:
    """Lines first, marked ones above the others, then their labels on paper."""
    lines, labels = [], []
    for arrow, points, (x, y) in zip(diagram.arrows, placed.lines, placed.labels, strict=True):
        marked = " marked way" if arrow.marked else " way" if arrow.on_the_way else ""
        (tip, height) = points[-1]
        head = f'<path class="head{marked}" d="M{tip:.1f} {height:.1f}l-8 -4v8z"/>'
        lines.append((arrow.marked + arrow.on_the_way, f'<path class="arrow{marked}" d="{_curve(points)}"/>{head}'))
        if arrow.label:
            across = width(arrow.label, SMALL, bold=True) + 8
            labels.append(
                f'<rect class="paper" x="{x - across / 2:.1f}" y="{y - LINE / 2:.1f}" width="{across:.1f}" '
                f'height="{LINE}"/>' + _text(f"slope{marked}", x, y + 0.36 * SMALL, arrow.label)
            )
    return [drawn for _, drawn in sorted(lines, key=lambda line: line[0])] + labels


def _curve(points: Sequence[Point]) -> str:
    """A smooth line that leaves and enters every point horizontally; it ends before the tip of its head."""
    (x, y), *rest = points
    rest[-1] = (rest[-1][0] - 6, rest[-1][1])
    parts = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        if abs(to_y - y) < 0.05:
            parts.append(f"H{to_x:.1f}")
        else:
            half = (x + to_x) / 2
            parts.append(f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return "".join(parts)


def _legend(diagram: Diagram) -> list[str]:
    said = []
    if any(arrow.label for arrow in diagram.arrows):
        said.append("on an arrow: the local derivative")
    if len({arrow.marked for arrow in diagram.arrows if arrow.on_the_way}) == 2:
        said.append("bold: the strongest path")
    if any(box.gradient for box in diagram.boxes):
        said.append("in color below a value: the gradient that arrived there")
    return ([" · ".join(said)] if said else []) + list(diagram.notes)


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
