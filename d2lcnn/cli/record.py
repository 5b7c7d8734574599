"""`d2lcnn record`: run recipes in full, for the book's tables and figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from d2lcnn.cli.options import Commands, add_command, add_device
from d2lcnn.cli.output import epochs_told, last_epoch, print_json
from d2lcnn.training.devices import PRECISIONS
from d2lcnn.training.recipes import RECIPES
from d2lcnn.training.records import RESULTS, Run, record

DETAILS = "An interrupted command goes on where it was when it is given again."
EXAMPLES = """
d2lcnn record lenet --seed 0                      one run, ten epochs
d2lcnn record lenet lenet_bn --seed 0 1 2         six runs, one after another
d2lcnn record lenet --seed 3 --held-out 5000      trains on 55,000 images, validates on 5,000
"""


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["record", "lenet", "--seed", "0"]).recipes
        ['lenet']
    """
    parser = add_command(
        commands,
        "record",
        _run,
        summary="run recipes in full and write what they gave as JSON",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.add_argument(
        "recipes", nargs="+", choices=list(RECIPES), metavar="RECIPE", help=", ".join(RECIPES)
    )
    parser.add_argument(
        "--seed", nargs="+", type=int, required=True, metavar="K", help="one run for each seed"
    )
    add_device(parser)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="default: %(default)s")
    parser.add_argument("--compile", action="store_true", help="run the steps through torch.compile")
    parser.add_argument("--epochs", type=int, metavar="N", help="default: the recipe's")
    parser.add_argument(
        "--held-out", type=int, default=0, metavar="N", help="hold N training images out and validate on them"
    )
    parser.add_argument("--out", type=Path, default=_default_folder(), help="default: %(default)s")


def _default_folder() -> Path:
    """The package's own results in a checkout; elsewhere a folder of the user's."""
    in_checkout = (RESULTS.parent.parent / "pyproject.toml").exists()
    return RESULTS if in_checkout else Path("results")


def _run(options: argparse.Namespace) -> int:
    written = []
    for name in options.recipes:
        for seed in options.seed:
            try:
                with epochs_told():
                    path = record(
                        name,
                        seed,
                        folder=options.out,
                        device=options.device,
                        precision=options.precision,
                        compile=options.compile,
                        num_epochs=options.epochs,
                        held_out=options.held_out,
                    )
            except KeyboardInterrupt as interrupt:
                raise KeyboardInterrupt(
                    "give the same command again to go on after the last whole epoch"
                ) from interrupt
            history = Run.from_file(path).history
            written.append({"file": str(path), "recipe": name, "seed": seed, **last_epoch(history)})
            if not options.json:
                print(f"{path.name}\n{history.summary()}", flush=True)
    if options.json:
        print_json(written)
    return 0
