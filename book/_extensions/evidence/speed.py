"""How fast the training loop is beside d2l's: the results in d2lcnn/results/speed/."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from evidence.markdown import table, text


def write(root: Path) -> str:
    """Write a table for each machine that was measured."""
    results = sorted((root / "d2lcnn" / "results" / "speed").glob("*.json"))
    if not results:
        return "Nothing is measured yet.\n"
    return "\n".join(
        of_machine(root, json.loads(path.read_text(encoding="utf-8")))
        for path in results
    )


def of_machine(root: Path, result: dict[str, Any]) -> str:
    """Write the table of one machine."""
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        from table import PRECISIONS, columns, geometric_means
    finally:
        sys.path.remove(str(root / "benchmarks"))
    machine, versions = result["machine"], result["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    said = (
        f"Measured on {text(machine['name'])} on {result['date']}, with {text(named)}, on {text(result['data'])}. "
        f"*auto* is the precision that the loop chooses there, {machine['auto']}; each figure is the median of several rounds.\n"
    )
    rows = []
    for name, entry in result["recipes"].items():
        found = columns(entry)
        rates = [f"{found[key]:,.0f}" for key in ("d2l", *PRECISIONS)]
        rows.append(
            [
                text(name),
                *rates,
                *(f"{found[f'{p} / d2l']:.2f}×" for p in PRECISIONS),
            ]
        )
    means = geometric_means(result["recipes"])
    rows.append(
        [
            "**geometric mean**",
            "–",
            "–",
            "–",
            *(f"**{means[f'{p} / d2l']:.2f}×**" for p in PRECISIONS),
        ]
    )
    header = [
        "recipe",
        "d2l, images/s",
        *(f"ours, {p}" for p in PRECISIONS),
        *(f"{p} / d2l" for p in PRECISIONS),
    ]
    return said + "\n" + table(header, rows, range(1, len(header)))
