"""axe-core, run in a page: what keeps people from reading it, in words that say where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / "_build" / "vendor" / "axe-core" / "axe.min.js"
MISSING = f"axe-core is missing: {SCRIPT} is not there. Run `.venv/bin/python tools/vendor.py axe-core`."

RUN = """async ({tags, colours, structure, code}) => {
    const resultTypes = ['violations'];
    const without = {runOnly: tags, resultTypes, rules: Object.fromEntries(
        colours.map(rule => [rule, {enabled: false}]))};
    const found = structure ? (await axe.run(document, without)).violations : [];
    const words = code ? document : {exclude: ['pre', 'mjx-container', 'dt.sig']};
    const contrast = {runOnly: {type: 'rule', values: colours}, resultTypes};
    return [...found, ...(await axe.run(words, contrast)).violations];
}"""
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


def violations(page: Page, axe: str, *, structure: bool, code: bool) -> list[str]:
    """All that axe finds on an open page, one line for each rule.

    Args:
        page: The page.
        axe: The text of axe-core; it comes in through the debugger, so the page's own policy stays as it is.
        structure: Whether all rules are tried, or only those of colours, which alone depend on light or dark.
        code: Whether the contrast of code and formulas is measured as well. That takes most of the time and gives the
            same at each width, so that one width is enough.
    """
    page.evaluate(axe)
    given = {"tags": TAGS, "colours": COLOURS, "structure": structure, "code": code}
    return [describe(found) for found in page.evaluate(RUN, given)]


def describe(found: dict[str, Any]) -> str:
    """One violation: the rule, how often, and the first three places with what is wrong there."""
    places = [
        f"\n    {' '.join(map(str, node['target']))}: {node['html'][:160]}\n      "
        + " ".join(node["failureSummary"].split())
        for node in found["nodes"][:3]
    ]
    return f"axe {found['id']}: {found['help']}, {len(found['nodes'])} times:{''.join(places)}"
