"""The object that moves: its three lives agree, its bytes are the same, and bad input is told what to do."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html import unescape

import pytest

from d2lcnn import explore_depth
from d2lcnn.insight.explorer import WIDGET_VIEW, Explorer
from d2lcnn.insight.svg import Drawing


def draw(side, colour):
    drawing = Drawing(100, 50)
    drawing.text(0, 10, "same & same")
    drawing.rectangle(0, 0, side, side, colour)
    return drawing, f"A {colour} square of {side * side}."


PARAMETERS = {"side <a>": [0.5, 10, 20], "colour": ["red", "blue"]}


def explorer(**changes):
    given = {
        "draw": draw,
        "parameters": PARAMETERS,
        "title": "A square",
        "caption": "It's <b>.",
        "start": [10, "blue"],
    }
    given |= changes
    return Explorer(given.pop("draw"), given.pop("parameters"), **given)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1])


def test_the_pages_frames_are_the_kernels_frames():
    moving = explorer()
    data = data_of(moving.html())
    assert data["start"] == [1, 1]
    assert data["parameters"] == [["side <a>", ["0.5", "10", "20"]], ["colour", ["red", "blue"]]]
    for index, values in enumerate((side, colour) for side in (0.5, 10, 20) for colour in ("red", "blue")):
        drawing, sentence = draw(*values)
        assert [data["elements"][i] for i in data["frames"][index]] == drawing.elements
        assert data["texts"][index] == sentence
        assert "".join(drawing.elements) in moving.svg(*values)
    # What all frames share is written once.
    assert len(data["elements"]) == 1 + 3 * 2


def test_the_page_begins_with_the_first_frame_and_says_all_in_words():
    page = explorer().html()
    # The inputs of HTML have attributes without value, and no end.
    xml = re.sub(r"(<input[^>]*)>", r"\1/>", re.sub(r" (checked|disabled)(?=[ >])", r' \1=""', page))
    root = ET.fromstring(re.sub(r"<script.*</script>", "", xml, flags=re.S))
    assert root.attrib == {"class": "explorer", "aria-label": "A square"}
    assert root.find("svg").attrib["aria-label"] == "side <a> = 10, colour = blue: A blue square of 100."
    assert len(root.findall("svg")) == 1
    slider = root.find(".//input[@type='range']").attrib
    assert (slider["aria-label"], slider["aria-valuetext"], slider["value"], slider["max"]) == (
        "side <a>",
        "10",
        "1",
        "2",
    )
    buttons = root.findall(".//input[@type='radio']")
    assert [("checked" in b.attrib) for b in buttons] == [False, True]
    assert root.find(".//legend").text == "colour"
    # Dead inputs must not look alive before the script is there.
    assert all("disabled" in entry.attrib for entry in root.iter("input"))
    assert root.find("figcaption").findtext("strong") == "A square."
    assert "It's <b>." in "".join(root.find("figcaption").itertext())
    assert root.find("p").text == "A blue square of 100."


def test_nothing_in_the_data_ends_the_script():
    def wild(side):
        drawing = Drawing(5, 5)
        drawing.text(0, 0, "</script><script>alert(1)</script>")
        return drawing, "</script> & <!-- that"

    page = Explorer(wild, {"side": [1, 2]}, title="T", caption="C").html()
    assert page.count("</script") == 1
    assert data_of(page)["texts"][0] == "</script> & <!-- that"


def test_another_process_gives_the_same_bytes_and_loads_no_widgets_for_them():
    code = """import sys, d2lcnn
page = d2lcnn.explore_depth(depth=3).html()
print(repr(page), 'ipywidgets' in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    page, loaded = done.stdout.rsplit(maxsplit=1)
    assert page == repr(explore_depth(depth=3).html())
    assert loaded == "False"


def test_the_bundle_has_all_three_lives_and_on_colab_the_live_one(monkeypatch):
    bundle = explorer()._repr_mimebundle_()
    assert set(bundle) == {WIDGET_VIEW, "text/html", "text/plain"}
    assert bundle["text/html"] == explorer().html()
    assert bundle["text/plain"].splitlines()[0] == "A square (figure that moves)"
    assert "0x" not in bundle["text/plain"]
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert set(explorer()._repr_mimebundle_()) == {WIDGET_VIEW, "text/plain"}


def test_the_live_figure_follows_its_controls():
    box = explorer().widget()
    slider, buttons, picture, words, caption = box.children
    assert (type(slider).__name__, type(buttons).__name__) == ("SelectionSlider", "ToggleButtons")
    assert (slider.description, buttons.description) == ("side <a>", "colour")
    assert picture.value == explorer().svg(10, "blue")
    slider.value = 2
    assert picture.value == explorer().svg(20, "blue")
    buttons.value = 0
    assert picture.value == explorer().svg(20, "red")
    assert words.value == "A red square of 400."
    assert unescape(caption.value).endswith("It's <b>.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {}}, "one or two parameters, got 0"),
        ({"parameters": {"a": [1, 2], "b": [1, 2], "c": [1, 2]}}, "one or two parameters, got 3. Fix the others"),
        ({"title": " "}, "title cannot be empty, got ' '"),
        ({"caption": ""}, "caption cannot be empty"),
        ({"parameters": {"": [1, 2]}, "start": None}, "parameter's name cannot be empty"),
        ({"parameters": {"a": [1, "b"]}, "start": None}, r"all numbers or all words, got \[1, 'b'\] for 'a'"),
        ({"parameters": {"a": [True, False]}, "start": None}, "all numbers or all words"),
        ({"parameters": {"a": [1]}, "start": None}, "at least two values that read differently, got 1 for 'a'"),
        ({"parameters": {"a": []}, "start": None}, "got none for 'a'"),
        ({"parameters": {"a": [1, 1.0000000001]}, "start": None}, "got 1, 1 for 'a'. Give more, or numbers"),
        ({"start": [10]}, "one value for each parameter, got 1 for 2"),
        ({"start": [11, "red"]}, "11 is no value of 'side <a>'. Choose one of 0.5, 10, 20"),
        ({"draw": lambda a, b: Drawing(9, 9)}, "gives a Drawing and a sentence, got .* for side <a> = 0.5, colour = red"),
        ({"draw": lambda a, b: ("<svg/>", "x")}, "gives a Drawing and a sentence"),
        ({"draw": lambda a, b: (Drawing(9, int(a) + 1), "x")}, "one size, got 9 × 1, 9 × 11, 9 × 21"),
    ],
)  # fmt: skip
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        explorer(**changes)
