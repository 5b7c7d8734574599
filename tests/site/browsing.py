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
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

# Nothing but the local server can be reached, whatever a page asks for.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", OFFLINE]
NAMES = ("chromium", "chromium-browser", "google-chrome")
MATHJAX = "/_static/vendor/mathjax/tex-mml-chtml.js"
NO_BROWSER = (
    "the pages were not tried in a browser: none was found. Install Chromium (`apt-get install chromium`) or name "
    "the program in D2LCNN_CHROMIUM, then run `make test` again."
)
# Listens before any script of the page runs.
LISTEN = """window.refused = [];
document.addEventListener('securitypolicyviolation', event => window.refused.push(
    `the Content-Security-Policy refused ${event.blockedURI} (${event.effectiveDirective})`));"""
UNFOLD = "() => document.querySelectorAll('details').forEach(details => { details.open = true; })"
# All that a reader would wait for, folds included.
SETTLE = f"""async () => {{
    ({UNFOLD})();
    document.querySelectorAll('img').forEach(image => {{ image.loading = 'eager'; }});
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
    await Promise.all([...document.images].map(image => image.decode().catch(() => {{}})));
    // Two frames: what the fold's opening and the fonts set off is done.
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
}}"""
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# What went wrong on a page that only the page itself can tell.
INSPECT = """() => {
    const all = selector => [...document.querySelectorAll(selector)];
    const problems = [...window.refused];
    const excess = document.documentElement.scrollWidth - window.innerWidth;
    if (excess > 0) {
        const wide = all('article *').find(e => e.getBoundingClientRect().right > window.innerWidth + 1);
        problems.push(`it scrolls sideways by ${excess} px, first at ${wide && wide.outerHTML.slice(0, 120)}`);
    }
    for (const math of window.formulasLeftOut ? [] : all('article .math'))
        if (!math.querySelector('mjx-container')) problems.push(`math not drawn: ${math.textContent.slice(0, 60)}`);
    for (const error of all('mjx-merror, mjx-mtext[style*="color: red"]'))
        problems.push(`TeX that MathJax does not know: ${error.closest('mjx-container').textContent.slice(0, 80)}`);
    for (const details of all('details.solution')) {
        if (!details.querySelector(':scope > summary')) problems.push('a solution without a summary');
        if (details.querySelector('h1, h2, details.solution')) problems.push('a solution that is not closed');
    }
    for (const image of all('img'))
        if (!image.complete || !image.naturalWidth) problems.push(`image not drawn: ${image.src}`);
    for (const image of all('article img')) {
        const sized = image.hasAttribute('width') && image.hasAttribute('height');
        if (!sized && !image.matches('.toggler'))  // Sphinx's own, in the index of modules
            problems.push(`the text moves when this comes, since it has no size in pixels: ${image.src}`);
        const {paddingLeft, paddingRight, paddingTop, paddingBottom} = getComputedStyle(image);
        const width = image.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
        const height = image.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
        // A pixel more or less is rounding; without a box there is none.
        if (width && Math.abs(height - width * image.naturalHeight / image.naturalWidth) > 2)
            problems.push(`image out of shape: ${image.src}`);
    }
    const here = location.href.split('#')[0];
    for (const link of all('a[href*="#"]')) {
        const [file, place] = link.href.split('#');
        if (file === here && place && !document.getElementById(decodeURIComponent(place)))
            problems.push(`no such place on this page: #${place}, linked as ${link.textContent.trim().slice(0, 60)}`);
    }
    const ids = all('[id]').map(element => element.id);
    for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) problems.push(`two elements have the id ${id}`);
    return problems;
}"""


def find_browser() -> str | None:
    """The path of a browser: the one named in D2LCNN_CHROMIUM, or the first that is installed.

    Raises:
        ValueError: If D2LCNN_CHROMIUM names something that cannot be run.
    """
    named = os.environ.get("D2LCNN_CHROMIUM")
    if not named:
        return next(filter(None, map(shutil.which, NAMES)), None)
    path = shutil.which(named)
    if path is None:
        raise ValueError(
            f"D2LCNN_CHROMIUM must name a Chromium or Chrome that can be run, got {named!r}. Correct it, or unset it "
            f"to take the one on PATH."
        )
    return path


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Answers without writing a log."""

    def log_message(self, *args: Any) -> None:
        pass


class WithoutFormulas(Quiet):
    """Answers with nothing in MathJax's place, which needs most of the time that a page takes to load."""

    def do_GET(self) -> None:
        if not urlsplit(self.path).path.endswith(MATHJAX):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.end_headers()
        self.wfile.write(b"window.formulasLeftOut = true;")


@contextmanager
def serve(site: Path, quiet: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve a folder from a thread and give its address.

    Args:
        site: The folder.
        quiet: What answers.
    """
    handler = functools.partial(quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # The server looks so often whether it is to end: with the usual half a second each test would wait for that.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def watch(page: Page, address: str) -> list[str]:
    """Note from now on what is wrong with all that a tab shows; gives the list, which grows.

    Args:
        page: The tab, as yet empty.
        address: Where the site is served; a request for anything else is reported, and the browser refuses it.
    """
    problems: list[str] = []

    def ask(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            problems.append(f"a request leaves the site: {request.url}")

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(f"console {message.type}: {message.text}")

    page.add_init_script(LISTEN)
    page.on("request", ask)
    page.on("console", hear)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url} {request.failure}"))
    page.on(
        "response",
        lambda answer: problems.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None,
    )
    return problems


def load(page: Page, url: str) -> list[str]:
    """Load a page in a tab that is watched, wait for all of it, and say what is wrong with it."""
    page.goto(url, wait_until="load")
    page.evaluate(SETTLE)
    return page.evaluate(INSPECT)  # type: ignore[no-any-return]


def visit(context: BrowserContext, address: str, name: str) -> tuple[Page, list[str]]:
    """Open one page in a tab of its own and return it with all that is wrong with it.

    Args:
        context: What fixes the width, the theme and the rest; its page is the caller's to close.
        address: Where the site is served.
        name: The page within the site, such as "book/lenet.html".
    """
    page = context.new_page()
    problems = watch(page, address)
    problems += load(page, f"{address}/{name}")
    return page, problems


def resize(page: Page, width: int) -> list[str]:
    """Give an open page another width, and say what is wrong with it then."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(TWO_FRAMES)
    return [f"{width} pixels: {problem}" for problem in page.evaluate(INSPECT)]
