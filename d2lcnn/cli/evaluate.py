"""`d2lcnn evaluate`: what a trained network does on the test set, class by class."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.cli.folder import check_mode, network_with, read_run, trained_network
from d2lcnn.cli.options import Commands, add_command, add_device
from d2lcnn.cli.output import print_json
from d2lcnn.data.batches import Batches
from d2lcnn.data.device import try_gpu
from d2lcnn.training.devices import PRECISIONS, autocast, resolve_precision
from d2lcnn.training.metrics import evaluation_mode
from d2lcnn.training.recipes import RECIPES

DETAILS = """
The test set is that of the recipe. For each class the table says how many of its images there are, which share is
recognised, and which other class its images are most often taken for. --json gives the whole table besides, a row for each
class and in it the number of its images that were taken for each class."""
EXAMPLES = """
d2lcnn evaluate runs/lenet                              the run in that folder
d2lcnn evaluate runs/lenet --json                       with the table of who is taken for whom
d2lcnn evaluate weights.pt --recipe resnet18            a state dict from elsewhere
"""


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["evaluate", "runs/lenet"]).trained.name
        'lenet'
    """
    parser = add_command(
        commands,
        "evaluate",
        _run,
        summary="measure a trained network on its test set",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.add_argument(
        "trained", type=Path, metavar="FOLDER|WEIGHTS", help="a run's folder, or a file of weights"
    )
    parser.add_argument(
        "--recipe", choices=list(RECIPES), metavar="RECIPE", help="whose network a file of weights is for"
    )
    add_device(parser)
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="default: the run's, for a file of weights float32"
    )


def _run(options: argparse.Namespace) -> int:
    place = options.device or try_gpu()
    name, net, precision = _trained(options.trained, options.recipe)
    recipe = RECIPES[name]
    _, test_iter = recipe.load(recipe.batch_size, resize=recipe.resize, device=place)
    precision = resolve_precision(place, options.precision or precision)
    loss, confusion = confusion_table(net.to(place), test_iter, precision)
    right, images = confusion.diag(), confusion.sum(dim=1)
    result = {
        "recipe": name,
        "data": test_iter.name,
        "images": int(images.sum()),
        "precision": precision,
        "loss": loss,
        "accuracy": int(right.sum()) / int(images.sum()),
        "classes": list(test_iter.classes),
        # A class may have no image in a small test set.
        "class_accuracy": [int(r) / int(n) if n else None for r, n in zip(right, images)],
        "confusion": confusion.tolist(),
    }
    if options.json:
        print_json(result)
    else:
        print(_in_words(result))
    return 0


def _trained(path: Path, recipe: str | None) -> tuple[str, nn.Module, str]:
    """Give a trained network with its recipe's name and its run's precision."""
    if path.is_dir():
        run = read_run(path)
        if recipe not in (None, run["recipe"]):
            raise ValueError(
                f"The run in {path} is one of the recipe {run['recipe']}, not {recipe}. Leave out --recipe."
            )
        check_mode(path, run, "to test it on the like")
        return run["recipe"], trained_network(path, run), run["settings"]["precision"]
    if not path.exists():
        raise FileNotFoundError(
            f"There is no folder or file {path}. Train into a folder first: d2lcnn train RECIPE"
        )
    if recipe is None:
        raise ValueError(f"{path} holds weights alone: say whose they are, with --recipe RECIPE.")
    return recipe, network_with(path, RECIPES[recipe], recipe), "float32"


def confusion_table(net: nn.Module, data: Batches, precision: str) -> tuple[float, Tensor]:
    """Count for each class what its images are taken for, and give the mean loss too.

    Args:
        net: The network, on the device of the data.
        data: The images.
        precision: "float32" or "bfloat16".

    Shape:
        → the mean cross-entropy, and int64 classes×classes: a row for each true class, a column for each given one.

    Example:
        >>> images = torch.zeros(3, 1, 1, 2, dtype=torch.uint8)
        >>> data = Batches(images, torch.tensor([0, 1, 1]), 2, device="cpu")
        >>> confusion_table(nn.Flatten(), data, "float32")[1].tolist()  # equal scores: the first class is taken
        [[1, 0], [2, 0]]
    """
    classes = data.num_classes
    table = torch.zeros(classes * classes, dtype=torch.int64)
    loss = 0.0
    with evaluation_mode(net), torch.no_grad():
        for X, y in data:
            with autocast(data.device, precision):
                scores = net(X).float()
            if scores.dim() != 2 or scores.shape[1] != classes:
                raise ValueError(
                    f"The network gives scores of shape {tuple(scores.shape)} for {len(y)} images of {classes} classes."
                )
            loss += float(nn.functional.cross_entropy(scores, y, reduction="sum"))
            pairs = y * classes + scores.argmax(dim=1)
            table += torch.bincount(pairs.cpu(), minlength=classes * classes)
    if not math.isfinite(loss):
        raise ValueError(
            "The network gives scores that are infinite or no numbers: its training diverged, or its weights are damaged. "
            "Train it anew, with a smaller learning rate."
        )
    return loss / data.num_examples, table.reshape(classes, classes)


def _in_words(result: dict[str, Any]) -> str:
    lines = [
        f"{result['recipe']} on {result['data']}, {result['images']:,} test images, {result['precision']}",
        f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.4f}",
        "",
        f"{'class':<14}{'images':>8}{'accuracy':>10}  most often taken for",
    ]
    for i, name in enumerate(result["classes"]):
        row = result["confusion"][i]
        count, other = max((n, j) for j, n in enumerate(row) if j != i) if len(row) > 1 else (0, 0)
        accuracy = result["class_accuracy"][i]
        shown = "–" if accuracy is None else f"{accuracy:.4f}"
        mistaken = f"{result['classes'][other]} ({count:,})" if count else "–"
        lines.append(f"{name:<14}{sum(row):>8,}{shown:>10}  {mistaken}")
    return "\n".join(lines)
