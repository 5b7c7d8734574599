"""How fast the training loop is beside d2l's: the results in d2lcnn/results/speed/."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from evidence.markdown import count, table, text


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
    rows = []
    for name, entry in result["recipes"].items():
        found = columns(entry)
        timed = dict.fromkeys(
            str(entry["steps"][who]) for who in ("ours", "d2l")
        )
        rows.append(
            [
                text(name),
                len(entry["float32"]),
                " or ".join(timed),
                *(f"{found[key]:,.0f}" for key in ("d2l", *PRECISIONS)),
                *(f"{found[f'{p} / d2l']:.2f}×" for p in PRECISIONS),
            ]
        )
    means = geometric_means(result["recipes"])
    rows.append(
        [
            "**geometric mean**",
            *["–"] * (3 + len(PRECISIONS)),
            *(f"**{means[f'{p} / d2l']:.2f}×**" for p in PRECISIONS),
        ]
    )
    header = [
        "recipe",
        "rounds",
        "steps",
        "d2l",
        *PRECISIONS,
        *(f"{p} / d2l" for p in PRECISIONS),
    ]
    return (
        _conditions(result) + "\n" + table(header, rows, range(1, len(header)))
    )


def _conditions(result: dict[str, Any]) -> str:
    """Say where, when and how it was measured, and what the columns are."""
    machine, recipes = result["machine"], result["recipes"]
    named = ", ".join(
        f"{name} {version}" for name, version in result["versions"].items()
    )
    compiled = [
        name for name, entry in recipes.items() if entry["auto_compiled"]
    ]
    also = (
        f" (compiled as well: {text(', '.join(compiled))})" if compiled else ""
    )
    agreements = [entry["agreement"] for entry in recipes.values()]
    agree = sum(agreement["float32_agrees"] for agreement in agreements)
    of_all = "all" if agree == len(agreements) else f"{agree} of the"
    return (
        f"Measured on {text(machine['name'])} on {result['date']}, with {text(named)}, on {text(result['data'])}. "
        f"Speeds are images per second, data and metrics included, medians over the rounds. *d2l* trains in float32; "
        f"*float32* and *auto* are ours, *auto* being the precision that the loop chooses there, {machine['auto']}{also}. A factor is the "
        f"median of the rounds' own factors, so it need not be the quotient of the speeds beside it. *Steps* are those "
        f"that were timed, of all rounds together: with few of them a factor is rough. In runs of "
        f"{count(agreements[0]['steps'], 'step')} in float32 both gave the same losses from the same seed, for {of_all} "
        f"{count(len(agreements), 'recipe')}.\n"
    )
