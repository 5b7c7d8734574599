"""Previews of glossary terms and citations: each page carries the texts that its links lead to, for `_static/previews.js`.

The texts lie in the page, so that they show without a network and from a file. Written here because no extension for
this is both kept and free of outside scripts: sphinx-tippy's last release is of April 2024 and its scripts come from
another site; sphinx-hoverxref's is of November 2024 and asks a server.
"""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What a preview shows: a heading, empty for a citation, whose text says all, and the text.
Preview = tuple[str, str]


def definitions(doctree: nodes.document) -> dict[str, Preview]:
    """Return the glossary entries of a page, by the id of each of their terms.

    Args:
        doctree: The page as Sphinx read it.
    """
    found = {}
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            terms = list(item.findall(nodes.term))
            definition = next(item.findall(nodes.definition))
            heading = " · ".join(term.astext() for term in terms)
            if next(definition.findall(nodes.math), None) is not None:
                logger.warning(
                    "the definition of %s holds a formula, which a preview shows as TeX: write it in plain characters",
                    heading,
                    location=definition,
                )
            preview = heading, " ".join(definition.astext().split())
            found.update(
                {id_: preview for term in terms for id_ in term["ids"]}
            )
    return found


def targets(app: Sphinx, page: str) -> dict[str, Preview | None]:
    """Return what can be previewed on a page, by the address that a link on it would have; None for a citation.

    Args:
        app: The running Sphinx.
        page: The page's name, such as "book/lenet".
    """
    domains = app.env.domains
    terms = {
        doc
        for _, _, kind, doc, _, _ in domains["std"].get_objects()
        if kind == "term"
    }
    found: dict[str, Preview | None] = {}
    for doc in sorted(terms):
        address = app.builder.get_relative_uri(page, doc)
        for id_, preview in definitions(app.env.get_doctree(doc)).items():
            found[f"{address}#{id_}"] = preview
    for citation in domains["cite"].citations:
        address = app.builder.get_relative_uri(
            page, citation.bibliography_key.docname
        )
        found[f"{address}#{citation.citation_id}"] = None
    return found


def previews(
    doctree: nodes.document, possible: dict[str, Preview | None]
) -> dict[str, Preview]:
    """Return the previews that a page's links need, by address.

    Args:
        doctree: The page with its references resolved.
        possible: What `targets` gives for this page.
    """
    found = {}
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri") or f"#{link.get('refid', '')}"
        if address in possible:
            # sphinxcontrib-bibtex gives each citation's link the whole entry as its title.
            found[address] = possible[address] or ("", link["reftitle"])
    return found


def add_previews(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give a page the texts of its previews, and the script only if there are any."""
    if doctree is None or app.builder.format != "html":
        return
    found = previews(doctree, targets(app, page))
    if found:
        # A "<" could end the element early.
        text = json.dumps(found, ensure_ascii=False, sort_keys=True).replace(
            "<", "\\u003c"
        )
        context["body"] += (
            f'<script type="application/json" id="previews">{text}</script>\n'
        )
        app.add_js_file("previews.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", add_previews)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
