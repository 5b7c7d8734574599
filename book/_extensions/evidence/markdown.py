"""Tables and folds as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def text(value: object) -> str:
    """Give a value as plain text: nothing in it is markup, in a cell of a table neither."""
    plain = str(value).replace("\n", " ")
    for sign in "\\`*_{}[]<>|$#":
        plain = plain.replace(sign, f"\\{sign}")
    return plain


def code(value: str) -> str:
    """Give a value as code, whatever backticks it holds; not in a table, whose cells end at a bar."""
    one_line = " ".join(value.split())
    longest = max((len(run) for run in _runs(one_line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{one_line}{space}{fence}" if one_line else ""


def _runs(line: str) -> Iterable[str]:
    """Give the runs of backticks in a line."""
    return (
        run for run in "".join(c if c == "`" else " " for c in line).split()
    )


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Sequence[int] = (),
) -> str:
    """Write a table.

    Args:
        header: The columns' names, none empty.
        rows: The cells, Markdown already.
        right: Columns of numbers, from 0.
    """
    ruler = ["---:" if i in right else "---" for i in range(len(header))]
    lines = [header, ruler, *rows]
    return (
        "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
        + "\n"
    )


def fold(summary: str, content: str, on_paper: bool = True) -> str:
    """Write content that is folded until somebody opens it.

    Args:
        summary: What stands there meanwhile, as plain text.
        content: Markdown.
        on_paper: Whether it is printed, unfolded, with the page.
    """
    classes = "fold" if on_paper else "fold screen-only"
    return f'<details class="{classes}">\n<summary>{summary}</summary>\n\n{content}\n</details>\n'


def items(entries: Iterable[Sequence[str]]) -> str:
    """Write a list, each entry in as many lines as it has parts; for a table such parts are too long.

    Args:
        entries: The parts of each, Markdown already.
    """
    return "\n".join("- " + "\\\n  ".join(entry) for entry in entries) + "\n"


def count(number: int, noun: str) -> str:
    """Write a number with its noun in the right form."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
