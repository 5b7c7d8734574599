"""Recorded runs in groups that differ in nothing but seed and device, so that a mean of them means something."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from d2lcnn.insight.figures import COLOURS
from d2lcnn.training.records import RESULTS, Run, find_recipe


class Setting(NamedTuple):
    """What two recorded runs must have in common before their accuracies are compared.

    Batch size, learning rate and size of the pictures belong to a recipe, and so to what is compared.

    Attributes:
        data: Name of the data set.
        images: Number of training images.
        epochs: Number of epochs.
        precision: "float32" or "bfloat16".

    Example:
        >>> print(Setting("Fashion-MNIST", 60_000, 10, "float32"))
        Fashion-MNIST, 60,000 training images, 10 epochs, float32
    """

    data: str
    images: int
    epochs: int
    precision: str

    def __str__(self) -> str:
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        return f"{self.data}, {self.images:,} training images, {epochs}, {self.precision}"


@dataclass(frozen=True)
class RunGroup:
    """Recorded runs of one recipe that differ in seed and device alone.

    Args:
        recipe: Key in `RECIPES`.
        setting: What they share with the runs that they may be compared with.
        runs: The runs, in the order in which `load_runs` gives them.

    Example:
        >>> group = run_groups("lenet")[0]
        >>> group.setting.epochs, len(group.last) == len(group.runs)
        (10, True)
    """

    recipe: str
    setting: Setting
    runs: tuple[Run, ...]

    @property
    def last(self) -> list[float]:
        """Test accuracy after the last epoch, of each run."""
        return [run.history.test_acc[-1] for run in self.runs]

    @property
    def best(self) -> list[float]:
        """Test accuracy in the best epoch, of each run; that epoch is chosen with the test set."""
        return [max(run.history.test_acc) for run in self.runs]

    @property
    def seeds(self) -> str:
        """Number of runs and their seeds, in words."""
        seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in self.runs}))
        return f"1 run, seed {seeds}" if len(self.runs) == 1 else f"{len(self.runs)} runs, seeds {seeds}"


def run_groups(*recipes: str) -> list[RunGroup]:
    """Load the recorded runs of recipes, without those that held images out, in groups that may be averaged.

    Args:
        *recipes: Keys in `RECIPES`; those without a record are left out.

    Returns:
        Groups of comparable settings side by side: those of most epochs first, and of these float32 before bfloat16;
        within a setting in the order of the recipes.

    Raises:
        ValueError: If a recipe is unknown, or no recipe is given or recorded.

    Example:
        >>> {group.setting.data for group in run_groups("lenet", "resnet18")}
        {'Fashion-MNIST'}
    """
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for recipe in dict.fromkeys(recipes):  # each once, however often it is named
        find_recipe(recipe)
        for path in sorted(RESULTS.glob(f"{recipe}--*.json")):
            run = Run.from_file(path)
            if not run.held_out:
                key = (recipe, _setting(run), json.dumps(run.settings, sort_keys=True))
                groups.setdefault(key, []).append(run)
    if not groups:
        raise ValueError(
            f"No run of these recipes is recorded: {', '.join(recipes) or 'none is named'}. "
            "Record one: d2lcnn record lenet --seed 0"
        )
    found = [RunGroup(recipe, setting, tuple(runs)) for (recipe, setting, _), runs in groups.items()]
    # Python's sort keeps the recipes' order where the rest is equal.
    return sorted(found, key=lambda group: _rank(group.setting))


def _setting(run: Run) -> Setting:
    return Setting(run.history.data, run.history.examples[0], len(run.history), run.precision)


def _rank(setting: Setting) -> tuple[Any, ...]:
    return setting.data, -setting.epochs, setting.precision != "float32", -setting.images


def by_setting(groups: Iterable[RunGroup]) -> dict[Setting, list[RunGroup]]:
    """Sort groups of runs by what they share with one another.

    Args:
        groups: What `run_groups` gives.

    Example:
        >>> len(by_setting(run_groups("lenet", "lenet_bn")))
        1
    """
    ordered = sorted(groups, key=lambda group: _rank(group.setting))
    return {setting: list(some) for setting, some in itertools.groupby(ordered, lambda group: group.setting)}


def plot_settings(groups: Sequence[RunGroup]) -> Any:
    """Draw the test accuracies of recorded runs, one panel for each setting, so that only what is alike lies together.

    Args:
        groups: What `run_groups` gives.

    Returns:
        A matplotlib figure. A line is the mean of a group, its band one standard deviation where there are several runs.

    Raises:
        ValueError: If there is no group.

    Example:
        >>> figure = plot_settings(run_groups("lenet", "lenet_bn"))
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['lenet (3 runs)', 'lenet_bn (3 runs)']
    """
    if not groups:
        raise ValueError("There is no group of runs to draw. run_groups(recipe) gives them.")
    import matplotlib.pyplot as plt

    settings = by_setting(groups)
    columns = min(2, len(settings))
    rows = -(-len(settings) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(3.6 * columns + 0.4, 3.1 * rows),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    names = list(dict.fromkeys(group.recipe for group in groups))
    for ax, (setting, some) in zip(axes.flat, settings.items()):
        for group in some:
            _draw(ax, group, names.index(group.recipe))  # a recipe keeps its look in all panels
        ax.set_title(
            f"{setting.epochs} epoch{'s' if setting.epochs > 1 else ''}, {setting.precision}", fontsize=10
        )
        ax.set_xlabel("epoch")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8, loc="lower right")
        ax.set_xlim(0.5, setting.epochs + 0.5)
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # no epoch 1.5
    for ax in axes.flat[len(settings) :]:
        ax.remove()
    for row in axes:
        row[0].set_ylabel("test accuracy")
    axes[0, 0].set_ylim(0, 1)
    return figure


def _draw(ax: Any, group: RunGroup, k: int) -> None:
    """Draw a group in the look of the k-th recipe: when the colours are all taken they come again, dashed."""
    again, i = divmod(k, len(COLOURS))
    colour, marker, line = COLOURS[i], "osD^vP*X<>"[k % 10], ("-", "--", ":")[again % 3]
    values = np.array([run.history.test_acc for run in group.runs])
    epochs = np.arange(1, values.shape[1] + 1)
    middle = values.mean(axis=0)
    many = len(group.runs) > 1
    label = f"{group.recipe} ({len(group.runs)} runs)" if many else f"{group.recipe} (1 run)"
    ax.plot(epochs, middle, line, color=colour, marker=marker, markersize=4, label=label)
    if many:
        deviation = values.std(axis=0, ddof=1)
        ax.fill_between(epochs, middle - deviation, middle + deviation, color=colour, alpha=0.2, linewidth=0)
