"""The search, as a reader uses it: symbols of the package, words of the field, names that a chapter mentions."""

from __future__ import annotations

import pytest

from .browsing import visit

pytestmark = pytest.mark.site

RESULTS = "#search-results ul.search li"
# Results come one by one, best first; that all are there a heading says. For each its whole page is fetched, for a few of
# its lines: who wants the best ones does not wait for the others.
LISTED = """([selector, most]) => document.querySelectorAll(selector).length >= most
    || document.querySelector('#search-results h2')?.textContent == 'Search Results'"""
LINKS = """() => [...document.querySelectorAll('#search-results ul.search li')].map(
    item => item.querySelector('a').getAttribute('href'))"""


@pytest.fixture(scope="module")
def search(browser, address):
    """Search for something and give the addresses of what was found, best first: all, or so many at least."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        yield lambda words, most=10_000: find(page, address, words, most)


def find(page, address, words, most):
    # From an empty page, else the results before could be taken for those that are waited for.
    page.goto("about:blank")
    page.goto(f"{address}/search.html?q={words}", wait_until="commit")
    page.wait_for_function(LISTED, arg=[RESULTS, most])
    return page.evaluate(LINKS)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        # Symbols: each leads to its place on the page of the package, in whatever case it is typed.
        ("Residual", "book/api/nets.html#d2lcnn.nets.Residual"),
        ("residual", "book/api/nets.html#d2lcnn.nets.Residual"),
        ("train_ch6", "book/api/training.html#d2lcnn.training.train_ch6"),
        ("d2lcnn.train_ch6", "book/api/training.html#d2lcnn.training.train_ch6"),
        ("load_data_fashion_mnist", "book/api/data.html#d2lcnn.data.load_data_fashion_mnist"),
        ("evaluate_accuracy_gpu", "book/api/training.html#d2lcnn.training.evaluate_accuracy_gpu"),
        ("vgg16_bn", "book/api/nets.html#d2lcnn.nets.vgg16_bn"),
        ("RECIPES", "book/api/training.html#d2lcnn.training.RECIPES"),
        # Terms: each leads to its entry.
        ("average pooling", "book/glossary.html#term-average-pooling"),
        ("covariate shift", "book/glossary.html#term-covariate-shift"),
        ("receptive field", "book/glossary.html#term-receptive-field"),
        ("ReLU", "book/glossary.html#term-ReLU"),
        ("Xavier initialization", "book/glossary.html#term-Xavier-initialization"),
        # A heading leads to its section.
        ("Why the test accuracy swings", "book/lenet.html#why-the-test-accuracy-swings"),
    ],
)
def test_it_leads_to_the_place(search, words, place):
    found = search(words, 3)
    assert place in found[:3], found


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("C3_TABLE", "book/lenet.html"),
        ("equivariance", "book/lenet.html"),
        ("symmetry breaking", "book/lenet.html"),
        ("plateau", "book/lenet.html"),
        ("D2LCNN_FAST", "book/run-it-yourself.html"),
        ("squeeze excitation", "book/bibliography.html"),
    ],
)
def test_it_finds_the_page(search, words, page):
    found = search(words)
    assert page in {url.partition("#")[0] for url in found}, found


def test_what_is_nowhere_is_not_found(search):
    assert search("xylophone") == []


def test_the_search_field_of_a_page_leads_to_the_results(browser, address):
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page, problems = visit(context, address, "book/lenet.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("train_ch6")
        page.keyboard.press("Enter")
        page.wait_for_selector(RESULTS)
        assert page.url.endswith("search.html?q=train_ch6")
        assert "book/api/training.html#d2lcnn.training.train_ch6" in page.evaluate(LINKS)
    assert not problems
