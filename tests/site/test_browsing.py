"""The watch over a page sees what it is there to see: each defect, put into a page of its own, is reported."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .axe import COLOURS, violations
from .browsing import NO_BROWSER, find_browser, load, serve, watch

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
POLICY = (
    """<meta http-equiv="Content-Security-Policy" content="default-src 'self'; style-src 'unsafe-inline'">"""
)
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
<link rel="icon" href="data:,">{head}</head><body><main><h1>A page</h1><article>{body}</article></main></body></html>"""
NUMBERS = itertools.count()
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
# What is put into the page (head, body), and words of the report.
DEFECTS = {
    "request off the site": ("", '<img alt="x" src="http://d2lcnn.invalid/x.png">', "a request leaves the site"),
    "missing resource": ('<link rel="stylesheet" href="gone.css">', "", "404: "),
    "console warning": ("", "<script>console.warn('mind')</script>", "console warning: mind"),
    "console error": ("", "<script>console.error('oh')</script>", "console error: oh"),
    "script error": ("", "<script>null.x</script>", "script error: "),
    "refused by the policy": (POLICY, "<script>var x = 1</script>", "the Content-Security-Policy refused inline"),
    "sideways scroll": ("", '<p style="width: 900px">wide</p>', "it scrolls sideways by"),
    "math not drawn": ("", r'<div class="math">\(x\)</div>', "math not drawn: "),
    "broken image": ("", '<img alt="x" src="data:image/png;base64,AAAA">', "image not drawn: "),
    "image out of shape": ("", f'<img width="90" height="9" src="{DOT}">', "image out of shape: data:image/gif"),
    "image without a size": ("", f'<img alt="x" width="1" src="{DOT}">', "it has no size in pixels: data:image/gif"),
    "no such place": ("", '<a href="#nowhere">there</a>', "no such place on this page: #nowhere"),
    "id used twice": ("", '<p id="a">1</p><p id="a">2</p>', "two elements have the id a"),
    "solution without summary": ("", '<details class="solution"><p>5</p></details>', "a solution without a summary"),
    "solution not closed": (
        "",
        '<details class="solution"><summary>Show</summary><h2>The next section</h2></details>',
        "a solution that is not closed",
    ),
}  # fmt: skip
# What axe has to see: its rule, and a body that breaks it.
BARRIERS = {
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">',
    "color-contrast": '<p style="color: #999; background: #fff">pale words</p>',
    "link-in-text-block": '<p>Words about <a href="#" style="color: #333; text-decoration: none">a link</a> in them</p>',
    "label": '<input type="range">',
    "heading-order": "<h4>Far below</h4>",
    "button-name": "<button></button>",
    "region": None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def tab(browser, folder):
    """One tab for all pages; with what is wrong, and where the pages are served."""
    with browser.new_context(viewport={"width": 360, "height": 900}) as context, serve(folder) as address:
        page = context.new_page()
        yield page, watch(page, address), address


def open_page(tab, folder, head="", body="", page=PAGE):
    """Open a page of these parts; gives it, and what is wrong with it but for what axe finds."""
    opened, problems, address = tab
    opened.goto("about:blank")
    problems.clear()
    name = f"{next(NUMBERS)}.html"  # each another, since the browser may keep what it has fetched
    (folder / name).write_text(page.format(head=head, body=body), encoding="utf-8")
    problems += load(opened, f"{address}/{name}")
    return opened, problems


def report(tab, folder, head="", body="", axe=None):
    opened, problems = open_page(tab, folder, head, body)
    if axe is not None:
        problems += violations(opened, axe)
    return problems


def test_a_good_page_is_not_reported(tab, axe, folder):
    body = '<p id="here">words</p><a href="#here">words about it</a>'
    assert report(tab, folder, POLICY, body, axe=axe) == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_reported(tab, folder, defect):
    head, body, words = DEFECTS[defect]
    assert any(words in problem for problem in report(tab, folder, head, body))


@pytest.mark.parametrize("rule", BARRIERS)
def test_a_barrier_is_reported(tab, axe, folder, rule):
    """Among all rules, and among those on colours, which alone depend on the theme, or among the others."""
    page = PAGE if BARRIERS[rule] else PAGE.replace("</main>", "</main><p>Outside of all landmarks</p>")
    of_colours = rule in COLOURS
    opened, _ = open_page(tab, folder, POLICY, BARRIERS[rule] or "", page)
    for rules, expected in (("all", True), ("colours", of_colours), ("all but colours", not of_colours)):
        found = violations(opened, axe, rules)
        assert any(problem.startswith(f"axe {rule}: ") for problem in found) is expected, found


@pytest.mark.parametrize("last", ["<span>", '<span class="pale">', '<span class="word">'])
def test_of_words_that_are_alike_one_is_enough_and_of_others_none_is_passed_by(tab, axe, folder, last):
    """The last word of the code is pale in each case but the first: by its own class, or by what is around it."""
    style = "<style>.pale, .around .word { color: #999; background: #fff }</style>"
    body = f'<pre>{"<span class=word>words</span> " * 3}</pre><pre class="around">{last}pale</span></pre>'
    problems = report(tab, folder, style, body, axe=axe)
    assert any("color-contrast" in problem for problem in problems) is (last != "<span>"), problems


@pytest.mark.parametrize("last", ["word", "pale"])
def test_words_within_words_are_alike_by_all_that_is_around_them(tab, axe, folder, last):
    style = "<style>.pale { color: #999; background: #fff }</style>"
    part = '<em class="part"><span class="{}">words</span></em> '
    body = f"<p>{part.format('word') * 3}{part.format(last)}</p>"
    problems = report(tab, folder, style, body, axe=axe)
    assert any("color-contrast" in problem for problem in problems) is (last == "pale"), problems


@pytest.mark.parametrize("name", ["Copy", ""])
def test_of_buttons_that_are_alike_one_is_enough_and_of_others_none_is_passed_by(tab, axe, folder, name):
    body = f"<div>{'<button class=copybtn>Copy</button>' * 3}</div>"
    body += f'<div class="other"><button class="copybtn">{name}</button></div>'
    problems = report(tab, folder, body=body, axe=axe)
    assert any("button-name" in problem for problem in problems) is (not name), problems


@pytest.mark.parametrize("around", ["p", "p class='pale'"])
def test_of_formulas_that_are_alike_one_is_enough_and_of_others_none_is_passed_by(tab, axe, folder, around):
    style = "<style>.pale { color: #999; background: #fff }</style>"
    style += "<script>window.MathJax = {}</script>"
    formula = "<span class='math'><mjx-container><mjx-mi>weight</mjx-mi></mjx-container></span>"
    body = f"<p>{formula * 3}</p><{around}>{formula}</p>"
    problems = report(tab, folder, style, body, axe=axe)
    assert any("color-contrast" in problem for problem in problems) is (around != "p"), problems


@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped"), ("true", "error")])
def test_without_a_browser_they_say_so_and_ci_fails(ci, outcome, tmp_path):
    """A test that needs the browser, run where none is on PATH."""
    environment = {k: v for k, v in os.environ.items() if k not in ("D2LCNN_CHROMIUM", "CI")}
    test = "tests/site/test_browsing.py::test_a_good_page_is_not_reported"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rs",
            "-p",
            "no:cacheprovider",
            "-o",
            "addopts=--import-mode=importlib",
            "--confcutdir=tests/site",
            test,
        ],
        env={**environment, "PATH": str(tmp_path), "CI": ci},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert f"1 {outcome}" in done.stdout.splitlines()[-1], done.stdout
    assert NO_BROWSER.split(":")[0] in done.stdout
    assert "make test" in done.stdout
    assert (done.returncode == 0) is (ci == "")


def test_a_named_browser_that_is_none_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("D2LCNN_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(
        ValueError, match=r"D2LCNN_CHROMIUM must name a Chromium.*none'\. Correct it, or unset it"
    ):
        find_browser()
