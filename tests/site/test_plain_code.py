"""Words of code in the colour of all code have no elements of their own on the built pages, and none is lost."""

from __future__ import annotations

import re

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from .browsing import TWO_FRAMES, visit

pytestmark = pytest.mark.site

CODE = {
    "python": "@d\nclass A(nn.Module):\n    x: int = f'{y!r} z'  # why\n\n    def f(self, *a):\n\t\treturn len(a) - 1\n",
    "pycon": ">>> import numpy.random as r\n>>> r.rand(1)\narray([0.5])\n",
    "console": "$ make book  # first\nready & <done>\n",
}
CODE_COLOUR = r'html\[data-theme="{theme}"\] \.highlight {{.*\bcolor: (#\w+)'
WORD_COLOUR = r'html\[data-theme="{theme}"\] \.highlight \.{name} {{ (.*) }}'


@pytest.fixture(scope="module")
def plain_code(extension):
    return extension("plain_code")


def without_tags(html):
    return re.sub(r"<[^>]*>", "", html)


@pytest.mark.parametrize("language", CODE)
def test_no_character_is_lost(plain_code, language):
    lexer = get_lexer_by_name(language)
    usual = highlight(CODE[language], lexer, HtmlFormatter())
    ours = highlight(CODE[language], lexer, plain_code.PlainFormatter())
    assert without_tags(ours) == without_tags(usual)
    assert ours.count("<span") < usual.count("<span")


def test_words_with_a_colour_keep_it(plain_code):
    ours = highlight(CODE["python"], get_lexer_by_name("python"), plain_code.PlainFormatter())
    for word in (
        'class="k">class',
        'class="nc">A',
        'class="nb">int',
        'class="c1"># why',
        'class="mi">1',
        'class="nd">@d',
    ):
        assert f"<span {word}</span>" in ours


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_others_have_the_colour_of_all_code_in_the_style(plain_code, site, theme):
    style = (site / "_static" / "pygments.css").read_text(encoding="utf-8")
    (colour,) = re.findall(CODE_COLOUR.format(theme=theme), style)
    for kind in plain_code.PLAIN:
        (found,) = re.findall(WORD_COLOUR.format(theme=theme, name=STANDARD_TYPES[kind]), style)
        assert found == f"color: {colour}", kind


def test_the_page_gives_that_colour_to_words_without_an_element(browser, quick_address):
    """The theme has another one for all that is preformatted."""
    colours = """() => [...document.querySelectorAll('.highlight')].map(
        code => [code, code.querySelector('pre')].map(e => getComputedStyle(e).color))"""
    with browser.new_context(color_scheme="dark") as context:
        page, _ = visit(context, quick_address, "book/run-it-yourself.html")
        dark = page.evaluate(colours)
        page.emulate_media(color_scheme="light")
        page.evaluate(TWO_FRAMES)
        light = page.evaluate(colours)
    assert len(dark) == len(light) >= 3
    assert all(inside == outside for outside, inside in dark + light)
    assert dark[0] != light[0]


def test_no_page_has_elements_for_them(plain_code, pages):
    code = re.compile(r'<div class="highlight">(.*?)</pre>', re.DOTALL)
    names = "|".join(STANDARD_TYPES[kind] for kind in plain_code.PLAIN)
    blocks = [block for page in pages for block in code.findall(page.read_text(encoding="utf-8"))]
    assert len(blocks) > 100
    assert not [block for block in blocks if re.search(rf'<span class="({names})">', block)]
