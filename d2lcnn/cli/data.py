"""`d2lcnn data`: which data sets there are, where they lie, and whether they are intact."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from d2lcnn.cli.options import Commands, add_command
from d2lcnn.cli.output import print_json
from d2lcnn.data.download import Arrays, data_root, obtain
from d2lcnn.data.loaders import CIFAR10, FASHION_MNIST, MNIST, cifar10_images, read_cifar10_images

PUBLISHED = {"fashion_mnist": FASHION_MNIST, "mnist": MNIST, "cifar10": CIFAR10}
DETAILS = """
They lie in the folder that D2LCNN_DATA names, or else in ./data. The UCI digits of load_data_digits and of fast mode come
with scikit-learn and are always there."""
EXAMPLES = """
d2lcnn data                          lists the data sets, where they lie and how large they are
d2lcnn data fetch fashion_mnist      downloads Fashion-MNIST if it is missing, and checks it
d2lcnn data check mnist cifar10      reads every file, and says which one is missing or damaged
d2lcnn data --json                   the list as JSON
"""
DOING = {
    "fetch": "download what is missing of a data set, and check it",
    "check": "read every file of a data set and verify it",
}


def add(commands: Commands) -> None:
    """Add the command to the program.

    Args:
        commands: The program's commands.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser.add_subparsers())
        >>> parser.parse_args(["data", "check", "mnist"]).names
        ['mnist']
    """
    parser = add_command(
        commands,
        "data",
        _run,
        summary="list the data sets, fetch them, check them",
        details=DETAILS,
        examples=EXAMPLES,
    )
    parser.set_defaults(action="list", names=list(PUBLISHED))
    actions = parser.add_subparsers(metavar="fetch | check")
    for action, does in DOING.items():
        inner = actions.add_parser(
            action, help=does, description=f"{does[0].upper()}{does[1:]}.", allow_abbrev=False
        )
        inner.add_argument(
            "names", nargs="+", choices=list(PUBLISHED), metavar="NAME", help=", ".join(PUBLISHED)
        )
        # Without SUPPRESS a --json before the action would be forgotten.
        inner.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON"
        )
        inner.set_defaults(action=action)


def _run(options: argparse.Namespace) -> int:
    root = data_root().absolute()
    todo: dict[str, Callable[[str, Path], Any]] = {"list": lambda *_: None, "fetch": _fetch, "check": _read}
    rows = []
    failed = False
    for name in options.names:
        problem = None
        try:
            todo[options.action](name, root)
        except (ValueError, OSError) as error:
            failed = True
            problem = str(error)
            print(f"d2lcnn data {options.action} {name}: {error}", file=sys.stderr)
        row = _state(name, root)
        if options.action != "list":
            row["problem"] = problem
        rows.append(row)
    if options.json:
        print_json({"root": str(root), "sets": rows})
    else:
        print(f"data sets in {root}")
        print("\n".join(_in_words(row) for row in rows))
    return 1 if failed else 0


def _images(name: str, root: Path) -> Path | None:
    """Give the folder or zip of images that serves in place of the published files, if it is so."""
    return cifar10_images(root) if name == "cifar10" else None


def _fetch(name: str, root: Path) -> Arrays:
    images = _images(name, root)
    return read_cifar10_images(images) if images is not None else obtain(PUBLISHED[name], root)


def _read(name: str, root: Path) -> Arrays:
    images = _images(name, root)
    published = PUBLISHED[name]
    missing = published.missing(root)
    if missing and images is None:
        raise FileNotFoundError(
            f"{published.title} is not complete in {root / published.folder}: {', '.join(missing)} missing. "
            f"Download: d2lcnn data fetch {name}"
        )
    return read_cifar10_images(images) if images is not None else published.read(root)


def _state(name: str, root: Path) -> dict[str, Any]:
    """Say where a data set lies, how many bytes it has there, and what of it is missing."""
    published = PUBLISHED[name]
    images = _images(name, root)
    place = images or root / published.folder
    return {
        "name": name,
        "title": published.title,
        "path": str(place),
        "bytes": _bytes_in(place),
        "missing": [] if images else published.missing(root),
    }


def _bytes_in(place: Path) -> int:
    """Add up the file, or all files in the folder; nothing is there if the place is not."""
    files = [place] if place.is_file() else place.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _in_words(row: dict[str, Any]) -> str:
    size = f"{row['bytes'] / 1e6:,.1f} MB"
    if row.get("problem"):
        state = "not usable"
    elif row["missing"]:
        part = "missing" if not row["bytes"] else f"incomplete, without {', '.join(row['missing'])}"
        state = f"{part} (d2lcnn data fetch {row['name']})"
    elif "problem" in row:
        state = f"{size}, verified"
    else:
        state = size
    return f"  {row['name']:<14} {row['title']:<14} {row['path']}: {state}"
