"""The built pages in a real browser: each at three widths, in light and in dark."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

import pytest

from .axe import violations
from .browsing import visit
from .conftest import ROOT, SITE, page_paths

pytestmark = pytest.mark.site

WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")
NAMES = [path.relative_to(SITE).as_posix() for path in page_paths(SITE)]
# Where pictures of all pages go, if they are wanted: CI keeps them.
PICTURES = ROOT / "ci-artifacts" / "screenshots"
# Chromium draws no more than this of a longer page.
LONGEST = 16_000


@pytest.fixture(scope="session")
def contexts(browser):
    """One context for each width and theme, made when first asked for, so that pages share what they have fetched."""
    made = {}

    def give(width, scheme):
        if (width, scheme) not in made:
            made[width, scheme] = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
        return made[width, scheme]

    yield give
    for context in made.values():
        context.close()


def keep_picture(page, name, width, scheme):
    """Store the page as it looks, up to its first 16,000 pixels."""
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


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_page(contexts, address, axe, name, width, scheme):
    """It loads whole, stays on the site, fits the width, says nothing on the console, and shuts nobody out."""
    page, problems = visit(contexts(width, scheme), address, name)
    theme = page.evaluate("() => document.documentElement.dataset.theme")
    if theme != scheme:
        problems.append(f"the theme is {theme}, not {scheme}")
    if os.environ.get("CI") == "true" or os.environ.get("D2LCNN_SCREENSHOTS"):
        keep_picture(page, name, width, scheme)
    problems += violations(page, axe, structure=scheme == "light", code=width == max(WIDTHS))
    page.close()
    assert not problems, f"{name}, {width} pixels, {scheme}:\n" + "\n".join(problems)


def test_the_first_address_leads_into_the_book(contexts, address):
    page = contexts(1440, "light").new_page()
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
    page, problems = visit(contexts(1440, "light"), address, f"search.html?q={words}")
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
