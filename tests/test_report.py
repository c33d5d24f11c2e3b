"""The report: its numbers are those of the network, and its page is whole, self-contained and fits a phone."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import whygrad as wg
from whygrad.cli.answer import write_whole
from whygrad.render import svg
from whygrad.report import style
from whygrad.report.closely import strongest
from whygrad.report.findings import Findings, Judged, look
from whygrad.report.lines import Line, line_chart
from whygrad.report.one_weight import Check
from whygrad.report.page import page

SECTIONS = ("curves", "confusion", "examples", "speeds", "derivation", "equations", "demon")


def found_by(sizes: list[int], side: int, names: tuple[str, ...], **options) -> Findings:
    """A small network, trained for a moment on digits or on points, and looked at."""
    if side:
        data = wg.datasets.digits()
        X, Y = data.train_images[:2000], data.train_labels[:2000]
        T, labels = data.test_images[:300], data.test_labels[:300]
    else:
        rng = np.random.default_rng(5)
        labels = np.arange(120) % len(names)
        X = rng.normal(size=(120, sizes[0])) + labels[:, None]
        Y, T = labels, X
    net = wg.Network(sizes, cost="cross_entropy", seed=2, **options)
    history = net.fit(X, Y, 3, validation=(T, labels), progress=False)
    return look(net, history, Judged("whygrad's digits" if side else "points.csv", T, labels, names, side))


@pytest.fixture(scope="module")
def found() -> Findings:
    return found_by([784, 16, 10], 28, tuple("0123456789"))


@pytest.fixture(scope="module")
def text(found) -> str:
    return page(found)


# ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_confusion_matrix_adds_up_to_the_examples_and_its_diagonal_to_the_accuracy(found):
    assert found.confusion.sum() == 300
    assert np.trace(found.confusion) / 300 == pytest.approx(found.accuracy)
    assert found.accuracy == pytest.approx(found.net.accuracy(found.judged.X, found.judged.labels))
    assert found.confusion.sum(axis=1).tolist() == np.bincount(found.judged.labels, minlength=10).tolist()


def test_right_and_wrong_examples_are_what_they_are_called(found):
    said = found.net.classify(found.judged.X)
    assert found.wrong
    assert all(a.label != a.said == said[a.row] for a in found.wrong)
    assert all(a.label == a.said == said[a.row] for a in found.right)
    assert all(found.judged.labels[a.row] == a.label for a in (*found.right, *found.wrong))
    assert [a.output for a in found.wrong] == sorted((a.output for a in found.wrong), reverse=True)


def test_the_commonest_mistakes_come_first(found):
    counts = [count for _, _, count in found.mix_ups(20)]
    assert counts == sorted(counts, reverse=True)
    assert all(found.confusion[i, j] == count and i != j for i, j, count in found.mix_ups(20))


def test_the_weight_looked_at_is_pulled_hardest_and_every_check_holds(found):
    close = found.close
    x, y = found.judged.X[close.row], np.eye(10)[found.judged.labels[close.row]]
    gradient = found.net.gradient(x, y).weights[0]
    assert abs(gradient[close.j, close.k]) == np.abs(gradient).max()
    assert float(close.why.value) == pytest.approx(float(gradient[close.j, close.k]), rel=1e-4)
    assert len(close.checks) == 3
    assert all(check.holds for check in close.checks)
    assert close.equations.max_difference <= 1e-12


def test_a_check_notices_a_difference_of_a_thousandth():
    assert Check("", 1.0, 1.0, 1e-12).holds
    assert not Check("", 1.001, 1.0, 1e-12).holds
    assert not Check("", float("nan"), 1.0, 1e-12).holds


def test_the_paths_drawn_carry_the_whole_gradient_when_all_are_drawn(found):
    drawn = strongest(found.close, 2)
    assert len(drawn) == 10
    assert sum(value for _, value in drawn) == pytest.approx(float(found.close.why.value))
    assert all(neurons[:2] == (found.close.k, found.close.j) for neurons, _ in drawn)


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_section_says_something(text):
    for name in SECTIONS:
        section = re.search(rf'<section id="{name}"><h2>(.+?)</h2><p class="see">(.+?)</p>(.+)', text, re.DOTALL)
        assert section, name
        assert len(section[2]) > 20
        assert re.search(r"<(table|svg|ul)", section[3])


def test_the_page_needs_nothing_from_outside(text):
    assert "<script" not in text
    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?!data:|#)(?:https?:|//|file:)[^"')]*""", text)
    assert set(re.findall(r"https?://[^\s\"'<)]+", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML",
                                                          "http://www.w3.org/1999/xlink"}  # fmt: skip
    assert "@import" not in text


def test_numbers_for_people_are_short(text):
    said = html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL))
    assert not re.findall(r"\d\.\d{13,}", said)
    assert not re.findall(r"\b(?:nan|None|inf)\b", said)


def test_a_page_about_other_data_than_images_is_whole_too():
    found = found_by([3, 6, 5, 4], 0, ("a", "b", "<i>c</i>", "d & e"), dtype="float64")
    text = page(found)
    assert "<i>c</i>" not in text
    assert "d &amp; e" in text
    assert all(f'<section id="{name}"' in text for name in SECTIONS if name != "examples" or found.wrong)


def test_many_classes_become_a_list_of_mix_ups():
    text = page(found_by([2, 3, 20], 0, tuple(str(i) for i in range(20))))
    assert 'class="matrix"' not in text
    assert "taken for" in text


def test_a_chart_of_one_epoch_or_of_equal_numbers_is_drawn():
    for values in ([0.5], [0.5, 0.5], [0.0, 0.0], [float("nan"), 1.0]):
        chart = line_chart("t", [Line("a", "accent", values)])
        assert "nan" not in chart
        assert chart.startswith("<svg")
    assert line_chart("t", [Line("a", "accent", [0.0])], log=True) == ""


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    target.write_text("before", encoding="utf-8")

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(target, "after")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert target.read_text(encoding="utf-8") == "before"


# ── in a browser ─────────────────────────────────────────────────────────────────────────────────────────────────────

LOOK = """<script>
const wide = innerWidth, right = e => e.getBoundingClientRect().right;
const held = e => e && (getComputedStyle(e).overflowX !== 'visible' || held(e.parentElement));
const out = [...document.querySelectorAll('main *')].filter(e => right(e) > wide + 1 && !held(e.parentElement));
const cut = [...document.querySelectorAll('svg.chart text')].filter(t => {
  const box = t.getBBox(), view = t.ownerSVGElement.viewBox.baseVal;
  return box.x < -1 || box.y < -1 || box.x + box.width > view.width + 1 || box.y + box.height > view.height + 1; });
const flat = [...document.querySelectorAll('main > section')].filter(s => s.getBoundingClientRect().height < 150);
const hidden = [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1);
const told = {hidden: hidden.map(e => e.textContent.slice(0, 80)),
  width: document.documentElement.scrollWidth, window: wide, out: out.map(e => e.outerHTML.slice(0, 80)),
  cut: cut.map(t => t.textContent), flat: flat.map(s => s.id), paper: getComputedStyle(document.body).backgroundColor,
  broken: [...document.images].filter(i => !i.naturalWidth).length};
const text = JSON.stringify(told).replaceAll('<', '&lt;');
parent.document.body.insertAdjacentHTML('beforeend', '<pre id="told">' + text + '</pre>');
</script>"""


def looked_at(chromium: str, folder: Path, text: str, width: int, *options: str):
    """What a reader sees in a frame of that width: a browser's own window is never as narrow as a phone."""
    inside = html.escape(text.replace("</body>", LOOK + "</body>"))
    file = folder / "frame.html"
    frame = f'<iframe style="border:0;width:{width}px;height:2000px" srcdoc="{inside}"></iframe>'
    file.write_text(f"<!doctype html>{frame}", encoding="utf-8")
    seen = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1300,2000",
         f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    told = re.findall(r'<pre id="told">(.*?)</pre>', seen.stdout, re.DOTALL)[-1]  # the script itself comes before
    return json.loads(html.unescape(told))


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_a_phone_and_a_desk(chromium, tmp_path, text, width):
    seen = looked_at(chromium, tmp_path, text, width)
    assert seen["window"] == width
    assert seen["width"] <= width
    assert not seen["out"]
    assert not seen["cut"]
    assert not seen["hidden"]
    assert not seen["flat"]
    assert not seen["broken"]


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_is_light_or_dark_as_the_reader_wants(chromium, tmp_path, text):
    light = looked_at(chromium, tmp_path, text, 1200, "--blink-settings=preferredColorScheme=1")
    dark = looked_at(chromium, tmp_path, text, 1200, "--blink-settings=preferredColorScheme=0")
    assert light["paper"] == "rgb(255, 255, 255)"
    assert dark["paper"] == "rgb(20, 23, 28)"


def test_the_pages_own_style_does_not_reach_into_pictures():
    """A rule of the page for a class that pictures use, too, once made a picture's boxes 168 pixels wide."""
    of_pictures = set(re.findall(r"\.([a-zA-Z][\w-]*)", svg.STYLE)) - {"wg-diagram"}
    of_the_page = set(re.findall(r"(?:^|[},])\s*\.([a-zA-Z][\w-]*)", style.STYLE))
    assert {"box", "marked"} <= of_pictures
    assert {"tiles", "pixel"} <= of_the_page
    assert not of_pictures & of_the_page
