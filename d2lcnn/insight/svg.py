"""A small vocabulary for drawing in SVG, in words that are the same bytes on every machine and read on any background.

Coordinates are rounded to a tenth, so that the last bits of a float do not show. Words and axes take the colour of the
text around the picture, and the other colours stand out from white and from black alike: one drawing serves notebooks,
the book in light and dark, and paper. SVG libraries have neither scales nor axes, and write numbers in their own ways.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

INK = "currentColor"
BLUE, ORANGE, GREEN = "#2f7fc1", "#d5601c", "#0f8f6b"

Numbers = Sequence[float] | Any


def number(x: float) -> str:
    """Write a coordinate, rounded to a tenth and without needless zeros.

    Args:
        x: The coordinate.
    """
    return f"{round(float(x), 1) + 0.0:.1f}".removesuffix(".0")


def label(value: float | str) -> str:
    """Write a value for people: up to six digits, and a real minus sign.

    Args:
        value: A number; a word is left as it is.
    """
    return value if isinstance(value, str) else f"{value:g}".replace("-", "−")


class Drawing:
    """A picture made of lines, areas, rectangles and words, in pixels from its upper left corner.

    Args:
        width: Width in pixels. Pages scale a drawing to the room there is: 400 reads well on a phone.
        height: Height in pixels.

    Raises:
        ValueError: If a side is not positive.

    Example:
        >>> drawing = Drawing(40, 20)
        >>> drawing.rectangle(0, 0, 10.04, 10)
        >>> drawing.elements
        ['<rect x="0" y="0" width="10" height="10" fill="#2f7fc1"/>']
    """

    def __init__(self, width: int, height: int) -> None:
        if min(width, height) <= 0:
            raise ValueError(
                f"A drawing has positive sides, got {width} × {height}. Give its size in pixels."
            )
        self.width = width
        self.height = height
        self.elements: list[str] = []

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str = BLUE,
        stroke: str = "none",
        dash: bool = False,
    ) -> None:
        """Draw a rectangle from its upper left corner."""
        edge = "" if stroke == "none" else f' stroke="{stroke}"' + (' stroke-dasharray="2 2"' if dash else "")
        self.elements.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" '
            f'fill="{fill}"{edge}/>'
        )

    def line(
        self, points: Iterable[tuple[float, float]], colour: str = INK, width: float = 1, dash: bool = False
    ) -> None:
        """Draw a line through points."""
        dashes = ' stroke-dasharray="4 3"' if dash else ""
        self.elements.append(
            f'<path d="{_path(points)}" fill="none" stroke="{colour}" stroke-width="{number(width)}"{dashes}/>'
        )

    def area(self, points: Iterable[tuple[float, float]], colour: str = BLUE, opacity: float = 1.0) -> None:
        """Fill what a line through points encloses."""
        shade = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
        self.elements.append(f'<path d="{_path(points)}Z" fill="{colour}"{shade}/>')

    def text(self, x: float, y: float, words: str, anchor: str = "start", size: int = 13) -> None:
        """Write words on the line y; they start, have their middle or end at x."""
        self.elements.append(
            f'<text x="{number(x)}" y="{number(y)}" font-size="{size}" text-anchor="{anchor}" fill="{INK}">'
            f"{html.escape(words)}</text>"
        )

    def panel(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        left: float = 36,
        top: float = 10,
        right: float = 10,
        bottom: float = 36,
    ) -> Panel:
        """Give a part of the drawing its own coordinates: ranges of x and y, and the margins around it in pixels."""
        return Panel(self, x, y, (left, self.width - right), (self.height - bottom, top))


class Panel:
    """A part of a drawing with coordinates of its own.

    Args:
        drawing: What it draws on.
        x: The values at its left and right edge.
        y: The values at its lower and upper edge.
        across: The pixels of its left and right edge.
        up: The pixels of its lower and upper edge.

    Raises:
        ValueError: If a range is empty, or no room is left between the edges.

    Example:
        >>> drawing = Drawing(100, 100)
        >>> drawing.panel(x=(-1, 1), y=(0, 1), left=0, top=0, right=0, bottom=0).at(0, 1)
        (50.0, 0.0)
    """

    def __init__(
        self,
        drawing: Drawing,
        x: tuple[float, float],
        y: tuple[float, float],
        across: tuple[float, float],
        up: tuple[float, float],
    ) -> None:
        # Pixels are counted downwards, so the upper edge has the smaller number.
        for name, (first, last) in (("x", x), ("y", y), ("across", across), ("up", up[::-1])):
            if not first < last:
                raise ValueError(
                    f"The range {name} of a panel goes from a smaller to a larger number, got {first} to {last}. "
                    "Swap them, or leave the panel more room."
                )
        self.drawing = drawing
        self.x, self.y, self.across, self.up = x, y, across, up

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Give the pixel of a point."""
        (left, right), (low, high) = self.across, self.up
        return (
            left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (right - left),
            low + (y - self.y[0]) / (self.y[1] - self.y[0]) * (high - low),
        )

    def curve(
        self, xs: Numbers, ys: Numbers, colour: str = BLUE, width: float = 2, dash: bool = False
    ) -> None:
        """Draw a curve."""
        self.drawing.line([self.at(x, y) for x, y in zip(xs, ys, strict=True)], colour, width, dash)

    def area(self, xs: Numbers, ys: Numbers, colour: str = BLUE, opacity: float = 1.0) -> None:
        """Fill what lies between a curve and zero."""
        points = [self.at(x, y) for x, y in zip(xs, ys, strict=True)]
        self.drawing.area([self.at(xs[0], 0), *points, self.at(xs[-1], 0)], colour, opacity)

    def bars(self, edges: Numbers, heights: Numbers, colour: str = BLUE) -> None:
        """Draw a histogram as one outline: bar i stands between edges i and i + 1."""
        points = [(edges[0], 0.0)]
        for i, height in enumerate(heights):
            points += [(edges[i], height), (edges[i + 1], height)]
        self.drawing.area([self.at(x, y) for x, y in (*points, (edges[len(heights)], 0.0))], colour)

    def axes(
        self, xticks: Sequence[float] = (), yticks: Sequence[float] = (), xlabel: str = "", ylabel: str = ""
    ) -> None:
        """Draw the lower and, where it has ticks, the left edge, with numbers at the ticks and the names of both."""
        (left, right), (low, high) = self.across, self.up
        self.drawing.line([(left, low), (right, low)])
        for tick in xticks:
            x, _ = self.at(tick, 0)
            self.drawing.line([(x, low), (x, low + 4)])
            self.drawing.text(x, low + 16, label(tick), "middle", 12)
        if xlabel:
            self.drawing.text((left + right) / 2, low + 31, xlabel, "middle")
        if yticks:
            self.drawing.line([(left, low), (left, high)])
        for tick in yticks:
            _, y = self.at(0, tick)
            self.drawing.line([(left - 4, y), (left, y)])
            self.drawing.text(left - 7, y + 4, label(tick), "end", 12)
        if ylabel:
            self.drawing.text(left + 5, high + 10, ylabel)


def _path(points: Iterable[tuple[float, float]]) -> str:
    """Write a line as steps from point to point, in whole tenths, so that rounding errors do not add up.

    Points that change nothing are left out: repeated ones, and those on the straight line between their neighbours.
    """
    kept: list[tuple[int, int]] = []
    for x, y in ((round(float(x) * 10), round(float(y) * 10)) for x, y in points):
        while len(kept) > 1 and _between(kept[-2], kept[-1], (x, y)):
            kept.pop()
        if not kept or kept[-1] != (x, y):
            kept.append((x, y))
    (x, y), *others = kept
    steps = [f"M{number(x / 10)} {number(y / 10)}"]
    for to_x, to_y in others:
        steps.append(f"l{number((to_x - x) / 10)} {number((to_y - y) / 10)}")
        x, y = to_x, to_y
    return "".join(steps)


def _between(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Tell whether b lies on the way from a straight to c."""
    (ux, uy), (vx, vy) = (b[0] - a[0], b[1] - a[1]), (c[0] - b[0], c[1] - b[1])
    return ux * vy == uy * vx and ux * vx + uy * vy >= 0
