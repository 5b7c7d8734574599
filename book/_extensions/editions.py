"""The link from each page to the same page in the book's other language.

The English edition lies at the site's root, the Chinese one in zh/ (tools/translation.py). English pages link to the
Chinese ones that are there when the book is built, so that a book without a second edition has no such link.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from sphinx.application import Sphinx
from sphinx.config import Config

# Language -> folder below the site's root, and the edition's name in its own language.
EDITIONS = {"en": ("", "English"), "zh-CN": ("zh/", "中文")}


def this_edition(config: Config) -> str:
    """Return the language of the edition that is built, as HTML writes it."""
    language = str(config.language).replace("_", "-")
    if language not in EDITIONS:
        raise ValueError(
            f"language must be one of {', '.join(EDITIONS)}, got {language!r}: add it to EDITIONS."
        )
    return language


def other_edition(config: Config) -> str:
    """Return the language of the edition that pages link to."""
    (other,) = set(EDITIONS) - {this_edition(config)}
    return other


def find_pages(app: Sphinx, config: Config) -> None:
    """Note which Chinese pages are there; a setting, so that a change of them writes the English pages anew."""
    chinese = Path(app.outdir) / EDITIONS["zh-CN"][0]
    config.chinese_pages = sorted(
        page.relative_to(chinese).with_suffix("").as_posix()
        for page in chinese.rglob("*.html")
        if "_static" not in page.relative_to(chinese).parts
    )


def address_in(language: str, page: str, app: Sphinx) -> str:
    """Return the address of a page in an edition: absolute if the site's address is set, else seen from that page."""
    target = EDITIONS[language][0] + app.builder.get_target_uri(page)
    here = EDITIONS[this_edition(app.config)][0]
    if app.config.html_baseurl:
        return urljoin(app.config.html_baseurl.removesuffix(here), target)
    return root_from(here + page) + target


def root_from(path: str) -> str:
    """Return the way up from a path to the site's root."""
    return "../" * path.count("/")


def add_links(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: Any,
) -> None:
    """Give the template the other edition's page, and the head its alternates."""
    this, other = this_edition(app.config), other_edition(app.config)
    if other != "en" and pagename not in app.config.chinese_pages:
        return
    folder, name = EDITIONS[other]
    context["other_edition"] = {
        "language": other,
        "name": name,
        "address": root_from(EDITIONS[this][0] + pagename)
        + folder
        + app.builder.get_target_uri(pagename),
    }
    alternates = [
        *((language, language) for language in EDITIONS),
        ("x-default", "en"),
    ]
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n<link rel="alternate" hreflang="{tag}" href="{html.escape(address_in(language, pagename, app))}" />'
        for tag, language in alternates
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("chinese_pages", [], "html", types=[list])
    app.connect("config-inited", find_pages)
    app.connect("html-page-context", add_links)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
