"""What the package claims, and the tests that hold it: the list in book/claims.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from evidence.markdown import code, count, fold, items


def rooms(root: Path) -> list[dict[str, Any]]:
    """Give the claims by the room of the package that they are about."""
    return list(
        tomllib.loads(
            (root / "book" / "claims.toml").read_text(encoding="utf-8")
        )["room"]
    )


def write(root: Path) -> str:
    """Write a folded list for each room: what is claimed, and below it the tests."""
    parts = []
    number = 0
    tests: set[str] = set()
    for room in rooms(root):
        entries = [
            [claim["says"], *map(code, claim["tests"])]
            for claim in room["claim"]
        ]
        heading = f"{room['about']}: {count(len(entries), 'claim')}"
        parts.append(fold(heading, items(entries)))
        number += len(entries)
        tests.update(test for claim in room["claim"] for test in claim["tests"])
    said = f"These are {count(number, 'claim')}, held by {count(len(tests), 'test')}.\n"
    return said + "\n" + "\n".join(parts)
