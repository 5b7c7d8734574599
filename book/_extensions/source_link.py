"""Let a notebook's source button lead to the notebook as GitHub draws it: the theme asks for its bare JSON."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

PLAIN = "?plain=1"


def show_drawn(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Change the address of a notebook's source button, in whichever menu it stands."""
    groups = context.get("header_buttons", [])
    for button in [
        button for group in groups for button in group.get("buttons", [group])
    ]:
        if button.get("label") == "source-file-button" and button[
            "url"
        ].endswith(f".ipynb{PLAIN}"):
            button["url"] = button["url"].removesuffix(PLAIN)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension, to run after the theme's buttons are made."""
    app.connect("html-page-context", show_drawn, priority=800)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
