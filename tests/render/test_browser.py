"""Pictures and pages measured where people see them: in a browser."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path

import pytest
from tests.render.examples import MAKERS, everything

from whygrad.render.html import page

NAMES = [make.__name__ for make in MAKERS]

MEASURE = """<script>
const rows = [];
for (const svg of document.querySelectorAll("svg")) {
  const paper = svg.getBoundingClientRect();
  const drawn = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
  const leaves = (r, b) => r.left < b.left || r.right > b.right || r.top < b.top || r.bottom > b.bottom;
  for (const [text, r] of drawn) if (leaves(r, paper)) rows.push("cut: " + text);
  for (const g of svg.querySelectorAll("g > g")) {
    const box = g.querySelector("rect.box");
    if (box) for (const t of g.querySelectorAll("text"))
      if (leaves(t.getBoundingClientRect(), box.getBoundingClientRect())) rows.push("leaves its box: " + t.textContent);
  }
  for (let i = 0; i < drawn.length; i++) for (let j = 0; j < i; j++) {
    const [a, r] = drawn[i], [b, s] = drawn[j];
    const across = Math.min(r.right, s.right) - Math.max(r.left, s.left);
    const down = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
    if (across > 0.5 && down > 3) rows.push(`overlap: ${a} / ${b}`);
  }
}
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) rows.push("the page is too wide by " + wide);
document.body.dataset.found = JSON.stringify(rows);
</script>"""


def faults(chromium: str, html: str, folder: Path, width: int) -> list[str]:
    """What a browser of a given width finds cut off, overlapping or too wide."""
    file = folder / "page.html"
    file.write_text(html.replace("</body>", MEASURE + "</body>"), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
               f"--window-size={width},2000", "--dump-dom", file.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found, "the page did not run"
    return json.loads(unescape(found[1]))


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [500, 1200])  # a headless window is never narrower than 500
def test_no_text_is_cut_and_none_overlaps_another(chromium, tmp_path, width):
    body = "".join(everything()[name].html() for name in NAMES)
    assert faults(chromium, page("all", body), tmp_path, width) == []


@pytest.mark.browser
@pytest.mark.slow
def test_on_paper_a_wide_picture_shrinks_to_the_page(chromium, tmp_path):
    shrunk = """<script>for (const svg of document.querySelectorAll("svg"))
      if (svg.getBoundingClientRect().right > innerWidth) document.body.style.width = "9000px"</script></body>"""
    on_screen = page("wide", everything()["deep"].html()).replace("</body>", shrunk)
    assert "too wide" in " ".join(faults(chromium, on_screen, tmp_path, 700))
    assert faults(chromium, on_screen.replace("@media print", "@media all"), tmp_path, 700) == []


@pytest.mark.browser
@pytest.mark.slow
def test_the_measurement_itself_notices_what_is_wrong(chromium, tmp_path):
    box = '<g><rect class="box" width="20" height="20"/><text x="0" y="15">far too long for it</text></g>'
    svg = f'<svg width="100" height="60"><g>{box}<text x="5" y="16">over it, and cut</text></g></svg>'
    found = " ".join(faults(chromium, page("wrong", svg + '<div style="width:3000px">.</div>'), tmp_path, 800))
    for fault in ("leaves its box", "overlap", "cut", "too wide"):
        assert fault in found
