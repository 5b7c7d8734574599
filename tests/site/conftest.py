"""What the tests of the built book share: the pages, taken apart, and the tools that make them."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from .axe import load_axe
from .browsing import FLAGS, NO_BROWSER, WithoutFormulas, find_browser, serve
from .published import both, course  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"

# <link> fetches something only with these; canonical, next and the like merely point.
FETCHING_RELS = {"stylesheet", "icon", "shortcut", "apple-touch-icon", "preload", "modulepreload", "prefetch"}
FETCHING_RELS |= {"preconnect", "dns-prefetch", "manifest", "mask-icon"}
FETCHING_ATTRIBUTES = {
    "script": ["src"],
    "img": ["src", "srcset"],
    "source": ["src", "srcset"],
    "iframe": ["src"],
    "embed": ["src"],
    "object": ["data"],
    "audio": ["src"],
    "video": ["src", "poster"],
    "track": ["src"],
    "input": ["src"],
    "image": ["href"],
    "use": ["href"],
}
CSS_URL = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")


CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def css_urls(css: str) -> list[str]:
    """What a stylesheet fetches."""
    return CSS_URL.findall(CSS_COMMENT.sub("", css))


@dataclass
class Page(HTMLParser):
    """One built page: what it fetches, where it links, and what a reader of its structure meets."""

    path: Path
    resources: list[str] = field(default_factory=list)
    icons: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    images: list[dict[str, str | None]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    headings: int = 0
    lang: str | None = None
    title: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        # The theme repeats the title for the printed page's table of contents.
        self._print_only = 0
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        self.classes += classes
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a" and given.get("name"):
            self.ids.add(str(given["name"]))
        if tag == "a" and given.get("href") is not None:
            self.links.append(str(given["href"]))
        for name in FETCHING_ATTRIBUTES.get(tag, []):
            if given.get(name):
                candidates = str(given[name]).split(",") if name == "srcset" else [str(given[name])]
                self.resources += [candidate.split()[0] for candidate in candidates]
        if tag == "link" and FETCHING_RELS & set((given.get("rel") or "").split()):
            self.resources.append(str(given["href"]))
            if "icon" in (given.get("rel") or "").split():
                self.icons.append(str(given["href"]))
        if tag == "meta" and (given.get("http-equiv") or "").lower() == "refresh":
            self.links.append(str(given["content"]).split("url=", 1)[-1])
        self.resources += css_urls(given.get("style") or "")
        if tag == "img":
            self.images.append(given)
        if tag == "html":
            self.lang = given.get("lang")
        if tag == "div" and (self._print_only or "onlyprint" in classes):
            self._print_only += 1
        if tag == "h1" and not self._print_only:
            self.headings += 1
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._print_only:
            self._print_only -= 1

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "title" and not self.title:
            self.title = data.strip()
        if inside == "style":
            self.resources += css_urls(data)

    def __str__(self) -> str:
        return self.path.relative_to(SITE).as_posix()


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book."""
    if not (SITE / "index.html").is_file():
        pytest.fail(f"the book is not built: {SITE} has no index.html. Run `make book` first.")
    return SITE


def page_paths(site: Path) -> list[Path]:
    """Every page of the book but the bare redirect to the first one, 404.html and a Chinese edition in zh/."""
    paths = [path for path in site.rglob("*.html") if not {"_static", "zh"} & {*path.relative_to(site).parts}]
    apart = (site / "index.html", site / "404.html")  # test_editions.py and test_not_found.py read the others
    return sorted(path for path in paths if path not in apart)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    """Every page of the book, taken apart."""
    found = {path: Page(path) for path in page_paths(site)}
    assert len(found) >= 6, f"only {len(found)} pages in {site}"
    return found


@pytest.fixture(scope="session")
def stylesheets(site: Path) -> dict[Path, list[str]]:
    """Every stylesheet of the site with what it fetches."""
    return {path: css_urls(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.css"))}


def load_file(path: Path) -> ModuleType:
    """Import a file that is not part of a package."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def vendor() -> ModuleType:
    return load_file(ROOT / "tools" / "vendor.py")


@pytest.fixture(scope="session")
def repository() -> ModuleType:
    return load_file(ROOT / "tools" / "repository.py")


@pytest.fixture(scope="session")
def translation() -> ModuleType:
    return load_file(ROOT / "tools" / "translation.py")


@pytest.fixture(scope="session")
def extension() -> Callable[[str], ModuleType]:
    """Import book/_extensions/<name>.py by its name."""
    sys.path.append(str(ROOT / "book" / "_extensions"))  # some import another
    return lambda name: load_file(ROOT / "book" / "_extensions" / f"{name}.py")


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the site from a thread."""
    with serve(site) as url:
        yield url


@pytest.fixture(scope="session")
def quick_address(site: Path) -> Iterator[str]:
    """Serve the site without MathJax, for what has nothing to do with formulas."""
    with serve(site, WithoutFormulas) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each opens contexts of its own."""
    try:
        path = find_browser()
    except ValueError as error:
        pytest.fail(str(error))
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core."""
    try:
        return load_axe()
    except FileNotFoundError as error:
        pytest.fail(str(error))
