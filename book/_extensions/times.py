"""Say at the top of each notebook's page how long it takes to read and to run.

Reading is counted from the page's words. Running in fast mode is what `make execute` measured; a full run adds what
the recorded runs took of the recipes that the notebook trains, which its metadata names: {"d2lcnn": {"trains": [...]}}.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import mean
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

WORDS_PER_MINUTE = 200  # below the 240 or so of plain prose: formulas and code are counted as words
MEASURED = Path(__file__).resolve().parent.parent / "running_times.json"
# Chinese is written without spaces; a character is read in about the time of two thirds of a word.
CHARACTER = re.compile("[\u4e00-\u9fff]")


def words(doctree: nodes.document) -> int:
    """Count the words of a page, formulas and code included, folded solutions left out."""
    count = 0
    folded = False
    for node in doctree.findall():
        if isinstance(node, nodes.raw):
            folded = (
                folded or '<details class="solution"' in node.astext()
            ) and "</details>" not in node.astext()
        elif (
            isinstance(node, nodes.Text)
            and not folded
            and not isinstance(node.parent, nodes.raw)
        ):
            characters = len(CHARACTER.findall(node))
            count += len(CHARACTER.sub(" ", node).split()) + round(
                characters * 2 / 3
            )
    return count


def duration(seconds: float) -> str:
    """Put a duration into the words of an estimate.

    Args:
        seconds: At least 0.
    """
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} seconds"
    minutes = seconds / 60
    rounded = round(minutes) if minutes < 10 else round(minutes / 5) * 5
    if rounded < 90:
        return f"{rounded} minute{'s' if rounded != 1 else ''}"
    return f"{round(minutes / 60)} hours"


def recorded(recipes: list[str]) -> dict[str, float]:
    """Return the seconds that training all these recipes takes, by the device on which each was recorded.

    A record of fewer epochs than its recipe has counts in proportion. Empty where a recipe has not been recorded yet.

    Args:
        recipes: Keys in `d2lcnn.RECIPES`, at least one.

    Raises:
        ValueError: If a recipe is unknown.
    """
    import d2lcnn

    by_recipe = []
    for recipe in recipes:
        found: dict[str, list[float]] = {}
        try:
            runs = d2lcnn.load_runs(recipe)
        except ValueError:
            if recipe not in d2lcnn.RECIPES:
                raise
            return {}
        for run in runs:
            share = len(run.history) / d2lcnn.RECIPES[recipe].num_epochs
            found.setdefault(run.history.device_name, []).append(
                run.wall_seconds / share
            )
        by_recipe.append(
            {device: mean(seconds) for device, seconds in found.items()}
        )
    shared = set(by_recipe[0]).intersection(*by_recipe)
    return {
        device: sum(seconds[device] for seconds in by_recipe)
        for device in sorted(shared)
    }


def sentence(count: int, fast: float | None, recipes: list[str]) -> str:
    """Return what a page says about its times.

    Args:
        count: The page's words.
        fast: The measured seconds of a run in fast mode, None if nobody has measured it.
        recipes: What a full run trains.
    """
    parts = [
        f"To read: about {duration(60 * count / WORDS_PER_MINUTE)}, without the solutions."
    ]
    if fast is not None and recipes:
        full = [
            f"{duration(fast + seconds)} ({device})"
            for device, seconds in recorded(recipes).items()
        ]
        parts.append(
            f"To run: {duration(fast)} in fast mode; in full {' or '.join(full) or 'longer: not recorded yet'}."
        )
    elif fast is not None:
        parts.append(f"To run: {duration(fast)}.")
    return " ".join(parts)


def say_times(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the sentence below a notebook's title."""
    # gettext would take the sentence for the author's.
    if app.builder.format != "html":
        return
    path = Path(app.env.doc2path(page))
    title = next(doctree.findall(nodes.title), None)
    if path.suffix != ".ipynb" or title is None:
        return
    measured = (
        json.loads(MEASURED.read_text(encoding="utf-8"))
        if MEASURED.is_file()
        else {}
    )
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    recipes = metadata.get("d2lcnn", {}).get("trains", [])
    try:
        text = sentence(words(doctree), measured.get(path.stem), recipes)
    except ValueError as error:
        raise ExtensionError(
            f"{path.name}: its metadata d2lcnn.trains: {error}"
        ) from error
    title.parent.insert(
        title.parent.index(title) + 1,
        nodes.paragraph(text, text, classes=["times"]),
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-resolved", say_times)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
