"""Give the script and the style of figures that move to the pages that hold one, and to no other."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

MARK = '<figure class="explorer"'


def add_files(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: Any,
) -> None:
    """Add the files to one page; Sphinx forgets them before the next."""
    if MARK in context.get("body", ""):
        app.add_js_file("explorer.js", loading_method="defer")
        app.add_css_file("explorer.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", add_files)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
