"""Let an ordinary link lead to a glossary entry: `[kernel](#term-kernel)`, with hyphens for spaces.

Colab shows such a link as its text, while it shows the role {term} raw.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

# Terms in other scripts get ids with numbers, which change when an entry is added: not for links.
NUMBERED = re.compile(r"term-\d+")


def name_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Make the id of each glossary term a label that any page can link to."""
    std = app.env.domains["std"].data
    for glossary in doctree.findall(addnodes.glossary):
        for term in glossary.findall(nodes.term):
            for id_ in term["ids"]:
                if not NUMBERED.fullmatch(id_):
                    # Sphinx looks labels up in lower case.
                    std["labels"][id_.lower()] = (
                        app.env.docname,
                        id_,
                        term.astext(),
                    )
                    std["anonlabels"][id_.lower()] = app.env.docname, id_


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-read", name_terms)
    # The version of what it stores: a build with another one reads all pages anew.
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
