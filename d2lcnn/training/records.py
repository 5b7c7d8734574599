"""Recorded runs: written once by `d2lcnn record`, shown by the book, shipped with the package."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from d2lcnn.data import fast_mode, try_gpu
from d2lcnn.training.checkpoint import atomic_write
from d2lcnn.training.devices import device_name, resolve_precision
from d2lcnn.training.history import History
from d2lcnn.training.loop import train_ch6
from d2lcnn.training.provenance import commit, versions
from d2lcnn.training.recipes import RECIPES, Recipe

RESULTS = Path(__file__).parent.parent / "results"
FORMAT = 1
FIELDS = (
    "recipe",
    "settings",
    "seed",
    "held_out",
    "device",
    "precision",
    "versions",
    "date",
    "commit",
    "wall_seconds",
)


@dataclass(frozen=True)
class Run:
    """One recorded run.

    Args:
        recipe: Key in `RECIPES`.
        settings: The recipe's settings when it ran.
        seed: Seed of weights, shuffling and dropout.
        held_out: Number of training images that were held out for validation.
        device: Type and name of the device.
        precision: "float32" or "bfloat16".
        versions: Versions of Python, torch and d2lcnn, and the platform.
        date: The day it ended, as YYYY-MM-DD.
        commit: The project's commit that ran, "+changes" if files differed from it.
        wall_seconds: Time of all epochs, training and evaluation, without loading and interruptions.
        history: Losses, accuracies and times of each epoch.

    Example:
        >>> runs = load_runs("lenet")
        >>> runs[0].recipe, len(runs[0].history)
        ('lenet', 10)
    """

    recipe: str
    settings: dict[str, Any]
    seed: int
    held_out: int
    device: dict[str, str]
    precision: str
    versions: dict[str, str]
    date: str
    commit: str
    wall_seconds: float
    history: History

    @property
    def file_name(self) -> str:
        """Name of the run's file."""
        return file_name(self.recipe, self.device, self.precision, self.seed)

    def to_json(self) -> str:
        """Give the text of the run's file."""
        fields: dict[str, Any] = {"format": FORMAT} | {name: getattr(self, name) for name in FIELDS}
        fields["throughput"] = {
            "examples_per_second": self.history.examples_per_second,
            "compute_examples_per_second": self.history.compute_examples_per_second,
        }
        fields["history"] = self.history.to_dict()
        return json.dumps(fields, indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_file(cls, path: Path) -> Run:
        """Read a run's file.

        Args:
            path: The file.

        Raises:
            ValueError: If the file is not a recorded run.
        """
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            if fields["format"] != FORMAT:
                raise ValueError(f"format {fields['format']}, wanted {FORMAT}")
            history = History.from_dict(fields["history"])
            return cls(**{name: fields[name] for name in FIELDS}, history=history)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a recorded run as this version of d2lcnn writes it: {error!r}. Record it again."
            ) from error


def file_name(recipe: str, device: dict[str, str], precision: str, seed: int) -> str:
    """Name the file of a run: recipe--device--precision--seed.json.

    Args:
        recipe: Key in `RECIPES`.
        device: Type and name of the device.
        precision: "float32" or "bfloat16".
        seed: The run's seed.

    Example:
        >>> file_name("lenet", {"type": "cuda", "name": "NVIDIA H100 80GB HBM3"}, "float32", 0)
        'lenet--nvidia-h100-80gb-hbm3--float32--seed0.json'
    """
    # CPUs share one name: what tells them apart stands in the file, and results do not depend on it.
    slug = "cpu" if device["type"] == "cpu" else re.sub(r"[^a-z0-9]+", "-", device["name"].lower()).strip("-")
    return f"{recipe}--{slug}--{precision}--seed{seed}.json"


def _check_same_run(path: Path, asked: dict[str, Any]) -> None:
    """Refuse a file whose run is not the one that is asked for: its name does not tell everything."""
    run = Run.from_file(path)
    there = run.settings | {"held_out": run.held_out}
    differing = [
        f"{key}: {there.get(key)!r} there, {asked.get(key)!r} asked for"
        for key in {**there, **asked}
        if there.get(key) != asked.get(key)
    ]
    if differing:
        raise ValueError(
            f"{path} holds another run of this recipe, device, precision and seed ({'; '.join(differing)}). It was left as "
            "it is. Record into another folder, or with another seed."
        )


def load_runs(recipe: str, *, folder: Path | str | None = None, held_out: bool = False) -> list[Run]:
    """Load the recorded runs of a recipe, in the order of device, precision and seed.

    Args:
        recipe: Key in `RECIPES`.
        folder: Where the files lie; None takes those that come with the package.
        held_out: Whether to load the runs with held-out images instead of those on all training images.

    Raises:
        ValueError: If the recipe is unknown, has no recorded run, or a file is damaged.

    Example:
        >>> sorted({run.settings["lr"] for run in load_runs("lenet")})
        [0.9]
    """
    find_recipe(recipe)
    folder = RESULTS if folder is None else Path(folder)
    runs = [Run.from_file(path) for path in sorted(folder.glob(f"{recipe}--*.json"))]
    runs = [run for run in runs if bool(run.held_out) == held_out]
    if not runs:
        kind = "with held-out images " if held_out else ""
        raise ValueError(
            f"No run of {recipe!r} {kind}lies in {folder}. Record one: d2lcnn record {recipe} --seed 0"
        )
    return runs


def find_recipe(name: str) -> Recipe:
    """Look a recipe up.

    Args:
        name: Key in `RECIPES`.

    Raises:
        ValueError: If there is no such recipe.

    Example:
        >>> find_recipe("lenet").num_epochs
        10
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}. Choose one of: {', '.join(RECIPES)}.")
    return RECIPES[name]


def summarize_runs(runs: Sequence[Run]) -> str:
    """Say in a few lines what a group of runs gave, and on what: the caption of their figure.

    Args:
        runs: Runs of one recipe, as `load_runs` gives them.

    Raises:
        ValueError: If there is no run, or the runs differ in recipe or length.

    Example:
        >>> print(summarize_runs(load_runs("lenet")))  # doctest: +ELLIPSIS
        lenet (sigmoid, average pooling): Fashion-MNIST, 60,000 training images, 10 epochs, ... seeds
        ...
    """
    check_alike(runs)
    first = runs[0]
    history = first.history
    last, best = [r.history.test_acc[-1] for r in runs], [max(r.history.test_acc) for r in runs]
    train = [r.history.train_acc[-1] for r in runs]
    held = f" ({first.held_out:,} more held out)" if first.held_out else ""
    seeds = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds"
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    days = sorted({run.date for run in runs})
    machines = sorted({f"{run.device['name']}, {run.precision}" for run in runs})
    return "\n".join(
        [
            f"{first.recipe} ({first.settings['about']}): {history.data}, {history.examples[0]:,} training "
            f"images{held}, {epochs}, {seeds}",
            f"train acc {spread(train)}, test acc {spread(last)} after the last epoch, {spread(best)} in the best",
            f"recorded on {'; '.join(machines)}; {days[0]}" + (f" to {days[-1]}" if days[1:] else ""),
        ]
    )


def spread(values: Iterable[float]) -> str:
    """Write several measurements of one thing as mean ± standard deviation (n − 1).

    Args:
        values: The measurements; a single one stands alone.

    Example:
        >>> spread([0.80, 0.82, 0.84])
        '0.820 ± 0.020'
    """
    values = list(values)
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def check_alike(runs: Sequence[Run]) -> None:
    """Refuse to average what cannot be compared.

    Args:
        runs: The runs.

    Raises:
        ValueError: If there is no run, or they differ in recipe, settings, held-out images or length.

    Example:
        >>> check_alike(load_runs("lenet"))
    """
    if not runs:
        raise ValueError("There is no run to summarize. load_runs(recipe) gives the recorded ones.")
    kinds = {(r.recipe, json.dumps(r.settings, sort_keys=True), r.held_out, len(r.history)) for r in runs}
    if len(kinds) > 1:
        raise ValueError(
            f"Only runs of one recipe, settings and length can be averaged, got {sorted(kinds)}."
        )


def record(
    recipe_name: str,
    seed: int,
    *,
    folder: Path,
    device: torch.device | str | None = None,
    precision: str = "float32",
    compile: bool = False,
    num_epochs: int | None = None,
    held_out: int = 0,
    progress: bool | None = None,
) -> Path:
    """Run a recipe in full and write its record; a run that was interrupted goes on after its last whole epoch.

    Args:
        recipe_name: Key in `RECIPES`.
        seed: Seed of weights, shuffling and dropout, at least 0.
        folder: Where the record goes; while the run lasts its checkpoint lies there too, as `….partial.pt`.
        device: Where to train; None takes `try_gpu()`.
        precision: "float32", "bfloat16" or "auto".
        compile: Whether the steps run through `torch.compile`; the record says so.
        num_epochs: Fewer or more epochs than the recipe's; the record says so.
        held_out: Number of training images to hold out and validate on.
        progress: Whether to show a bar; None shows it on a terminal.

    Returns:
        The path of the record. If this run is there already nothing is run.

    Raises:
        ValueError: If an argument is out of range, another run of this recipe, device, precision and seed is recorded in
            the folder, or fast mode is on, whose runs are no results.
        KeyboardInterrupt: If Ctrl-C came; the checkpoint stays, and the same call goes on from it.

    Example:
        >>> record("lenet", 0, folder=RESULTS, device="cpu").name  # there already, so nothing is run
        'lenet--cpu--float32--seed0.json'
    """
    recipe = find_recipe(recipe_name)
    if fast_mode():
        raise ValueError(
            "Fast mode's short runs on stand-in data are no results: unset D2LCNN_FAST to record."
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}.")
    if num_epochs is None:
        num_epochs = recipe.num_epochs
    elif num_epochs < 1:
        raise ValueError(
            f"num_epochs must be at least 1, got {num_epochs}. Leave it out for the recipe's own number."
        )
    settings = recipe.settings() | {"num_epochs": num_epochs} | ({"compile": True} if compile else {})
    place = try_gpu() if device is None else torch.device(device)
    precision = resolve_precision(place, precision)
    machine = {"type": place.type, "name": device_name(place)}
    path = folder / file_name(recipe_name, machine, precision, seed)
    partial = path.with_suffix(".partial.pt")
    if path.exists():
        _check_same_run(path, settings | {"held_out": held_out})
        partial.unlink(missing_ok=True)  # a run that is killed between its last two files leaves it behind
        return path

    torch.manual_seed(seed)  # before build(): biases are drawn there
    net = recipe.build()
    train_iter, test_iter = recipe.load(recipe.batch_size, resize=recipe.resize, device=place)
    validation = None
    if held_out:
        train_iter, validation = train_iter.hold_out(held_out)
    history = train_ch6(
        net,
        train_iter,
        test_iter,
        num_epochs,
        recipe.lr,
        place,
        seed=seed,
        precision=precision,
        compile=compile,
        optimizer=recipe.optimizer,
        validation=validation,
        progress=progress,
        checkpoint=partial,
        resume=partial if partial.exists() else None,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    run = Run(
        recipe=recipe_name,
        settings=settings,
        seed=seed,
        held_out=held_out,
        device=machine,
        precision=precision,
        versions=versions(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        commit=commit(),
        wall_seconds=history.wall_seconds,
        history=history,
    )
    with atomic_write(path) as file:
        file.write(run.to_json().encode())
    partial.unlink()
    return path
