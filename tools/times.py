"""Keep the measured times of the notebooks' runs in fast mode, which the book shows: book/running_times.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

FILE = "running_times.json"
# Machines differ: only a change that a reader would notice changes the file.
FACTOR = 2


def longest_first(notebooks: Iterable[Path]) -> list[Path]:
    """Sort notebooks by the time they took, so that where several run at a time no long one is left over at the end."""

    def seconds(notebook: Path) -> float:
        path = notebook.with_name(FILE)
        times = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        # One that was never measured may be a long one.
        return float(times.get(notebook.stem, math.inf))

    return sorted(notebooks, key=lambda notebook: (-seconds(notebook), notebook.name))


def note(notebook: Path, seconds: float) -> bool:
    """Store how long a notebook of the book took to run; tell whether the file changed.

    Args:
        notebook: The notebook; the file lies beside it.
        seconds: Processor time of its kernel.
    """
    path = notebook.with_name(FILE)
    if not path.is_file():
        return False
    before = json.loads(path.read_text(encoding="utf-8"))
    known = before.get(notebook.stem)
    if known is not None and known / FACTOR < seconds < known * FACTOR:
        return False
    # Entries of notebooks that are gone go too.
    times = {name: value for name, value in before.items() if notebook.with_name(f"{name}.ipynb").is_file()}
    times[notebook.stem] = round(seconds)
    path.write_text(json.dumps(dict(sorted(times.items())), indent=1) + "\n", encoding="utf-8", newline="\n")
    return True
