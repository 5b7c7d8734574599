"""A browser for the tests of the built book: finding one, serving the site, and opening a page that is watched."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = (
    "the pages were not tried in a browser: none was found. Install Chromium (`apt-get install chromium`) or name "
    "the program in D2LCNN_CHROMIUM, then run `make test` again."
)
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


def find_browser() -> str | None:
    """The path of a browser: the one named in D2LCNN_CHROMIUM, or the first that is installed."""
    return os.environ.get("D2LCNN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def serve(site: Path) -> Iterator[str]:
    """Serve a folder from a thread and give its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def visit(context: BrowserContext, address: str, name: str) -> tuple[Page, list[str]]:
    """Open one page and return it with all that is wrong with it.

    Args:
        context: What fixes the width, the theme and the rest; its page is the caller's to close.
        address: Where the site is served; a request for anything else is refused and reported.
        name: The page within the site, such as "book/lenet.html".
    """
    problems: list[str] = []

    def guard(route: Route) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"a request leaves the site: {route.request.url}")
            route.abort()

    def hear(message: ConsoleMessage) -> None:
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
