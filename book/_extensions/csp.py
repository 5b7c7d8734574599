"""Give each built page a Content-Security-Policy of its own: nothing but the site, inline styles, and its inline scripts by hash.

A hash depends on the finished text of a page, so this runs over the written files. Handlers in attributes cannot be
hashed: the theme's two become data attributes, which `_static/buttons.js` serves; any other stops the build.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# The theme's handlers, and the words for them that buttons.js knows.
ACTIONS = {"toggleFullScreen()": "fullscreen", "window.print()": "print"}

TAG = re.compile(r"<[a-zA-Z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
SCRIPT = re.compile(
    r"<script(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*)>(?P<code>.*?)</script\s*>",
    re.DOTALL | re.I,
)
HANDLER = re.compile(
    r"(?P<space>\s)on[a-z]+\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')",
    re.I,
)
LINK_OF_CODE = re.compile(
    r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", re.I
)
TYPE = re.compile(r"\btype\s*=\s*[\"']?([^\"'\s>]+)", re.I)
EXECUTED = {"text/javascript", "application/javascript", "module", "importmap"}
HEAD = re.compile(r"<head[^>]*>\s*(?:<meta charset=[^>]*>)?", re.I)
MARK = '<meta http-equiv="Content-Security-Policy"'


def protect(page: str) -> str:
    """Return a page with its policy, and without handlers in attributes.

    Args:
        page: The text of an HTML page; one that has a policy already, or no <html>, is returned as it is.

    Raises:
        ValueError: If the page holds code that no hash can allow, or has no head.
    """
    if (
        MARK in page or "<html" not in page.lower()
    ):  # Jupyter Book's bare redirect has nothing to run
        return page
    page = _without_handlers(page)
    head = HEAD.search(page)
    if head is None:
        raise ValueError("the page has no <head>, so it cannot carry a policy.")
    return f'{page[: head.end()]}\n{MARK} content="{policy(page)}" />{page[head.end() :]}'


def policy(page: str) -> str:
    """Return the policy that allows what a page holds.

    Args:
        page: The text of an HTML page.
    """
    codes = [
        match["code"]
        for match in SCRIPT.finditer(page)
        if _is_inline_code(match)
    ]
    hashes = sorted({_hash(code) for code in codes})
    sources = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in hashes)])
    return (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"script-src {sources}; object-src 'none'; base-uri 'none'; form-action 'self'"
    )


def _is_inline_code(script: re.Match[str]) -> bool:
    attributes = script["attributes"]
    if re.search(r"\bsrc\s*=", attributes):
        return False
    kind = TYPE.search(attributes)
    # JSON and other data are not run, so nothing has to allow them.
    return kind is None or kind[1].lower() in EXECUTED


def _hash(code: str) -> str:
    # The browser hashes the text that it parsed, in which each line break is a line feed.
    text = code.replace("\r\n", "\n").replace("\r", "\n")
    return base64.b64encode(
        hashlib.sha256(text.encode("utf-8")).digest()
    ).decode("ascii")


def _without_handlers(page: str) -> str:
    # What stands between <script> and </script> is code and not tags.
    parts = re.split(
        r"(<script\b.*?</script\s*>)", page, flags=re.DOTALL | re.I
    )
    return "".join(
        part if i % 2 else TAG.sub(_mend, part) for i, part in enumerate(parts)
    )


def _mend(tag: re.Match[str]) -> str:
    text = tag[0]
    if LINK_OF_CODE.search(text):
        raise ValueError(
            f"a link that runs code cannot be allowed by a hash: {text}"
        )

    def as_data(handler: re.Match[str]) -> str:
        code = html.unescape(
            handler["double"]
            if handler["double"] is not None
            else handler["single"]
        )
        if code not in ACTIONS:
            raise ValueError(
                f"a handler in an attribute cannot be allowed by a hash: {code!r} in {text}. "
                f"Give it a word in ACTIONS and serve that in _static/buttons.js."
            )
        return f'{handler["space"]}data-action="{ACTIONS[code]}"'

    return HANDLER.sub(as_data, text)


def protect_all(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the pages that a build wrote."""
    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        if "_static" in path.relative_to(app.outdir).parts:
            continue
        before = path.read_text(encoding="utf-8")
        try:
            after = protect(before)
        except ValueError as error:
            raise ExtensionError(
                f"{path.relative_to(app.outdir)}: {error}"
            ) from error
        if after != before:
            path.write_text(after, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_js_file("buttons.js", loading_method="defer")
    app.connect("build-finished", protect_all)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
