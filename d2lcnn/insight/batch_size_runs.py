"""Recorded runs of one network at several batch sizes, and their figure."""

from __future__ import annotations

import itertools
import re
from statistics import mean, stdev
from typing import Any

from d2lcnn.insight.figures import COLOURS
from d2lcnn.training.recipes import RECIPES
from d2lcnn.training.records import RESULTS, Run, check_alike, load_runs


def runs_by_batch_size(family: str) -> dict[int, list[Run]]:
    """Load the recorded runs of the recipes `<family>_batch<size>`, by size; sizes without a record are left out.

    Args:
        family: What the recipes' names begin with, such as "norm_bn".

    Raises:
        ValueError: If there are no such recipes, or none has a recorded run.

    Example:
        >>> sorted(runs_by_batch_size("norm_bn"))[0]
        1
    """
    sizes = sorted(
        int(m[1]) for name in RECIPES if (m := re.fullmatch(rf"{re.escape(family)}_batch(\d+)", name))
    )
    if not sizes:
        raise ValueError(
            f"No recipe is named {family}_batch<size>, with a number for the size. Families of such recipes are: "
            f"{', '.join(sorted({n.rpartition('_batch')[0] for n in RECIPES if '_batch' in n}))}."
        )
    recorded = [size for size in sizes if any(RESULTS.glob(f"{family}_batch{size}--*.json"))]
    if not recorded:
        raise ValueError(
            f"No run of {family} at any batch size is recorded. Record one: d2lcnn record {family}_batch{sizes[0]} --seed 0"
        )
    return {size: load_runs(f"{family}_batch{size}") for size in recorded}


def plot_batch_sizes(*families: str) -> Any:
    """Draw test accuracy after the last epoch against the batch size, the mean over seeds with one deviation.

    Args:
        *families: What the recipes' names begin with, such as "norm_bn" and "norm_gn".

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If no family is given, or one has no recorded run.

    Example:
        >>> figure = plot_batch_sizes("norm_bn", "norm_ln")
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['norm_bn', 'norm_ln']
    """
    if not families:
        raise ValueError("Name at least one family of recipes to draw, such as plot_batch_sizes('norm_bn').")
    import matplotlib.pyplot as plt

    groups = {family: runs_by_batch_size(family) for family in families}
    figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for (family, by_size), colour, marker in zip(
        groups.items(), itertools.cycle(COLOURS), itertools.cycle("osD^v")
    ):
        middles, deviations = [], []
        for runs in by_size.values():
            check_alike(runs)
            last = [run.history.test_acc[-1] for run in runs]
            middles.append(mean(last))
            deviations.append(stdev(last) if len(last) > 1 else 0.0)
        ax.errorbar(list(by_size), middles, deviations, color=colour, marker=marker, capsize=3, label=family)
    every = sorted({size for by_size in groups.values() for size in by_size})
    ax.set_xscale("log", base=2)
    ax.set_xticks(every, [str(size) for size in every])
    ax.minorticks_off()
    ax.set_xlabel("batch size")
    ax.set_ylabel("test accuracy")
    ax.grid(alpha=0.3)
    ax.legend()
    return figure
