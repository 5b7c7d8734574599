"""The program `d2lcnn`: its commands, its exit statuses, and how it tells of errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import torch

from d2lcnn.cli import bench, data, evaluate, predict, record, summary, train
from d2lcnn.training.epoch import DivergedError

COMMANDS = (train, evaluate, predict, record, summary, data, bench)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after the program's name; None takes the process's own.

    Returns:
        0 if all went well, 1 after an error that the message explains, 2 for a wrong command, 130 after Ctrl-C.

    Example:
        >>> main(["record", "lenet", "--seed", "-1"])
        1
    """
    try:
        options = make_parser().parse_args(arguments)
    except SystemExit as exit_:  # argparse has printed the help, or what is wrong
        return int(exit_.code or 0)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        how = f": {interrupt}" if str(interrupt) else ""
        print(f"interrupted{how}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output, `head` say, has seen enough
        # Python flushes standard output once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, DivergedError, MemoryError, torch.cuda.OutOfMemoryError) as error:
        print(f"d2lcnn {options.command}: {error}", file=sys.stderr)
        return 1
    return status


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands.

    Example:
        >>> make_parser().parse_args(["record", "lenet", "--seed", "0", "1"]).seed
        [0, 1]
    """
    parser = argparse.ArgumentParser(
        prog="d2lcnn",
        description="Train, measure and look into the networks of the course d2lcnn.",
        epilog="`d2lcnn COMMAND --help` says more, with examples. Exit status: 0 all went well, 1 an error that the "
        "message explains, 2 a wrong command, 130 Ctrl-C.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
