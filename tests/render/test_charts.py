"""Charts for reports."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from whygrad.render import charts
from whygrad.render.picture import Picture
from whygrad.render.theme import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"


def made() -> dict[str, Picture]:
    return {
        "curves": charts.curves(
            {"training": [0.5, 0.8, 0.9], "validation": [0.5, 0.7, 0.8]}, up="accuracy", title="Learning"
        ),
        "speeds": charts.curves({"layer 1": [1e-4, 1e-5], "layer 2": [1e-2, 1e-3]}, up="speed", logarithmic=True),
        "waterfall": charts.waterfall([f"a{i}" for i in range(100)], [0.25] * 100),
    }


def texts(picture: Picture) -> list[str]:
    return ["".join(t.itertext()) for t in ET.fromstring(picture.svg()).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["curves", "speeds", "waterfall"])
def test_a_chart_is_small_self_contained_and_follows_the_theme(name):
    svg = made()[name].svg()
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert len(svg) < 60_000
    body = svg[svg.index("</style>") :]
    assert not [color for color in LIGHT.values() if color in body]
    assert DARK["ink"] in svg
    assert "<script" not in svg
    assert "<metadata" not in svg
    assert not [element.get("id") for element in root.iter(f"{SVG}g") if element.get("id")]


def test_text_stays_text_and_names_are_no_formulas():
    assert {"training", "validation", "epoch", "accuracy", "Learning"} <= set(texts(made()["curves"]))
    assert "$x$ & <y>" in texts(charts.waterfall(["$x$ & <y>"], [0.5]))


def test_drawing_leaves_the_users_figures_and_settings_alone():
    before = dict(mpl.rcParams), plt.get_fignums()
    made()
    assert (dict(mpl.rcParams), plt.get_fignums()) == before


def test_the_same_chart_is_the_same_file():
    assert made()["waterfall"].svg() == made()["waterfall"].svg()


def test_a_waterfall_falls_over_many_powers_of_ten():
    assert "1e-60" in texts(made()["waterfall"])


def test_a_factor_of_zero_ends_the_waterfall_and_is_named():
    assert any("ends at w, which is 0" in text for text in texts(charts.waterfall(["a", "w", "b"], [0.5, 0.0, 2.0])))


def test_an_image_survives_its_way_into_an_address(rng):
    image = rng.random((28, 28))
    uri = charts.png_uri(image)
    data = base64.b64decode(re.sub(r"^data:image/png;base64,", "", uri))
    read = matplotlib.image.imread(io.BytesIO(data), format="png")
    assert np.abs(read - image).max() <= 0.5 / 255 + 1e-6


def test_an_image_with_gaps_is_drawn_without_them():
    assert charts.png_uri(np.full((2, 2), np.nan)) == charts.png_uri(np.zeros((2, 2)))


def test_speeds_of_zero_fall_back_to_a_linear_scale():
    assert "0.0" in texts(charts.curves({"layer 1": [0.0, 1.0]}, up="speed", logarithmic=True))
