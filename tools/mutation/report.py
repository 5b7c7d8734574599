"""The results of a run, as the book shows them: book/mutants.json."""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import torch

# The longest text of a change that is kept whole.
LONGEST = 300


def report(root: Path, seed: int, rows: list[dict[str, Any]]) -> None:
    """Write the results of a run into the book.

    Args:
        root: The project's folder.
        seed: What the mutants were drawn from.
        rows: A result for each mutant.
    """
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
    )
    result = {
        "seed": seed,
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "mutants": [_short(row) for row in rows],
    }
    text = json.dumps(result, ensure_ascii=False, indent=1)
    (root / "book" / "mutants.json").write_text(text + "\n", encoding="utf-8")
    print(summary(result["mutants"]))


def _short(row: dict[str, Any]) -> dict[str, Any]:
    slow = row.get("slow tests", {})
    mutant = {k: v[:LONGEST] if isinstance(v, str) else v for k, v in row["mutant"].items()}
    # Missing where a run was interrupted before it came to the notebooks.
    notebooks = row.get("notebooks", {"by": "", "tried": [], "cut": ""})
    asked = [name.removesuffix(".ipynb") for name in notebooks["tried"]]
    return {
        **mutant,
        "test": row["tests"]["by"] or slow.get("by", ""),
        # The one that noticed was the last.
        "notebook": asked[-1] if notebooks["by"] else "",
        "asked": asked,
        "cut": bool(notebooks["cut"]),
        "shown": "notebooks" in row,
    }


def summary(mutants: list[dict[str, Any]]) -> str:
    """Say how many mutants there were, and who noticed them."""
    tests, notebooks = (sum(bool(m[name]) for m in mutants) for name in ("test", "notebook"))
    both = sum(bool(m["test"] or m["notebook"]) for m in mutants)
    return f"{len(mutants)} mutants: tests noticed {tests}, notebooks {notebooks}, together {both}"
