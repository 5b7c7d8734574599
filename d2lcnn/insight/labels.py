"""Names beside the points of a figure that neither overlap one another nor hide a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

# Where a label is tried, in turn: the direction from its point, and how far from the point's edge it begins, in points.
DIRECTIONS = (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200, 65, 115, 245, 295)
DISTANCES = (3, 9, 16, 24, 34, 46)
LEADER = 6  # from this distance on a thin line leads to the point


def place_labels(
    ax: Any,
    points: Sequence[tuple[float, float]],
    radii: Sequence[float],
    labels: Sequence[str],
    *,
    fontsize: float = 8,
) -> list[Any]:
    """Write a label beside each point of a figure, at the first place where it hides nothing.

    Call it when everything else is drawn: limits and sizes must not change afterwards.

    Args:
        ax: The matplotlib axes.
        points: Where the points are, in the axes' coordinates.
        radii: Size of each point's mark, from its middle to its edge, in points (1/72 inch).
        labels: One for each point.
        fontsize: Of the labels, in points.

    Returns:
        The labels as matplotlib annotations.

    Raises:
        ValueError: If points, radii and labels differ in number.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> figure, ax = plt.subplots()
        >>> placed = place_labels(ax, [(0.5, 0.5), (0.5, 0.5)], [3, 3], ["one", "two"])
        >>> boxes = [label.get_window_extent() for label in placed]
        >>> bool(boxes[0].overlaps(boxes[1]))
        False
    """
    if not len(points) == len(radii) == len(labels):
        raise ValueError(
            f"Give a radius and a label for each point: got {len(points)} points, {len(radii)} radii, {len(labels)} labels."
        )
    from matplotlib.transforms import Bbox

    figure = ax.figure
    figure.draw_without_rendering()  # the layout moves axes when it is drawn
    pixel = figure.dpi / 72
    inside = ax.get_window_extent()
    middles = [tuple(ax.transData.transform(point)) for point in points]
    taken = [
        Bbox.from_bounds(x - r * pixel, y - r * pixel, 2 * r * pixel, 2 * r * pixel)
        for (x, y), r in zip(middles, radii)
    ]
    notes = [
        ax.annotate(label, point, xytext=(0, 0), textcoords="offset points", fontsize=fontsize)
        for label, point in zip(labels, points)
    ]
    sizes = []
    for note in notes:
        note.set_in_layout(False)
        extent = note.get_window_extent()
        sizes.append((extent.width + 2, extent.height))
    reach = [r * pixel for r in radii]
    by_place = sorted(range(len(points)), key=lambda i: middles[i])
    # Who comes first has the best place, so some orders are tried.
    orders = (range(len(points)), by_place, by_place[::-1], range(len(points))[::-1])
    tried = [_place(order, middles, reach, sizes, taken, inside, pixel) for order in orders]
    _, boxes = min(tried, key=lambda attempt: attempt[0])
    for i, (box, distance) in boxes.items():
        notes[i].set_position(((box.x0 - middles[i][0]) / pixel, (box.y0 - middles[i][1]) / pixel))
        if distance >= LEADER:
            _lead(ax, middles[i], reach[i], box)
    return notes


def _place(
    order: Sequence[int],
    middles: Sequence[tuple[float, ...]],
    reach: Sequence[float],
    sizes: Sequence[tuple[float, float]],
    marks: Sequence[Any],
    inside: Any,
    pixel: float,
) -> tuple[tuple[float, float], dict[int, tuple[Any, float]]]:
    """Place labels one after the other; give what is hidden and how far they are away, and each label's box and distance."""
    taken = list(marks)
    boxes: dict[int, tuple[Any, float]] = {}
    hidden, away = 0.0, 0.0
    for i in order:
        best: tuple[float, float, Any] | None = None
        for distance in DISTANCES:
            for angle in DIRECTIONS:
                box = _beside(middles[i], sizes[i], reach[i] + distance * pixel, math.radians(angle))
                outside = sizes[i][0] * sizes[i][1] - _common(box, inside)
                cost = sum(_common(box, other) for other in taken) + 2 * outside
                cost += _crossed(middles[i], box, [mark for k, mark in enumerate(marks) if k != i])
                if best is None or cost < best[0] - 1e-6:
                    best = (cost, distance, box)
                if best[0] < 1e-6:
                    break
            if best is not None and best[0] < 1e-6:
                break
        assert best is not None
        hidden, away = hidden + best[0], away + best[1]
        boxes[i] = (best[2], best[1])
        taken.append(best[2])
    return (hidden, away), boxes


def _beside(middle: tuple[float, ...], size: tuple[float, float], distance: float, angle: float) -> Any:
    """Give the box of a label whose nearest edge or corner lies at a distance and in a direction from a point."""
    from matplotlib.transforms import Bbox

    width, height = size
    across, up = math.cos(angle), math.sin(angle)
    x = (
        middle[0]
        + distance * across
        + width / 2 * (math.copysign(1, across) if abs(across) > 0.3 else across / 0.3)
    )
    y = middle[1] + distance * up + height / 2 * (math.copysign(1, up) if abs(up) > 0.3 else up / 0.3)
    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)


def _common(one: Any, other: Any) -> float:
    """Area that two boxes share, in square pixels."""
    width = max(min(one.x1, other.x1) - max(one.x0, other.x0), 0.0)
    height = max(min(one.y1, other.y1) - max(one.y0, other.y0), 0.0)
    return float(width * height)


def _crossed(middle: tuple[float, ...], box: Any, marks: Sequence[Any]) -> float:
    """Length of the way from a point to its label that leads over other marks, in pixels."""
    end = (min(max(middle[0], box.x0), box.x1), min(max(middle[1], box.y0), box.y1))
    steps = [k / 8 for k in range(9)]
    way = [(middle[0] + t * (end[0] - middle[0]), middle[1] + t * (end[1] - middle[1])) for t in steps]
    length = math.dist(middle, end)
    return length * sum(any(mark.contains(*place) for mark in marks) for place in way) / len(way)


def _lead(ax: Any, middle: tuple[float, ...], radius: float, box: Any) -> None:
    """Draw a thin line from the edge of a point's mark to the nearest place of its label."""
    x = min(max(middle[0], box.x0), box.x1)
    y = min(max(middle[1], box.y0), box.y1)
    length = math.hypot(x - middle[0], y - middle[1]) or 1.0
    start = (middle[0] + radius * (x - middle[0]) / length, middle[1] + radius * (y - middle[1]) / length)
    ends = ax.transData.inverted().transform([start, (x, y)])
    ax.plot(*zip(*ends), color="grey", linewidth=0.6, zorder=0.9, scalex=False, scaley=False)
