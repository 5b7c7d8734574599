"""Copies of the project in which modules are changed: the project itself never is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mutation.sample import Mutant

# What tests may change, or what is compiled beside them, is copied; the rest is only read.
COPIED = ("d2lcnn", "tests")
# Where a copy has its notebooks, so that they do not run with the settings of the package's tests.
NOTEBOOKS = "_notebooks"


def make_copy(root: Path, copy: Path) -> None:
    """Copy a project, its notebooks without the cells that show the package's source.

    Args:
        root: The project's folder.
        copy: The folder to make; what is there is removed.
    """
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for entry in root.iterdir():
        if entry.name in COPIED:
            # With times and compiled files, so that nothing is compiled again that is as it was.
            shutil.copytree(entry, copy / entry.name)
        elif not entry.name.startswith((".", "_")):
            (copy / entry.name).symlink_to(entry.resolve())
    (copy / NOTEBOOKS).mkdir()
    for path in sorted((root / "book").glob("*.ipynb")):
        nbformat.write(without_what_misleads(nbformat.read(path, as_version=4)), copy / NOTEBOOKS / path.name)


def without_what_misleads(notebook: NotebookNode) -> NotebookNode:
    """Take out of a notebook what would notice each change, and pass over what may fail without one.

    The first are the cells that show the package's source. The second assert something of the cell before them, whose text
    differs by machine: a time, which depends on what else the machine does.
    """
    notebook.cells = [cell for cell in notebook.cells if "listing" not in cell.metadata.get("tags", [])]
    codes = [
        (cell, set(cell.metadata.get("tags", []))) for cell in notebook.cells if cell.cell_type == "code"
    ]
    for (_, tags), (cell, _) in pairwise(codes):
        if "nbval-ignore-output" in tags and "remove-output" not in tags:
            cell.metadata["tags"] = ["nbval-ignore-output", "nbval-raises-exception"]
    return notebook


@contextmanager
def mutated(copy: Path, mutant: Mutant) -> Iterator[None]:
    """Make a mutant's change in a copy, and take it back at the end."""
    path = copy / mutant.file
    as_written, times = path.read_bytes(), path.stat()
    path.write_bytes(mutant.change.apply(as_written))
    # Compiled files are told apart by size and whole seconds.
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()
    try:
        yield
    finally:
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        path.write_bytes(as_written)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
