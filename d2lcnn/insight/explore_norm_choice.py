"""A figure that moves: the decision tree from a task and a batch size to a norm."""

from __future__ import annotations

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import INK, ORANGE, Drawing

TASKS = ("classify pictures", "restyle pictures", "read sequences")
BATCHES = ("1", "2 to 8", "16 and more")
SPINE, LEAF = (10, 232), (272, 394)  # from left to right edge, of the questions and of the norms
QUESTIONS = (
    (("Is the input a sequence", "of tokens?"), ("layer norm,", "before each", "sublayer")),
    (("Shall a picture's contrast", "and brightness go?"), ("instance norm",)),
    (("Do 16 or more random", "pictures share a device?"), ("batch norm",)),
)
LAST = ("group norm", "with weight standardization")
TOP, STEP, HEIGHT = 14, 92, 56


def chosen_leaf(task: str, batch: str) -> int:
    """Give the number of the question whose answer is yes first, or 3 if none is.

    Args:
        task: One of `TASKS`.
        batch: Examples on one device in one step, one of `BATCHES`.

    Raises:
        ValueError: If the task or the batch size is none of those.

    Example:
        >>> chosen_leaf("classify pictures", "2 to 8")
        3
    """
    for name, value, known in (("task", task, TASKS), ("batch size", batch, BATCHES)):
        if value not in known:
            raise ValueError(f"There is no {name} {value!r} in the tree. Choose one of: {', '.join(known)}.")
    answers = (task == "read sequences", task == "restyle pictures", batch == "16 and more")
    return answers.index(True) if any(answers) else len(answers)


def explore_norm_choice() -> Explorer:
    """Show the way through the tree that leads to a norm, for a task and a number of examples per device.

    Example:
        >>> print(explore_norm_choice())
        The way to a norm (figure that moves)
        task: classify pictures, restyle pictures, read sequences
        examples per device: 1, 2 to 8, 16 and more
        At task = classify pictures, examples per device = 1: Group norm with weight standardization: one is no batch.
        Follow the thick line. For which tasks is the number of examples asked for?
    """

    def draw(task: str, batch: str) -> tuple[Drawing, str]:
        leaf = chosen_leaf(task, batch)
        drawing = Drawing(404, TOP + 3 * STEP + HEIGHT + 14)
        for i, (question, norm) in enumerate(QUESTIONS):
            y = TOP + STEP * i
            _box(drawing, SPINE, y, question, on=i <= leaf)
            _box(drawing, LEAF, y, norm, on=i == leaf)
            _arrow(drawing, (SPINE[1], y + HEIGHT / 2), (LEAF[0], y + HEIGHT / 2), "yes", on=i == leaf)
            _arrow(drawing, (121, y + HEIGHT), (121, y + STEP), "no", on=i < leaf)
        _box(drawing, SPINE, TOP + 3 * STEP, LAST, on=leaf == 3)
        return drawing, _reason(leaf, batch)

    return Explorer(
        draw,
        {"task": list(TASKS), "examples per device": list(BATCHES)},
        title="The way to a norm",
        caption="Follow the thick line. For which tasks is the number of examples asked for?",
    )


def _reason(leaf: int, batch: str) -> str:
    if leaf == 0:
        return "Layer norm before each sublayer: a token's statistics need neither other tokens nor other sequences."
    if leaf == 1:
        return "Instance norm: each picture loses its own contrast and mean in every channel, and keeps its content."
    if leaf == 2:
        return "Batch norm: enough pictures for steady statistics, and nothing to compute in evaluation once it is folded."
    if batch == "1":
        return "Group norm with weight standardization: one is no batch."
    return (
        "Group norm with weight standardization: in large nets statistics of so few pictures were too noisy for batch "
        "norm. In small ones it may still lead: try both."
    )


def _box(drawing: Drawing, sides: tuple[int, int], y: float, words: tuple[str, ...], *, on: bool) -> None:
    """Draw a box with lines of text, thick if the way leads through it."""
    left, right = sides
    corners = [(left, y), (right, y), (right, y + HEIGHT), (left, y + HEIGHT), (left, y)]
    drawing.line(corners, ORANGE if on else INK, 3 if on else 1)
    first = y + HEIGHT / 2 + 5 - 8.5 * (len(words) - 1)
    for i, line in enumerate(words):
        drawing.text((left + right) / 2, first + 17 * i, line, "middle", 14)


def _arrow(
    drawing: Drawing, start: tuple[float, float], end: tuple[float, float], word: str, *, on: bool
) -> None:
    """Draw an arrow to the right or down, with its answer beside it."""
    colour = ORANGE if on else INK
    drawing.line([start, end], colour, 3 if on else 1)
    (x, y), down = end, start[0] == end[0]
    head = [(x - 5, y - 9), (x + 5, y - 9)] if down else [(x - 9, y - 5), (x - 9, y + 5)]
    drawing.area([end, *head], colour)
    middle = ((start[0] + x) / 2 + (16 if down else -3), (start[1] + y) / 2 + (2 if down else -6))
    drawing.text(*middle, word, "middle")
