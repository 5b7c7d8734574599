"""Rehearse what a reader does on Colab: open a notebook alone, let its first cell install the package, run it to the end.

    python tools/colab.py                      in Colab's versions (tools/colab-requirements.txt), kept under .colab/
    python tools/colab.py --python 3.13        the same with another Python
    python tools/colab.py --prepare            only make the environment, for a later run
    python tools/colab.py --here               in the environment of this very Python, which the install changes:
                                               for Colab's own image
    python tools/colab.py book/lenet.ipynb     this notebook alone

The package is installed from a git repository made of the working tree, uncommitted changes included. The shortest notebook
installs it; the others, two at a time, find it there, since one more install each would show nothing new. What must hold:
every cell runs, every compared output is the committed one, no notebook takes two minutes of the processor or leaves a
file in its folder, and the install changed no other package.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import nbformat
import psutil
from execute import CELL_TIMEOUT, COLOUR, failing_cell, stored_outputs
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from notebook_env import notebook_environment
from repository import with_install_cell
from times import longest_first

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tools" / "colab-requirements.txt"
ENVIRONMENTS = ROOT / ".colab"
# The first that is found: the list of versions is of Colab with Python 3.12.
PYTHONS = ("3.12", "3.13")
PACKAGE = "d2lcnn"
# IPython 7.34 requires it, and Colab lacks it: every install of a package that needs IPython or ipywidgets brings it.
NOT_ON_COLAB = "jedi"
AT_A_TIME = 2
# Seconds of processor time. A notebook alone takes less than a minute; beside others, on threads that share a core, up
# to twice as long.
LIMIT = 120
NOT_COMPARED = ("image/png", "image/jpeg")
# What would lead git, pip or the kernel out of the rehearsal.
FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
# Imported once, so that a rehearsal measures no building of a font cache.
WARM_UP = (
    "import ipykernel, ipywidgets, matplotlib.pyplot, pip, sklearn.datasets, torch, torchvision, tqdm.auto"
)


class RehearsalError(Exception):
    """The rehearsal could not be set up."""


def main() -> int:
    """Rehearse the notebooks named on the command line; give 1 if something failed."""
    parser = argparse.ArgumentParser(description="Run the notebooks as a reader does on Colab.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of book/*.ipynb")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--python", choices=PYTHONS, help="default: the first of these that is found")
    where.add_argument("--prepare", action="store_true", help="only make the environment, run no notebook")
    where.add_argument("--here", action="store_true", help="in this Python's environment, which is changed")
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.notebooks] or in_order((ROOT / "book").glob("*.ipynb"))
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        parser.error(f"no such notebook: {', '.join(missing) or 'book/*.ipynb'}")
    try:
        if arguments.here:
            python = Path(sys.executable)
        else:
            base = base_environment([arguments.python] if arguments.python else list(PYTHONS))
            if arguments.prepare:
                return 0
            python = fresh_copy(base)
        return rehearse_all(paths, python)
    except RehearsalError as error:
        print(f"tools/colab.py: {error}\n0 passed, 1 failed, 0 skipped", file=sys.stderr)
        return 1


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Put the shortest notebook first, since nothing else runs while it installs the package, then the longest."""
    ordered = longest_first(paths)
    return ordered[-1:] + ordered[:-1]


def rehearse_all(paths: list[Path], python: Path) -> int:
    """Rehearse all notebooks with one environment's `python`, and print the closing line; give 1 if something failed."""
    before = packages(python)
    if PACKAGE in before:
        raise RehearsalError(
            f"{python} must be of an environment without {PACKAGE}, which the first notebook installs, "
            f"got one with {PACKAGE} {before[PACKAGE]}: uninstall it and run this again."
        )
    versions = ", ".join(f"{name} {before.get(name, 'missing')}" for name in ("torch", "numpy", "ipywidgets"))
    print(f"==> rehearsal with {python_version(python)}, {versions}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="d2lcnn-colab-"))
    address = publish(folder / "repository")
    failures = asyncio.run(rehearse_in_turn(paths, python, address, folder))
    altered = changes(before, packages(python))
    print("environment: " + ("\n    ".join(["FAILED", *altered]) if altered else "no other package changed"))
    failed = failures + bool(altered)
    if failed:
        print(f"==> kept for you to look at: the notebooks as they ran in {folder}, their kernel {python}")
    else:
        shutil.rmtree(folder)
    print(f"{len(paths) + 1 - failed} passed, {failed} failed, 0 skipped")
    return min(failed, 1)


async def rehearse_in_turn(paths: list[Path], python: Path, address: str, folder: Path) -> int:
    """Rehearse the first notebook, which installs the package, then the others; give the number that failed."""
    turns = asyncio.Semaphore(AT_A_TIME)

    async def one(path: Path) -> bool:
        async with turns:
            begin = time.perf_counter()
            compared, complaints = await rehearse(path, python, address, folder)
            verdict = "FAILED" if complaints else f"passed, {compared} cells compared"
            print(f"{path.name}: {verdict} ({time.perf_counter() - begin:.0f} s)", flush=True)
            for complaint in complaints:
                print(f"    {path.name}, {complaint}", flush=True)
            return bool(complaints)

    first = await one(paths[0])
    if paths[1:] and PACKAGE not in packages(python):
        print(f"not run, since {PACKAGE} is not there: {', '.join(path.name for path in paths[1:])}")
        return len(paths)
    return first + sum(await asyncio.gather(*map(one, paths[1:])))


async def rehearse(path: Path, python: Path, address: str, folder: Path) -> tuple[int, list[str]]:
    """Run a copy of one notebook alone in a new folder; tell how many cells were compared, and what is wrong."""
    alone = folder / "notebooks" / path.stem
    alone.mkdir(parents=True)
    copy = alone / path.name
    copy.write_text(with_install_cell(path, address), encoding="utf-8")
    notebook = nbformat.read(copy, as_version=4)
    failure = await run(notebook, python, alone, folder)
    left = sorted(entry.name for entry in alone.iterdir() if entry != copy)
    nbformat.write(notebook, copy)
    if failure:
        return 0, [failure]
    compared, complaints = compare(nbformat.read(path, as_version=4), notebook)
    if left:
        complaints.append(f"leaves in the reader's folder: {', '.join(left)}")
    return compared, complaints


async def run(notebook: NotebookNode, python: Path, alone: Path, folder: Path) -> str | None:
    """Execute a notebook in place with the kernel of `python`; tell what stopped it."""
    kernel = folder / "kernels" / "colab"
    kernel.mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Colab", "language": "python"})
    )
    manager = AsyncKernelManager(
        kernel_name=kernel.name, kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(kernel.parent)])
    )
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_TIMEOUT,
        startup_timeout=CELL_TIMEOUT,
        store_widget_state=False,
        resources={"metadata": {"path": str(alone)}},
    )
    # A start-up file of one's own would be run as well.
    settings = {"IPYTHONDIR": str(folder / "ipython")}
    try:
        await client.async_execute(env={**without_foreign(notebook_environment()), **settings})
        used = psutil.Process(manager.provisioner.pid).cpu_times()
    except CellExecutionError as error:
        return f"failed in {failing_cell(notebook)}. {COLOUR.sub('', error.traceback)}"
    except (CellTimeoutError, DeadKernelError) as error:
        return f"stopped: {error}"
    finally:
        # A client ends only kernels whose manager it made itself.
        await manager.shutdown_kernel(now=True)
    if used.user + used.system > LIMIT:
        return f"took {used.user + used.system:.0f} s of the processor in fast mode; {LIMIT} are allowed"
    return None


def compare(committed: NotebookNode, rehearsed: NotebookNode) -> tuple[int, list[str]]:
    """Compare what nbval compares: the text of each cell that is the same in both and not tagged nbval-ignore-output.

    Returns:
        The number of cells whose output was compared, empty ones apart, and what differs.
    """
    compared, complaints = 0, []
    for position, (old, new) in enumerate(zip(committed.cells, rehearsed.cells, strict=True)):
        ignored = "nbval-ignore-output" in old.metadata.get("tags", [])
        # The install cell is the rehearsal's own, and pip speaks in it.
        if old.cell_type != "code" or ignored or old.source != new.source:
            continue
        wanted, got = (comparable(outputs) for outputs in (old.outputs, stored_outputs(new)))
        compared += bool(wanted)
        if wanted != got:
            diff = difflib.unified_diff(wanted, got, "committed", "rehearsed", lineterm="", n=1)
            complaints.append("\n        ".join([f"cell {position}: another output", *diff]))
    return compared, complaints


def comparable(outputs: list[NotebookNode]) -> list[str]:
    """Give the lines of outputs that must be the same everywhere; of a picture, that it is there."""
    lines = []
    for output in outputs:
        if output.output_type == "stream":
            pieces = {output.name: output.text}
        elif output.output_type == "error":
            pieces = {output.ename: output.evalue}
        else:
            pieces = {mime: "" if mime in NOT_COMPARED else output.data[mime] for mime in sorted(output.data)}
        for name, text in pieces.items():
            whole = text if isinstance(text, str) else json.dumps(text, sort_keys=True)
            lines += [f"[{name}]", *whole.splitlines()]
    return lines


def packages(python: Path) -> dict[str, str]:
    """Give the version of every package in an environment."""
    listed = call([str(python), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"])
    return {entry["name"].lower(): entry["version"] for entry in json.loads(listed)}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """List what an install of the package changed besides bringing it."""
    altered = [] if PACKAGE in after else [f"{PACKAGE} was not installed"]
    for name in sorted((before.keys() | after.keys()) - {PACKAGE}):
        old, new = before.get(name, "absent"), after.get(name, "absent")
        if old != new and not (name == NOT_ON_COLAB and old == "absent"):
            altered.append(f"{name}: {old} before, {new} after")
    return altered


def publish(folder: Path) -> str:
    """Make a git repository of the working tree as it is, with one commit; give its address for pip."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=ROOT)
    for name in filter(None, listed.split("\0")):
        # A file that is deleted and not yet committed so is still listed.
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git("init", "--quiet", at=folder)
    git("add", "--all", "--force", at=folder)
    who = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost", "-c", "commit.gpgsign=false"]
    git(*who, "-c", f"core.hooksPath={os.devnull}", "commit", "--quiet", "--message", "rehearsal", at=folder)
    return folder.as_uri()


def git(*arguments: str, at: Path) -> str:
    return call(["git", *arguments], at)


def call(command: list[str], at: Path = ROOT) -> str:
    """Run a command and give what it prints."""
    try:
        done = subprocess.run(
            command, cwd=at, env=without_foreign(dict(os.environ)), capture_output=True, text=True
        )
    except OSError as error:
        raise RehearsalError(f"`{command[0]}` could not be started: {error}") from error
    if done.returncode:
        raise RehearsalError(
            f"`{' '.join(command)}` in {at} ended with status {done.returncode}:\n{done.stderr.strip()}"
        )
    return done.stdout


def without_foreign(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in FOREIGN}


def python_version(python: Path) -> str:
    return call([str(python), "--version"]).strip()


def base_environment(versions: list[str]) -> Path:
    """Give the folder of an environment with Colab's packages and not ours, made unless it is there."""
    for version in versions:
        if is_current(ENVIRONMENTS / version / "base"):
            return ENVIRONMENTS / version / "base"
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    found = ((version, find_python(uv, version)) for version in versions)
    # Where there is none, uv fetches one, if it can.
    version, python = next((pair for pair in found if pair[1]), (versions[0], versions[0]))
    folder = ENVIRONMENTS / version / "base"
    print(f"==> making Colab's environment with Python {version} (some gigabytes the first time)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        call([uv, "venv", "--quiet", "--python", str(python), str(folder)])
    except RehearsalError as error:
        raise RehearsalError(
            f"no Python {' or '.join(versions)} was found, and uv could not fetch one. Install it (for example "
            f"`apt-get install python{version}` or `pyenv install {version}`) and run this again.\n{error}"
        ) from error
    # A wheel of a gigabyte on a slow line outlasts uv's own half minute.
    os.environ.setdefault("UV_HTTP_TIMEOUT", "300")
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder)]
    call([*install, "--requirement", str(REQUIREMENTS)])
    call([uv, "pip", "uninstall", "--quiet", "--python", str(folder), NOT_ON_COLAB])
    call([str(interpreter(folder)), "-c", WARM_UP])
    (folder / "stamp").write_text(stamp(folder), encoding="utf-8")
    return folder


def find_python(uv: str, version: str) -> str | None:
    """Look for a Python of this version: uv's way, then among pyenv's, of which uv sees only the active ones."""
    command = [uv, "python", "find", "--system", "--no-python-downloads", version]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    releases = [path for path in pyenv.glob(f"{version}.*") if re.fullmatch(r"[\d.]+", path.name)]
    newest = max(releases, key=lambda path: int(path.name.rsplit(".", 1)[1]), default=None)
    return str(newest / "bin" / "python") if newest else None


def interpreter(environment: Path) -> Path:
    return environment / "bin" / "python"


def stamp(environment: Path) -> str:
    """Say what an environment was made of; its place belongs to it, since it does not survive a move."""
    return f"{environment}\n{NOT_ON_COLAB}\n{REQUIREMENTS.read_text(encoding='utf-8')}"


def is_current(environment: Path) -> bool:
    made = environment / "stamp"
    return (
        made.is_file()
        and made.read_text(encoding="utf-8") == stamp(environment)
        and interpreter(environment).exists()
    )


def fresh_copy(base: Path) -> Path:
    """Copy an environment by hard links, which takes a second; give the interpreter of the copy.

    An install adds files and replaces others by renaming, so that the original stays as it was.
    """
    copy = base.with_name("rehearsal")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(base, copy, symlinks=True, copy_function=os.link)
    return interpreter(copy)


if __name__ == "__main__":
    sys.exit(main())
