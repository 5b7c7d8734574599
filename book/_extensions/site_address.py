"""What a published page says about its own address: canonical link, social card, sitemap, and the root of the 404 page.

All of it follows from the repository's address, which tools/repository.py sets once: GitHub Pages serves
https://github.com/OWNER/NAME at https://owner.github.io/NAME/. For another address, such as a domain of your own, set
`html_baseurl` in _config.yml. While neither is set, nothing that would need the address is written.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from editions import EDITIONS, this_edition
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

REPOSITORY = re.compile(r"https://github\.com/(?P<owner>[^/]+)/(?P<name>[^/]+)")
# 1200 × 630 pixels: what the networks show whole. The source is social-card.svg beside it.
CARD = "_static/social-card.png"
CARD_ALT = "The LeNet network drawn to scale, from the image to ten numbers, under the title of the course"
CARD_TAGS = [
    '<meta property="og:image:width" content="1200" />',
    '<meta property="og:image:height" content="630" />',
    '<meta name="twitter:card" content="summary_large_image" />',
]


def pages_address(repository: str) -> str:
    """Return where GitHub Pages serves a repository, with a closing slash; "" for an empty address.

    Args:
        repository: The repository's address, https://github.com/OWNER/NAME, or "" while it is unset.

    Raises:
        ValueError: If the address is of another form.
    """
    if not repository:
        return ""
    match = REPOSITORY.fullmatch(repository)
    if match is None:
        raise ValueError(
            f"the site's address follows from https://github.com/OWNER/NAME, got {repository!r}: "
            f"run `make repository URL=…`, or set html_baseurl in _config.yml."
        )
    host = f"{match['owner'].lower()}.github.io"
    # A repository of that very name is its owner's own site, served at the root.
    return (
        f"https://{host}/"
        if match["name"].lower() == host
        else f"https://{host}/{match['name']}/"
    )


def site_address(config: Config) -> str:
    """Return the address that `html_baseurl` gives, else that of the repository's pages; "" while neither is set."""
    if config.html_baseurl:
        return str(config.html_baseurl).rstrip("/") + "/"
    try:
        return pages_address(
            config.html_theme_options.get("repository_url") or ""
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def edition_folder(config: Config) -> str:
    """Return where below that address the edition lies that is built."""
    return EDITIONS[this_edition(config)][0]


def set_address(app: Sphinx, config: Config) -> None:
    """Tell Sphinx and the other extensions the address."""
    address = site_address(config)
    # Without an address the 404 page takes the site to lie at the root of its host.
    config.notfound_urls_prefix = urlsplit(address).path or "/"
    config.notfound_template = "notfound.html"
    if not address:
        return
    address += edition_folder(config)
    config.html_baseurl = address
    config.ogp_site_url = address
    config.ogp_site_name = config.html_title
    config.ogp_image = CARD
    config.ogp_image_alt = CARD_ALT
    config.ogp_custom_meta_tags = CARD_TAGS
    config.sitemap_url_scheme = "{link}"
    # Each edition has a sitemap of its own.
    config.sitemap_locales = [None]
    config.sitemap_excludes = [
        "404.html",
        "genindex.html",
        "py-modindex.html",
        "search.html",
    ]


def write_robots(app: Sphinx, exception: Exception | None) -> None:
    """Name the sitemap in robots.txt where that file counts: at the root of a host."""
    address = app.config.html_baseurl
    at_root = bool(address) and urlsplit(address).path == "/"
    if exception is None and app.builder.format == "html" and at_root:
        text = f"User-agent: *\nAllow: /\n\nSitemap: {address}sitemap.xml\n"
        (Path(app.outdir) / "robots.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension, and with an address those that need one."""
    if not edition_folder(app.config):
        # A host shows one page for what it does not find, which is the one at the root.
        app.setup_extension("notfound.extension")
    if site_address(app.config):
        app.setup_extension("sphinxext.opengraph")
        app.setup_extension("sphinx_sitemap")
    # Before the others read their settings.
    app.connect("config-inited", set_address, priority=100)
    app.connect("build-finished", write_robots)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
