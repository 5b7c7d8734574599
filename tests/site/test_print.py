"""A single page printed from the reader's browser: no navigation, nothing cut, nothing folded, dark mode left behind."""

from __future__ import annotations

import pytest

from .browsing import visit

pytestmark = pytest.mark.site

# What A4 leaves between the margins of print.css: 174 mm, at 96 pixels to the inch.
WIDTH = 657
PRINTED = """() => {
    const all = selector => [...document.querySelectorAll(selector)];
    const seen = element => element.checkVisibility({visibilityProperty: true});
    const problems = [];
    const excess = document.documentElement.scrollWidth - window.innerWidth;
    if (excess > 0) problems.push(`it is ${excess} px wider than the paper`);
    for (const element of all('article *')) {
        const box = element.getBoundingClientRect();
        if (box.width && seen(element) && box.right > window.innerWidth + 1 && !element.closest('mjx-assistive-mml, svg'))
            problems.push(`cut at the right: ${element.outerHTML.slice(0, 100)}`);
        const {overflowX} = getComputedStyle(element);
        if (element.scrollWidth > element.clientWidth + 1 && /auto|scroll|hidden/.test(overflowX) && seen(element)
            && !element.closest('mjx-container, svg'))
            problems.push(`hidden in a box: ${element.outerHTML.slice(0, 100)}`);
    }
    for (const element of all('header.bd-header, .bd-header-article, .bd-sidebar, .prev-next-footer, .headerlink, footer, '
            + 'button, input, select'))
        if (seen(element)) problems.push(`of no use on paper: ${element.outerHTML.slice(0, 100)}`);
    for (const element of all('details > :not(summary)'))
        if (!seen(element) || !element.getBoundingClientRect().height)
            problems.push(`folded: ${element.outerHTML.slice(0, 100)}`);
    for (const link of all('a.spell-out'))
        if (!getComputedStyle(link, '::after').content.includes(link.getAttribute('href')))
            problems.push(`no address: ${link.outerHTML}`);
    return problems;
}"""


@pytest.fixture
def printing(browser, address):
    """Open a page on a dark screen, fold what can be folded, and print it."""
    with browser.new_context(viewport={"width": WIDTH, "height": 900}, color_scheme="dark") as context:

        def open_and_print(name):
            page, problems = visit(context, address, name)
            assert not problems
            page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = false; })")
            page.emulate_media(media="print")
            page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            return page

        yield open_and_print


def test_every_page_is_whole_on_paper(printing, pages):
    found = []
    for name in map(str, pages.values()):
        page = printing(name)
        found += [f"{name}: {problem}" for problem in page.evaluate(PRINTED)]
        page.close()
    assert not found, "\n".join(found)


def test_dark_mode_stays_on_the_screen(printing, pages):
    page = printing("book/lenet.html")
    theme = "() => document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "light"
    page.emulate_media(media="screen")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")


def test_solutions_and_addresses_are_among_what_was_checked(pages):
    classes = [name for page in pages.values() for name in page.classes]
    assert classes.count("solution") > 0
    assert classes.count("spell-out") > 0
