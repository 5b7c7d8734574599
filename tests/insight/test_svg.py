"""The drawing vocabulary: rounding, paths that lose nothing, words that are safe, colours that stand out everywhere."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lcnn.insight.svg import BLUE, GREEN, ORANGE, Drawing, label, number


@pytest.mark.parametrize(
    ("x", "written"), [(3, "3"), (1.25, "1.2"), (-0.04, "0"), (12.0499, "12"), (-7.26, "-7.3"), (1e3, "1000")]
)
def test_numbers_have_at_most_one_decimal(x, written):
    assert number(x) == written
    assert number(np.float64(x)) == written


def test_labels_for_people():
    assert [label(v) for v in (-4, 0.25, 1e-9, np.float64(2.0), "He")] == ["−4", "0.25", "1e−09", "2", "He"]


def points_of(element):
    """The points of a path, step by step, in tenths of a pixel."""
    x, y, found = 0, 0, []
    for kind, across, up in re.findall(r"([Ml])(-?[\d.]+) (-?[\d.]+)", element):
        across, up = round(float(across) * 10), round(float(up) * 10)
        x, y = (across, up) if kind == "M" else (x + across, y + up)
        found.append((x, y))
    return found


coordinates = st.floats(-500, 500, allow_nan=False)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=60))
def test_steps_do_not_drift_and_end_where_the_line_ends(points):
    drawing = Drawing(10, 10)
    drawing.line(points)
    found = points_of(drawing.elements[0])
    rounded = [(round(x * 10), round(y * 10)) for x, y in points]
    assert found[0] == rounded[0]
    assert found[-1] == rounded[-1]
    # What is written is among what was given, in the same order, however many steps came before.
    position = 0
    for point in found:
        position = rounded.index(point, position)


def test_only_points_that_change_nothing_are_left_out():
    drawing = Drawing(10, 10)
    drawing.line([(0, 0), (1, 1), (2, 2), (2, 2.01), (3, 2), (1, 2), (1, 5)])
    assert points_of(drawing.elements[0]) == [(0, 0), (20, 20), (30, 20), (10, 20), (10, 50)]


def test_words_are_escaped_and_everything_is_xml():
    drawing = Drawing(200, 100)
    drawing.text(1, 2, "a < b & c")
    drawing.rectangle(0, 0, 3, 3, "none", "currentColor", dash=True)
    panel = drawing.panel(x=(-1, 1), y=(0, 1))
    panel.axes(xticks=[-1, 0, 1], yticks=[0, 1], xlabel="x", ylabel="y")
    panel.curve([-1, 0, 1], [0, 1, 0])
    panel.area([-1, 0, 1], [0, 1, 0], opacity=0.3)
    panel.bars([-1, 0, 1], [0.5, 1])
    root = ET.fromstring(f"<svg>{''.join(drawing.elements)}</svg>")
    assert root[0].text == "a < b & c"
    assert {"text", "rect", "path"} == {child.tag for child in root}
    assert "−1" in [child.text for child in root]


def test_a_panel_maps_corners_and_bars():
    panel = Drawing(100, 50).panel(x=(0, 10), y=(-1, 1), left=20, top=5, right=0, bottom=5)
    assert panel.at(0, -1) == (20, 45)
    assert panel.at(10, 1) == (100, 5)
    panel.bars([0, 5, 10], [1, 0.5])
    assert points_of(panel.drawing.elements[-1]) == [
        (200, 250),
        (200, 50),
        (600, 50),
        (600, 150),
        (1000, 150),
        (1000, 250),
    ]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("colour", [BLUE, ORANGE, GREEN])
@pytest.mark.parametrize("ground", ["#ffffff", "#121212"])
def test_colours_stand_out_from_light_and_dark_pages(colour, ground):
    """WCAG 1.4.11 asks 3 : 1 of what a graphic needs to be understood."""
    dark, light = sorted([luminance(colour), luminance(ground)])
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_bad_sizes():
    with pytest.raises(ValueError, match="positive sides, got 0 × 5"):
        Drawing(0, 5)
    with pytest.raises(ValueError, match="range x of a panel goes from a smaller.*got 1 to 1"):
        Drawing(50, 50).panel(x=(1, 1), y=(0, 1))
    with pytest.raises(ValueError, match="range across.*leave the panel more room"):
        Drawing(40, 50).panel(x=(0, 1), y=(0, 1))
    with pytest.raises(ValueError, match="range up.*leave the panel more room"):
        Drawing(100, 20).panel(x=(0, 1), y=(0, 1))
