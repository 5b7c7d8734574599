"""The checks of the exercises have a page of their own: the page of their room leaves them out."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

ROOM, CHECKS = "book/api/insight", "d2lcnn.insight.exercises"


def leave_out(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Say that a check is not shown on the page of its room, and leave all else to autodoc."""
    is_check = getattr(obj, "__module__", "").startswith(CHECKS)
    return True if is_check and app.env.docname == ROOM else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect it to Sphinx."""
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
