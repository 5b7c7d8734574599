"""The package's ledger of published figures: how many agree, and which do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.markdown import fold, table, text

if TYPE_CHECKING:
    from d2lcnn.insight.ledger import LedgerRow


def write(root: Path) -> str:
    """Write how many figures of each paper agree, and fold those that do not."""
    from d2lcnn.insight.ledger import LEDGER

    figures = Counter(row.paper for row in LEDGER)
    others = [row for row in LEDGER if row.explanation]
    disagree = Counter(row.paper for row in others)
    said = (
        f"The ledger has {len(LEDGER)} published figures; {len(LEDGER) - len(others)} agree with what our networks have, "
        f"and {len(others)} do not.\n"
    )
    by_paper = table(
        ["paper", "figures", "agree", "do not"],
        [
            [text(p), n, n - disagree[p], disagree[p]]
            for p, n in figures.items()
        ],
        (1, 2, 3),
    )
    return f"{said}\n{by_paper}\n" + fold(
        f"The {len(others)} that do not agree, and why", _by_reason(others)
    )


def _by_reason(rows: Iterable[LedgerRow]) -> str:
    """List each paper's explanations, and under each the figures to which it applies."""
    reasons: dict[tuple[str, str], list[LedgerRow]] = {}
    for row in rows:
        reasons.setdefault((row.paper, row.explanation), []).append(row)
    lines = []
    for (paper, explanation), those in reasons.items():
        lines.append(f"- *{text(paper)}.* {text(explanation)}\n")
        for row in those:
            of = text(" ".join(filter(None, [row.network, row.layer])))
            lines.append(
                f"  - {text(row.place)}, {of}, {text(row.quantity)}: "
                f"{_figure(row.published)} printed, {_figure(row.ours)} ours\n"
            )
    return "".join(lines)


def _figure(value: float | tuple[int, ...]) -> str:
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
