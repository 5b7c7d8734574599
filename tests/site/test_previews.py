"""Previews of glossary terms and citations, and what else helps a reader along: numbers, references, margin notes."""

from __future__ import annotations

import json
import re

import pytest

from .browsing import visit

pytestmark = pytest.mark.site

LESSON = "book/lenet.html"
TERM = 'article a.has-preview[href="glossary.html#term-kernel"]'
BOX = "#preview"
# Where the preview of each link stands; the links of folded solutions are shown first.
OPEN_EACH = """async () => {
    document.querySelectorAll('details').forEach(details => { details.open = true; });
    const boxes = [];
    for (const link of document.querySelectorAll('article a.has-preview')) {
        link.scrollIntoView({block: 'nearest', behavior: 'instant'});
        link.dispatchEvent(new PointerEvent('pointerenter', {pointerType: 'mouse'}));
        // The first waits for a pointer that rests; the following open at once.
        await new Promise(done => setTimeout(done, boxes.length ? 10 : 300));
        const {left, right, top, bottom} = document.querySelector('#preview').getBoundingClientRect();
        boxes.push({text: link.textContent, left, right, top, bottom});
    }
    return boxes;
}"""


def texts(page):
    """What a page's previews hold, by address."""
    html = page.path.read_text(encoding="utf-8")
    block = re.search(r'<script type="application/json" id="previews">(.*?)</script>', html, re.DOTALL)
    return json.loads(block[1]) if block else {}


@pytest.fixture
def lesson(browser, quick_address):
    """The lesson on a desktop, with all that was wrong with it."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page, problems = visit(context, quick_address, LESSON)
        yield page
        assert not problems


def by_name(pages, name):
    return next(page for page in pages.values() if str(page) == name)


def test_every_term_and_citation_of_a_chapter_has_its_text(pages):
    page = by_name(pages, LESSON)
    found = texts(page)
    wanted = {url for url in page.links if re.match(r"(glossary|bibliography)\.html#", url)}
    assert len({url for url in wanted if "glossary" in url}) >= 20
    assert len({url for url in wanted if "bibliography" in url}) >= 5
    assert set(found) == wanted
    heading, text = found["glossary.html#term-kernel"]
    assert heading == "kernel · 卷积核"
    assert text == "The small array of weights that a convolution slides over its input."
    cited = [text for url, (heading, text) in found.items() if "bibliography" in url and not heading]
    assert any("Gradient-based learning applied to document recognition" in text for text in cited)


def test_only_pages_with_such_links_load_the_script(pages):
    loading = {str(page) for page in pages.values() if any("previews.js" in url for url in page.resources)}
    assert loading == {str(page) for page in pages.values() if texts(page)}
    assert LESSON in loading
    assert "book/api/nets.html" not in loading


def test_the_pointer_opens_a_preview_that_it_can_enter(lesson):
    lesson.hover(TERM)
    lesson.wait_for_selector(BOX)
    assert "small array of weights" in lesson.inner_text(BOX)
    assert lesson.get_attribute(TERM, "aria-describedby") == "preview"
    lesson.hover(BOX)
    lesson.wait_for_timeout(500)
    assert lesson.is_visible(BOX), "it closed under the pointer"
    lesson.mouse.move(5, 5)
    lesson.wait_for_selector(BOX, state="hidden")
    assert lesson.get_attribute(TERM, "aria-describedby") is None


def test_the_keyboard_opens_a_preview_and_escape_closes_it(lesson):
    # From the link before it with the Tab key, as a reader without a pointer comes.
    lesson.evaluate(
        """selector => {
        const links = [...document.querySelectorAll('article a')];
        links[links.indexOf(document.querySelector(selector)) - 1].focus();
    }""",
        TERM,
    )
    lesson.keyboard.press("Tab")
    assert lesson.evaluate(f"document.activeElement === document.querySelector('{TERM}')")
    assert "small array of weights" in lesson.inner_text(BOX)
    lesson.keyboard.press("Escape")
    assert not lesson.is_visible(BOX)
    assert lesson.evaluate(f"document.activeElement === document.querySelector('{TERM}')")
    lesson.keyboard.press("Shift+Tab")
    assert "sums of a small window" in lesson.inner_text(BOX), "the link before it shows its own"


def test_a_citation_shows_its_source_and_no_second_tooltip(lesson):
    citation = lesson.locator("article a.has-preview", has_text="1989").first
    assert citation.get_attribute("title") is None
    citation.hover()
    lesson.wait_for_selector(BOX)
    assert "zip code recognition" in lesson.inner_text(BOX)


def test_a_tap_follows_the_link(browser, quick_address):
    with browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True) as context:
        page, problems = visit(context, quick_address, LESSON)
        page.dispatch_event(TERM, "pointerenter", {"pointerType": "touch"})
        page.wait_for_timeout(400)
        assert not page.is_visible(BOX), "a preview would cover what the finger is to meet"
        page.tap(TERM)
        page.wait_for_url("**/glossary.html#term-kernel")
    assert not problems


@pytest.mark.parametrize("width", [360, 1440])
def test_no_preview_leaves_the_window(browser, quick_address, width):
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page, _ = visit(context, quick_address, LESSON)
        boxes = page.evaluate(OPEN_EACH)
    assert len(boxes) >= 20
    outside = [box for box in boxes if box["left"] < 0 or box["right"] > width or box["top"] < 0
               or box["bottom"] > 800 or box["right"] - box["left"] < 50]  # fmt: skip
    assert not outside


def test_a_term_in_latin_letters_can_be_linked_to_and_one_with_a_number_not(extension):
    numbered = extension("term_links").NUMBERED
    assert numbered.fullmatch("term-12")
    assert not numbered.fullmatch("term-kernel")


@pytest.mark.parametrize("width", [360, 1440])
def test_a_margin_note_stands_beside_the_text_or_in_it(browser, quick_address, width):
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        page, problems = visit(context, quick_address, LESSON)
        article = page.locator("article.bd-article").bounding_box()
        notes = page.locator("article aside.margin")
        assert notes.count() >= 2
        for i in range(notes.count()):
            box = notes.nth(i).bounding_box()
            inside = box["x"] + box["width"] <= article["x"] + article["width"] + 1
            assert inside == (width == 360), notes.nth(i).inner_text()
            assert box["x"] + box["width"] <= width
            assert notes.nth(i).locator("h1, h2, h3, .cell").count() == 0, "a note that is not closed"
    assert not problems


def test_figures_and_equations_are_numbered_and_referred_to(pages, site):
    html = (site / LESSON).read_text(encoding="utf-8")
    figures = re.findall(r'<figure[^>]* id="(fig-[^"]+)"', html)
    numbers = [int(n) for n in re.findall(r'class="caption-number">Fig. (\d+) ', html)]
    assert len(figures) >= 8
    assert numbers == list(range(numbers[0], numbers[0] + len(figures)))
    referred = set(re.findall(r'href="#(fig-[^"]+)"><span class="std std-numref">Fig. \d+', html))
    assert len(referred & set(figures)) >= 6
    equations = re.findall(r'class="math notranslate nohighlight" id="(equation-[^"]+)"', html)
    assert len(equations) >= 3
    assert set(re.findall(r'href="#(equation-[^"]+)">\(\d+\)</a>', html)) <= set(equations)
    assert 'href="#equation-convolution"' in html


def test_exercises_are_numbered_and_their_solutions_folded(pages, site):
    html = (site / LESSON).read_text(encoding="utf-8")
    numbers = [int(n) for n in re.findall(r"<h3>Exercise (\d+) \(", html)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 7
    folded = re.findall(r"<h4>Solution (\d+).*?</h4>\s*<details class=\"solution\"( open)?>", html)
    assert folded == [(str(n), "") for n in numbers]
