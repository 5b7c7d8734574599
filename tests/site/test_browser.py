"""The built pages in a real browser: on a phone and a desktop, in light and in dark."""

from __future__ import annotations

import pytest

from .browsing import visit

pytestmark = pytest.mark.site


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_is_whole(browser, address, pages, width, scheme):
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        found = []
        for name in map(str, pages.values()):
            page, problems = visit(context, address, name)
            theme = page.evaluate("() => document.documentElement.dataset.theme")
            if theme != scheme:
                problems.append(f"the theme is {theme}, not {scheme}")
            found += [f"{name}: {problem}" for problem in problems]
            page.close()
    assert not found, "\n".join(found)


def test_math_is_drawn_with_the_fonts_of_the_site(browser, address, pages):
    name = next(str(page) for page in pages.values() if "math" in page.classes)
    with browser.new_context() as context:
        page, _ = visit(context, address, name)
        loaded = (
            "() => [...document.fonts].filter(f => f.family.includes('MJX') && f.status == 'loaded').length"
        )
        assert page.evaluate(loaded) > 0


def test_search_finds_a_page(browser, address, site):
    with browser.new_context() as context:
        page, problems = visit(context, address, "search.html?q=convolution")
        page.wait_for_selector("#search-results li a")
        assert page.locator("#search-results li a").count() >= 2
    assert not problems
