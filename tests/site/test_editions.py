"""The book as it is published, with an address and in two languages: a copy that conftest's `course` builds once."""

from __future__ import annotations

import ast
import html
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from .browsing import load, resize, visit, watch
from .conftest import ROOT, SITE, Page
from .published import BASE, PATH, REPOSITORY, SENTENCE, TITLE, captions, publish

pytestmark = [pytest.mark.site, pytest.mark.slow, pytest.mark.xdist_group("course")]

# Sphinx's own pages, which are no chapters.
NO_CHAPTERS = {"genindex", "py-modindex", "search"}


@pytest.fixture(scope="session")
def names(both):
    """The pages of the English edition, without their suffix."""
    pages = [path.relative_to(both) for path in both.rglob("*.html")]
    found = {path.with_suffix("").as_posix() for path in pages if not {"_static", "zh"} & {*path.parts}}
    return sorted(found - {"index", "404"})


@pytest.fixture(scope="session")
def host(both):
    """The address of a host that serves the copy's site at PATH."""
    with publish(both, PATH) as address:
        yield address


def text_of(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text(encoding="utf-8")


def tags(page: str, name: str, key: str, value: str) -> dict[str, list[str]]:
    """What the tags of a page's head say: attribute `key` -> all of `value`."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(rf"<{name}\s[^>]*>", page.split("</head>")[0]):
        attributes = dict(re.findall(r'([\w:-]+)="([^"]*)"', tag))
        if key in attributes and value in attributes:
            found.setdefault(attributes[key], []).append(html.unescape(attributes[value]))
    return found


def test_both_editions_have_the_same_pages(both, names):
    chinese = {
        path.relative_to(both / "zh").with_suffix("").as_posix() for path in (both / "zh").rglob("*.html")
    }
    assert set(names) <= chinese
    assert {name for name in chinese if not name.startswith("_static")} - set(names) == {"index"}


def test_the_chinese_edition_shows_what_is_translated_in_a_chinese_frame(course, both):
    page = text_of(both, "zh/book/lenet")
    assert Page(both / "zh" / "book" / "lenet.html").lang == "zh-CN"
    assert SENTENCE in page
    assert f"<title>LeNet — {TITLE}</title>" in page.replace("&#8212;", "—")
    for i, caption in enumerate(captions(course), start=1):
        assert f"第{i}部分" in page
        assert html.escape(caption) not in page
    # The theme's own words.
    assert "目录" in page
    assert "搜索" in page
    # What is not translated stays, and so do the outputs.
    english = text_of(both, "book/lenet")
    assert SENTENCE not in english
    assert page.count('<div class="output') == english.count('<div class="output') > 0
    assert page.count('<div class="highlight') == english.count('<div class="highlight')


def test_every_page_links_to_its_other_edition(both, names):
    for name in names:
        for own, other, lang in (("", "zh/", "zh-CN"), ("zh/", "", "en")):
            page = text_of(both, own + name)
            (link,) = re.findall(r'<a class="language-switcher"[^>]*>', page)
            assert f'lang="{lang}" hreflang="{lang}"' in link
            target = os.path.normpath((both / own / name).parent / re.search(r'href="([^"]+)"', link)[1])
            assert Path(target) == both / other / f"{name}.html"
            english, chinese = f"{BASE}{name}.html", f"{BASE}zh/{name}.html"
            found = tags(page, "link", "hreflang", "href")
            assert found == {"en": [english], "zh-CN": [chinese], "x-default": [english]}


def test_a_book_in_one_language_links_to_no_other():
    """The checkout's own book: a page links to a Chinese one exactly if that was built."""
    for path in sorted((SITE / "book").rglob("*.html")):
        page = path.read_text(encoding="utf-8")
        expected = (SITE / "zh" / path.relative_to(SITE)).is_file()
        assert ("language-switcher" in page) == expected, path.name
        assert ("hreflang" in page) == expected, path.name


def test_the_catalogues_hold_the_pages_words_and_nothing_that_changes(course):
    """What a second run left: translated, without dates and places."""
    files = {path.name: path.read_text(encoding="utf-8") for path in (course / "locale").rglob("*.po")}
    assert {path.stem for path in (ROOT / "book").glob("*.ipynb")} < {Path(name).stem for name in files}
    for name, text in files.items():
        for word in ("-Date:", "Generated-By", "#:"):
            assert word not in text, f"{name}: {word}"
    assert SENTENCE in files["lenet.po"]


def test_docstrings_stay_what_the_code_says(course, both):
    # Read, since an import takes seconds and all the other tests do without.
    source = ast.parse((ROOT / "d2lcnn" / "data" / "device.py").read_text(encoding="utf-8"))
    (function,) = (node for node in source.body if getattr(node, "name", "") == "try_gpu")
    words = ast.get_docstring(function).split(",")[0]
    assert len(words) > 20
    assert words in re.sub("<[^>]+>", "", text_of(both, "zh/book/api/data"))
    assert words not in (course / "locale/zh_CN/LC_MESSAGES/book/api/data.po").read_text(encoding="utf-8")


def test_every_chapter_says_what_a_link_to_it_shows(both, names):
    for edition, site_name in (("", None), ("zh/", TITLE)):
        for name in set(names) - NO_CHAPTERS:
            page = text_of(both, edition + name)
            found = tags(page, "meta", "property", "content") | tags(page, "meta", "name", "content")
            assert all(len(values) == 1 for key, values in found.items() if key.startswith("og:")), name
            address = f"{BASE}{edition}{name}.html"
            assert found["og:url"] == [address]
            assert tags(page, "link", "rel", "href")["canonical"] == [address]
            assert found["og:title"][0]
            assert found["og:description"][0] == found["description"][0]
            assert len(found["og:description"][0]) > 20, name
            assert site_name in (None, found["og:site_name"][0])
            assert found["twitter:card"] == ["summary_large_image"]
            card = both / edition / found["og:image"][0].removeprefix(BASE + edition)
            assert found["og:image"][0].startswith(BASE)
            assert [str(length) for length in Image.open(card).size] == [
                *found["og:image:width"],
                *found["og:image:height"],
            ]
            assert found["og:image:alt"][0]


@pytest.mark.parametrize(
    ("name", "ending"), [("book/lenet", "ipynb"), ("book/run-it-yourself", "md?plain=1")]
)
def test_a_page_has_the_buttons_of_the_address(both, name, ending):
    links = set(re.findall(r'href="([^"]+)"', text_of(both, name)))
    colab = f"https://colab.research.google.com/github/some-one/d2lcnn/blob/main/{name}.ipynb"
    assert REPOSITORY in links
    assert {link for link in links if "/blob/" in link and "colab" not in link} == {
        f"{REPOSITORY}/blob/main/{name}.{ending}"
    }
    assert {link for link in links if "colab.research" in link} == ({colab} if ending == "ipynb" else set())


def test_the_sitemaps_list_the_chapters(both, names):
    for edition in ("", "zh/"):
        root = ElementTree.parse(both / edition / "sitemap.xml").getroot()
        listed = [element.text for element in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
        assert sorted(listed) == sorted(f"{BASE}{edition}{name}.html" for name in set(names) - NO_CHAPTERS)
    # Below a path nobody asks for it.
    assert not (both / "robots.txt").exists()


def test_without_an_address_no_page_gives_one(site, pages, repository):
    if repository.current_address() is not None:
        pytest.skip("the course's address is set")
    assert not (site / "sitemap.xml").exists()
    assert not (site / "robots.txt").exists()
    for path in pages:
        page = path.read_text(encoding="utf-8")
        assert "canonical" not in tags(page, "link", "rel", "href"), path.name
        assert not [key for key in tags(page, "meta", "property", "content") if key.startswith("og:")], (
            path.name
        )
        assert "github.io" not in page
        assert "colab.research" not in page
        # The button for the page's source on GitHub, which no chapter's text links to.
        assert not re.search(r'href="https://github\.com/[^"]+/blob/main/book/', page), path.name


def test_the_chinese_pages_are_whole(browser, host, both):
    """Those that are not as the English ones, on which the same is tried: with a translation, or of Sphinx's own words."""
    names = ["book/lenet", "book/index", "book/api/data", "search", "genindex"]
    assert SENTENCE in text_of(both, f"zh/{names[0]}")
    with browser.new_context(viewport={"width": 360, "height": 900}) as context:
        page, found = context.new_page(), []
        problems = watch(page, host)
        for name in names:
            page.set_viewport_size({"width": 360, "height": 900})
            problems += load(page, f"{host}{PATH}zh/{name}.html") + resize(page, 1440)
            found += [f"{name}: {problem}" for problem in problems]
            page.goto("about:blank")
            problems.clear()
    assert not found, "\n".join(found)


def test_the_keyboard_goes_to_the_other_edition_and_back(browser, host):
    name = "book/run-it-yourself.html"
    with browser.new_context(viewport={"width": 360, "height": 800}) as context:
        page, problems = visit(context, host, f"{PATH[1:]}{name}")
        for lang, target in (("zh-CN", f"zh/{name}"), ("en", name)):
            link = page.locator("a.language-switcher")
            box = link.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
            for _ in range(30):
                page.keyboard.press("Tab")
                if link.evaluate("link => link === document.activeElement"):
                    break
            else:
                pytest.fail("thirty times Tab did not reach the link to the other language")
            page.keyboard.press("Enter")
            page.wait_for_url(f"{host}{PATH}{target}")
            assert page.evaluate("() => document.documentElement.lang") == lang
        assert not problems


@pytest.fixture(scope="module")
def chinese_search(browser, host):
    """A tab for searches in the Chinese edition, and what is wrong in it."""
    with browser.new_context() as context:
        page = context.new_page()
        yield page, watch(page, host)


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("汇聚层", True),
        ("逐步降低分辨率", True),  # three words, written without a space
        ("核", True),
        ("滑动 分辨率", True),
        ("分辨率逐步", False),  # the words in an order that the page has not
        ("聚汇", False),
        ("cheques", True),
    ],
)
def test_search_finds_chinese_words(chinese_search, host, query, finds):
    page, problems = chinese_search
    page.goto("about:blank")  # which ends what the search before still fetches
    problems.clear()
    problems += load(page, f"{host}{PATH}zh/search.html?q={query}")
    page.wait_for_function(
        "() => /搜索完成|没有匹配/.test(document.querySelector('#search-results').innerText)"
    )
    links = page.locator('#search-results li a[href*="book/lenet.html"]')
    assert (links.count() > 0) == finds
    assert not problems
