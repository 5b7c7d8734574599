"""What is compared of each notebook, counted from its cells."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from evidence.markdown import count, table

IGNORED = "nbval-ignore-output"
# What nbval leaves out of its comparison.
NOT_COMPARED = {
    "image/png",
    "image/jpeg",
    "application/vnd.jupyter.widget-view+json",
}
KINDS = (
    "compared",
    "only run",
    "figure alone",
    "live",
    "machine",
    "skipped",
)


def kind(cell: dict[str, Any]) -> str:
    """Say what the comparison does with a code cell, as one of `KINDS`."""
    tags = set(cell["metadata"].get("tags", []))
    if {"nbval-skip", "raises-exception"} & tags or cell[
        "execution_count"
    ] is None:
        return "skipped"
    if IGNORED in tags:
        return "live" if "remove-output" in tags else "machine"
    texts = [
        "".join(text).strip()
        for output in cell["outputs"]
        for text in [output.get("text", ""), *_texts(output.get("data", {}))]
    ]
    if any(text and not text.startswith("<Figure size") for text in texts):
        return "compared"
    return "figure alone" if pictures(cell) else "only run"


def _texts(data: dict[str, Any]) -> list[str]:
    return [
        "".join(value)
        for kind, value in data.items()
        if kind not in NOT_COMPARED
    ]


def pictures(cell: dict[str, Any]) -> int:
    """Count the pictures that a cell shows."""
    return sum(
        "image/png" in output.get("data", {}) for output in cell["outputs"]
    )


def code_cells(path: Path) -> list[dict[str, Any]]:
    """Give the code cells of a notebook that are not empty."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        cell
        for cell in cells
        if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
    ]


def title(path: Path) -> str:
    """Give a notebook's title."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def in_order(root: Path) -> list[Path]:
    """Give the notebooks as the table of contents has them, those that it lacks at the end."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    pages = [
        Path(chapter["file"]).name
        for part in contents["parts"]
        for chapter in part["chapters"]
    ]
    last = len(pages)
    return sorted(
        (root / "book").glob("*.ipynb"),
        key=lambda path: (
            pages.index(path.stem) if path.stem in pages else last,
            path.stem,
        ),
    )


def write(root: Path) -> str:
    """Write the table of all notebooks, in the book's order."""
    measured = json.loads(
        (root / "book" / "running_times.json").read_text(encoding="utf-8")
    )
    rows, total, seconds, figures = [], Counter[str](), 0, 0
    for path in in_order(root):
        cells = code_cells(path)
        kinds = Counter(map(kind, cells))
        shown = sum(map(pictures, cells))
        time = measured.get(path.stem)
        rows.append(
            [
                f"[{title(path)}]({path.name})",
                *(kinds[name] for name in KINDS),
                shown,
                "not measured" if time is None else f"{time:,}",
            ]
        )
        total += kinds
        seconds += time or 0
        figures += shown
    rows.append(
        [
            "**all**",
            *(f"{total[name]:,}" for name in KINDS),
            figures,
            f"{seconds:,}",
        ]
    )
    header = ["notebook", *KINDS, "figures", "seconds"]
    cells = total.total()
    said = (
        f"The {count(len(rows) - 1, 'notebook')} have {count(cells, 'code cell')}. Of these, {total['compared']:,} "
        f"({total['compared'] / cells:.0%}) print something that is compared; {total['skipped'] or 'none'} "
        f"{'is' if total['skipped'] in (0, 1) else 'are'} skipped. *Figures* counts all "
        "pictures, beside a text or alone; *seconds* are those of a processor, in fast mode.\n"
    )
    return said + "\n" + table(header, rows, range(1, len(header)))
