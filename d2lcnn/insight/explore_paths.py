"""A figure that moves: the paths through a chain of blocks, and which of them are left without one of the blocks."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import BLUE, INK, ORANGE, Drawing

LEFT, RIGHT, TOP, ROW, SIDE = 70, 330, 30, 22, 14  # pixels
KINDS = ("residual", "plain")
NONE = "none"


def paths(blocks: int, kind: str) -> Iterator[tuple[int, ...]]:
    """Give for each path from the input to the output the blocks that it passes, short paths first.

    A residual block is passed or gone round; a plain one can only be passed.

    Args:
        blocks: Number of blocks, counted from 1.
        kind: "residual" or "plain".
    """
    numbers = range(1, blocks + 1)
    lengths = range(blocks + 1) if kind == "residual" else [blocks]
    for length in lengths:
        yield from itertools.combinations(numbers, length)


def explore_paths(blocks: int = 3) -> Explorer:
    """Unravel a chain of blocks into its paths, and show which of them are left when a block is taken out.

    Args:
        blocks: Number of blocks, 2 to 4: there are 2 to the power of it paths.

    Raises:
        ValueError: If the number of blocks is another.

    Source:
        The view is that of Veit, Wilber and Belongie (2016), section 3; the picture is ours.

    Example:
        >>> explore_paths(2)  # doctest: +ELLIPSIS
        Paths through a chain of blocks (figure that moves)
        blocks: residual, plain
        taken out: none, block 1, block 2
        At blocks = residual, taken out = none: 4 of 4 paths are whole: 1 through no block, 2 through 1, 1 through 2...
    """
    if blocks not in (2, 3, 4):
        raise ValueError(
            f"2 to 4 blocks can be drawn with all their paths, got {blocks}. Give 3, for example."
        )

    def draw(kind: str, taken_out: str) -> tuple[Drawing, str]:
        gone = 0 if taken_out == NONE else int(taken_out.removeprefix("block "))
        drawing = Drawing(400, TOP + ROW * 2**blocks + 8)
        columns = [LEFT + (RIGHT - LEFT) * (i + 0.5) / blocks for i in range(blocks)]
        for number, x in enumerate(columns, start=1):
            drawing.text(x, 16, f"block {number}", "middle")
        every = list(paths(blocks, kind))
        whole = [path for path in every if gone not in path]
        for row, path in enumerate(every):
            _draw_path(drawing, TOP + ROW * (row + 0.5), columns, path, gone)
        return drawing, _sentence(whole, len(every))

    return Explorer(
        draw,
        {"blocks": KINDS, "taken out": [NONE, *(f"block {i}" for i in range(1, blocks + 1))]},
        title="Paths through a chain of blocks",
        caption=(
            "Each row is one path from the input, left, to the output, right: a square is a block that it passes, a "
            "bare line a shortcut. Blue paths are whole, dashed ones are broken. Take a block out: of a residual chain's "
            "paths half are left, of a plain chain's one path nothing."
        ),
        start=("residual", NONE),
    )


def _draw_path(drawing: Drawing, y: float, columns: list[float], path: tuple[int, ...], gone: int) -> None:
    broken = gone in path
    ends = [LEFT - 40.0]
    for number, x in enumerate(columns, start=1):
        if number in path:
            ends += [x - SIDE / 2, x + SIDE / 2]
    ends.append(RIGHT + 40.0)
    for first, last in zip(ends[::2], ends[1::2]):
        drawing.line([(first, y), (last, y)], INK if broken else BLUE, 1 if broken else 2, dash=broken)
    for number, x in enumerate(columns, start=1):
        if number in path:
            missing = number == gone
            fill = "none" if broken else BLUE
            drawing.rectangle(
                x - SIDE / 2, y - SIDE / 2, SIDE, SIDE, fill, ORANGE if missing else INK, dash=missing
            )


def _sentence(whole: list[tuple[int, ...]], number: int) -> str:
    if not whole:
        return f"0 of {number} path is whole." if number == 1 else f"0 of {number} paths are whole."
    lengths = Counter(map(len, whole))
    words = ", ".join(
        f"{count} through {length or 'no'}{' block' if not i else ''}{'s' if not i and length > 1 else ''}"
        for i, (length, count) in enumerate(sorted(lengths.items()))
    )
    return f"{len(whole)} of {number} {'path is' if number == 1 else 'paths are'} whole: {words}."
