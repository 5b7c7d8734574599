"""What an open page costs its reader: the bytes of a first visit, and no script or style without a use."""

from __future__ import annotations

import functools
import gzip
import mimetypes
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMIT = 1_000_000  # bytes, without what MathJax brings
LEAST = 50_000  # what the theme alone weighs: who measures less has measured nothing
MATHJAX = "_static/vendor/mathjax/"
TEXT = ("text/", "application/javascript", "application/json", "image/svg")

# What every page needs: the theme's menus, light and dark, the words to mark after a search, our buttons, and light
# colours for paper.
EVERYWHERE = {
    "documentation_options.js",
    "doctools.js",
    "sphinx_highlight.js",
    "sphinx-book-theme.js",
    "pydata-sphinx-theme.js",
    "bootstrap.js",
    "buttons.js",
    "print.js",
}
# What only the pages need that have such an element.
WHERE_USED = {
    "clipboard.min.js": ".highlight pre",
    "copybutton.js": ".highlight pre",
    "previews.js": "script#previews",
    "explorer.js": "figure.explorer",
    "scrolling.js": "article :is(pre, table:not(.indextable), figure, .math)",
    "searchtools.js": "#search-results",
    "language_data.js": "#search-results",
    "search-places.js": "#search-results",
    "searchindex.js": "#search-results",
    "tex-mml-chtml.js": "article .math",
}
# The beginnings of stylesheets' names: one has a hash in it.
STYLES_WHERE_USED = {
    "copybutton.css": ".highlight pre",
    "explorer.css": "figure.explorer",
    "mystnb.": "article .cell",
    "sphinx-design.min.css": "article [class*='sd-']",
}
BLOCKS, BUTTONS = "div.highlight pre", "button.copybtn"
SELECTORS = sorted({*WHERE_USED.values(), *STYLES_WHERE_USED.values(), BLOCKS, BUTTONS})
# All that the page has fetched, also out of the cache, itself first.
FETCHED = "() => [location.href, ...performance.getEntriesByType('resource').map(entry => entry.name)]"
COUNT = "selectors => selectors.map(selector => document.querySelectorAll(selector).length)"


@functools.cache
def as_sent(path: Path) -> int:
    """The bytes of a file as a server sends them: text is compressed."""
    body = path.read_bytes()
    is_text = (mimetypes.guess_type(path.name)[0] or "").startswith(TEXT)
    return len(gzip.compress(body, 6)) if is_text else len(body)


def too_heavy(page: Page, site: Path) -> list[str]:
    """What is wrong with the files that a page has fetched, as it was opened.

    Args:
        page: The page, at the site's own address.
        site: The folder that is served.
    """
    fetched = {unquote(urlsplit(address).path).lstrip("/") for address in page.evaluate(FETCHED)
               if not address.startswith(("data:", "blob:"))}  # fmt: skip
    return judge(
        {path: as_sent(site / path) for path in fetched},
        dict(zip(SELECTORS, page.evaluate(COUNT, SELECTORS))),
    )


def judge(sizes: dict[str, int], count: dict[str, int]) -> list[str]:
    """What is wrong with a page that has fetched files of these sizes and has so many of each of SELECTORS."""
    own = Counter({path: size for path, size in sizes.items() if not path.startswith(MATHJAX)})
    problems = []
    if own.total() >= LIMIT:
        largest = ", ".join(f"{path} {size:,}" for path, size in own.most_common(5))
        problems.append(f"it weighs {own.total():,} bytes, of which {largest}")
    if own.total() < LEAST:
        problems.append(f"it weighs {own.total():,} bytes, less than the theme: was it measured?")
    expected = EVERYWHERE | {script for script, element in WHERE_USED.items() if count[element]}
    scripts = _names(sizes, ".js")
    problems += [f"it loads {script} without a use" for script in sorted(scripts - expected)]
    problems += [f"it lacks {script}" for script in sorted(expected - scripts)]
    styles = _names(sizes, ".css")
    for style, element in STYLES_WHERE_USED.items():
        there = any(file.startswith(style) for file in styles)
        if there != bool(count[element]):
            problems.append(f"{style} {'without a use' if there else 'is missing'}")
    if count[BLOCKS] != count[BUTTONS]:
        problems.append(f"{count[BLOCKS]} blocks of code and {count[BUTTONS]} buttons to copy them")
    return problems


def _names(sizes: dict[str, int], suffix: str) -> set[str]:
    """The names of a page's scripts or styles; what MathJax loads by itself belongs to MathJax."""
    paths = [PurePosixPath(path) for path in sizes if path.endswith(suffix)]
    return {path.name for path in paths if path.name in WHERE_USED or not str(path).startswith(MATHJAX)}
