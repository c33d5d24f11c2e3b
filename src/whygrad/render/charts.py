"""Charts for reports as self-contained SVG: small, and in the reader's light or dark.

Drawn by matplotlib in the light theme's colors, which are then replaced by the theme's variables.
"""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whygrad.render.lettering import FAMILY
from whygrad.render.numbers import number
from whygrad.render.picture import Picture
from whygrad.render.svg import svg
from whygrad.render.theme import LIGHT, colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from whygrad.rules.define import Value

SERIES = ("accent", "gradient", "good", "faint", "bad", "ink")
LINES = ("-", "--", "-.", ":")  # told apart without color, too


def curves(
    series: Mapping[str, Sequence[float]],
    *,
    across: str = "epoch",
    up: str = "",
    title: str = "",
    logarithmic: bool = False,
) -> Picture:
    """Lines over epochs or steps: learning curves; with ``logarithmic`` the learning speed of layers."""
    figure, axes = _axes()
    for place, (name, values) in enumerate(series.items()):
        steps = np.arange(1, len(values) + 1)
        color = LIGHT[SERIES[place % len(SERIES)]]
        axes.plot(
            steps,
            values,
            LINES[place // len(SERIES) % len(LINES)],
            color=color,
            linewidth=1.8,
            label=name,
            marker="o" if len(values) <= 12 else None,
            markersize=3.5,
        )
    if logarithmic and all(min(values, default=0) > 0 for values in series.values()):
        axes.set_yscale("log")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_title(title)
    if len(series) > 1:
        figure.legend(frameon=False, labelcolor=LIGHT["ink"], loc="outside right upper", fontsize=9)
    return _picture(figure, title or f"{up} over {across}")


def bars(
    names: Sequence[str], values: Sequence[float], *, title: str = "", along: str = "", logarithmic: bool = False
) -> Picture:
    """One bar for each value, its number beside it: factors of a chain, shares of examples."""
    figure, axes = _axes(height=0.7 + 0.32 * max(len(values), 1))
    places = np.arange(len(values))
    axes.barh(
        places, values, color=[LIGHT["accent"] if value >= 0 else LIGHT["gradient"] for value in values], height=0.62
    )
    axes.set_yticks(places, [_plain(name) for name in names])
    axes.invert_yaxis()
    if logarithmic:
        axes.set_xscale("log")
    else:
        axes.axvline(0, color=LIGHT["edge"], linewidth=0.8)
        axes.margins(x=0.18)
    for place, value in zip(places, values, strict=True):
        axes.annotate(
            number(value),
            (value, place),
            xytext=(-4 if value < 0 else 4, 0),
            textcoords="offset points",
            va="center",
            ha="right" if value < 0 else "left",
            color=LIGHT["ink"],
            fontsize=9,
        )
    axes.set_xlabel(along)
    axes.set_title(title)
    return _picture(figure, title or "bars")


def waterfall(
    names: Sequence[str], factors: Sequence[float], *, title: str = "", up: str = "product so far"
) -> Picture:
    """A product growing factor by factor on a logarithmic scale: where a gradient vanishes or explodes.

    Each bar leads from the product before a factor to the product after it; a factor of zero ends the chart.
    """
    sizes = np.abs(np.asarray(factors, float))
    whole = int(np.argmax(sizes == 0)) if (sizes == 0).any() else len(sizes)
    after = np.concatenate([[0.0], np.cumsum(np.log10(sizes[:whole]))])
    figure, axes = _axes(width=max(6.0, min(0.16 * len(sizes) + 2.0, 13.0)))
    grows = after[1:] >= after[:-1]
    axes.bar(
        np.arange(whole),
        after[1:] - after[:-1],
        bottom=after[:-1],
        width=0.8,
        color=[LIGHT["accent"] if up_ else LIGHT["gradient"] for up_ in grows],
    )
    axes.axhline(0, color=LIGHT["edge"], linewidth=0.8)
    axes.yaxis.set_major_locator(_whole_numbers())
    axes.yaxis.set_major_formatter(lambda power, _: number(10.0**power))
    step = max(1, -(-len(names) // 24))
    shown = [_plain(name) for name in names[::step]]
    axes.set_xticks(np.arange(0, len(names), step), shown, rotation=90 if len(names) > 6 else 0)
    axes.set_ylabel(up)
    axes.set_title(title)
    if whole < len(sizes):
        axes.axvline(whole, color=LIGHT["bad"], linewidth=1.5)
        axes.set_title(f"{title}  (ends at {_plain(names[whole])}, which is 0)".strip())
    return _picture(figure, title or "the product, factor by factor")


def confusion(counts: npt.NDArray[Any], labels: Sequence[str] | None = None, *, title: str = "") -> Picture:
    """How often each true class (row) was taken for each class (column); the diagonal is right."""
    counts = np.asarray(counts)
    names = [str(i) for i in range(len(counts))] if labels is None else [_plain(label) for label in labels]
    figure, axes = _axes(width=0.46 * len(names) + 1.6, height=0.46 * len(names) + 1.3)
    wrong = max(int((counts - np.diag(np.diag(counts))).max(initial=0)), 1)
    for row, line in enumerate(counts):
        for column, n in enumerate(line):
            color = LIGHT["good"] if row == column else LIGHT["gradient"]
            shade = n / max(int(counts.max(initial=0)), 1) if row == column else n / wrong
            axes.add_patch(_square(column, row, color, 0.55 * float(shade)))
            if n:
                axes.text(column, row, f"{n:,}", ha="center", va="center", fontsize=8.5, color=LIGHT["ink"])
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xlabel="taken for", ylabel="is", title=title)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    return _picture(figure, title or "confusion matrix")


def digits(
    images: Value, captions: Sequence[str], right: Sequence[bool], *, per_row: int = 10, title: str = "digits"
) -> Picture:
    """A grid of gray images, numbers from 0 to 1, each framed in green if it was read right and in red if wrong."""
    images = np.asarray(images, float)
    side, cell = 56, 72
    parts = []
    for place, (image, caption, good) in enumerate(zip(images, captions, right, strict=True)):
        x, y = place % per_row * cell + 8, place // per_row * (cell + 20) + 8
        frame = f'x="{x - 2}" y="{y - 2}" width="{side + 4}" height="{side + 4}" rx="3" fill="none" stroke-width="2.5"'
        parts += [
            f'<image x="{x}" y="{y}" width="{side}" height="{side}" href="{png_uri(image)}"/>',
            f'<rect {frame} stroke="var(--{"good" if good else "bad"})"/>',
            f'<text x="{x + side / 2}" y="{y + side + 18}">{escape(caption)}</text>',
        ]
    rows = -(-len(images) // per_row) or 1
    style = (
        f".wg-digits text{{font-family:{FAMILY};font-size:13px;fill:var(--ink);text-anchor:middle}}"
        ".wg-digits .paper{fill:var(--paper)}.wg-digits image{image-rendering:pixelated}"
    )
    return Picture(
        svg(
            min(per_row, max(len(images), 1)) * cell + 8,
            rows * (cell + 20) + 8,
            "".join(parts),
            title,
            "wg-digits",
            style,
        )
    )


def png_uri(image: npt.NDArray[Any]) -> str:
    """A gray image, numbers from 0 (black) to 1 (white), as a PNG inside an address. What is not a number is black."""
    gray = (np.clip(np.nan_to_num(image), 0, 1) * 255).round().astype(np.uint8)
    height, across = gray.shape
    rows = b"".join(b"\0" + row.tobytes() for row in gray)
    header = struct.pack(">IIBBBBB", across, height, 8, 0, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def _axes(width: float = 6.0, height: float = 3.4) -> tuple[Any, Axes]:
    """An empty chart of its own: no window, nothing shared with the user's figures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=LIGHT["paper"])
    axes = figure.add_subplot(facecolor=LIGHT["paper"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT["edge"])
    axes.tick_params(colors=LIGHT["ink"], labelsize=9)
    axes.grid(color=LIGHT["line"], linewidth=0.6)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set(color=LIGHT["ink"], fontsize=11 if label is axes.title else 10)
    return figure, axes


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, nbins=7)


def _square(column: int, row: int, color: str, alpha: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=color, alpha=alpha, edgecolor="none")


def _plain(name: str) -> str:
    """A user's name as itself: matplotlib would read dollar signs as formulas."""
    return str(name).replace("$", r"\$")


def _picture(figure: Any, title: str) -> Picture:
    """The figure as SVG whose colors are the theme's variables, its text as text, without ids that could clash."""
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "whygrad"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)
    drawn = re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL)
    for name, color in LIGHT.items():
        drawn = drawn.replace(color, f"var(--{name})")
    drawn = re.sub(r"font-family: [^;\"]*;", "", drawn).replace("*{stroke-linejoin", ".wg-chart *{stroke-linejoin")
    style = f"<title>{escape(title)}</title><style>{colours('.wg-chart')}.wg-chart text{{font-family:{FAMILY}}}</style>"
    head, rest = drawn.split(">", 1)
    return Picture(
        f'{head} class="wg-chart" role="img" style="max-width:100%;height:auto">{style}{rest}'.rstrip() + "\n"
    )
