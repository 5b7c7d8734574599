"""The course on paper: all pages in one for `tools/pdf.py` to print, and addresses that can be read on any print.

Sphinx's own singlehtml knows the root page in the root folder only, hangs all chapters below the front page, forgets the
parts' names, and lets equal ids of two chapters ("summary") collide. The builder here takes its place under its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.singlehtml import SingleFileHTMLBuilder
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import inline_all_toctrees

FRONT = "About this course"
# How the base class writes a link to a document, or to a place in it.
TARGET = re.compile(r"#document-(?P<name>[^#]+)(?:#(?P<id>.+))?")


class OnePage(SingleFileHTMLBuilder):
    """The whole course as one page: the front page, then each part of _toc.yml with its chapters below it."""

    def assemble_doctree(self) -> nodes.document:
        """Return the tree of the page, every reference in it resolved to an id that no other page has."""
        root = self.config.root_doc
        tree = self.env.get_doctree(root).deepcopy()
        parts = []
        for toctree in list(tree.findall(addnodes.toctree)):
            parts.append(
                self._part(toctree, seen=[root], number=len(parts) + 1)
            )
            toctree.parent.remove(toctree)
        title = next(tree.findall(nodes.title))
        title.replace_self(nodes.title("", FRONT))
        front = addnodes.start_of_file("", *tree.children, docname=root)
        tree.children = []
        tree.extend([front, *parts])
        tree["docname"] = root
        self.env.resolve_references(tree, root, self)
        _name_apart(tree, _tops(tree))
        self.contents = list(_contents(tree))
        return tree

    def _part(
        self, toctree: addnodes.toctree, seen: list[str], number: int
    ) -> nodes.section:
        caption = toctree["caption"]
        part = nodes.section(
            "", nodes.title("", caption), ids=[f"part-{number}"]
        )
        holder = self.env.get_doctree(self.config.root_doc).copy()
        holder += toctree.deepcopy()
        part.extend(
            inline_all_toctrees(self, set(), "", holder, str, seen).children
        )
        return part

    def fix_refuris(self, tree: nodes.Node) -> None:
        """Leave references as they are: assemble_doctree has made them right."""

    def assemble_toc_fignumbers(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Give the figures' numbers by the ids that they have on the one page."""
        [(root, numbers)] = super().assemble_toc_fignumbers().items()
        return {
            root: {
                alias: {
                    f"{alias.rpartition('/')[0]}/{id}": number
                    for id, number in by_id.items()
                }
                for alias, by_id in numbers.items()
            }
        }

    def get_outfilename(self, pagename: str) -> str:
        """Write the page where its links to images and styles point from."""
        if pagename == self.config.root_doc:
            return str(Path(self.outdir) / "index.html")
        return super().get_outfilename(pagename)

    def handle_page(
        self,
        pagename: str,
        addctx: dict[str, Any],
        templatename: str = "page.html",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Write the page without all that surrounds a page on a screen."""
        if pagename == self.config.root_doc:
            templatename = "paper.html"
            addctx = {
                **addctx,
                "contents": self.contents,
                "author": self.config.author,
                "edition": version("d2lcnn"),
            }
        super().handle_page(pagename, addctx, templatename, *args, **kwargs)


class SpellOut(SphinxPostTransform):
    """Mark the links to elsewhere whose address their text does not tell, so that print can add it."""

    default_priority = 900

    def run(self, **kwargs: Any) -> None:
        """Mark them."""
        for reference in self.document.findall(nodes.reference):
            address = reference.get("refuri", "")
            if (
                address.startswith(("http:", "https:"))
                and _bare(reference.astext()) not in address
            ):
                reference["classes"].append("spell-out")


def _bare(text: str) -> str:
    """Return what a link's text holds of its address: "doi:10.1000/1" tells https://doi.org/10.1000/1."""
    return text.strip().removeprefix("doi:").removeprefix("arXiv:")


def _tops(tree: nodes.document) -> dict[str, str]:
    """Return each document's first id, which a link to the document as a whole leads to."""
    return {
        file["docname"]: next(file.findall(nodes.section))["ids"][0]
        for file in tree.findall(addnodes.start_of_file)
    }


def _name_apart(
    node: nodes.Node, tops: dict[str, str], document: str = ""
) -> None:
    """Put its document's name before each id below `node`, and before what refers to it."""
    if isinstance(node, addnodes.start_of_file):
        document = node["docname"]
    if isinstance(node, nodes.Element) and document:
        node["ids"] = [f"{document}/{id}" for id in node["ids"]]
        if "backrefs" in node:
            node["backrefs"] = [f"{document}/{id}" for id in node["backrefs"]]
        if "refid" in node:
            node["refid"] = f"{document}/{node['refid']}"
        address = node.get("refuri", "")
        if target := TARGET.fullmatch(address):
            name = target["name"]
            node["refuri"] = f"#{name}/{target['id'] or tops[name]}"
        elif address.startswith("#"):
            node["refuri"] = f"#{document}/{address[1:]}"
    for child in node.children:
        _name_apart(child, tops, document)


def _contents(
    node: nodes.Node, level: int = 1
) -> Iterator[tuple[int, str, str]]:
    """Yield level, title and id of the parts, their chapters and the chapters' sections."""
    for child in node.children:
        if isinstance(child, addnodes.start_of_file):
            yield from _contents(child, level)
        elif isinstance(child, nodes.section):
            title = next(child.findall(nodes.title)).astext()
            yield level, title, child["ids"][0]
            if level < 3:
                yield from _contents(child, level + 1)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_builder(OnePage, override=True)
    app.add_post_transform(SpellOut)
    app.add_js_file("print.js", loading_method="defer")
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
