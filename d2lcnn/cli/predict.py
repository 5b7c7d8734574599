"""`d2lcnn predict`: what a trained network takes your pictures for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from d2lcnn.cli.folder import read_run, trained_network
from d2lcnn.cli.options import Commands, add_command, add_device, whole
from d2lcnn.cli.output import print_json
from d2lcnn.data.device import try_gpu
from d2lcnn.data.picture import read_picture
from d2lcnn.data.resize import resize_images
from d2lcnn.training.recipes import RECIPES

DETAILS = """
Each image, of any kind that PIL reads, is turned upright, made grey or RGB and scaled to the size of the training images,
whatever its own shape, and then treated as they were. It should look like them: Fashion-MNIST's clothes and MNIST's digits
are WHITE ON BLACK, in the middle, with nothing else in sight. A photograph on a white wall has to be inverted first."""
EXAMPLES = """
d2lcnn predict runs/lenet shirt.png                    the three likeliest classes and their probabilities
d2lcnn predict runs/lenet *.png --top 1 --json         one class for each image, as JSON
"""


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["predict", "runs/lenet", "shirt.png"]).top
        3
    """
    parser = add_command(
        commands,
        "predict",
        _run,
        summary="say what a trained network takes your images for",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the run's folder")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="image files")
    parser.add_argument(
        "--top", type=whole(1), default=3, metavar="K", help="classes to name (default: %(default)s)"
    )
    add_device(parser)


def _run(options: argparse.Namespace) -> int:
    place = options.device or try_gpu()
    run = read_run(options.folder)
    classes = run["classes"]
    if options.top > len(classes):
        raise ValueError(f"--top must be at most {len(classes)}, the number of classes; got {options.top}.")
    net = trained_network(options.folder, run).to(place)
    results: list[dict[str, Any]] = []
    for path in options.images:
        try:
            picture = read_picture(path.read_bytes(), channels=run["image"][0])
        except (ValueError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            print(f"d2lcnn predict: cannot read the image {path}: {why}", file=sys.stderr)
            results.append({"image": str(path), "error": str(why)})
            continue
        batch = as_training_image(picture, run["image"], RECIPES[run["recipe"]].resize).to(place)
        with torch.no_grad():
            probabilities = net(batch)[0].float().softmax(dim=0)
        if not probabilities.isfinite().all():
            raise ValueError(
                f"The network in {options.folder} gives scores that are infinite or no numbers: its training diverged, or "
                "its weights are damaged. Train it anew, with a smaller learning rate."
            )
        top = probabilities.topk(options.top)
        predictions = [
            {"class": classes[i], "probability": p} for p, i in zip(top.values.tolist(), top.indices.tolist())
        ]
        results.append({"image": str(path), "predictions": predictions})
        if not options.json:
            said = ", ".join(f"{guess['class']} {guess['probability']:.3f}" for guess in predictions)
            print(f"{path}: {said}", flush=True)
    if options.json:
        print_json(results)
    return 1 if any("error" in result for result in results) else 0


def as_training_image(picture: Tensor, image: list[int], resize: int) -> Tensor:
    """Bring a picture to the form in which the network has seen the training images.

    Args:
        picture: uint8 C×H×W.
        image: Channels, height and width of the training images as they lie in their data set.
        resize: Size at which they were served.

    Shape:
        uint8 C×H×W → float32 1×C×resize×resize in [0, 1].

    Example:
        >>> as_training_image(torch.full((1, 100, 50), 255, dtype=torch.uint8), [1, 28, 28], 96).shape
        torch.Size([1, 1, 96, 96])
    """
    # First to the data set's own size: a finer picture than the network has ever seen would be another kind of input.
    small = resize_images(picture.unsqueeze(0), (image[1], image[2])).round().to(torch.uint8)
    return resize_images(small, resize).div_(255)
