"""Whether mistakes would be noticed: the results of tools/mutants.py in book/mutants.json."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from evidence.markdown import code, count, fold, table, text


def explanation(mutant: dict[str, Any], known: list[dict[str, str]]) -> str:
    """Give what was found out about a survivor; "" if nothing is written down."""
    same = (
        row["why"]
        for row in known
        if all(row[key] == mutant[key] for key in ("file", "old", "new"))
    )
    return next(same, "")


def explanations(root: Path) -> list[dict[str, str]]:
    """Give what is written down about survivors."""
    return list(
        tomllib.loads(
            (root / "book" / "mutants.toml").read_text(encoding="utf-8")
        ).get("survivor", [])
    )


def survivors(mutants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the mutants that nobody noticed."""
    return [m for m in mutants if not m["test"] and not m["notebook"]]


def write(root: Path) -> str:
    """Write the shares by room, the survivors, and all mutants in a fold."""
    result = json.loads(
        (root / "book" / "mutants.json").read_text(encoding="utf-8")
    )
    mutants, known = result["mutants"], explanations(root)
    left = survivors(mutants)
    shown = [m for m in mutants if m["shown"]]
    reached = [m for m in shown if m["asked"] or m["cut"]]
    noticed = sum(bool(m["notebook"]) for m in reached)
    so_far = "" if shown == mutants else " that they were shown so far"
    said = (
        f"On {result['date']}, {count(len(mutants), 'change')} were drawn with seed {result['seed']} (Python "
        f"{result['versions']['python']}, PyTorch {result['versions']['torch']}). The package's tests noticed "
        f"{_share(sum(bool(m['test']) for m in mutants), len(mutants))}, the notebooks {_share(noticed, len(shown))} "
        f"of the {len(shown)}{so_far}, the two together **{_share(len(mutants) - len(left), len(mutants))}**. Notebooks run the "
        f"code of {len(reached)} of the changes, and noticed {_share(noticed, len(reached))} of these.\n"
    )
    by_room = table(
        ["room", "changes", "tests", "notebooks", "together"],
        _by_room(mutants),
        (1, 2, 3, 4),
    )
    parts = [said, by_room]
    if left:
        rows = [
            [*_place(m), text(explanation(m, known) or "not explained yet")]
            for m in left
        ]
        heading = f"{count(len(left), 'change')} that nobody noticed"
        parts.append(
            fold(
                heading,
                table(
                    ["where", "code", "changed to", "why it was not noticed"],
                    rows,
                ),
            )
        )
    rows = [[*_place(m), code(m["test"]) or "–", _cell(m)] for m in mutants]
    everything = table(
        [
            "where",
            "code",
            "changed to",
            "noticed by test",
            "noticed by notebook",
        ],
        rows,
    )
    heading = f"All {count(len(mutants), 'change')}"
    parts.append(fold(heading, everything, on_paper=False))
    return "\n".join(parts)


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "0"


def _by_room(mutants: list[dict[str, Any]]) -> list[list[object]]:
    rooms: dict[str, list[dict[str, Any]]] = {}
    for mutant in mutants:
        room = ", ".join(mutant["file"].split("/")[1:-1]) or "package"
        rooms.setdefault(room, []).append(mutant)
    rooms["all"] = mutants
    return [
        [
            f"**{name}**" if name == "all" else text(name),
            len(found),
            sum(bool(m["test"]) for m in found),
            sum(bool(m["notebook"]) for m in found),
            len(found) - len(survivors(found)),
        ]
        for name, found in rooms.items()
    ]


def _place(mutant: dict[str, Any]) -> list[str]:
    return [
        code(f"{mutant['file'].removeprefix('d2lcnn/')}:{mutant['line']}"),
        code(mutant["old"]),
        code(mutant["new"]),
    ]


def _cell(mutant: dict[str, Any]) -> str:
    """Say which notebook noticed."""
    if mutant["notebook"]:
        return f"[{mutant['notebook']}]({mutant['notebook']}.ipynb)"
    if not mutant["shown"]:
        return "not shown yet"
    if mutant["cut"]:
        return "not within its time"
    return "–" if mutant["asked"] else "none runs it"
