"""The landing page tells in one screen what one will learn, shows it, and lets one start."""

from __future__ import annotations

import pytest

from .browsing import visit

pytestmark = pytest.mark.site


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_screen_tells_and_shows(browser, address, scheme):
    with browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme) as context:
        page, problems = visit(context, address, "book/index.html")
        for selector in ("h1", ".landing a.sd-btn-primary", "figure img", ".cards li:last-child", ".cards"):
            box = page.locator(f"article.bd-article > section {selector}").first.bounding_box()
            assert box, selector
            assert box["y"] + box["height"] <= 900, f"{selector} ends at {box['y'] + box['height']:.0f}"
        page.click(".landing a.sd-btn-primary")
        page.wait_for_url("**/book/lenet.html")
    assert not problems


def test_a_phone_shows_the_start_before_all_else(browser, address):
    with browser.new_context(viewport={"width": 360, "height": 800}) as context:
        page, problems = visit(context, address, "book/index.html")
        box = page.locator(".landing a.sd-btn-primary").bounding_box()
        assert box["y"] + box["height"] <= 800
        assert box["height"] >= 24, "too small for a finger"
    assert not problems
