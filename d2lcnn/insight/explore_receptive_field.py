"""A figure that moves: how many outputs a convolution or pooling layer has, and which pixels one of them sees."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.receptive_field import next_field, output_size
from d2lcnn.insight.svg import BLUE, INK, ORANGE, Drawing

LEFT, RIGHT, TOP, ROW = (
    52,
    366,
    26,
    58,
)  # pixels: the cells' left and right end, the uppermost row, from row to row


class Level(NamedTuple):
    """The units of the image (level 0) or behind one layer, along one side.

    Args:
        units: How many there are.
        start: First pixel that unit 0 sees, negative where padding lies in front of the image.
        size: Pixels from the first to the last that a unit sees.
        jump: Pixels between the fields of neighbours.
    """

    units: int
    start: int
    size: int
    jump: int

    def middle(self, unit: int) -> float:
        """Give the middle of what a unit sees, in pixels of the image."""
        return self.start + unit * self.jump + (self.size - 1) / 2


def levels(
    n: int, kernel_size: int, stride: int, padding: int, dilation: int, num_layers: int
) -> list[Level]:
    """Follow a stack of equal layers from the image on."""
    found = [Level(n, 0, 1, 1)]
    for _ in range(num_layers):
        units, start, size, jump = found[-1]
        found.append(
            Level(
                output_size(units, kernel_size, stride, padding, dilation),
                start - padding * jump,
                *next_field(size, jump, kernel_size, stride, dilation),
            )
        )
    return found


def seen_units(
    stack: Sequence[Level], kernel_size: int, stride: int, padding: int, dilation: int
) -> list[list[int]]:
    """Give for each level, from the image on, the units that the middle output sees; padding has numbers outside."""
    seen = [[(stack[-1].units - 1) // 2]]
    for above in reversed(stack[1:]):
        taps = {
            unit * stride - padding + dilation * tap
            for unit in seen[0]
            if 0 <= unit < above.units  # padding is zero, and sees nothing
            for tap in range(kernel_size)
        }
        seen.insert(0, sorted(taps))
    return seen


def explore_receptive_field(
    n: int = 16,
    kernel_size: int | Sequence[int] = (2, 3, 4, 5, 6, 7),
    stride: int | Sequence[int] = (1, 2, 3, 4),
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    num_layers: int | Sequence[int] = 1,
    *,
    start: Sequence[int] | None = None,
) -> Explorer:
    """Show the outputs of a convolution or pooling layer, or of a stack of equal ones, and which pixels one of them sees.

    The picture is a cut along one side of the image; columns behave like rows. One or two of the arguments are
    sequences, and those are what a reader moves.

    Args:
        n: Pixels along the side of the image.
        kernel_size: Side k of the window.
        stride: Step s between windows.
        padding: Zeros p added at each end of each layer's input.
        dilation: Distance d between the pixels that a window takes.
        num_layers: How many such layers follow each other.
        start: The first frame's value of each argument that is a sequence.

    Raises:
        ValueError: If a window does not fit into its padded input, a size is below the least one, or not one or two
            of the arguments are sequences.

    Example:
        >>> print(explore_receptive_field(9, kernel_size=3, stride=[1, 2], num_layers=[1, 2]))  # doctest: +ELLIPSIS
        Output size and receptive field (figure that moves)
        stride s: 1, 2
        layers: 1, 2
        At stride s = 1, layers = 1: 9 pixels → 7 outputs. One sees 3 × 3 pixels; the next one as many, 1 pixel further on...
    """
    given = {
        "kernel size k": kernel_size,
        "stride s": stride,
        "padding p": padding,
        "dilation d": dilation,
        "layers": num_layers,
    }
    moved = {name: value for name, value in given.items() if not isinstance(value, int)}
    fixed = {name: value for name, value in given.items() if isinstance(value, int)}
    if not 1 <= len(moved) <= 2:
        raise ValueError(
            f"One or two arguments are sequences, for the reader to move; got {', '.join(moved) or 'none'}. Give the "
            "others as one number, such as stride=1."
        )
    if any(depth < 1 for depth in as_sequence(num_layers)):
        raise ValueError(f"num_layers must be at least 1, got {num_layers}. Give the number of layers.")

    def stack_of(values: Sequence[int]) -> tuple[list[Level], tuple[int, int, int, int]]:
        now = {**fixed, **dict(zip(moved, values))}
        k, s, p, d, depth = (now[name] for name in given)
        return levels(n, k, s, p, d, depth), (k, s, p, d)

    # The picture keeps its scale while its parameters move: it has room for whatever reaches furthest.
    stacks = [stack_of(values) for values in itertools.product(*moved.values())]
    edges = [edge for stack, layer in stacks for edge in _edges(stack, layer[2])]
    scale = (min(edges, default=0.0), max(edges, default=1.0))

    def draw(*values: int) -> tuple[Drawing, str]:
        stack, layer = stack_of(values)
        drawing = Drawing(400, TOP + ROW * max(as_sequence(num_layers)) + 42)
        seen = seen_units(stack, *layer)
        _draw_levels(drawing, stack, seen, layer, scale)
        return drawing, _sentence(stack, seen[0])

    return Explorer(
        draw,
        moved,
        title="Output size and receptive field",
        caption=(
            "A cut along one side: below the pixels of the image with dashed zeros as padding, above them the outputs "
            "of each layer. Blue is what the orange output sees. A stride leaves outputs out and puts their windows "
            "further apart; a larger kernel widens what each one sees and, without padding, costs outputs at the ends."
        ),
        start=start,
    )


def as_sequence(value: int | Sequence[int]) -> Sequence[int]:
    """Give the values of an argument that is a number or several."""
    return [value] if isinstance(value, int) else value


def _edges(stack: Sequence[Level], padding: int) -> list[float]:
    """Give the outer edges of each level's first and last cell, in pixels of the image."""
    ends = [padding] * (len(stack) - 1) + [0]
    return [
        level.middle(unit) + edge
        for level, end in zip(stack, ends)
        for unit, edge in ((-end, -0.5), (level.units - 1 + end, 0.5))
    ]


def _draw_levels(
    drawing: Drawing,
    stack: Sequence[Level],
    seen: Sequence[Sequence[int]],
    layer: tuple[int, int, int, int],
    scale: tuple[float, float],
) -> None:
    k, s, p, d = layer
    pitch = (RIGHT - LEFT) / (scale[1] - scale[0])
    side = min(0.8 * pitch, 18.0)

    def place(level: int, unit: int) -> tuple[float, float]:
        return LEFT + (stack[level].middle(unit) - scale[0]) * pitch, drawing.height - 42 - ROW * level

    for level in range(1, len(stack)):
        for unit in seen[level]:
            if 0 <= unit < stack[level].units:
                x, y = place(level, unit)
                for tap in range(k):
                    below, floor = place(level - 1, unit * s - p + d * tap)
                    drawing.line([(x, y + side / 2), (below, floor - side / 2)], ORANGE)
    for level, (units, *_) in enumerate(stack):
        ends = p if level < len(stack) - 1 else 0
        for unit in range(-ends, units + ends):
            x, y = place(level, unit)
            inside = 0 <= unit < units
            fill = "none" if unit not in seen[level] else BLUE if level < len(stack) - 1 else ORANGE
            drawing.rectangle(
                x - side / 2, y - side / 2, side, side, fill if inside else "none", INK, dash=not inside
            )
        drawing.text(2, place(level, 0)[1] + 4, f"layer {level}" if level else "image")
        drawing.text(398, place(level, 0)[1] + 4, str(units), "end")
    # A ruler under the pixels from the first to the last one that is seen.
    first, last = place(0, seen[0][0])[0] - side / 2, place(0, seen[0][-1])[0] + side / 2
    floor = place(0, 0)[1] + side / 2 + 7
    drawing.line([(first, floor - 4), (first, floor), (last, floor), (last, floor - 4)], BLUE, 2)
    drawing.text((first + last) / 2, floor + 15, str(stack[-1].size), "middle")


def _sentence(stack: Sequence[Level], pixels: Sequence[int]) -> str:
    sizes = " → ".join(str(level.units) for level in stack[1:])
    units, _, size, jump = stack[-1]
    sees = f"{len(pixels)} × {len(pixels)} pixels"
    if len(pixels) < size:
        sees += f", spread over {size} × {size}"
    if pixels[0] < 0 or pixels[-1] >= stack[0].units:
        sees += ", padding included"
    if units == 1:
        return f"{stack[0].units} pixels → {sizes} output. It sees {sees}."
    step = "1 pixel" if jump == 1 else f"{jump} pixels"
    return f"{stack[0].units} pixels → {sizes} outputs. One sees {sees}; the next one as many, {step} further on."
