"""`d2lcnn bench`: how fast recipes train on this machine, and how close that is to the limit."""

from __future__ import annotations

import argparse
from typing import Any

from d2lcnn.cli.options import Commands, add_command, add_device, number
from d2lcnn.cli.output import print_json
from d2lcnn.training.bench import BENCHED, bench
from d2lcnn.training.devices import PRECISIONS
from d2lcnn.training.recipes import RECIPES

DETAILS = """
Ours is train_ch6, with data and metrics. The limit is a bare loop over images that lie resized on the device, with the same
network, batch size, precision, layout, optimizer and compilation; the two run epoch by epoch in turn, on images that are
made up, so no data set is needed. Rates are medians, in examples per second; the ratio is the median of those of
neighbouring epochs."""
EXAMPLES = """
d2lcnn bench lenet                                  a few seconds
d2lcnn bench resnet18 densenet --precision float32  two recipes in float32
d2lcnn bench                                        a recipe for each chapter on a network, some minutes
d2lcnn bench lenet --compile --json                 compiled, the result as JSON
"""


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["bench", "lenet", "--seconds", "2"]).seconds
        2.0
    """
    parser = add_command(
        commands,
        "bench",
        _run,
        summary="measure how fast recipes train here, and how close that is to the limit",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=f"default: {', '.join(BENCHED)}")
    add_device(parser)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="default: %(default)s")
    parser.add_argument("--compile", action="store_true", help="compile the networks, ours and the limit's")
    parser.add_argument(
        "--seconds",
        type=number(above=0),
        default=8.0,
        metavar="S",
        help="time for ours and for the limit, about (default: %(default)g)",
    )


def _run(options: argparse.Namespace) -> int:
    unknown = [name for name in options.recipes if name not in RECIPES]
    if unknown:  # before the first is measured: argparse cannot check the names and allow none
        raise ValueError(f"There is no recipe {unknown[0]!r}. Choose of: {', '.join(RECIPES)}.")
    results: list[dict[str, Any]] = []
    for name in options.recipes or BENCHED:
        result = bench(
            name,
            device=options.device,
            precision=options.precision,
            compile=options.compile,
            seconds=options.seconds,
        )
        if not options.json:
            _print(result, first=not results)
        results.append(result)
    if options.json:
        print_json(results)
    return 0


def _print(result: dict[str, Any], *, first: bool) -> None:
    """Print a recipe's line as soon as it is measured, the first one under a head."""
    if first:
        compiled = ", compiled" if result["compile"] else ""
        print(f"{result['device']['name']}, {result['precision']}{compiled}; examples per second")
        print(f"{'recipe':20}{'ours':>10}{'compute':>10}{'limit':>10}{'ours / limit':>14}{'steps':>7}")
    steps = result["rounds"] * result["epochs"] * result["steps"]
    print(
        f"{result['recipe']:20}{result['ours']:10,.0f}{result['compute']:10,.0f}{result['limit']:10,.0f}"
        f"{result['share_of_limit']:14.1%}{steps:7}",
        flush=True,
    )
