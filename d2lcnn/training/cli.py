"""The command line, `d2lcnn …` or `python -m d2lcnn …`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from d2lcnn.training.devices import PRECISIONS
from d2lcnn.training.epoch import DivergedError
from d2lcnn.training.history import History
from d2lcnn.training.recipes import RECIPES
from d2lcnn.training.records import RESULTS, Run, record

EXAMPLES = """examples:
  d2lcnn record lenet --seed 0                      one run, ten epochs
  d2lcnn record lenet lenet_bn --seed 0 1 2         six runs, one after another
  d2lcnn record lenet --seed 3 --held-out 5000      trains on 55,000 images, validates on 5,000
An interrupted command goes on where it was when it is given again."""


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
    options = _parser().parse_args(arguments)
    try:
        _record(options)
    except KeyboardInterrupt:
        print("interrupted: give the same command again to go on after the last whole epoch", file=sys.stderr)
        return 130
    except (ValueError, OSError, DivergedError) as error:
        print(f"d2lcnn {options.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="d2lcnn", description="Training runs of the course d2lcnn.")
    commands = parser.add_subparsers(dest="command", required=True)
    recorder = commands.add_parser(
        "record",
        help="run recipes in full and write what they gave as JSON",
        description="Run recipes in full and write what they gave as JSON.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    recorder.add_argument(
        "recipes", nargs="+", choices=list(RECIPES), metavar="RECIPE", help=", ".join(RECIPES)
    )
    recorder.add_argument(
        "--seed", nargs="+", type=int, required=True, metavar="K", help="one run for each seed"
    )
    recorder.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the fastest that is there)")
    recorder.add_argument("--precision", choices=PRECISIONS, default="float32", help="default: %(default)s")
    recorder.add_argument("--epochs", type=int, metavar="N", help="default: the recipe's")
    recorder.add_argument(
        "--held-out", type=int, default=0, metavar="N", help="hold N training images out and validate on them"
    )
    recorder.add_argument("--out", type=Path, default=_default_folder(), help="default: %(default)s")
    return parser


def _default_folder() -> Path:
    """The package's own results in a checkout; elsewhere a folder of the user's."""
    in_checkout = (RESULTS.parent.parent / "pyproject.toml").exists()
    return RESULTS if in_checkout else Path("results")


def _record(options: argparse.Namespace) -> None:
    for name in options.recipes:
        for seed in options.seed:
            path = record(
                name,
                seed,
                folder=options.out,
                device=options.device,
                precision=options.precision,
                num_epochs=options.epochs,
                held_out=options.held_out,
            )
            history: History = Run.from_file(path).history
            print(f"{path.name}\n{history.summary()}", flush=True)
