"""Run notebooks in fast mode and store their outputs so that a second run gives the same bytes.

    python tools/execute.py                      all notebooks of book/
    python tools/execute.py book/lenet.ipynb     this one

A notebook in which a cell fails is left as it was.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import re
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebook_env import notebook_environment
from pictures import TWICE, NoGroundError, lighten
from times import note

ROOT = Path(__file__).resolve().parent.parent
CELL_TIMEOUT = 300  # seconds; fast mode keeps a whole notebook below a minute
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Without the minor version of Python, which would change the file from one machine to the next.
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
DROPPED_CELL_METADATA = ("execution", "collapsed", "scrolled", "ExecuteTime", "executionInfo", "outputId")
PICTURE = "image/png"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# ESC [ … letter: the colours of a traceback.
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookFailedError(Exception):
    """A notebook could not be run to its end."""


def run(notebook: NotebookNode, folder: Path) -> None:
    """Execute a notebook's cells in place, from `folder`, in the notebooks' environment."""
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNELSPEC["name"],
        store_widget_state=False,
        record_timing=False,
        extra_arguments=[TWICE],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=notebook_environment())


def merge_streams(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of one stream, whose cuts depend on timing."""
    merged: list[NotebookNode] = []
    for output in outputs:
        if (
            merged
            and output.output_type == "stream" == merged[-1].output_type
            and output.name == merged[-1].name
        ):
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def lighten_picture(output: NotebookNode) -> None:
    """Make a figure's picture light, in place; one that does not say its size in pixels came from elsewhere and stays."""
    said = output.get("metadata", {}).get(PICTURE, {})
    size = said.get("width"), said.get("height")
    if PICTURE in output.get("data", {}) and all(isinstance(side, int) for side in size):
        png = lighten(base64.b64decode(output.data[PICTURE]), size)
        output.data[PICTURE] = base64.b64encode(png).decode()


def stored_outputs(cell: NotebookNode) -> list[NotebookNode]:
    """Choose what is stored of a code cell's outputs, and how."""
    tags = set(cell.metadata.get("tags", []))
    ignored = "nbval-ignore-output" in tags
    # Neither shown in the page nor compared: a live training run, whose fast-mode numbers nobody should read.
    if ignored and "remove-output" in tags:
        return []
    kept = []
    for output in cell.outputs:
        # A widget's ids are random; beside a view, text/plain alone is its repr, which nbval may want to compare.
        had_view = output.get("data", {}).pop(WIDGET_VIEW, None) is not None
        if not (had_view and ignored and set(output.data) <= {"text/plain"}):
            kept.append(output)
            lighten_picture(output)
    return merge_streams(kept)


def stable_id(position: int, source: str) -> str:
    """Derive a cell id from the cell, for a cell that came without one."""
    return hashlib.sha256(f"{position} {source}".encode()).hexdigest()[:8]


def normalize(notebook: NotebookNode, ids: list[str | None]) -> None:
    """Make what is stored a function of sources and outputs alone.

    Args:
        notebook: The executed notebook, changed in place.
        ids: The cells' ids as the file had them; None where it had none.
    """
    kept: dict[str, Any] = {
        k: v for k, v in notebook.metadata.items() if k not in ("widgets", "language_info")
    }
    notebook.metadata = nbformat.from_dict({**kept, "kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO})
    # Ids exist from version 4.5 on; a lower one would lose them.
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, (cell, cell_id) in enumerate(zip(notebook.cells, ids, strict=True)):
        cell.id = cell_id or stable_id(position, cell.source)
        for name in DROPPED_CELL_METADATA:
            cell.metadata.pop(name, None)
        if cell.cell_type == "code":
            try:
                cell.outputs = stored_outputs(cell)
            except NoGroundError as error:
                raise NotebookFailedError(f"cell {position}. {error}") from error


def write_atomically(path: Path, text: str) -> None:
    """Write to a neighbour and rename it, so that an interruption leaves the old file whole."""
    neighbour = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        neighbour.write_text(text, encoding="utf-8", newline="\n")
        neighbour.chmod(path.stat().st_mode)
        os.replace(neighbour, path)
    finally:
        neighbour.unlink(missing_ok=True)


def failing_cell(notebook: NotebookNode) -> str:
    """Say which cell stopped the run, counted from 0 as the rules of the notebooks count, text cells included."""
    failed = (
        i for i, c in enumerate(notebook.cells) if any(o.output_type == "error" for o in c.get("outputs", []))
    )
    return f"cell {next(failed, '?')}"


def execute(path: Path) -> bool:
    """Run one notebook and store its outputs; tell whether the file changed.

    Raises:
        NotebookFailedError: If a cell fails, takes too long or kills the kernel, or gives a picture that cannot be stored;
            the file is then as it was.
    """
    before = path.read_text(encoding="utf-8")
    try:
        notebook = nbformat.reads(before, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise NotebookFailedError(f"{path}: no readable notebook: {error}") from error
    # Read from the file itself: nbformat gives random ids to cells that lack them.
    ids = [cell.get("id") for cell in nbformat.reader.reads(before)["cells"]]
    try:
        run(notebook, path.parent)
    except CellExecutionError as error:
        message = f"{path}: failed in {failing_cell(notebook)}. {COLOUR.sub('', error.traceback)}"
        raise NotebookFailedError(message) from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise NotebookFailedError(f"{path}: {error}") from error
    try:
        normalize(notebook, ids)
    except NotebookFailedError as error:
        raise NotebookFailedError(f"{path}: failed in {error}") from error
    after = str(nbformat.writes(notebook)).rstrip("\n") + "\n"
    if after != before:
        write_atomically(path, after)
    return after != before


def children_seconds() -> float:
    """Give the processor time of all kernels that have ended.

    A kernel has one thread, so on an idle machine this is the time that a reader waits; on a busy one it does not grow.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Run the notebooks named on the command line; give the number of those that failed, at most 1."""
    parser = argparse.ArgumentParser(description="Run notebooks in fast mode and store their outputs.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of book/*.ipynb")
    notebooks = parser.parse_args().notebooks or sorted((ROOT / "book").glob("*.ipynb"))
    if not notebooks:
        parser.error("book/ has no notebook; name one")
    missing = [str(path) for path in notebooks if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")
    failed = 0
    for path in notebooks:
        begin = children_seconds()
        try:
            changed = execute(path)
        except NotebookFailedError as error:
            failed += 1
            print(f"{error}\n{path}: left as it was", file=sys.stderr)
        else:
            seconds = children_seconds() - begin
            print(f"{path}: {'outputs stored' if changed else 'unchanged'} ({seconds:.0f} s)", flush=True)
            note(path, seconds)
    print(f"{len(notebooks) - failed} executed, {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
