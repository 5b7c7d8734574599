"""Let a page load only the scripts and stylesheets that it uses: extensions give theirs to every page.

A script that no rule names stays, so that a new extension works before it has a rule.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

# File names, and what a page's body has if it uses them.
NEEDS = {
    r"(clipboard\.min|copybutton)\.(js|css)": r'<div class="highlight',
    r"design-tabs\.js": r"\bsd-tab-set\b",
    r"sphinx-design\.min\.css": r'class="[^"]*\bsd-',
    r"mystnb\.\w+\.css": r'class="cell(_output)?\b',
    r"scrolling\.js": r'<(pre|table|figure)\b|class="math\b',
    r"vendor/mathjax/.*\.js": r'class="math\b',
}


def is_needed(file: str, body: str) -> bool:
    """Tell whether a page has any use for a file.

    Args:
        file: The name of a script or stylesheet within the site.
        body: The page's own part of its HTML.
    """
    marks = [
        mark
        for name, mark in NEEDS.items()
        if re.search(rf"(^|/){name}$", file)
    ]
    return not marks or any(re.search(mark, body) for mark in marks)


def drop_unused(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take a page's unused files out of its lists."""
    if app.builder.format != "html":
        return
    body = context.get("body", "")
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context[kind]
            if is_needed(str(file.filename or ""), body)
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension, to run after those that add files to a page."""
    app.connect("html-page-context", drop_unused, priority=900)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
