"""The package's ledger of published figures: how many agree, and which do not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from evidence.markdown import fold, table, text


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
    rows = [
        [
            text(f"{row.paper}, {row.place}"),
            text(" ".join(filter(None, [row.network, row.layer]))),
            text(row.quantity),
            *(_figure(value) for value in (row.published, row.ours)),
            text(row.explanation),
        ]
        for row in others
    ]
    header = ["where", "network, layer", "quantity", "published", "ours", "why"]
    return f"{said}\n{by_paper}\n" + fold(
        f"The {len(others)} that do not agree, and why",
        table(header, rows, (3, 4)),
    )


def _figure(value: float | tuple[int, ...]) -> str:
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
