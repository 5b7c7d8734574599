"""The page for addresses that are no page, seen where a reader meets it: deep below a wrong address."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from .browsing import resize, visit
from .conftest import Page
from .published import PATH, publish

pytestmark = [pytest.mark.site, pytest.mark.slow, pytest.mark.xdist_group("course")]


@pytest.fixture(scope="session")
def root_path(repository, extension):
    """Where the checkout's own book takes itself to lie."""
    address = extension("site_address").pages_address(repository.current_address() or "")
    return urlsplit(address).path or "/"


@pytest.fixture(params=["as it is", "below a path"])
def published(request, site):
    """A built site and the path that it is served at: the checkout's own, and the copy with an address."""
    if request.param == "below a path":
        return request.getfixturevalue("both"), PATH
    return site, request.getfixturevalue("root_path")


def test_every_address_on_it_holds_at_any_depth(published):
    folder, path = published
    page = Page(folder / "404.html")
    addresses = [*page.resources, *page.links]
    assert len(page.resources) > 5
    for address in addresses:
        if address.startswith(("#", "https://github.com/", "data:")):
            continue
        assert address.startswith(path), address
        assert (folder / urlsplit(address.removeprefix(path)).path).is_file(), address
    chapters = {file.relative_to(folder).as_posix() for file in (folder / "book").glob("*.html")}
    assert chapters <= {link.removeprefix(path) for link in page.links}


@pytest.mark.parametrize(
    ("published", "wrong", "width"),
    [("as it is", "lenett.html", 360), ("below a path", "book/part/one/two.html?x=1", 1440)],
    indirect=["published"],
)
def test_it_helps_the_reader_on(browser, published, wrong, width):
    folder, path = published
    with (
        publish(folder, path, quick=True) as host,
        browser.new_context(viewport={"width": 360, "height": 800}) as context,
    ):
        page, problems = visit(context, host, f"{path[1:]}{wrong}")
        # The page itself is answered with 404, as it must be; nothing that it fetches is.
        missing = [problem for problem in problems if not problem.endswith("(Not Found)")]
        assert missing == [f"404: {host}{path}{wrong}"]
        assert len(problems) == 2
        assert not resize(page, 1440)
        page.set_viewport_size({"width": width, "height": 800})
        assert page.locator("h1:visible").inner_text() == "Page not found"
        # The theme's styles are there.
        assert (
            page.evaluate("() => getComputedStyle(document.querySelector('.bd-header-article')).position")
            == "sticky"
        )

        page.get_by_label("Search the book").fill("pooling")
        page.keyboard.press("Enter")
        page.wait_for_selector("#search-results li a")
        assert page.url == f"{host}{path}search.html?q=pooling"

        for link, target in (("first page", "book/index.html"), ("LeNet", "book/lenet.html")):
            page.goto(f"{host}{path}{wrong}")
            page.locator("section.not-found").get_by_role("link", name=link, exact=True).click()
            page.wait_for_url(f"{host}{path}{target}")
