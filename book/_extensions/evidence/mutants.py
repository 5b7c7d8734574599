"""Whether mistakes would be noticed: the results of tools/mutants.py in book/mutants.json."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from evidence.markdown import code, count, fold, items, table, text


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
    were_shown = (
        f"{len(shown)} so far"
        if len(shown) < len(mutants)
        else f"all {len(shown)}"
    )
    said = (
        f"On {result['date']}, {count(len(mutants), 'change')} were drawn with seed {result['seed']} (Python "
        f"{result['versions']['python']}, PyTorch {result['versions']['torch']}). The package's tests noticed "
        f"{_share(sum(bool(m['test']) for m in mutants), len(mutants))}. The notebooks were shown {were_shown}, run the code "
        f"of {len(reached)} of these, and noticed {_share(noticed, len(reached))}. Tests and notebooks together noticed "
        f"**{_share(len(mutants) - len(left), len(mutants))}**.\n"
    )
    by_room = table(
        ["room", "changes", "tests", "notebooks", "together"],
        _by_room(mutants),
        (1, 2, 3, 4),
    )
    parts = [said, by_room]
    if left:
        heading = f"{count(len(left), 'change')} that nobody noticed"
        entries = [
            [_change(m), text(explanation(m, known) or "not explained yet")]
            for m in left
        ]
        parts.append(fold(heading, items(entries)))
    everything = [
        [_change(m), f"tests: {_test(m)}; notebooks: {_cell(m)}"]
        for m in mutants
    ]
    heading = f"All {count(len(mutants), 'change')}"
    parts.append(fold(heading, items(everything), on_paper=False))
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
            _of_shown(found),
            len(found) - len(survivors(found)),
        ]
        for name, found in rooms.items()
    ]


def _of_shown(mutants: list[dict[str, Any]]) -> str:
    shown = [m for m in mutants if m["shown"]]
    if not shown:
        return "not yet"
    return f"{sum(bool(m['notebook']) for m in shown)} of {len(shown)}"


def _change(mutant: dict[str, Any]) -> str:
    place = f"{mutant['file'].removeprefix('d2lcnn/')}:{mutant['line']}"
    return f"{code(place)}: {code(mutant['old'])} → {code(mutant['new'])}"


def _test(mutant: dict[str, Any]) -> str:
    """Name the test that noticed; which of its cases it was says a reader nothing."""
    return code(mutant["test"].partition("[")[0]) or "none"


def _cell(mutant: dict[str, Any]) -> str:
    """Name the notebook that noticed, or say why none did."""
    if mutant["notebook"]:
        return f"[{mutant['notebook']}]({mutant['notebook']}.ipynb)"
    if not mutant["shown"]:
        return "not shown yet"
    if mutant["cut"]:
        return "not within its time"
    return "none" if mutant["asked"] else "none runs it"
