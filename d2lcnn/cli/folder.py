"""The folder of a training run: what lies in it, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from d2lcnn.data.fast import fast_mode
from d2lcnn.training.checkpoint import atomic_write
from d2lcnn.training.recipes import Recipe
from d2lcnn.training.records import find_recipe

RUN, CHECKPOINT, WEIGHTS, HISTORY = FILES = ("run.json", "checkpoint.pt", "weights.pt", "history.json")
FORMAT = 1
FIELDS = (
    "recipe", "settings", "recipe_settings", "classes", "image", "fast", "processes", "device", "versions", "commit", "date",
)  # fmt: skip


def read_run(folder: Path) -> dict[str, Any]:
    """Read what a folder's run was started with.

    Args:
        folder: The folder.

    Raises:
        ValueError: If no run lies there, its file is damaged, or its recipe is another by now.
        OSError: If the file cannot be read.

    Example:
        >>> read_run(Path("nowhere"))
        Traceback (most recent call last):
            ...
        ValueError: No training run lies in nowhere: it has no run.json. Start one: d2lcnn train RECIPE --out nowhere
    """
    path = folder / RUN
    if not path.is_file():
        raise ValueError(
            f"No training run lies in {folder}: it has no {RUN}. Start one: d2lcnn train RECIPE --out {folder}"
        )
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if run["format"] != FORMAT or not set(FIELDS) <= set(run):
            raise ValueError(f"format {run['format']} with the fields {', '.join(run)}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged, or of another version of d2lcnn: {error!r}. Start the run anew in another folder."
        ) from error
    now = find_recipe(run["recipe"]).settings()
    changed = [key for key in ("build", "resize", "data") if run["recipe_settings"].get(key) != now[key]]
    if changed:
        raise ValueError(
            f"The recipe {run['recipe']} has changed since the run in {folder} ({', '.join(changed)}). Use the version "
            f"that it was made with, commit {run['commit']}, or train anew."
        )
    return run


def check_mode(folder: Path, run: dict[str, Any], purpose: str) -> None:
    """Refuse a run of fast mode outside of it, and the reverse: its data would be others.

    Args:
        folder: The run's folder.
        run: What `read_run` gives.
        purpose: What it is wanted for, such as "to continue it".

    Raises:
        ValueError: If the run was made in the other mode.

    Example:
        >>> check_mode(Path("runs"), {"fast": fast_mode()}, "to continue it")
    """
    if run["fast"] != fast_mode():
        mode = "in fast mode: set D2LCNN_FAST=1" if run["fast"] else "on the full data: unset D2LCNN_FAST"
        raise ValueError(f"The run in {folder} was made {mode} {purpose}.")


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON; the file takes its place only when it is complete.

    Args:
        path: The file.
        value: What to write.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder, "a.json"), {"a": 1})
        ...     json.loads(Path(folder, "a.json").read_text())
        {'a': 1}
    """
    with atomic_write(path) as file:
        file.write((json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode())


def write_weights(path: Path, net: nn.Module) -> None:
    """Write a network's state dict, on the CPU so that it can be read anywhere.

    Args:
        path: The file.
        net: The network.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_weights(Path(folder, "w.pt"), nn.Linear(2, 1))
        ...     list(torch.load(Path(folder, "w.pt"), weights_only=True))
        ['weight', 'bias']
    """
    with atomic_write(path) as file:
        torch.save({name: tensor.cpu() for name, tensor in net.state_dict().items()}, file)


def trained_network(folder: Path, run: dict[str, Any]) -> nn.Module:
    """Build a run's network with the weights that it ended with, ready to be used.

    Args:
        folder: The run's folder.
        run: What `read_run` gave.

    Raises:
        ValueError: If the run has not ended yet, or its weights are damaged or another network's.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise ValueError(
            f"The run in {folder} has not ended: it has no {WEIGHTS} yet. Go on with it: "
            f"d2lcnn train {run['recipe']} --out {folder} --resume"
        )
    return network_with(path, find_recipe(run["recipe"]), run["recipe"])


def network_with(path: Path, recipe: Recipe, name: str) -> nn.Module:
    """Build a recipe's network with the weights of a file, in evaluation mode.

    Args:
        path: A state dict as torch.save writes it.
        recipe: Builds the network.
        name: The recipe's name, for messages.

    Raises:
        ValueError: If the file is damaged, no state dict, or another network's.
        OSError: If there is no such file, or it cannot be read.
    """
    net = recipe.build()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # pickle, zip and torch raise all sorts of errors on damaged files
        raise ValueError(
            f"{path} cannot be read as weights ({type(error).__name__}): it is damaged, or not what "
            "torch.save(net.state_dict(), path) writes."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path} is no state dict: it must hold tensors by name, as {WEIGHTS} does.")
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"The weights in {path} are not those of the recipe {name}: {error}") from error
    return net.eval()
