"""Measure our training against d2l's own, in turn on one machine, and print one table.

    python benchmarks/against_d2l.py                   the nine recipes, ten to twenty minutes on two cores
    python benchmarks/against_d2l.py lenet resnet18    these alone

Each recipe's result is written to d2lcnn/results/speed/<machine>.json as soon as it is there (the package ships it, and
the book shows it); what is there already, from the same commit, versions and data, is not measured again, so an
interrupted run goes on. `--again` starts anew. The data are Fashion-MNIST in D2LCNN_DATA, or, where it is not at hand, a
stand-in of the same number and size. The exit status is 1 where a loss is not what it should be.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import re
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import agreement
import peer
import table
import torch
from torch.utils.data import DataLoader

import d2lcnn
from d2lcnn.data.download import data_root
from d2lcnn.data.loaders import FASHION_MNIST
from d2lcnn.training.bench import BENCHED, Plan, measure_round, step_seconds
from d2lcnn.training.checkpoint import atomic_write
from d2lcnn.training.devices import device_name, resolve_precision
from d2lcnn.training.provenance import commit, versions
from d2lcnn.training.speeds import SPEEDS

# Their steps are so short that calling layer after layer is much of them: "auto" compiles them. Larger networks it does
# not: on a CPU their compiled convolutions are slower in bfloat16 than oneDNN's own.
COMPILED = ("lenet", "lenet_bn")


def measure(name: str, root: Path, device: torch.device, seconds: float) -> dict[str, Any]:
    """Measure one recipe: d2l, ours in float32, ours in auto, in turn, each of ours with the limit beside it."""
    recipe = d2lcnn.RECIPES[name]
    loader = peer.loader(root, recipe.batch_size, recipe.resize)
    # What differs between the precisions is what we want to see, so all take as many steps as float32 has time for.
    estimate = step_seconds(recipe, device, "float32")
    plan = Plan.for_step(estimate, seconds=seconds)
    warm_up = peer.warm_up_steps(estimate, plan.steps)
    steps = min(plan.epochs * plan.steps, len(loader) - warm_up)
    images = slice(0, plan.steps * recipe.batch_size)
    ours = d2lcnn.Batches(
        loader.dataset.data[images].unsqueeze(1),
        loader.dataset.targets[images],
        recipe.batch_size,
        resize=recipe.resize if recipe.resize != 28 else None,
        shuffle=True,
        device=device,
        classes=loader.dataset.classes,
    )
    entry: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "batch_size": recipe.batch_size,
        "resize": recipe.resize,
        "lr": recipe.lr,
        "auto_compiled": name in COMPILED,
        "plan": asdict(plan),
        "steps": {"d2l": plan.rounds * steps, "ours": plan.rounds * plan.epochs * len(ours)},
        "d2l": {"end_to_end": [], "compute": []},
        **{precision: [] for precision in table.PRECISIONS},
    }
    for _ in range(plan.rounds):
        theirs = peer.measure(recipe.build(), loader, warm_up, steps, recipe.lr, device)
        for kind, rate in zip(("end_to_end", "compute"), theirs, strict=True):
            entry["d2l"][kind].append(rate)
        for precision in table.PRECISIONS:
            compile = precision == "auto" and entry["auto_compiled"]
            rates = measure_round(recipe, ours, plan.epochs, device, precision, compile=compile)
            entry[precision].append(asdict(rates))
    few = DataLoader(loader.dataset, agreement.IMAGES)
    batches = [batch for batch, _ in zip(few, range(agreement.STEPS), strict=False)]
    entry["agreement"] = agreement.compare(recipe, batches, device, "auto", compile=entry["auto_compiled"])
    return entry


def frame(device: torch.device, data: str) -> dict[str, Any]:
    """Say what all results of a file have in common."""
    machine = {
        "type": device.type,
        "name": device_name(device),
        "auto": resolve_precision(device, "auto"),
    }
    return {
        "machine": machine,
        "versions": {**versions(), "d2l": importlib.metadata.version("d2l")},
        "commit": commit(),
        "data": data,
    }


def file_of(machine: dict[str, str], folder: Path) -> Path:
    """Name the file of a machine's results."""
    return folder / f"{re.sub(r'[^a-z0-9]+', '-', machine['name'].lower()).strip('-')}.json"


def earlier(path: Path, common: dict[str, Any], names: list[str], *, again: bool) -> dict[str, Any]:
    """Read the recipes that were measured before under the same conditions, but for those that are wanted again.

    Raises:
        ValueError: If the file holds recipes of other conditions that are not among `names`, and would be lost.
    """
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    # With changes that are not committed nobody knows whether they are the same.
    changed = common["commit"].endswith("+changes")
    if changed or any(found.get(key) != value for key, value in common.items()):
        lost = [name for name in found["recipes"] if name not in names]
        if lost:
            raise ValueError(
                f"{path} comes from other code, versions or data, or from code that is not committed, and would lose "
                f"{', '.join(lost)}. Measure all recipes, or move the file away."
            )
        print(
            f"{path.name} comes from other or uncommitted code, versions or data: measured anew",
            file=sys.stderr,
        )
        return {}
    return {name: entry for name, entry in found["recipes"].items() if not (again and name in names)}


def save(path: Path, common: dict[str, Any], recipes: dict[str, Any]) -> dict[str, Any]:
    """Write what there is so far, in the table's order."""
    ordered = {name: recipes[name] for name in BENCHED if name in recipes}
    result = {**common, "date": max(entry["date"] for entry in ordered.values()), "recipes": ordered}
    with atomic_write(path) as file:
        file.write((json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode())
    return result


def run(names: list[str], root: Path, data: str, options: argparse.Namespace) -> int:
    """Measure what is missing, write it, print the table."""
    device = options.device
    common = frame(device, data)
    path = file_of(common["machine"], options.out)
    try:
        recipes = earlier(path, common, names, again=options.again)
    except ValueError as error:
        print(f"against_d2l: {error}", file=sys.stderr)
        return 2
    for name in names:
        if name in recipes:
            print(f"{name}: measured before", file=sys.stderr)
            continue
        started = time.perf_counter()
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        recipes[name] = measure(name, root, device, options.seconds)
        save(path, common, recipes)
        print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    result = save(path, common, recipes)
    print(table.write(result))
    print(f"\nwritten: {path.name}")
    return 0 if all(agreement.agrees(entry["agreement"]) for entry in recipes.values()) else 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Measure our training against d2l's own.")
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=f"of {', '.join(BENCHED)}; default: all")
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="for each contender, about (default: %(default)s)"
    )
    parser.add_argument(
        "--device", type=torch.device, default=d2lcnn.try_gpu(), help="default: a GPU if there is one"
    )
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--out", type=Path, default=SPEEDS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    names = options.recipes or list(BENCHED)
    unknown = [name for name in names if name not in BENCHED]
    if unknown:
        parser.error(f"unknown recipe {', '.join(unknown)}; choose of {', '.join(BENCHED)}")
    root = data_root()
    if not FASHION_MNIST.missing(root):
        return run(names, root, "Fashion-MNIST", options)
    with tempfile.TemporaryDirectory() as folder:
        peer.write_stand_in(Path(folder))
        return run(names, Path(folder), "a stand-in for Fashion-MNIST", options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted: the same command goes on with the next recipe", file=sys.stderr)
        sys.exit(130)
