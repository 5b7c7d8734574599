"""axe-core, run in a page: what keeps people from reading it, in words that say where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / "_build" / "vendor" / "axe-core" / "axe.min.js"
MISSING = f"axe-core is missing: {SCRIPT} is not there. Run `.venv/bin/python tools/vendor.py axe-core`."

RUN = "async runOnly => (await axe.run(document, {runOnly, resultTypes: ['violations']})).violations"
# WCAG 2.0 to 2.2, levels A and AA, and what axe calls good practice. No rule is left out.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules that look at colours: what they find depends on light or dark.
COLOURS = ["color-contrast", "link-in-text-block"]


def load_axe() -> str:
    """The text of axe-core.

    Raises:
        FileNotFoundError: If it was not brought; says how to bring it.
    """
    if not SCRIPT.is_file():
        raise FileNotFoundError(MISSING)
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page, axe: str, *, colours_alone: bool = False) -> list[str]:
    """All that axe finds on an open page, one line for each rule.

    Args:
        page: The page.
        axe: The text of axe-core; it comes in through the debugger, so the page's own policy stays as it is.
        colours_alone: Whether only the rules of colours are tried, which alone depend on light or dark.
    """
    page.evaluate(axe)
    rules = {"type": "rule", "values": COLOURS} if colours_alone else {"type": "tag", "values": TAGS}
    return [describe(found) for found in page.evaluate(RUN, rules)]


def describe(found: dict[str, Any]) -> str:
    """One violation: the rule, how often, and the first three places with what is wrong there."""
    places = [
        f"\n    {' '.join(map(str, node['target']))}: {node['html'][:160]}\n      "
        + " ".join(node["failureSummary"].split())
        for node in found["nodes"][:3]
    ]
    return f"axe {found['id']}: {found['help']}, {len(found['nodes'])} times:{''.join(places)}"
