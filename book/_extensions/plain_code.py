"""Write code with half the elements: words in the colour of plain code need none of their own.

A browser styles each element whenever a window changes its width or its theme, and a chapter's code has thousands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pygments.formatters import HtmlFormatter
from pygments.token import Name, Punctuation, Text, Whitespace
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

# Kinds of words to which both styles of the theme, light and dark, give only the colour of all code.
PLAIN = {Name, Name.Namespace, Punctuation, Whitespace}


class PlainFormatter(HtmlFormatter):
    """Pygments' formatter, to which plain words are text."""

    def format(
        self, tokensource: Iterable[tuple[Any, str]], outfile: Any
    ) -> None:
        """Write tokens as HTML."""
        tokens = (
            (Text if kind in PLAIN else kind, words)
            for kind, words in tokensource
        )
        super().format(tokens, outfile)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    PygmentsBridge.html_formatter = PlainFormatter
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
