"""Figures that move, on the site: by keyboard, mouse and touch, heard as well as seen, and still on paper.

All figures share one script. Pointers are tried on a page that has all kinds of inputs, keys and paper on one more;
with D2LCNN_WHOLE_COURSE=1, as each week, on every page.
"""

from __future__ import annotations

import json

import pytest

from .browsing import TWO_FRAMES, visit
from .conftest import SITE, page_paths
from .published import is_whole

pytestmark = pytest.mark.site

DESKTOP = {"width": 1440, "height": 900}
# The pages that hold a figure that moves.
MOVING = [
    path.relative_to(SITE).as_posix()
    for path in page_paths(SITE)
    if '<figure class="explorer' in path.read_text(encoding="utf-8")
]
SAMPLE = MOVING if is_whole() else ["book/moving-figures.html"]
BY_KEYS = MOVING if is_whole() else [*SAMPLE, "book/lenet.html"]

# What a reader sees and hears of one figure.
STATE = """figure => ({
    picture: figure.querySelector('svg').innerHTML,
    words: figure.querySelector('svg').getAttribute('aria-label'),
    sentence: figure.querySelector('.explorer-text').textContent,
    values: [...figure.querySelectorAll('input[type=range]')].map(input => [
        input.getAttribute('aria-valuetext'), input.closest('label').querySelector('output').textContent]),
    chosen: [...figure.querySelectorAll('input:checked')].map(input => input.closest('label').innerText.trim()),
})"""


def together(names):
    """Pages as parameters; what is tried on one of them is tried in one process, which opens it once."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


@pytest.fixture(scope="module", params=together(BY_KEYS))
def opened(request, browser, quick_address):
    """A page with figures that move, opened once for all that is tried on it, and how they stood then."""
    with browser.new_context(viewport=DESKTOP) as context:
        page, problems = visit(context, quick_address, request.param)
        yield page, [state(figure) for figure in figures(page)]
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module", params=together(SAMPLE))
def touched(request, browser, quick_address):
    """A page of the sample, opened once for all pointers."""
    with browser.new_context(has_touch=True, viewport=DESKTOP) as context:
        page, problems = visit(context, quick_address, request.param)
        yield page
    assert not problems, "\n".join(problems)


def test_the_pages_tried_are_those_with_such_a_figure(pages):
    """They are listed before the tests run, so a site built meanwhile would go unseen."""
    assert [str(page) for page in pages.values() if "explorer" in page.classes] == MOVING
    assert set(BY_KEYS) <= set(MOVING)
    tried = "".join((SITE / name).read_text(encoding="utf-8") for name in SAMPLE)
    assert all(kind in tried for kind in ("<fieldset", 'type="radio"', 'type="range"'))


def figures(page):
    found = page.locator("figure.explorer")
    assert found.count() >= 1
    return [found.nth(i) for i in range(found.count())]


def state(figure):
    return figure.evaluate(STATE)


def frame(figure, **position):
    """The frame that a figure's data holds for the places of its inputs, by name, as a state has it."""
    data = json.loads(figure.locator("script").text_content())
    index = 0
    for name, values in data["parameters"]:
        index = index * len(values) + position[name]
    named = ", ".join(f"{name} = {values[position[name]]}" for name, values in data["parameters"])
    return {
        "picture": "".join(data["elements"][i] for i in data["frames"][index]),
        "words": f"{named}: {data['texts'][index]}",
        "sentence": data["texts"][index],
    }


def positions(figure):
    """Where the inputs of a figure stand, by name."""
    return figure.evaluate(
        """figure => Object.fromEntries([...figure.querySelectorAll('input[type=range], input:checked')]
        .map(input => [input.name, Number(input.value)]))"""
    )


def drawn(figure, picture):
    """A picture's text as the browser writes it."""
    return figure.evaluate(
        """(figure, picture) => {
        const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
        svg.innerHTML = picture;
        return svg.innerHTML;
    }""",
        picture,
    )


def assert_shows_its_inputs(figure):
    """The picture, its words and the values are those of the frame that the inputs name."""
    expected, now = frame(figure, **positions(figure)), state(figure)
    assert now["picture"] == drawn(figure, expected["picture"])
    assert (now["words"], now["sentence"]) == (expected["words"], expected["sentence"])
    assert now["words"].startswith(", ".join(
        f"{name} = {text}" for name, text in texts_of_inputs(figure).items()
    ))  # fmt: skip


def texts_of_inputs(figure):
    """What the inputs say that they are set to, by name, in the order of the data."""
    said = figure.evaluate(
        """figure => Object.fromEntries([...figure.querySelectorAll('input[type=range], input:checked')].map(
        input => [input.name, input.getAttribute('aria-valuetext') ?? input.closest('label').innerText.trim()]))"""
    )
    names = [name for name, _ in json.loads(figure.locator("script").text_content())["parameters"]]
    return {name: said[name] for name in names}


def assert_moves(figure, act):
    """Move each input of a figure by `act`: the picture and what is said of it must change."""
    for i in range(figure.locator("input[type=range]").count()):
        before = state(figure)
        act(figure.locator("input[type=range]").nth(i))
        after = state(figure)
        assert after["picture"] != before["picture"]
        assert after["words"] != before["words"]
        assert after["values"][i] != before["values"][i]
        assert after["values"][i][0] == after["values"][i][1]
        assert_shows_its_inputs(figure)
    groups = figure.locator("fieldset")
    for i in range(groups.count()):
        before = state(figure)
        act(groups.nth(i))
        after = state(figure)
        assert (after["picture"], after["chosen"][i]) != (before["picture"], before["chosen"][i])
        assert after["words"] != before["words"]
        assert_shows_its_inputs(figure)
    assert figure.locator("input[type=range], fieldset").count()


def by_keyboard(part):
    if part.evaluate("e => e.tagName") == "INPUT":
        part.focus()
        key = "ArrowLeft" if part.evaluate("e => e.value == e.max") else "ArrowRight"
    else:
        part.locator("input:checked").focus()
        key = "ArrowDown"
    part.page.keyboard.press(key)


def far_end(slider):
    """A point of the slider's track on the other side of its handle."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    share = slider.evaluate("e => Number(e.value) / Number(e.max)")
    return box["x"] + box["width"] * (0.03 if share > 0.5 else 0.97), box["y"] + box["height"] / 2


def by_mouse(part):
    if part.evaluate("e => e.tagName") == "INPUT":
        part.page.mouse.click(*far_end(part))
    else:
        part.locator("label:not(:has(:checked))").last.click()


def by_dragging(part):
    if part.evaluate("e => e.tagName") != "INPUT":
        return by_mouse(part)
    x, y = far_end(part)
    box = part.bounding_box()
    share = part.evaluate("e => Number(e.value) / Number(e.max)")
    # The handle's middle keeps half its width from the ends.
    part.page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), y)
    part.page.mouse.down()
    part.page.mouse.move(x, y, steps=5)
    part.page.mouse.up()


def by_touch(part):
    if part.evaluate("e => e.tagName") == "INPUT":
        part.page.touchscreen.tap(*far_end(part))
    else:
        part.locator("label:not(:has(:checked))").last.tap()


def test_keys_move_it_and_paper_shows_the_first_frame_with_its_caption(opened):
    page, at_first = opened
    for figure, first in zip(figures(page), at_first, strict=True):
        assert_moves(figure, by_keyboard)
        moved = state(figure)
        assert moved != first
        page.emulate_media(media="print")
        # The browser tells the page in its own time.
        page.wait_for_function(
            "([figure, words]) => figure.querySelector('svg').getAttribute('aria-label') == words",
            arg=[figure.element_handle(), first["words"]],
        )
        assert state(figure) == first
        assert figure.locator("figcaption").is_visible()
        assert figure.locator("svg").is_visible()
        assert figure.locator("input:visible").count() == 0
        # What the frame is drawn for can still be read.
        assert [v for _, v in first["values"]] == figure.locator("output:visible").all_inner_texts()
        shown = figure.locator("fieldset label:visible").all_inner_texts()
        assert [text.strip() for text in shown] == first["chosen"]
        page.emulate_media(media="screen")
        page.wait_for_function(
            "([figure, words]) => figure.querySelector('svg').getAttribute('aria-label') == words",
            arg=[figure.element_handle(), moved["words"]],
        )
        assert state(figure) == moved


@pytest.mark.parametrize("act", [by_mouse, by_dragging])
def test_a_mouse_moves_it(touched, act):
    for figure in figures(touched):
        assert_moves(figure, act)


def test_a_finger_moves_it(touched):
    touched.set_viewport_size({"width": 360, "height": 800})
    touched.evaluate(TWO_FRAMES)
    for figure in figures(touched):
        assert_moves(figure, by_touch)
    touched.set_viewport_size(DESKTOP)


def test_every_input_can_be_reached_by_tab(opened):
    page, _ = opened
    for figure in figures(page):
        parts = figure.locator("input[type=range], fieldset")
        first = parts.first
        (first if first.evaluate("e => e.tagName") == "INPUT" else first.locator(":checked")).focus()
        for i in range(1, parts.count()):
            page.keyboard.press("Tab")
            assert parts.nth(i).evaluate("e => e.contains(document.activeElement)")


def test_every_input_has_a_name_and_a_value_in_words(opened):
    page, _ = opened
    for figure in figures(page):
        title = figure.locator("figcaption strong").inner_text().rstrip(".")
        assert page.get_by_role("figure", name=title, exact=True).count() >= 1
        assert figure.get_by_role("img").count() == 1
        for parameter, values in json.loads(figure.locator("script").text_content())["parameters"]:
            slider = figure.get_by_role("slider", name=parameter, exact=True)
            group = figure.get_by_role("group", name=parameter, exact=True)
            assert slider.count() + group.count() == 1
            if slider.count():
                assert slider.get_attribute("aria-valuetext") in values
            else:
                found = [group.get_by_role("radio", name=value, exact=True).count() for value in values]
                assert found == [1] * len(values)


def test_without_scripts_the_first_frame_stands_still(browser, quick_address):
    with browser.new_context(java_script_enabled=False) as context:
        for name in SAMPLE:
            page = context.new_page()
            page.goto(f"{quick_address}/{name}", wait_until="domcontentloaded")
            for figure in figures(page):
                assert figure.locator("svg path, svg rect").count() > 3
                assert figure.locator("figcaption").is_visible()
                assert figure.locator("input:not(:disabled)").count() == 0


def test_only_pages_with_a_figure_that_moves_load_its_files(pages):
    for page in pages.values():
        own = sorted(
            url.rpartition("/")[2].partition("?")[0] for url in page.resources if "/explorer." in url
        )
        assert own == (["explorer.css", "explorer.js"] if str(page) in MOVING else []), str(page)
        assert not [url for url in page.resources if "embed-amd" in url or "require" in url], str(page)


def test_the_drawings_are_legible_in_the_dark(browser, quick_address):
    """The figure has the page's own ground and ink, not the white ground of other outputs."""
    with browser.new_context(color_scheme="dark") as context:
        page, _ = visit(context, quick_address, MOVING[0])
        ink, ground = page.evaluate(
            """() => {
            const figure = document.querySelector('figure.explorer');
            let box = figure;
            const clear = e => getComputedStyle(e).backgroundColor == 'rgba(0, 0, 0, 0)';
            while (clear(box)) box = box.parentElement;
            const light = colour => colour.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3;
            return [light(getComputedStyle(figure.querySelector('text')).fill),
                    light(getComputedStyle(box).backgroundColor)];
        }"""
        )
        assert ground < 60
        assert ink > 180
