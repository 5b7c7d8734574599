"""`d2lcnn summary`: the layers of a network, with shapes, parameters and multiply-adds."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable

from torch import nn

from d2lcnn import nets
from d2lcnn.cli.options import Commands, add_command, whole
from d2lcnn.cli.output import print_json
from d2lcnn.insight.shapes import build_on_meta
from d2lcnn.insight.tables import layer_table
from d2lcnn.training.recipes import RECIPES

Build = Callable[[], nn.Module]

IMAGENET = 224
# Networks for smaller images than ImageNet's that no recipe builds without arguments.
SIZES = {
    "lenet5": 32,
    "cifar_resnet": 32,
    "cifar_plain": 32,
    "cifar_densenet": 32,
    "course_norm_net": 32,
    "plain_norm_net": 32,
}
DETAILS = """
NET is a public network of d2lcnn that needs no arguments, such as resnet18, or the name of a recipe. Where a recipe is
called like a network that it does not train (the course's resnet18 takes one channel), the network is shown, and a
message names the other. A row is a layer; multiply-adds are those of matrix products and convolutions, for one image."""
EXAMPLES = """
d2lcnn summary resnet18                        torchvision's ResNet-18 on 3×224×224
d2lcnn summary course_resnet18                 the one that the recipe resnet18 trains, on 1×96×96
d2lcnn summary vgg16 --input 3 448 448         on larger images
d2lcnn summary lenet --json                    rows and totals as JSON
"""


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["summary", "vgg16", "--input", "3", "448", "448"]).input
        [3, 448, 448]
    """
    parser = add_command(
        commands,
        "summary",
        _run,
        summary="list the layers of a network: shapes, parameters, multiply-adds",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.add_argument("net", metavar="NET", help="a network of d2lcnn, or a recipe's name")
    parser.add_argument(
        "--input",
        nargs=3,
        type=whole(1),
        metavar=("C", "H", "W"),
        help="channels, height and width of the image (default: what the network was made for)",
    )


def _run(options: argparse.Namespace) -> int:
    name = options.net
    known = networks()
    if name not in known:
        raise ValueError(
            f"There is no network {name!r} that can be built without arguments. Choose one of: {', '.join(known)}. "
            "For any other, in Python: print(d2lcnn.layer_table(net, (1, C, H, W)))."
        )
    build = known[name]
    # LeNet-5 reads its connection table while it is built, and is small.
    net = build() if build is nets.lenet5 else build_on_meta(build)
    channels, height, width = options.input or _made_for(name, build, net)
    try:
        table = layer_table(net, (1, channels, height, width))
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{name} cannot take an image of {channels}×{height}×{width}: {error} Give another one: --input C H W."
        ) from error
    totals = {
        "parameters": sum(row.parameters for row in table),
        "multiply_adds": sum(row.multiply_adds for row in table),
    }
    if options.json:
        rows = [dataclasses.asdict(row) for row in table]
        print_json({"net": name, "input": [channels, height, width], **totals, "layers": rows})
    else:
        print(f"{name} on one image of {channels}×{height}×{width}\n{table}")
    if name in RECIPES and RECIPES[name].build is not build:
        other = RECIPES[name].settings()["build"]
        print(f"the recipe {name} trains another network: d2lcnn summary {other}", file=sys.stderr)
    return 0


def networks() -> dict[str, Build]:
    """Give what builds each network that has a name: recipes' networks, and public ones that need no arguments.

    Example:
        >>> known = networks()
        >>> "resnet18" in known, "lenet_relu" in known, "resnet_block" in known
        (True, True, False)
    """
    found = {name: recipe.build for name, recipe in RECIPES.items()}
    # A recipe's network has a public name of its own, unless it is called with arguments.
    found |= {
        r.build.__name__: r.build for r in RECIPES.values() if not isinstance(r.build, functools.partial)
    }
    for name in nets.__all__:
        function = getattr(nets, name)
        if inspect.isfunction(function):
            signature = inspect.signature(function)
            gives_net = not str(signature.return_annotation).endswith("Tensor")
            if gives_net and all(p.default is not p.empty for p in signature.parameters.values()):
                found[name] = function
    return found


def _made_for(name: str, build: Build, net: nn.Module) -> tuple[int, int, int]:
    """Say which image a network was made for: that of the recipe that trains it, or else its paper's."""
    first = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    size = next((r.resize for r in RECIPES.values() if r.build is build), SIZES.get(name, IMAGENET))
    return first.in_channels, size, size
