"""Pictures of computations."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from tests.render.examples import HOSTILE, MAKERS, everything

import whygrad as wg
from whygrad.graph.record import record
from whygrad.render.network_picture import network_picture
from whygrad.render.picture import NOT_YET, Picture, explanation_picture, program_picture, variable_picture

NAMES = [make.__name__ for make in MAKERS]
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: Picture, kind: str = "") -> list[str]:
    """The texts of a picture, of one class or of all."""
    root = ET.fromstring(picture.svg())
    return ["".join(t.itertext()) for t in root.iter(f"{SVG}text") if kind in ("", *t.get("class", "").split())]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_valid_xml_with_a_title_for_both_themes_without_script(name):
    svg = everything()[name].graph.svg()
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text
    assert "prefers-color-scheme:dark" in svg
    assert not [tag for tag in root.iter() if tag.tag in (f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject")]
    assert "<script" not in svg
    assert len([box for box in root.iter(f"{SVG}rect") if "box" in box.get("class", "")]) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_every_text_lies_inside_the_picture(name):
    root = ET.fromstring(everything()[name].graph.svg())
    across, down = float(root.get("width")), float(root.get("height"))
    for group in root.findall(f"{SVG}g"):
        x0, y0 = (float(n) for n in re.findall(r"[-\d.]+", group.get("transform")))
        for text in group.iter(f"{SVG}text"):
            assert 0 < x0 + float(text.get("x")) < across
            assert 0 < y0 + float(text.get("y")) < down


def test_a_neuron_shows_values_local_derivatives_and_gradients():
    picture = everything()["neuron"].graph
    assert {"w", "b", "a0", "y", "z", "a", "C"} <= set(texts(picture, "name"))
    assert {"1.5", "0.5", "0.6225", "0.1425"} <= set(texts(picture, "small"))
    assert {"0.6", "0.2350", "-0.7551"} <= set(texts(picture, "slope"))
    assert {"∂C/∂w = -0.1065", "∂C/∂b = -0.1774", "∂C/∂a = -0.7551", "∂C/∂C = 1"} <= set(texts(picture, "gradient"))


def test_only_the_way_from_the_value_asked_about_is_highlighted():
    slopes = texts(everything()["neuron"].graph, "way")
    assert slopes == ["0.6", "1", "0.2350", "1", "-0.7551"]  # not 1.5 from a0, 1 from b, -1 from y


def test_of_arrays_the_single_numbers_on_the_way_are_drawn_and_the_strongest_path_is_bold():
    picture = everything()["golden"].graph
    assert texts(picture, "name") == ["W1[0, 0]", "z1[0]", "a1[0]", "z2[0]", "z2[1]", "a2[0]", "a2[1]", "C"]
    assert {"2", "-1", "0.2494", "-0.6874", "1.283"} <= set(texts(picture, "slope"))
    assert "2" in texts(picture, "marked")
    assert "-1" not in texts(picture, "marked")


def test_a_whole_array_is_drawn_with_its_shape_and_the_norm_of_its_gradient():
    picture = everything()["array"].graph
    assert "shape 2 × 2" in texts(picture, "small")
    assert "∂: norm 0.1808" in texts(picture, "gradient")


def test_a_deep_chain_is_folded_in_the_middle():
    shown = texts(everything()["deep"].graph)
    assert "ws[0]" in shown
    assert "C" in shown
    assert any(re.fullmatch(r"\d+ values", text) for text in shown)


def test_unnamed_steps_become_part_of_the_arrow_when_there_are_many():
    why = everything()["loop"]
    names = texts(why.graph, "name")
    assert "x⟨2⟩" in names
    assert not texts(why.graph, "sign")
    assert "-0.5403" in texts(why.graph, "slope")  # -cos(x), two steps as one


def test_before_backward_has_run_a_picture_says_so_instead_of_showing_zeros():
    program = record(lambda x: x * x, (3.0,), {})
    picture = program_picture(program)
    assert NOT_YET in texts(picture, "legend")
    assert not texts(picture, "gradient")


def test_a_variable_shows_the_gradients_that_backward_left():
    x = wg.Variable(3.0)
    y = x * x + 2 * x
    before = variable_picture(y)
    assert NOT_YET in texts(before, "legend")
    assert not texts(before, "gradient")
    y.backward()
    after = variable_picture(y)
    assert NOT_YET not in texts(after)
    assert "∂y/∂x = 8" in texts(after, "gradient")
    assert texts(after, "slope").count("3") == 2  # both factors of x * x have an arrow of their own


def test_variables_of_one_name_are_told_apart():
    x = wg.Variable(1.0)
    for _ in range(3):
        x = x * 2.0
    assert texts(variable_picture(x), "name") == ["x", "x⟨2⟩", "x⟨3⟩", "x⟨4⟩"]


def test_constants_show_on_the_step_that_uses_them():
    x = wg.Variable(3.0)
    y = 1.0 / (x - 2.0) ** 2 + np.exp(-x)
    assert {"− 2", "^ 2", "1 ÷", "exp", "−"} <= set(texts(variable_picture(y), "sign"))


def test_names_are_escaped_and_shortened():
    svg = explanation_picture(everything()["hostile"]).svg()
    assert "<script" not in svg
    assert all(len(text) <= 22 for text in texts(explanation_picture(everything()["hostile"]), "name"))
    assert HOSTILE not in svg


def test_a_notebook_shows_the_picture():
    picture = everything()["neuron"].graph
    assert picture._repr_svg_() == picture.svg()


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def lines(picture: Picture) -> list[ET.Element]:
    return list(ET.fromstring(picture.svg()).iter(f"{SVG}path"))


def test_paths_are_as_thick_as_they_are_strong_and_colored_by_sign():
    picture = network_picture([2, 2, 1], [([0, 1, 0], 0.5), ([1, 0, 0], -0.25)])
    weak, strong = lines(picture)
    assert "minus" in weak.get("class")
    assert "plus" in strong.get("class")
    assert float(strong.get("stroke-width")) == 2 * float(weak.get("stroke-width"))


def test_of_a_large_layer_at_most_twelve_places_are_drawn_and_the_rest_is_counted(rng):
    paths = [([int(n) for n in rng.integers([784, 512, 10])], float(rng.normal())) for _ in range(40)]
    picture = network_picture([784, 512, 10], paths, outputs=[str(i) for i in range(10)])
    assert len(texts(picture, "index")) == 11 + 11 + 10
    assert "⋮ 773 more" in texts(picture)
    assert "⋮ 501 more" in texts(picture)
    assert len(lines(picture)) == 40


def test_inputs_and_outputs_have_their_names():
    picture = network_picture([2, 1], [([1, 0], 1.0)], inputs=["age", "<height>"], outputs=["risk"])
    assert {"age", "<height>", "risk", "input: 2", "output: 1"} <= set(texts(picture))


def test_a_network_without_paths_is_drawn_too():
    assert "no path" in texts(network_picture([3, 2], []))
    assert not np.isnan(float(ET.fromstring(network_picture([2, 1], [([0, 0], 0.0)]).svg()).get("width")))
