"""What was recorded once, without any change: which tests and which notebooks run which lines of the package."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from check import test_environment
from notebook_env import notebook_environment

from mutation.copies import NOTEBOOKS
from mutation.processes import run
from mutation.sample import Mutant

PLUGINS = Path(__file__).resolve().parent / "plugins"
# The tests of the package: those that look at the site, the notebooks or the project's files are not asked.
OTHER_TESTS = {"site", "notebooks", "project"}
NBVAL = ["-p", "nbval.plugin", "-o", "addopts=", "-o", "filterwarnings=default", "--nbval"]
LONGEST_RECORDING = 3600.0  # seconds of processor time


class RecordingFailedError(Exception):
    """Tests or notebooks fail without a change, so that nothing could be said about changes."""


def pytest(*words: str) -> list[str]:
    """Give a command that runs pytest from a copy."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *words]


def environment_in(copy: Path, notebook: bool, **more: str) -> dict[str, str]:
    """Give the environment in which tests, or notebooks, of a copy run: its package comes before the installed one."""
    variables = notebook_environment() if notebook else test_environment()
    # Tests that need data sets would make the result depend on the machine.
    variables.pop("D2LCNN_DATA", None)
    if notebook:
        variables["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return {**variables, "PYTHONPATH": f"{copy}:{PLUGINS}", **more}


@dataclass(frozen=True)
class Part:
    """What is recorded in one run: a folder of tests, or a notebook."""

    name: str
    is_notebook: bool


def parts(root: Path) -> list[Part]:
    """Give all that is recorded of a project, notebooks first because they take longest."""
    notebooks = [Part(path.name, True) for path in sorted((root / "book").glob("*.ipynb"))]
    folders = [
        Part(f"tests/{path.name}", False)
        for path in sorted((root / "tests").iterdir())
        if path.is_dir() and path.name not in OTHER_TESTS and any(path.rglob("test_*.py"))
    ]
    rooms = [
        Part(f"d2lcnn/{path.name}", False)
        for path in sorted((root / "d2lcnn").iterdir())
        if (path / "__init__.py").is_file()
    ]
    return [*notebooks, *folders, *rooms]


def digest(root: Path, part: Part) -> str:
    """Tell whether a record is still that of what lies there now."""
    own = [root / "book" / part.name] if part.is_notebook else sorted((root / part.name).rglob("*.py"))
    package = sorted((root / "d2lcnn").rglob("*.py"))
    found = hashlib.sha256()
    for path in [*own, *package]:
        found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def record(copy: Path, part: Part, file: Path) -> None:
    """Record one part in an unchanged copy.

    Raises:
        RecordingFailedError: If a test fails, a notebook shows something else than is stored, or the copy's package was
            not what ran.
    """
    more = {"MUTATION_PACKAGE": str(copy / "d2lcnn"), "MUTATION_RECORD": str(file) + ".new"}
    environment = environment_in(copy, part.is_notebook, **more)
    if part.is_notebook:
        folder = copy / NOTEBOOKS
        noted = folder / f"_noted_{part.name}"
        _note_cells(folder / part.name, noted)
        ended = run(pytest("-x", *NBVAL, noted.name), folder, environment, LONGEST_RECORDING)
        noted.unlink()
    else:
        words = pytest("-p", "record_lines", "-m", "not slow and not weekly", part.name)
        ended = run(words, copy, environment, LONGEST_RECORDING)
    written = Path(str(file) + ".new")
    if ended.status not in (0, 5) or not written.is_file():
        raise RecordingFailedError(f"{part.name} fails without a change:\n{ended.output[-3000:]}")
    found = json.loads(written.read_text(encoding="utf-8"))
    if not found["lines"] and ended.status == 0:
        raise RecordingFailedError(f"{part.name} ran no line of the copy: another package was tested")
    written.replace(file)


def _note_cells(notebook: Path, noted: Path) -> None:
    """Copy a notebook so that its kernel notes the lines of each cell."""
    content = nbformat.read(notebook, as_version=4)
    codes = [cell for cell in content.cells if cell.cell_type == "code"]
    for cell in codes:
        cell.source = f"import record_cells; record_cells.begin()\n{cell.source}"
    last = nbformat.v4.new_code_cell("record_cells.end()", execution_count=len(codes) + 1)
    content.cells.append(last)
    nbformat.write(content, noted)


class Recorded:
    """All records of a project."""

    def __init__(self, files: Iterable[tuple[Part, Path]]) -> None:
        self.tests: dict[str, dict[str, Any]] = {}
        self.test_lines: dict[str, dict[str, list[str]]] = {}
        self.notebooks: dict[str, dict[str, Any]] = {}
        for part, file in files:
            found = json.loads(file.read_text(encoding="utf-8"))
            if part.is_notebook:
                self.notebooks[part.name] = found
                continue
            self.tests |= found["tests"]
            for name, lines in found["lines"].items():
                of_file = self.test_lines.setdefault(name, {})
                for line, tests in lines.items():
                    of_file[line] = of_file.get(line, []) + tests

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Give the tests that can notice a mutant, those first that run its lines and are quick.

        Others of the same files follow: a fixture of the file, or a value kept from one test to the next, may have run the
        lines for them. A change that takes effect at import can be noticed in the whole room.
        """
        lines = self.test_lines.get(mutant.file, {})
        if mutant.change.runs:
            wanted = [str(line) for line in mutant.change.runs]
        else:
            wanted = list(lines)
        running = {test for line in wanted for test in lines.get(line, [])}
        files = {_file(test) for test in running}
        if not mutant.change.runs:
            room = "/".join(mutant.file.split("/")[1:-1])
            files |= {_file(t) for t in self.tests if t.startswith((f"tests/{room}/", f"d2lcnn/{room}/"))}
        others = [test for test in self.tests if _file(test) in files and test not in running]
        return [
            *sorted(running, key=lambda test: (self.tests[test]["seconds"], test)),
            *sorted(others, key=lambda test: (_file(test), self.tests[test]["seconds"])),
        ]

    def notebooks_of(self, mutant: Mutant) -> dict[str, float]:
        """Give the notebooks that run a mutant's lines and after how many seconds they do, the soonest first."""
        soonest: dict[str, float] = {}
        for name, found in self.notebooks.items():
            lines = found["lines"].get(mutant.file, {})
            wanted = [str(line) for line in mutant.change.runs] if mutant.change.runs else list(lines)
            times = [lines[line] for line in wanted if line in lines]
            if times:
                soonest[name] = min(times)
        return dict(sorted(soonest.items(), key=lambda found: (found[1], found[0])))

    def that_start_processes(self) -> list[str]:
        """Give the tests that start processes, whose lines are not recorded."""
        return [name for name, found in self.tests.items() if found["starts_process"]]


def _file(test: str) -> str:
    return test.partition("::")[0]
