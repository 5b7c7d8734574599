"""Mend what Sphinx and docutils write that keeps people from reading a page: roles, and boxes that no key can scroll."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def open_citation(writer: Any, node: nodes.citation) -> None:
    """Write a source as an item of a list; docutils gives it the role doc-biblioentry, which ARIA has withdrawn."""
    if not isinstance(node.previous_sibling(), nodes.citation):
        writer.body.append('<div role="list" class="citation-list">\n')
    writer.body.append(
        writer.starttag(node, "div", classes=["citation"], role="listitem")
    )


def close_citation(writer: Any, node: nodes.citation) -> None:
    """Close it, and the list after the last one."""
    writer.body.append("</div>\n")
    if not isinstance(
        node.next_node(descend=False, siblings=True), nodes.citation
    ):
        writer.body.append("</div>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(
        nodes.citation, override=True, html=(open_citation, close_citation)
    )
    app.add_js_file("scrolling.js", loading_method="defer")
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
