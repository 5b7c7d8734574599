"""book/_extensions/site_address.py: the site's address follows from the repository's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sphinx.errors import ConfigError


@pytest.fixture(scope="module")
def site_address(extension):
    return extension("site_address")


def settings(**given):
    """Sphinx's settings, as far as the extension reads them."""
    return SimpleNamespace(
        **{"html_baseurl": "", "html_title": "t", "html_theme_options": {}, "language": "en"} | given
    )


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("", ""),
        ("https://github.com/some-one/d2lcnn", "https://some-one.github.io/d2lcnn/"),
        ("https://github.com/Some-One/My.Course_2", "https://some-one.github.io/My.Course_2/"),
        ("https://github.com/Some-One/some-one.github.io", "https://some-one.github.io/"),
    ],
)
def test_the_address_of_the_pages(site_address, repository, address):
    assert site_address.pages_address(repository) == address


@pytest.mark.parametrize("repository", ["https://gitlab.com/me/d2lcnn", "https://github.com/me", "d2lcnn"])
def test_another_form_is_refused(site_address, repository):
    with pytest.raises(
        ValueError, match=r"follows from https://github\.com/OWNER/NAME.*make repository URL"
    ) as caught:
        site_address.pages_address(repository)
    assert repr(repository) in str(caught.value)
    with pytest.raises(ConfigError, match="set html_baseurl"):
        site_address.site_address(settings(html_theme_options={"repository_url": repository}))


@pytest.mark.parametrize("own", ["https://cnn.example.org", "https://cnn.example.org/"])
def test_an_address_of_ones_own_comes_first(site_address, own):
    config = settings(html_baseurl=own, html_theme_options={"repository_url": "https://github.com/me/d2lcnn"})
    site_address.set_address(None, config)
    assert config.html_baseurl == config.ogp_site_url == "https://cnn.example.org/"
    assert config.notfound_urls_prefix == "/"


def test_the_chinese_edition_lies_below(site_address):
    config = settings(language="zh_CN", html_theme_options={"repository_url": "https://github.com/me/d2lcnn"})
    site_address.set_address(None, config)
    assert config.html_baseurl == "https://me.github.io/d2lcnn/zh/"


def test_without_an_address_nothing_is_said_of_it(site_address):
    config = settings()
    site_address.set_address(None, config)
    assert config.html_baseurl == ""
    assert config.notfound_urls_prefix == "/"
    assert not hasattr(config, "ogp_site_url")


@pytest.mark.parametrize(
    ("address", "written"),
    [("https://me.github.io/", True), ("https://me.github.io/d2lcnn/", False), ("", False)],
)
def test_robots_are_told_the_sitemap_at_the_root_of_a_host_alone(site_address, tmp_path, address, written):
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(config=settings(html_baseurl=address), outdir=tmp_path, builder=builder)
    site_address.write_robots(app, None)
    robots = tmp_path / "robots.txt"
    assert robots.exists() == written
    if written:
        assert "Sitemap: https://me.github.io/sitemap.xml" in robots.read_text().splitlines()


def test_an_unknown_language_is_refused(extension):
    with pytest.raises(ValueError, match=r"language must be one of en, zh-CN, got 'fr'"):
        extension("editions").this_edition(settings(language="fr"))
