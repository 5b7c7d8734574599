"""What the commands' parsers share: how one is made, and the kinds of values that options take."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TypeAlias

import torch

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    summary: str,
    details: str = "",
    examples: str,
) -> argparse.ArgumentParser:
    """Add a command with its help, its examples and the option `--json`.

    Args:
        commands: The program's commands.
        name: What the user types.
        run: Does the work and gives the exit status.
        summary: What it does, in a line.
        details: What else one must know, for its own help.
        examples: A command and, after some spaces, what it does, on each line.

    Example:
        >>> commands = argparse.ArgumentParser(prog="d2lcnn").add_subparsers()
        >>> parser = add_command(commands, "nap", lambda options: 0, summary="sleep", examples="d2lcnn nap")
        >>> parser.parse_args(["--json"]).json
        True
    """
    sentence = f"{summary[0].upper()}{summary[1:]}."
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{sentence}\n\n{details.strip()}".strip(),
        epilog="examples:\n" + "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # A script that shortens an option would break when another one is added.
        allow_abbrev=False,
    )
    parser.add_argument(
        "--json", action="store_true", help="print the result as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=run)
    return parser


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where to compute.

    Args:
        parser: A command's parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_device(parser)
        >>> parser.parse_args(["--device", "cpu"]).device
        device(type='cpu')
    """
    parser.add_argument(
        "--device", type=device, help="cpu, cuda, cuda:1, mps (default: the fastest that is there)"
    )


def whole(at_least: int) -> Callable[[str], int]:
    """Make a type of option: a whole number with a lower bound.

    Args:
        at_least: The smallest that is allowed.

    Example:
        >>> whole(1)("12")
        12
    """

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = at_least - 1
        if value < at_least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {at_least}, got {text!r}")
        return value

    return convert


def number(
    *, above: float = -math.inf, at_least: float = -math.inf, below: float = math.inf
) -> Callable[[str], float]:
    """Make a type of option: a finite number between bounds.

    Args:
        above: It must be greater than this.
        at_least: It must not be smaller than this.
        below: It must be smaller than this.

    Example:
        >>> number(at_least=0, below=1)("0.1")
        0.1
    """
    rules = [
        f"{words} {bound:g}"
        for words, bound in (("above", above), ("at least", at_least), ("below", below))
        if math.isfinite(bound)
    ]

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value > above and value >= at_least and value < below):
            raise argparse.ArgumentTypeError(f"must be a finite number {' and '.join(rules)}, got {text!r}")
        return value

    return convert


def device(text: str) -> torch.device:
    """Read an option's device, and refuse one that this machine has not.

    Args:
        text: "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        argparse.ArgumentTypeError: If there is no such device.

    Example:
        >>> device("cpu")
        device(type='cpu')
    """
    here = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    try:
        found = torch.device(text)
    except RuntimeError:
        found = None
    if found is None or (text not in here and f"{text}:0" not in here):
        raise argparse.ArgumentTypeError(f"there is no device {text!r}; this machine has {', '.join(here)}")
    return found
