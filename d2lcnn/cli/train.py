"""`d2lcnn train`: train a recipe's network, with settings of one's own, into a folder."""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from d2lcnn.cli.folder import (
    CHECKPOINT,
    FILES,
    FORMAT,
    HISTORY,
    RUN,
    WEIGHTS,
    check_mode,
    read_run,
    write_json,
    write_weights,
)
from d2lcnn.cli.options import Commands, add_command, add_device, number, whole
from d2lcnn.cli.output import epochs_told, last_epoch, print_json
from d2lcnn.cli.settings import (
    OPTIMIZERS,
    SCHEDULES,
    check_same,
    make_augment,
    make_optimizer,
    make_schedule,
    own_settings,
    settings_for,
)
from d2lcnn.cli.team import by_the_first, join_team
from d2lcnn.data.batches import Batches
from d2lcnn.training.devices import PRECISIONS, device_name, resolve_precision
from d2lcnn.training.history import History
from d2lcnn.training.loop import train_ch6
from d2lcnn.training.provenance import commit, versions
from d2lcnn.training.recipes import RECIPES
from d2lcnn.training.team import Team

DETAILS = """
What a recipe says holds unless an option says otherwise. The folder (--out) gets run.json (settings, versions), after each
epoch checkpoint.pt, and in the end weights.pt (a state dict for torch.load(..., weights_only=True)) and history.json.
--resume continues a run that was interrupted, with its own settings; only its device may be another.

With torchrun several processes train one network together, on GPUs each on its own. The batch size is that of all of them
together."""
EXAMPLES = """
d2lcnn train lenet                                       ten epochs into runs/lenet
d2lcnn train lenet --resume                              goes on after the last whole epoch
d2lcnn train lenet --epochs 2 --subset 5000 --out try    a short run on 5,000 images into try/
d2lcnn train resnet18 --precision auto --momentum 0.9 --weight-decay 0.0005 --schedule cosine --warmup 0.05 --out better
d2lcnn train norm_bn --optimizer adamw --lr 0.002 --crop 4 --flip --color-noise 0.1 --label-smoothing 0.1 --out adamw
torchrun --nproc-per-node=2 -m d2lcnn train resnet18     two processes, each with half of every batch
"""


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["train", "lenet", "--crop", "4"]).crop
        4
    """
    parser = add_command(
        commands,
        "train",
        _run,
        summary="train a recipe's network, with settings of your own",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.add_argument("recipe", choices=list(RECIPES), metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where the run goes (default: runs/RECIPE)"
    )
    # No setting has a default here: one that was given must be told from one that was not.
    parser.add_argument("--resume", action="store_true", help="continue the run in the folder")
    add_device(parser)

    run = parser.add_argument_group("length and data")
    run.add_argument(
        "--epochs", type=whole(1), metavar="N", help="passes over the data (default: the recipe's)"
    )
    run.add_argument(
        "--batch-size", type=whole(1), metavar="N", help="images in a batch (default: the recipe's)"
    )
    run.add_argument(
        "--subset", type=whole(1), metavar="N", help="train on N images, always the same (default: all)"
    )
    run.add_argument("--held-out", type=whole(0), metavar="N", help="hold N of them out and validate on them")
    run.add_argument(
        "--seed", type=whole(0), metavar="K", help="of weights, shuffling and dropout (default: 0)"
    )

    rate = parser.add_argument_group("learning rate and optimizer")
    rate.add_argument("--lr", type=number(at_least=0), metavar="RATE", help="default: the recipe's")
    rate.add_argument(
        "--schedule", choices=list(SCHEDULES), help="step: a tenth at 1/2 and at 3/4 (default: constant)"
    )
    rate.add_argument(
        "--warmup",
        type=number(at_least=0, below=1),
        metavar="SHARE",
        help="share of the training over which the rate rises from 0",
    )
    rate.add_argument("--optimizer", choices=list(OPTIMIZERS), help="default: the recipe's")
    rate.add_argument("--momentum", type=number(at_least=0, below=1), metavar="M", help="of sgd (default: 0)")
    rate.add_argument(
        "--weight-decay", type=number(at_least=0), metavar="D", help="default: 0, with adamw torch's 0.01"
    )
    rate.add_argument(
        "--clip-norm",
        type=number(above=0),
        metavar="NORM",
        help="shorten a gradient that is longer than this",
    )

    picture = parser.add_argument_group("labels and images")
    picture.add_argument(
        "--label-smoothing",
        type=number(at_least=0, below=1),
        metavar="SHARE",
        help="share of each target that is spread over all classes",
    )
    picture.add_argument(
        "--crop",
        type=whole(1),
        metavar="PIXELS",
        help="shift each image by up to so many pixels of the resized image",
    )
    picture.add_argument(
        "--flip", action="store_true", default=None, help="mirror half of the images left to right"
    )
    picture.add_argument(
        "--color-noise",
        type=number(above=0),
        metavar="STD",
        help="AlexNet's noise along the directions of the data's colours, 0.1 in the paper",
    )

    speed = parser.add_argument_group("computation")
    speed.add_argument(
        "--precision", choices=PRECISIONS, help="auto: bfloat16 where it is native (default: float32)"
    )
    speed.add_argument(
        "--compile", action="store_true", default=None, help="run the steps through torch.compile"
    )
    speed.add_argument(
        "--sync-batch-norm",
        action="store_true",
        default=None,
        help="batch norm over the batches of all processes, on GPUs",
    )


def _run(options: argparse.Namespace) -> int:
    with join_team(options.device) as place:
        folder: Path = options.out or Path("runs", options.recipe)
        go_on = f"d2lcnn train {options.recipe} --out {shlex.quote(str(folder))} --resume"
        settings = by_the_first(lambda: _settings(options, folder, place, go_on))
        try:
            with epochs_told():
                history = _train(options.recipe, settings, folder, place, resume=options.resume)
        except KeyboardInterrupt as interrupt:
            kept = (folder / CHECKPOINT).exists()
            how = (
                f"go on after the last whole epoch: {go_on}"
                if kept
                else "before an epoch was over; nothing was kept"
            )
            raise KeyboardInterrupt(how) from interrupt
        if Team.current().leads:
            if options.json:
                print_json(
                    {
                        "folder": str(folder),
                        "recipe": options.recipe,
                        "settings": settings,
                        **last_epoch(history),
                    }
                )
            else:
                print(f"{folder}\n{history.summary()}")
    return 0


def _settings(options: argparse.Namespace, folder: Path, place: torch.device, go_on: str) -> dict[str, Any]:
    """Give the settings of the run: those of the one in the folder, or new ones for an empty folder."""
    recipe = RECIPES[options.recipe]
    given = {name: getattr(options, name) for name in own_settings(recipe)}
    given = {name: value for name, value in given.items() if value is not None}
    if "precision" in given:
        given["precision"] = resolve_precision(place, given["precision"])
    if not options.resume:
        there = [name for name in FILES if (folder / name).exists()]
        if there:
            raise ValueError(
                f"{folder} holds a run already ({', '.join(there)}). Continue it: {go_on}. Or choose another folder: --out."
            )
        return settings_for(recipe, given)
    run = read_run(folder)
    if run["recipe"] != options.recipe:
        raise ValueError(f"The run in {folder} is one of the recipe {run['recipe']}, not {options.recipe}.")
    check_mode(folder, run, "to continue it")
    settings: dict[str, Any] = run["settings"]
    check_same(given, settings)
    return settings


def _train(
    name: str, settings: dict[str, Any], folder: Path, place: torch.device, *, resume: bool
) -> History:
    """Train, and write what is left of it into the folder."""
    recipe = RECIPES[name]
    torch.manual_seed(settings["seed"])  # before build(): biases are drawn there
    net = recipe.build()
    part = {} if settings["subset"] is None else {"subset": settings["subset"]}
    train_iter, test_iter = recipe.load(settings["batch_size"], resize=recipe.resize, device=place, **part)
    run = _description(name, settings, train_iter, place)
    validation = None
    if settings["held_out"]:
        train_iter, validation = train_iter.hold_out(settings["held_out"])
    checkpoint = folder / CHECKPOINT
    # A run that was killed in its first epoch has no checkpoint, and begins anew. The first process looks for all: where
    # machines share no folder, the others must not begin anew beside it.
    there = by_the_first(lambda: resume and checkpoint.exists())
    with _claimed(folder, None if resume else run):
        history = train_ch6(
            net,
            train_iter,
            test_iter,
            settings["epochs"],
            settings["lr"],
            place,
            seed=settings["seed"],
            precision=settings["precision"],
            compile=settings["compile"],
            optimizer=make_optimizer(recipe, settings),
            schedule=make_schedule(settings),
            label_smoothing=settings["label_smoothing"],
            clip_norm=settings["clip_norm"],
            augment=make_augment(settings, train_iter),
            validation=validation,
            checkpoint=checkpoint,
            resume=checkpoint if there else None,
            sync_batch_norm=settings["sync_batch_norm"],
        )
        if history.interrupted:
            raise KeyboardInterrupt
    if Team.current().leads:
        write_weights(folder / WEIGHTS, net)
        write_json(folder / HISTORY, history.to_dict())
    return history


def _description(name: str, settings: dict[str, Any], data: Batches, place: torch.device) -> dict[str, Any]:
    """Say what the run is, and what one must know to use its network."""
    return {
        "format": FORMAT,
        "recipe": name,
        "settings": settings,
        "recipe_settings": RECIPES[name].settings(),
        "classes": list(data.classes),
        "image": list(data.images.shape[1:]),
        "fast": data.fast,
        "processes": Team.current().size,
        "device": {"type": place.type, "name": device_name(place)},
        "versions": versions(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


@contextmanager
def _claimed(folder: Path, run: dict[str, Any] | None) -> Iterator[None]:
    """Write a new run's description; if the run ends before its first checkpoint, leave the folder free for another."""
    if run is None:
        yield
        return

    def claim() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # "x": of two runs that start at once in one folder, one is refused.
            with (folder / RUN).open("x", encoding="utf-8") as file:
                file.write(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
        except FileExistsError as error:
            raise ValueError(
                f"Another run has just started in {folder}. Choose another folder: --out."
            ) from error

    by_the_first(claim)
    try:
        yield
    except BaseException:
        if Team.current().leads and not (folder / CHECKPOINT).exists():
            (folder / RUN).unlink()
        raise
