"""axe-core, run in a page: what keeps people from reading it, in words that say where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / "_build" / "vendor" / "axe-core" / "axe.min.js"
MISSING = f"axe-core is missing: {SCRIPT} is not there. Run `.venv/bin/python tools/vendor.py axe-core`."

RUN = """async options => (await axe.run(document, {...options, resultTypes: ['violations']})).violations"""
# WCAG 2.0 to 2.2, levels A and AA, and what axe calls good practice. No rule is left out.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules that look at colours: what they find depends on light or dark.
COLOURS = ["color-contrast", "link-in-text-block"]
OPTIONS: dict[str, dict[str, Any]] = {
    "all": {"runOnly": {"type": "tag", "values": TAGS}},
    "all but colours": {
        "runOnly": {"type": "tag", "values": TAGS},
        "rules": {rule: {"enabled": False} for rule in COLOURS},
    },
    "colours": {"runOnly": {"type": "rule", "values": COLOURS}},
}
# A page has thousands of words with an element of their own (colours of code, parts of signatures, formulas) and a button at
# each piece of code, with which axe would take four times as long. Of those that are alike, and stand in elements that are
# alike, one keeps its element; the others stay as words at the same place, and of the buttons one stays.
UNWRAP_TWINS = """() => {
    const seen = new Set();
    const words = 'article :is(span, em, strong, code, mjx-container), article button.copybtn';
    // From the end, since an element is but words only after those in it.
    for (const element of [...document.querySelectorAll(words)].reverse()) {
        const [formula, button] = ['mjx-container', 'button'].map(tag => element.matches(tag));
        const more = [...element.attributes].some(attribute => attribute.name !== 'class');
        if (!formula && !button && (more || element.children.length)) continue;
        const around = [element, element.parentElement, element.parentElement.parentElement];
        const kind = around.map(element => `${element.tagName}.${element.className}`).join(' ');
        if (seen.has(kind)) element.replaceWith(formula ? 'formula' : button ? '' : element.textContent);
        seen.add(kind);
    }
    document.body.normalize();
}"""


def load_axe() -> str:
    """The text of axe-core.

    Raises:
        FileNotFoundError: If it was not brought; says how to bring it.
    """
    if not SCRIPT.is_file():
        raise FileNotFoundError(MISSING)
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page, axe: str, rules: str = "all") -> list[str]:
    """All that axe finds on an open page, one line for each rule; code on it loses its colours.

    Args:
        page: The page.
        axe: The text of axe-core; it comes in through the debugger, so the page's own policy stays as it is.
        rules: Which rules are tried, a key of OPTIONS.
    """
    page.evaluate(UNWRAP_TWINS)
    page.evaluate(axe)
    return [describe(found) for found in page.evaluate(RUN, OPTIONS[rules])]


def describe(found: dict[str, Any]) -> str:
    """One violation: the rule, how often, and the first three places with what is wrong there."""
    places = [
        f"\n    {' '.join(map(str, node['target']))}: {node['html'][:160]}\n      "
        + " ".join(node["failureSummary"].split())
        for node in found["nodes"][:3]
    ]
    return f"axe {found['id']}: {found['help']}, {len(found['nodes'])} times:{''.join(places)}"
