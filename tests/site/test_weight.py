"""What a page costs its reader: the bytes of a first visit, and no script without a use."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest

from .browsing import SETTLE

# One worker for all, so that each page is visited once.
pytestmark = [pytest.mark.site, pytest.mark.xdist_group("weight")]

LIMIT = 1_000_000  # bytes, without MathJax
MATHJAX = "/_static/vendor/mathjax/"
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
BLOCKS_AND_BUTTONS = ("div.highlight pre", "button.copybtn")


def first_visit(browser, address, site, name):
    """Open a page with an empty cache; give the bytes of each file that came, as they would be sent, and the page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    answers = []
    page.on("response", lambda answer: answers.append(answer))
    # What MathJax brings does not count here, and drawing all formulas takes long.
    page.route(f"**{MATHJAX}*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(f"{address}/{name}", wait_until="load")
    # Lazy images, which would come later and count as well, included.
    page.evaluate(SETTLE)
    sizes: Counter[str] = Counter()
    for answer in answers:
        path = urlsplit(answer.url).path
        body = (site / path.lstrip("/")).read_bytes()
        is_text = answer.headers.get("content-type", "").startswith(TEXT)
        sizes[path] += len(gzip.compress(body, 6)) if is_text else len(body)
    return sizes, page


@pytest.fixture(scope="module")
def visits(browser, address, pages, site):
    """Every page's files, and how often the elements stand there that ask for a script or come from one."""
    found = {}
    for name in map(str, pages.values()):
        sizes, page = first_visit(browser, address, site, name)
        selectors = {*WHERE_USED.values(), *STYLES_WHERE_USED.values(), *BLOCKS_AND_BUTTONS}
        count = {s: page.evaluate("s => document.querySelectorAll(s).length", s) for s in selectors}
        page.context.close()
        found[name] = sizes, count
    return found


def test_a_first_visit_is_below_a_megabyte(visits):
    heavy = []
    for name, (sizes, _) in visits.items():
        own = {path: size for path, size in sizes.items() if not path.startswith(MATHJAX)}
        print(f"{name}: {sum(own.values()):,} bytes")
        assert sum(own.values()) > 50_000, f"{name} cannot be as light as this: was it measured?"
        if sum(own.values()) >= LIMIT:
            largest = ", ".join(f"{path} {size:,}" for path, size in Counter(own).most_common(5))
            heavy.append(f"{name} weighs {sum(own.values()):,} bytes, of which {largest}")
    assert not heavy, "\n".join(heavy)


def files(sizes, suffix):
    """The names of a page's scripts or stylesheets; what MathJax loads by itself belongs to MathJax."""
    paths = [PurePosixPath(path) for path in sizes if path.endswith(suffix)]
    return {path.name for path in paths if path.name in WHERE_USED or not str(path).startswith(MATHJAX)}


def test_a_page_loads_the_scripts_that_it_uses_and_no_other(visits):
    wrong = []
    for name, (sizes, count) in visits.items():
        expected = EVERYWHERE | {script for script, element in WHERE_USED.items() if count[element]}
        loaded = files(sizes, ".js")
        wrong += [f"{name} loads {script} without a use" for script in sorted(loaded - expected)]
        wrong += [f"{name} lacks {script}" for script in sorted(expected - loaded)]
    assert not wrong, "\n".join(wrong)


def test_a_page_loads_an_extension_s_style_only_where_used(visits):
    wrong = []
    for name, (sizes, count) in visits.items():
        loaded = files(sizes, ".css")
        for style, element in STYLES_WHERE_USED.items():
            there = any(file.startswith(style) for file in loaded)
            if there != bool(count[element]):
                wrong.append(f"{name}: {style} {'without a use' if there else 'is missing'}")
    assert not wrong, "\n".join(wrong)


def test_every_code_block_has_a_copy_button(visits):
    checked = 0
    for name, (_, count) in visits.items():
        blocks, buttons = (count[selector] for selector in BLOCKS_AND_BUTTONS)
        assert buttons == blocks, name
        checked += blocks
    assert checked > 50


def test_the_copy_button_copies_the_code(browser, address):
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"{address}/book/run-it-yourself.html")
        block = page.locator("div.highlight:has(button.copybtn)").first
        block.hover()
        block.locator("button.copybtn").click()
        assert page.evaluate("navigator.clipboard.readText()") == block.locator("pre").inner_text().rstrip()


@pytest.mark.parametrize(
    ("file", "body", "needed"),
    [
        ("copybutton.js", '<div class="highlight"><pre>', True),
        ("copybutton.js", "<p>words</p>", False),
        ("vendor/mathjax/tex-mml-chtml.js", '<span class="math notranslate">', True),
        ("vendor/mathjax/tex-mml-chtml.js", "<p>mathematics</p>", False),
        ("sphinx-design.min.css", '<div class="sd-container">', True),
        ("sphinx-design.min.css", '<p class="wide">sd-card</p>', False),
        ("mystnb.0a1b.css", '<div class="cell docutils container">', True),
        ("mystnb.0a1b.css", "<p>", False),
        ("design-tabs.js", '<div class="sd-tab-set docutils">', True),
        ("design-tabs.js", '<div class="sd-card">', False),
        ("anything-new.js", "<p>", True),
    ],
)
def test_a_file_is_needed_where_its_mark_stands(extension, file, body, needed):
    assert extension("lean").is_needed(file, body) is needed
