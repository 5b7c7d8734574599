"""The built pages in a real browser: each at three widths, in light and in dark, and on paper."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

import pytest

from .axe import violations
from .browsing import resize, visit
from .conftest import ROOT, SITE, page_paths
from .paper import on_paper

pytestmark = pytest.mark.site

PHONE, TABLET, DESKTOP = 360, 768, 1440
# A page is loaded at the first width, and then made wider or narrower as a window is, since loading takes longer.
WIDTHS = {"light": (PHONE, TABLET, DESKTOP), "dark": (DESKTOP, PHONE)}
NAMES = [path.relative_to(SITE).as_posix() for path in page_paths(SITE)]
# It takes long: in the dark only colours are other ones, and those of a phone are those of a desktop.
TRIED_BY_AXE = ((PHONE, "light"), (DESKTOP, "light"), (DESKTOP, "dark"))
# Where pictures of all pages go, if they are wanted, on a desktop by day and on a phone by night: CI keeps them.
PICTURED = ((DESKTOP, "light"), (PHONE, "dark"))
PICTURES = ROOT / "ci-artifacts" / "screenshots"
# Of a longer page the beginning is enough; Chromium draws no more than 16,000.
LONGEST = 8_000


@pytest.fixture(scope="session")
def contexts(browser):
    """One context for each theme, made when first asked for, so that pages share what they have fetched."""
    made = {}

    def give(scheme):
        if scheme not in made:
            viewport = {"width": WIDTHS[scheme][0], "height": 900}
            made[scheme] = browser.new_context(viewport=viewport, color_scheme=scheme)
        return made[scheme]

    yield give
    for context in made.values():
        context.close()


def wants_pictures():
    return os.environ.get("CI") == "true" or bool(os.environ.get("D2LCNN_SCREENSHOTS"))


def keep_picture(page, name, width, scheme):
    """Store the page as it looks, as far as LONGEST."""
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


@pytest.mark.parametrize("scheme", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_page(contexts, address, axe, name, scheme):
    """It loads whole, stays on the site, fits each width and paper, says nothing on the console, and shuts nobody out."""
    page, problems = visit(contexts(scheme), address, name)
    theme = page.evaluate("() => document.documentElement.dataset.theme")
    if theme != scheme:
        problems.append(f"the theme is {theme}, not {scheme}")
    for width in WIDTHS[scheme]:
        if width != WIDTHS[scheme][0]:
            problems += resize(page, width)
        if wants_pictures() and (width, scheme) in PICTURED:
            keep_picture(page, name, width, scheme)
        if (width, scheme) in TRIED_BY_AXE:
            found = violations(page, axe, colours_alone=scheme == "dark")
            problems += [f"{width} pixels: {violation}" for violation in found]
    # From a dark screen, as the harder case.
    if scheme == "dark":
        problems += on_paper(page)
    page.close()
    assert not problems, f"{name}, {scheme}:\n" + "\n".join(problems)


def test_the_first_address_leads_into_the_book(contexts, address):
    page = contexts("dark").new_page()
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
def test_every_search_result_leads_to_a_place(contexts, address, pages, site, words):
    """Results are links that a script makes, with fragments."""
    page, problems = visit(contexts("dark"), address, f"search.html?q={words}")
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
