"""What the package claims, and the tests that hold it: the list in book/claims.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from evidence.markdown import code, count, fold, table


def rooms(root: Path) -> list[dict[str, Any]]:
    """Give the claims by the room of the package that they are about."""
    return list(
        tomllib.loads(
            (root / "book" / "claims.toml").read_text(encoding="utf-8")
        )["room"]
    )


def write(root: Path) -> str:
    """Write a folded table for each room."""
    parts = []
    number = tests = 0
    for room in rooms(root):
        rows = [
            [claim["says"], "<br>".join(map(code, claim["tests"]))]
            for claim in room["claim"]
        ]
        parts.append(
            fold(
                f"{room['about']}: {count(len(rows), 'claim')}",
                table(["claim", "held by"], rows),
            )
        )
        number += len(rows)
        tests += len(
            {test for claim in room["claim"] for test in claim["tests"]}
        )
    said = f"These are {count(number, 'claim')} and {count(tests, 'test')} that hold them.\n"
    return said + "\n" + "\n".join(parts)
