"""What is gained against what it costs: points with names, their front, and a figure of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from d2lcnn.insight.figures import COLOURS
from d2lcnn.insight.labels import place_labels

MARKERS = "osD^vP"
LEAST = 25.0  # area of the smallest mark, in square points


@dataclass(frozen=True)
class TradeoffPoint:
    """A network as a point of a figure.

    Args:
        name: Its label.
        multiply_adds: Multiply-adds for one picture.
        parameters: Number of its parameters.
        value: What was reached, such as an error or an accuracy.
        kind: How that was measured; points of different kinds must not be compared, and look different.
        deviation: Standard deviation of the value over several runs, 0 where it is one number.

    Example:
        >>> TradeoffPoint("NiN", 0.97e9, 7_595_176, 40.64, "1 crop").deviation
        0.0
    """

    name: str
    multiply_adds: float
    parameters: float
    value: float
    kind: str
    deviation: float = 0.0


def pareto_front(costs: Sequence[tuple[float, ...]]) -> list[int]:
    """Find what nothing else beats: the places of those for which no other is as good in all respects and better in one.

    Args:
        costs: Of each candidate its costs, such as error and multiply-adds; less is better in each.

    Raises:
        ValueError: If candidates have different numbers of costs, or a cost is not a number.

    Example:
        >>> pareto_front([(30, 1.0), (25, 2.0), (27, 3.0)])
        [0, 1]
    """
    if len({len(cost) for cost in costs}) > 1:
        raise ValueError(
            f"All candidates need the same costs, got {sorted({len(cost) for cost in costs})} of them."
        )
    if any(math.isnan(value) for cost in costs for value in cost):
        raise ValueError("A cost is not a number (NaN). Leave the candidates out whose cost is not known.")
    return [
        i
        for i, one in enumerate(costs)
        if not any(other != one and all(a <= b for a, b in zip(other, one)) for other in costs)
    ]


def plot_tradeoff(
    points: Iterable[TradeoffPoint],
    value: str,
    *,
    kinds: Sequence[str] | None = None,
    sizes: Sequence[float] = (1e6, 1e7, 1e8),
    ax: Any = None,
) -> Any:
    """Draw values against multiply-adds, on a logarithmic axis; a mark's area goes with the parameters.

    The smallest marks are drawn larger than they should be, so that they can be seen.

    Args:
        points: The networks. Points of one kind share colour and mark, and only they should be compared.
        value: What the value is, for the axis.
        kinds: All kinds that may come, in the order that decides how they look; None takes them as they come.
        sizes: Numbers of parameters whose marks are shown as a scale.
        ax: Matplotlib axes to draw on; None makes a figure of its own.

    Returns:
        The axes.

    Raises:
        ValueError: If there is no point, or one is of another kind.

    Example:
        >>> points = [TradeoffPoint("A", 1e8, 1e6, 30, "1 crop"), TradeoffPoint("B", 1e9, 2e7, 25, "10 crops")]
        >>> [text.get_text() for text in plot_tradeoff(points, "error, %").texts]
        ['A', 'B']
    """
    points = list(points)
    if not points:
        raise ValueError("There is no point to draw.")
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    if ax is None:
        _, ax = plt.subplots(figsize=(6, 4.4), layout="constrained")
    kinds = list(dict.fromkeys(point.kind for point in points)) if kinds is None else list(kinds)
    others = sorted({point.kind for point in points} - set(kinds))
    if others:
        raise ValueError(f"Points must be of the kinds {', '.join(kinds)}, got {', '.join(others)}.")
    looks = dict(zip(kinds, itertools.cycle(zip(COLOURS, MARKERS))))
    # The largest has a mark of 26 points across.
    scale = 26**2 / max(*(point.parameters for point in points), *sizes)
    areas = [max(scale * point.parameters, LEAST) for point in points]
    for point, area in zip(points, areas):
        colour, marker = looks[point.kind]
        ax.scatter(
            point.multiply_adds,
            point.value,
            s=area,
            marker=marker,
            edgecolors=colour,
            facecolors=f"{colour}60",
        )
        if point.deviation:
            ax.errorbar(
                point.multiply_adds, point.value, point.deviation, color=colour, capsize=3, linewidth=1
            )
    ax.set_xscale("log")
    ax.margins(x=0.12, y=0.12)
    ax.set_xlabel("multiply-adds for one picture")
    ax.set_ylabel(value)
    ax.grid(alpha=0.3)
    used = [kind for kind in kinds if any(point.kind == kind for point in points)]
    lines = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=looks[k][1],
            color=looks[k][0],
            markerfacecolor=f"{looks[k][0]}60",
            label=k,
        )
        for k in used
    ]
    rings = [
        Line2D([], [], linestyle="", marker="o", markerfacecolor="none", color="grey", label=_parameters(n),
               markersize=max(scale * n, LEAST) ** 0.5)
        for n in sizes
    ]  # fmt: skip
    above: dict[str, Any] = {"fontsize": 8, "loc": "lower center", "frameon": False, "borderaxespad": 0.2}
    ax.add_artist(
        ax.legend(
            handles=rings, ncols=len(rings), bbox_to_anchor=(0.5, 1), handlelength=3, columnspacing=3, **above
        )
    )
    ax.legend(
        handles=lines,
        ncols=len(lines) if len(lines) < 4 else 2,
        bbox_to_anchor=(0.5, 1.09),
        columnspacing=1.5,
        **above,
    )
    places = [(point.multiply_adds, point.value) for point in points]
    # A diamond is a square on its corner, and reaches farther.
    reach = {"D": 0.5**0.5}
    radii = [area**0.5 * reach.get(looks[p.kind][1], 0.5) for area, p in zip(areas, points)]
    place_labels(ax, places, radii, [point.name for point in points])
    return ax


def _parameters(number: float) -> str:
    return f"{number / 1e6:g} M parameters"
