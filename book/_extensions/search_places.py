"""Let the search page show the text of places whose names have a dot, which Sphinx's own script does not find."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the mend on the search page, after the page's own scripts: it changes one of theirs."""
    if page == "search":
        app.add_js_file("search-places.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", add_script)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
