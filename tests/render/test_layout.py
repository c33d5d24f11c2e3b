"""Where boxes and arrows go."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from whygrad.render.diagram import MOST_BOXES, Arrow, Box, Diagram, folded, levels
from whygrad.render.layout import BETWEEN, Link, layout
from whygrad.render.lettering import shortened, width


def random_graph(rng: np.random.Generator, boxes: int, arrows: int) -> list[tuple[int, int]]:
    found = set()
    for _ in range(arrows):
        start, end = sorted(int(i) for i in rng.choice(boxes, 2, replace=False))
        found.add((start, end))
    return sorted(found)


@pytest.mark.parametrize("boxes", [2, 5, 12, 40])
def test_boxes_and_labels_never_overlap(rng, boxes):
    links = [Link(a, b, (float(rng.uniform(20, 60)), 19.0)) for a, b in random_graph(rng, boxes, 2 * boxes)]
    sizes = [(float(rng.uniform(30, 150)), float(rng.uniform(30, 70))) for _ in range(boxes)]
    placed = layout(sizes, links)
    areas = [(x, y, *size) for (x, y), size in zip(placed.centers, sizes, strict=True)]
    areas += [(x, y, *link.label) for (x, y), link in zip(placed.labels, links, strict=True)]
    for i, (x, y, across, down) in enumerate(areas):
        for x2, y2, across2, down2 in areas[:i]:
            apart_across = abs(x - x2) >= (across + across2) / 2 - 1e-6
            assert apart_across or abs(y - y2) >= (down + down2) / 2 + BETWEEN - 1e-6
        assert x - across / 2 >= -1e-6
        assert x + across / 2 <= placed.size[0] + 1e-6
        assert y - down / 2 >= -1e-6
        assert y + down / 2 <= placed.size[1] + 1e-6


@pytest.mark.parametrize("boxes", [5, 12, 40])
def test_lines_run_from_box_to_box_and_only_to_the_right(rng, boxes):
    links = [Link(a, b) for a, b in random_graph(rng, boxes, 2 * boxes)]
    sizes = [(80.0, 40.0)] * boxes
    placed = layout(sizes, links)
    for link, line in zip(links, placed.lines, strict=True):
        (x, y), (end_x, end_y) = line[0], line[-1]
        assert x == pytest.approx(placed.centers[link.start][0] + 40)
        assert end_x == pytest.approx(placed.centers[link.end][0] - 40)
        assert abs(y - placed.centers[link.start][1]) <= 20
        assert abs(end_y - placed.centers[link.end][1]) <= 20
        assert all(b >= a - 1e-9 for (a, _), (b, _) in pairwise(line))


@pytest.mark.parametrize("boxes", [12, 40])
def test_no_line_runs_through_a_box(rng, boxes):
    links = [Link(a, b) for a, b in random_graph(rng, boxes, 2 * boxes)]
    placed = layout([(80.0, 40.0)] * boxes, links)
    for link, line in zip(links, placed.lines, strict=True):
        for box, (x, y) in enumerate(placed.centers):
            if box not in (link.start, link.end):
                for (x1, y1), (x2, y2) in pairwise(line):
                    inside = x1 < x + 39 and x2 > x - 39 and min(y1, y2) < y + 19 and max(y1, y2) > y - 19
                    assert not inside


def test_a_tree_is_drawn_without_crossings():
    links = [Link(a, b) for a, b in [(0, 4), (3, 5), (1, 4), (2, 5), (4, 6), (5, 6)]]
    placed = layout([(40.0, 40.0)] * 7, links)
    first, second = ([placed.centers[i][1] for i in pair] for pair in ((0, 1), (2, 3)))
    assert max(first) < min(second) or max(second) < min(first)


def test_a_chain_is_a_straight_line():
    placed = layout([(40.0, 40.0)] * 5, [Link(i, i + 1, (30.0, 19.0)) for i in range(4)])
    assert len({round(y, 6) for _, y in placed.centers}) == 1


def test_nothing_and_a_single_box_have_a_layout():
    assert layout([], []).centers == ()
    assert layout([(40.0, 30.0)], []).centers == ((20.0, 15.0),)


def test_what_is_only_given_stands_beside_its_first_use():
    assert levels(5, [(0, 2), (2, 3), (1, 3), (3, 4)]) == [0, 1, 1, 2, 3]


def chain(steps: int) -> Diagram:
    boxes = [Box(f"a{i}") for i in range(steps)] + [Box("C", kind="cost")]
    return Diagram("chain", tuple(boxes), tuple(Arrow(i, i + 1, "0.5") for i in range(steps)))


def test_the_middle_of_a_deep_graph_becomes_one_box_that_says_how_many_it_stands_for():
    diagram = folded(chain(300))
    (more,) = [box for box in diagram.boxes if box.kind == "more"]
    assert len(diagram.boxes) <= 12
    assert more.stands_for + len(diagram.boxes) - 1 == 301
    assert more.value == f"{more.stands_for} values"
    assert diagram.boxes[0].name == "a0"
    assert diagram.boxes[-1].name == "C"


def test_like_boxes_side_by_side_become_one():
    boxes = [*(Box(f"h[{i}]", group="h") for i in range(200)), Box("C", kind="cost")]
    diagram = folded(Diagram("wide", tuple(boxes), tuple(Arrow(i, 200) for i in range(200))))
    assert [box.name for box in diagram.boxes] == ["h[0] … h[199]", "C"]
    assert len(diagram.arrows) == 1


@pytest.mark.parametrize("boxes", [100, 1000])
def test_no_graph_is_drawn_with_more_boxes_than_people_can_read(rng, boxes):
    arrows = tuple(Arrow(a, b) for a, b in random_graph(rng, boxes, boxes))
    diagram = folded(Diagram("any", tuple(Box(f"v{i}") for i in range(boxes)), arrows))
    assert len(diagram.boxes) <= MOST_BOXES
    assert sum(box.stands_for for box in diagram.boxes) == boxes
    levels(len(diagram.boxes), [(a.start, a.end) for a in diagram.arrows])
    assert all(a.start != a.end for a in diagram.arrows)


def test_a_small_graph_is_left_as_it_is():
    assert folded(chain(5)) == chain(5)


def test_names_are_shortened_in_the_middle():
    assert shortened("w") == "w"
    assert shortened("params['encoder']['W1'][0, 0]", 12) == "param… 0, 0]"[:5] + "…" + "[0, 0]"
    assert len(shortened("x" * 100)) == 22


def test_widths_are_estimated_above_those_of_a_wide_font():
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    for text in ("∂C/∂w = -0.1065", "params['W1'][0, 0]", "0.6225", "WWWW", "shape 784 × 30", "total⟨5⟩", "-3.62e-05"):
        drawn = TextPath((0, 0), text, size=13, prop=FontProperties(family="DejaVu Sans")).get_extents().width
        assert width(text, 13) >= drawn
