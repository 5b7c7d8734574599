"""Give each picture of a notebook the place that it will take, so that the text below stays where it is while it loads.

The notebook says how large a picture is. A wide one gets the class for which custom.css lets it scroll on a phone.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

# docutils writes the size as a style, which gives the browser no shape to reserve when the window is narrower.
STYLE = re.compile(r'style="width: (\d+)px; height: (\d+)px;?"')
ATTRIBUTES = r'width="\1" height="\2"'
# A narrower picture shrinks to a phone's page whole; others only to this width, by custom.css.
WIDE = 672  # CSS pixels
PIXELS = re.compile(r"(\d+)(px)?")


def open_image(writer: Any, node: nodes.image) -> None:
    """Write a picture as Sphinx does, its size as attributes."""
    width = PIXELS.fullmatch(node.get("width", ""))
    if width and int(width[1]) >= WIDE:
        node["classes"].append("wide-picture")
    HTML5Translator.visit_image(writer, node)
    writer.body[-1] = STYLE.sub(ATTRIBUTES, writer.body[-1])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(
        nodes.image,
        override=True,
        html=(open_image, HTML5Translator.depart_image),
    )
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
