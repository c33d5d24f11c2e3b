"""Fill in README.md: run its Python blocks, put what they print below them, draw its picture.

``python scripts/make_readme.py`` writes; the tests do the same and compare, so README.md shows what really happens.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

import whygrad as wg

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
IMAGES = ROOT / "docs" / "images"
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<printed>.*?)```\n)?", re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")


def cost(w: float, b: float, a0: float, y: float) -> float:
    """One sigmoid neuron and its squared error, as in README.md."""
    z = w * a0 + b
    a = wg.sigmoid(z)
    C = (a - y) ** 2
    return C  # noqa: RET504  the cost is called C because of its variable


def pictures() -> dict[str, str]:
    """File name and content of every picture."""
    return {"neuron.svg": wg.explain(cost, 1.5, -0.4, 0.6, 1.0, wrt="w").graph.svg()}


def filled_in(text: str) -> str:
    """The text with, below each Python block that shows its output, what it really prints.

    The blocks run in order and share their names; one that begins with ``# neuron.py`` is that file.
    """
    names: dict[str, Any] = {"__name__": "readme"}

    def run(found: re.Match[str]) -> str:
        printed = output_of(found["code"], names)
        shown = f"```python\n{found['code']}```\n"
        return shown if found["printed"] is None else f"{shown}\n```text\n{printed}```\n"

    return BLOCK.sub(run, text)


def output_of(code: str, names: dict[str, Any]) -> str:
    """What the code prints; line numbers and lines in it are those of its file."""
    named = NAMED.match(code)
    file = named[1] if named else "readme.py"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, file, "exec"), names)
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


if __name__ == "__main__":
    README.write_text(filled_in(README.read_text(encoding="utf-8")), encoding="utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures().items():
        (IMAGES / name).write_text(svg, encoding="utf-8")
    print("README.md and docs/images are filled in")
