"""A single page printed from the reader's browser: nothing cut, nothing folded, dark mode left behind.

Every page is printed by test_browser.py, which has it open; here, that what is wrong on paper would be seen.
"""

from __future__ import annotations

import pytest

from .browsing import visit
from .paper import WIDTH, on_paper

pytestmark = pytest.mark.site

DEFECTS = {
    "wider than the paper": f"<p style='width: {WIDTH + 50}px'>wide</p>",
    "cut at the right": f"<p style='position: relative; left: {WIDTH}px'>far right</p>",
    "hidden in a box": "<div style='width: 100px; overflow: auto'><p style='width: 300px'>wide</p></div>",
    "of no use on paper": "<button>press</button>",
    "folded": "<details><summary>more</summary><p>hidden</p></details>",
    "no address": "<a class='spell-out' href='https://example.org/'>there</a>",
}


@pytest.fixture
def lesson(browser, address):
    """A chapter on a dark screen."""
    with browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark") as context:
        page, problems = visit(context, address, "book/lenet.html")
        assert not problems
        yield page


def test_dark_mode_stays_on_the_screen(lesson):
    assert not on_paper(lesson)
    theme = "() => document.documentElement.dataset.theme"
    assert lesson.evaluate(theme) == "light"
    lesson.emulate_media(media="screen")
    lesson.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_reported(browser, defect):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(f"<main><article>{DEFECTS[defect]}</article></main>")
        found = on_paper(page)
    assert any(problem.startswith("on paper: ") and defect in problem for problem in found), found


def test_solutions_and_addresses_are_among_what_is_printed(pages):
    classes = [name for page in pages.values() for name in page.classes]
    assert classes.count("solution") > 0
    assert classes.count("spell-out") > 0
