"""The built pages as they lie on the disk: nothing from elsewhere, nothing broken, nothing without a name."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
COLAB = "https://colab.research.google.com/"


def is_elsewhere(url):
    return bool(urlsplit(url).scheme or urlsplit(url).netloc) and not url.startswith("data:")


def local_target(base, url):
    """The file and the fragment that `url` means in the file `base`."""
    parts = urlsplit(url)
    path = Path(os.path.normpath(base.parent / unquote(parts.path))) if parts.path else base
    return (path / "index.html" if path.is_dir() else path), unquote(parts.fragment)


def test_no_page_fetches_from_elsewhere(pages):
    assert all(page.resources for page in pages.values())
    found = [f"{page}: {url}" for page in pages.values() for url in page.resources if is_elsewhere(url)]
    assert not found, "\n".join(found)


def test_no_stylesheet_fetches_from_elsewhere(stylesheets):
    assert sum(map(len, stylesheets.values())) > 0
    found = [f"{path.name}: {url}" for path, urls in stylesheets.items() for url in urls if is_elsewhere(url)]
    assert not found, "\n".join(found)


def test_every_resource_is_there(pages, stylesheets):
    used = [(page.path, url) for page in pages.values() for url in page.resources]
    used += [(path, url) for path, urls in stylesheets.items() for url in urls]
    missing = [f"{base.name}: {url}" for base, url in used if not url.startswith(("data:", "#"))
               and not is_elsewhere(url) and not local_target(base, url)[0].is_file()]  # fmt: skip
    assert not missing, "\n".join(missing)


def test_every_internal_link_resolves(pages, site):
    broken = []
    for page in pages.values():
        for url in page.links:
            if is_elsewhere(url):
                continue
            target, fragment = local_target(page.path, url)
            if target == site / "index.html" and not fragment:
                continue
            if not target.is_file():
                broken.append(f"{page}: {url}: no such file")
            elif fragment and target in pages and fragment not in pages[target].ids:
                broken.append(f"{page}: {url}: no such place on that page")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_links_to_what_is_beside_it(notebook):
    """Links in the text work where the notebook runs, and not only in the book: they name files, never pages."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for url in re.findall(r"\]\(<?([^)>\s]+)", text):
        if not is_elsewhere(url) and not url.startswith("#"):
            assert local_target(notebook, url)[0].is_file(), url


def test_first_page_redirects_into_the_book(site):
    assert (site / "book" / "index.html").is_file()
    assert "book/index.html" in (site / "index.html").read_text(encoding="utf-8")


def test_every_image_says_what_it_shows(pages):
    images = [(page, image.get("src"), image.get("alt")) for page in pages.values() for image in page.images]
    assert images
    # The file's own name is what myst-nb and Sphinx put where the author wrote nothing.
    poor = [f"{page}: {src} has the alt text {alt!r}" for page, src, alt in images
            if not (alt or "").strip() or Path(str(alt)).suffix in (".png", ".svg", ".jpg")]  # fmt: skip
    assert not poor, "\n".join(poor)


def test_every_picture_of_a_notebook_keeps_its_place_and_is_sharp(pages):
    """Its size stands in the page, so that nothing moves while it loads; a drawing has two pixels for one of the page."""
    count = 0
    for page in pages.values():
        for image in page.images:
            if not re.search(r"/_images/.*\.png$", image["src"]):
                continue
            size = int(image["width"]), int(image["height"])
            with Image.open(local_target(page.path, image["src"])[0]) as picture:
                scale = 2 if picture.mode == "P" else 1
                expected = picture.width / scale, picture.height / scale
                assert size == pytest.approx(expected, abs=1), f"{page}: {image['src']}"
                count += scale == 2
            # On a phone it scrolls, where its words would be too small.
            assert ("wide-picture" in str(image.get("class"))) == (size[0] >= 672), f"{page}: {image['src']}"
    assert count > len(NOTEBOOKS)


def test_every_page_has_one_first_heading_a_title_and_a_language(pages):
    odd = [f"{page}: {page.headings} h1, title {page.title!r}, lang {page.lang!r}" for page in pages.values()
           if page.headings != 1 or not page.title or page.lang != "en"]  # fmt: skip
    assert not odd, "\n".join(odd)


def test_every_page_has_a_favicon_and_one_search_field(pages):
    for page in pages.values():
        assert len(page.icons) == 1, str(page)
        assert page.classes.count("search-button-field") == 1, str(page)


def test_mathjax_lies_on_the_site(pages, site):
    entry = site / "_static" / "vendor" / "mathjax" / "tex-mml-chtml.js"
    assert entry.is_file(), "MathJax is missing: run `make book`, which calls tools/vendor.py"
    assert list(entry.parent.glob("output/chtml/fonts/woff-v2/*.woff"))
    with_math = [page for page in pages.values() if "math" in page.classes]
    assert with_math
    for page in with_math:
        scripts = [local_target(page.path, url)[0] for url in page.resources if "mathjax" in url.lower()]
        assert scripts == [entry], str(page)


def test_colab_and_repository_buttons_follow_the_address(pages, repository):
    address = repository.current_address()
    links = {str(page): page.links for page in pages.values()}
    foreign = [
        f"{page}: {url}"
        for page, urls in links.items()
        for url in urls
        if "executablebooks/jupyter-book" in url
    ]
    assert not foreign, "\n".join(foreign)
    for page, urls in links.items():
        name = page.removesuffix(".html") + ".ipynb"
        expected = []
        if address is not None and (ROOT / name).is_file():
            expected = [
                f"{COLAB}github/{address.removeprefix('https://github.com/')}/blob/{repository.BRANCH}/{name}"
            ]
        assert [url for url in urls if url.startswith(COLAB)] == expected, page


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_page_offers_its_notebook(pages, site, notebook):
    page = pages[site / "book" / f"{notebook.stem}.html"]
    offered = [
        local_target(page.path, url)[0]
        for url in page.links
        if url.endswith(f"_sources/book/{notebook.name}")
    ]
    assert offered
    assert all(path.read_bytes() == notebook.read_bytes() for path in offered)
