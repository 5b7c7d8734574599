"""Speed counts only at the same result: short runs whose losses must be those of d2l."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean, stdev
from typing import Any

import peer
import torch
from peer import Batch

import d2lcnn
from d2lcnn.training.devices import resolve_precision

STEPS, IMAGES = 5, 16  # d2l's loop divides by zero with fewer than five batches
SEEDS = (0, 1, 2)
# A CPU takes the same steps in the same order; a GPU adds up in an order of its own each time.
TOLERANCE = {"cpu": 1e-6, "cuda": 1e-3}


def compare(
    recipe: d2lcnn.Recipe,
    batches: list[Batch],
    device: torch.device,
    precision: str,
    *,
    compile: bool = False,
    train: Callable[..., d2lcnn.History] = d2lcnn.train_ch6,
) -> dict[str, Any]:
    """Train a recipe on the same few batches with d2l's loop and with ours, from the same seeds.

    In float32 loss and accuracies must be d2l's. At another precision the loss must not differ from float32's by more,
    in the mean over the seeds, than float32's own does from seed to seed (a standard deviation). Only the other precision
    is compiled, if anything is.
    """

    def ours(seed: int, precision: str, compile: bool = False) -> dict[str, float]:
        history = train(
            _build(recipe, seed), batches, batches[:1], 1, recipe.lr, device, precision=precision, compile=compile,
            progress=False,
        )  # fmt: skip
        return {name: getattr(history, name)[-1] for name in ("train_loss", "train_acc", "test_acc")}

    theirs = peer.train(_build(recipe, SEEDS[0]), batches, batches[:1], recipe.lr, device)
    exact = [ours(seed, "float32") for seed in SEEDS]
    result: dict[str, Any] = {
        "steps": len(batches),
        "images": len(batches[0][1]),
        "d2l": theirs,
        "float32": exact[0],
        "float32_agrees": _same(theirs, exact[0], device),
    }
    precision = resolve_precision(device, precision)
    if precision != "float32":
        losses = [run["train_loss"] for run in exact]
        differences = [
            ours(seed, precision, compile)["train_loss"] - loss
            for seed, loss in zip(SEEDS, losses, strict=True)
        ]
        result["auto_difference"] = mean(differences)
        result["seeds_deviation"] = stdev(losses)
        result["auto_agrees"] = abs(mean(differences)) <= stdev(losses)
    return result


def agrees(result: dict[str, Any]) -> bool:
    """Tell whether all that was compared agrees."""
    return bool(result["float32_agrees"] and result.get("auto_agrees", True))


def _same(theirs: dict[str, float], ours: dict[str, float], device: torch.device) -> bool:
    tolerance = TOLERANCE.get(device.type, 1e-3)
    names = theirs if device.type == "cpu" else ("train_loss",)
    return all(math.isclose(theirs[name], ours[name], rel_tol=tolerance) for name in names)


def _build(recipe: d2lcnn.Recipe, seed: int) -> torch.nn.Module:
    """Build the network; both loops then draw their weights and masks from the same random numbers."""
    torch.manual_seed(seed)
    return recipe.build()
