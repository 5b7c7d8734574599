"""The built pages in a real browser: each on a phone, on a desktop and on paper, and with axe.

One page of each kind is tried on a tablet too, in the dark, and on a phone with axe, where only the styles differ that all
pages share, and its colours are looked at; of the pages of docstrings axe tries one. With D2LCNN_WHOLE_COURSE=1, as each
week, every page is tried in every way.
"""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

import pytest

from .axe import violations
from .browsing import TWO_FRAMES, UNFOLD, load, resize, visit, watch
from .conftest import ROOT, SITE, page_paths
from .paper import on_paper
from .published import is_whole
from .weight import too_heavy

pytestmark = pytest.mark.site

PHONE, TABLET, DESKTOP = 360, 768, 1440
NAMES = [path.relative_to(SITE).as_posix() for path in page_paths(SITE)]
# A page of each kind, and those with elements that no other has.
KINDS = {
    f"book/{name}.html"
    for name in (
        "index",
        "lenet",
        "how-true",
        "run-it-yourself",
        "api/data",
        "glossary",
        "bibliography",
    )
} | {"search.html"}
# Where pictures go, if they are wanted: of all pages on a desktop by day, of those on a phone by night.
PICTURES = ROOT / "ci-artifacts" / "screenshots"
# Of a longer page the beginning is enough; Chromium draws no more than 16,000.
LONGEST = 8_000


@pytest.fixture(scope="session")
def context(browser):
    """One for all pages, which share what they have fetched; colours change at once, not by and by."""
    with browser.new_context(
        viewport={"width": PHONE, "height": 900}, color_scheme="light", reduced_motion="reduce"
    ) as context:
        yield context


@pytest.fixture(scope="session")
def tab(context, address):
    """One tab in which page after page is loaded, since a new one has to read each script anew; with what is wrong."""
    page = context.new_page()
    return page, watch(page, address)


def keep_picture(page, name, width, scheme):
    """Store the page as it looks, as far as LONGEST, if pictures are wanted."""
    if not os.environ.get("D2LCNN_SCREENSHOTS"):
        return
    height = min(page.evaluate("() => document.documentElement.scrollHeight"), LONGEST)
    path = PICTURES / f"{name.removesuffix('.html').replace('/', '-')}-{width}-{scheme}.jpg"
    page.screenshot(
        path=path,
        type="jpeg",
        quality=60,
        full_page=True,
        clip={"x": 0, "y": 0, "width": width, "height": height},
    )


def test_the_pages_tried_are_those_of_the_book(pages):
    """They are listed before the tests run, so a site built meanwhile would go unseen."""
    assert list(map(str, pages.values())) == NAMES
    assert set(NAMES) >= KINDS


def other_theme(page, scheme):
    """Say if the page did not follow the reader's device, which turned dark or light."""
    theme = page.evaluate("() => document.documentElement.dataset.theme")
    return [] if theme == scheme else [f"the theme is {theme}, not {scheme}"]


@pytest.mark.parametrize("name", NAMES)
def test_page(tab, address, site, axe, name):
    """It loads whole and nothing needless, stays on the site, fits each width and paper, and shuts nobody out.

    It is loaded once, on a phone, and made wider and dark as a window is, since loading takes longer.
    """
    every_way = name in KINDS or is_whole()
    page, problems = tab
    page.goto("about:blank")
    problems.clear()
    page.emulate_media(media="screen", color_scheme="light")
    page.set_viewport_size({"width": PHONE, "height": 900})
    problems += load(page, f"{address}/{name}")
    problems += too_heavy(page, site)
    # What changes at once is laid out once: a long page takes up to a second each time.
    if every_way:
        page.emulate_media(color_scheme="dark")
        keep_picture(page, name, PHONE, "dark")
        problems += resize(page, TABLET) + other_theme(page, "dark")
    # From a dark screen, where it is tried, as the harder case.
    problems += on_paper(page)
    page.evaluate(UNFOLD)
    page.emulate_media(media="screen", color_scheme="light")
    problems += resize(page, DESKTOP) + other_theme(page, "light")
    keep_picture(page, name, DESKTOP, "light")
    # Last, since axe's helper changes the code's elements. Pages of docstrings are all made alike.
    if every_way or not name.startswith("book/api/"):
        problems += violations(page, axe, "all" if every_way else "all but colours")
    if every_way:
        page.emulate_media(color_scheme="dark")
        page.evaluate(TWO_FRAMES)
        problems += other_theme(page, "dark") + violations(page, axe, "colours")
        page.set_viewport_size({"width": PHONE, "height": 900})
        page.evaluate(TWO_FRAMES)
        problems += violations(page, axe, "all but colours")
    assert not problems, f"{name}:\n" + "\n".join(problems)


def test_the_first_address_leads_into_the_book(context, address):
    page = context.new_page()
    page.goto(f"{address}/", wait_until="commit")
    page.wait_for_url(f"{address}/book/index.html")
    page.close()


def test_math_is_drawn_with_the_fonts_of_the_site(browser, address, pages):
    name = next(str(page) for page in pages.values() if "math" in page.classes)
    with browser.new_context() as context:
        page, _ = visit(context, address, name)
        loaded = (
            "() => [...document.fonts].filter(f => f.family.includes('MJX') && f.status == 'loaded').length"
        )
        assert page.evaluate(loaded) > 0


@pytest.mark.parametrize("words", ["convolution", "layer", "weight"])
def test_every_search_result_leads_to_a_place(context, address, pages, site, words):
    """Results are links that a script makes, with fragments."""
    page, problems = visit(context, address, f"search.html?q={words}")
    page.locator("#search-results h2", has_text="Search Results").wait_for(state="attached")
    links = page.evaluate(
        "() => [...document.querySelectorAll('#search-results li a')].map(link => link.href)"
    )
    page.close()
    assert len(links) >= 5
    for link in links:
        parts = urlsplit(link)
        target = pages[site / parts.path.lstrip("/")]
        if not parts.fragment or unquote(parts.fragment) in target.ids:
            continue
        problems.append(f"{link} leads nowhere")
    assert not problems, "\n".join(problems)
