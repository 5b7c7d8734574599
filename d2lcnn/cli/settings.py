"""The settings of a training run: what each is without being given, how they fit together, what they make."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from d2lcnn.data.augment import RandomCrops, RandomFlips
from d2lcnn.data.batches import Batches
from d2lcnn.data.subset import choose
from d2lcnn.layers.color_noise import PCAColorNoise
from d2lcnn.training.recipes import Recipe
from d2lcnn.training.schedules import Schedule, constant_schedule, cosine_schedule, step_schedule

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adamw": torch.optim.AdamW,
}
SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant_schedule,
    "cosine": cosine_schedule,
    "step": step_schedule,
}
ADAMW_WEIGHT_DECAY = 0.01  # torch's own default
COLOR_IMAGES = (
    2000  # as many show how a data set's colours vary; a copy of them all in float64 could fill the memory
)


def own_settings(recipe: Recipe) -> dict[str, Any]:
    """Give the settings of a run for which nothing is asked but its recipe.

    Args:
        recipe: The recipe.

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> own_settings(RECIPES["lenet"])["lr"]
        0.9
    """
    return {
        "epochs": recipe.num_epochs,
        "lr": recipe.lr,
        "batch_size": recipe.batch_size,
        "subset": None,
        "held_out": 0,
        "seed": 0,
        "precision": "float32",
        "optimizer": recipe.settings()["optimizer"].lower(),
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup": 0.0,
        "label_smoothing": 0.0,
        "clip_norm": None,
        "crop": 0,
        "flip": False,
        "color_noise": 0.0,
        "compile": False,
        "sync_batch_norm": False,
    }


def option(name: str) -> str:
    """Write a setting as the option that gives it.

    Args:
        name: The setting's name.

    Example:
        >>> option("batch_size")
        '--batch-size'
    """
    return f"--{name.replace('_', '-')}"


def settings_for(recipe: Recipe, given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the settings that were given with the recipe's, and refuse what does not fit together.

    Args:
        recipe: The recipe.
        given: Settings by name.

    Raises:
        ValueError: If two of them contradict each other.

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> settings_for(RECIPES["lenet"], {"optimizer": "adamw"})
        Traceback (most recent call last):
            ...
        ValueError: The recipe's learning rate, 0.9, is one for sgd. With --optimizer adamw give one too: --lr 0.001, say.
    """
    own = own_settings(recipe)
    optimizer = given.get("optimizer", own["optimizer"])
    if optimizer != own["optimizer"] and "lr" not in given:
        raise ValueError(
            f"The recipe's learning rate, {recipe.lr}, is one for {own['optimizer']}. With --optimizer {optimizer} give "
            "one too: --lr 0.001, say."
        )
    if given.get("momentum") and optimizer != "sgd":
        raise ValueError(
            f"--momentum is for sgd, and the optimizer is {optimizer}. Leave it out, or add --optimizer sgd."
        )
    if given.get("weight_decay") and optimizer not in OPTIMIZERS:
        raise ValueError(
            f"--weight-decay is for sgd and adamw, and the recipe's optimizer is {optimizer}. Add --optimizer adamw."
        )
    decay = {"weight_decay": ADAMW_WEIGHT_DECAY} if optimizer == "adamw" else {}
    settings = own | decay | dict(given)
    make_schedule(settings)  # a warm-up that is too long for it is refused now
    return settings


def check_same(given: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse to continue a run with other settings than its own.

    Args:
        given: Settings that the user gave besides `--resume`.
        settings: The run's.

    Raises:
        ValueError: If one differs; it names all that do.

    Example:
        >>> check_same({"lr": 0.5}, {"lr": 0.9, "seed": 0})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: The run has other settings: --lr 0.9, not 0.5. Leave them out to go on with it, or start another run ...
    """
    other = [
        f"{option(name)} {settings.get(name)}, not {value}"
        for name, value in given.items()
        if settings.get(name) != value
    ]
    if other:
        raise ValueError(
            f"The run has other settings: {'; '.join(other)}. Leave them out to go on with it, or start another run in "
            "another folder (--out)."
        )


def make_optimizer(recipe: Recipe, settings: Mapping[str, Any]) -> Callable[..., torch.optim.Optimizer]:
    """Give what is called as `optimizer(parameters, lr=lr)`.

    Args:
        recipe: The recipe.
        settings: The run's settings.

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> recipe = RECIPES["lenet"]
        >>> make_optimizer(recipe, settings_for(recipe, {"momentum": 0.9})).keywords
        {'momentum': 0.9}
    """
    kind = OPTIMIZERS.get(settings["optimizer"], recipe.optimizer)
    chosen = {name: settings[name] for name in ("momentum", "weight_decay") if settings[name]}
    if settings["optimizer"] == "adamw":  # where 0 has to be said
        chosen = {"weight_decay": settings["weight_decay"]}
    return functools.partial(kind, **chosen) if chosen else kind


def make_schedule(settings: Mapping[str, Any]) -> Schedule | None:
    """Give the learning rate's schedule, or None where the rate stays as it is.

    Args:
        settings: The run's settings.

    Example:
        >>> make_schedule({"schedule": "constant", "warmup": 0.5})(0.25)
        0.5
    """
    if settings["schedule"] == "constant" and not settings["warmup"]:
        return None
    return SCHEDULES[settings["schedule"]](warmup=settings["warmup"])


def make_augment(settings: Mapping[str, Any], train_iter: Batches) -> Callable[[Tensor], Tensor] | None:
    """Give what changes the images of a training batch, or None if nothing does.

    Args:
        settings: The run's settings.
        train_iter: The training data; the directions of the colour noise are found in some of their images, always the
            same ones.

    Example:
        >>> images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
        >>> data = Batches(images, torch.arange(2), 2, device="cpu")
        >>> make_augment({"crop": 2, "flip": True, "color_noise": 0.0}, data).args
        ([RandomCrops(padding=2), RandomFlips()],)
    """
    changes: list[Callable[[Tensor], Tensor]] = []
    if settings["crop"]:
        changes.append(RandomCrops(settings["crop"]))
    if settings["flip"]:
        changes.append(RandomFlips())
    if settings["color_noise"]:
        n = train_iter.num_examples
        chosen = choose(n, min(n, COLOR_IMAGES)).to(train_iter.device)
        # On the CPU, for float64's sake, which Apple's GPU has not.
        pixels = train_iter.images[chosen].cpu().float() / 255
        changes.append(PCAColorNoise.fit(pixels, settings["color_noise"]).to(train_iter.device))
    return functools.partial(in_turn, changes) if changes else None


def in_turn(changes: Sequence[Callable[[Tensor], Tensor]], images: Tensor) -> Tensor:
    """Apply one change after another.

    Args:
        changes: What to apply.
        images: A batch.

    Example:
        >>> in_turn([torch.neg, torch.abs], torch.ones(1))
        tensor([1.])
    """
    for change in changes:
        images = change(images)
    return images
