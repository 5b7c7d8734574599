"""Fill the page "How true is this book?" from the notebooks, the tests, the ledger and the recorded results.

The page says where: a directive `{evidence}` with the name of one of the files here, each of which gives its part as
Markdown. Nothing on that page that can be counted is typed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from evidence import claims, ledger, mutants, notebooks, speed

ROOT = Path(__file__).resolve().parent.parent.parent.parent
# Each takes the project's folder.
PARTS: dict[str, Callable[[Path], str]] = {
    "notebooks": notebooks.write,
    "claims": claims.write,
    "ledger": ledger.write,
    "speed": speed.write,
    "mutants": mutants.write,
}


class Evidence(SphinxDirective):
    """Put one part in the directive's place."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the part as Markdown and read it as if it stood on the page."""
        name = self.arguments[0]
        if name not in PARTS:
            raise self.error(
                f"there is no evidence named {name!r}; there is {', '.join(PARTS)}"
            )
        # gettext would take numbers for the author's words.
        if self.env.app.builder.format != "html":
            return []
        part = nodes.Element()
        self.state.nested_parse(
            StringList(PARTS[name](ROOT).splitlines(), source=name), 0, part
        )
        return part.children


def read_again(
    app: Sphinx, env: Any, added: Any, changed: Any, removed: Any
) -> list[str]:
    """Have the page made anew by every build: it depends on nearly everything."""
    return ["book/how-true"] if "book/how-true" in env.found_docs else []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("evidence", Evidence)
    app.connect("env-get-outdated", read_again)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
