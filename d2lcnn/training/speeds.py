"""Measured speeds: written by the benchmark against d2l, shown by the book, shipped with the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import StatisticsError, median

SPEEDS = Path(__file__).parent.parent / "results" / "speed"


@dataclass(frozen=True)
class Speed:
    """How many images a second one recipe trains on, on one machine, in one precision, data and metrics included.

    Args:
        recipe: Key in `RECIPES`.
        device: Name of the machine.
        precision: "float32" or "bfloat16".
        compiled: Whether the network was compiled.
        images_per_second: Median over the rounds of our loop.
        d2l: The same of d2l's loop, which has float32 alone, in the same rounds.
        steps: Number of steps of ours that were timed.
        date: The day, as YYYY-MM-DD.

    Example:
        >>> speeds = load_speeds()
        >>> {speed.precision for speed in speeds}
        {...'float32'...}
    """

    recipe: str
    device: str
    precision: str
    compiled: bool
    images_per_second: float
    d2l: float
    steps: int
    date: str


def load_speeds(folder: Path | None = None) -> list[Speed]:
    """Load what `make bench` has measured, by machine, then recipe, float32 first.

    All recipes of one machine were measured in one sitting, in the same way, so they can be compared with one another;
    the speeds that recorded runs note were measured on whatever else the machine did meanwhile.

    Args:
        folder: Where the files lie; None takes those that come with the package.

    Raises:
        ValueError: If there is none, or one is damaged.

    Example:
        >>> speed = load_speeds()[0]
        >>> speed.recipe, speed.images_per_second > speed.d2l
        ('lenet', True)
    """
    folder = SPEEDS if folder is None else folder
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise ValueError(f"No speed is recorded in {folder}. Measure: make bench")
    return [speed for path in paths for speed in _read(path)]


def _read(path: Path) -> list[Speed]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        machine = found["machine"]
        # On a device without bfloat16 "auto" is float32 once more.
        columns = {"float32": "float32"} | ({"auto": "bfloat16"} if machine["auto"] == "bfloat16" else {})
        return [
            Speed(
                recipe=recipe,
                device=machine["name"],
                precision=precision,
                compiled=column == "auto" and entry["auto_compiled"],
                images_per_second=median(median(one["ours"]) for one in entry[column]),
                d2l=median(entry["d2l"]["end_to_end"]),
                steps=entry["steps"]["ours"],
                date=entry["date"],
            )
            for recipe, entry in found["recipes"].items()
            for column, precision in columns.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError, StatisticsError) as error:
        raise ValueError(
            f"{path} holds no speeds as the benchmark writes them: {error!r}. Run make bench again."
        ) from error
