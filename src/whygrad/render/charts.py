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
from whygrad.render.theme import LIGHT, colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
