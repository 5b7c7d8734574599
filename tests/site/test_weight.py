"""What a page costs its reader: every page is weighed by test_browser.py, which has it open; here, that what is too much,
without a use or missing would be seen."""

from __future__ import annotations

import pytest

from .weight import EVERYWHERE, LIMIT, MATHJAX, SELECTORS, as_sent, judge

pytestmark = pytest.mark.site

SCRIPTS = {f"_static/{name}": 20_000 for name in EVERYWHERE}
# A page of words, one with code, and one with formulas: what they fetch, and what stands on them.
PAGES = {
    "words": (SCRIPTS, {}),
    "code": (
        SCRIPTS
        | {f"_static/{name}": 1 for name in ("clipboard.min.js", "copybutton.js", "copybutton.css", "scrolling.js")},
        {".highlight pre": 3, "div.highlight pre": 3, "button.copybtn": 3,
         "article :is(pre, table:not(.indextable), figure, .math)": 3},
    ),
    "formulas": (
        SCRIPTS | {f"{MATHJAX}tex-mml-chtml.js": LIMIT, f"{MATHJAX}output/chtml.js": 1, "_static/scrolling.js": 1},
        {"article .math": 2, "article :is(pre, table:not(.indextable), figure, .math)": 2},
    ),
}  # fmt: skip


def count(elements):
    return dict.fromkeys(SELECTORS, 0) | elements


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_what_it_needs_is_not_reported(name):
    sizes, elements = PAGES[name]
    assert set(elements) <= set(SELECTORS)
    assert judge(sizes, count(elements)) == []


@pytest.mark.parametrize(
    ("name", "more", "less", "words"),
    [
        (
            "words",
            {"_images/a.png": LIMIT},
            "",
            "it weighs 1,160,000 bytes, of which _images/a.png 1,000,000, ",
        ),
        ("words", {"_static/explorer.js": 1}, "", "it loads explorer.js without a use"),
        ("words", {"_static/anything-new.js": 1}, "", "it loads anything-new.js without a use"),
        ("words", {"_static/mystnb.0a1b.css": 1}, "", "mystnb. without a use"),
        ("words", {f"{MATHJAX}tex-mml-chtml.js": 1}, "", "it loads tex-mml-chtml.js without a use"),
        ("code", {}, "_static/copybutton.js", "it lacks copybutton.js"),
        ("code", {}, "_static/print.js", "it lacks print.js"),
        ("code", {}, "_static/copybutton.css", "copybutton.css is missing"),
        ("formulas", {}, f"{MATHJAX}tex-mml-chtml.js", "it lacks tex-mml-chtml.js"),
    ],
)
def test_what_is_too_much_or_missing_is_reported(name, more, less, words):
    sizes, elements = PAGES[name]
    problems = judge(
        {path: size for path, size in {**sizes, **more}.items() if path != less}, count(elements)
    )
    assert len(problems) == 1
    assert problems[0].startswith(words)


def test_a_page_that_was_not_measured_and_code_without_a_button_are_reported():
    assert "less than the theme" in judge({}, count({}))[0]
    sizes, elements = PAGES["code"]
    assert judge(sizes, count(elements | {"button.copybtn": 2})) == [
        "3 blocks of code and 2 buttons to copy them"
    ]


def test_text_is_weighed_as_it_is_sent(tmp_path):
    for name in ("a.html", "a.png"):
        (tmp_path / name).write_bytes(b"word " * 1000)
    assert as_sent(tmp_path / "a.html") < 100
    assert as_sent(tmp_path / "a.png") == 5000


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
