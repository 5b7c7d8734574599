"""The built pages in a real browser: on a phone and a desktop, in light and in dark."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading

import pytest

pytestmark = pytest.mark.site

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# What went wrong on a page that only the page itself can tell.
INSPECT = """() => {
    const all = selector => [...document.querySelectorAll(selector)];
    all('details').forEach(details => { details.open = true; });
    const problems = [];
    const excess = document.documentElement.scrollWidth - window.innerWidth;
    if (excess > 0) {
        const wide = all('article *').find(e => e.getBoundingClientRect().right > window.innerWidth + 1);
        problems.push(`it scrolls sideways by ${excess} px, first at ${wide && wide.outerHTML.slice(0, 120)}`);
    }
    for (const math of all('article .math'))
        if (!math.querySelector('mjx-container')) problems.push(`math not drawn: ${math.textContent.slice(0, 60)}`);
    for (const error of all('mjx-merror, mjx-mtext[style*="color: red"]'))
        problems.push(`TeX that MathJax does not know: ${error.closest('mjx-container').textContent.slice(0, 80)}`);
    for (const details of all('details.solution')) {
        if (!details.querySelector(':scope > summary')) problems.push('a solution without a summary');
        if (details.querySelector('h1, h2, details.solution')) problems.push('a solution that is not closed');
    }
    for (const image of all('img'))
        if (!image.complete || !image.naturalWidth) problems.push(`image not drawn: ${image.src}`);
    return problems;
}"""


@pytest.fixture(scope="module")
def address(site):
    """Serve the site from a thread."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("D2LCNN_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        message = "no browser found: install one (`apt-get install chromium`) or name it in D2LCNN_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def visit(context, address, name):
    """Open one page and return all that is wrong with it."""
    problems = []

    def guard(route):
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"a request leaves the site: {route.request.url}")
            route.abort()

    def hear(message):
        if message.type in ("error", "warning"):
            problems.append(f"console {message.type}: {message.text}")

    page = context.new_page()
    page.route("**/*", guard)
    page.on("console", hear)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url} {request.failure}"))
    page.on(
        "response",
        lambda answer: problems.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None,
    )
    page.goto(f"{address}/{name}", wait_until="load")
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.wait_for_load_state("networkidle")
    problems += page.evaluate(INSPECT)
    return page, problems


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
