"""A plugin of pytest: note which lines of the package each test runs, and how long it takes.

The environment names the package's folder (MUTATION_PACKAGE) and the file to write (MUTATION_RECORD).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import coverage
import pytest

PACKAGE = Path(os.environ["MUTATION_PACKAGE"])
measured = coverage.Coverage(data_file=None, source=[str(PACKAGE)], config_file=False)
measured.start()  # when pytest loads its plugins, before anything imports the package
tests: dict[str, dict[str, Any]] = {}
failed: list[str] = []
starts_process = False


def _noting(start: Any) -> Any:
    def popen(self: Any, *args: Any, **kwargs: Any) -> None:
        global starts_process
        starts_process = True
        start(self, *args, **kwargs)

    return popen


subprocess.Popen.__init__ = _noting(subprocess.Popen.__init__)  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note a test's lines under its name."""
    global starts_process
    starts_process = False
    measured.switch_context(item.nodeid)
    begin = time.process_time()
    try:
        return (yield)
    finally:
        measured.switch_context("")
        tests[item.nodeid] = {
            "seconds": time.process_time() - begin,
            "starts_process": starts_process,
        }


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a failure, which would make every mutant look caught."""
    if report.failed:
        failed.append(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write the record."""
    measured.stop()
    data = measured.get_data()
    lines: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        name = Path(file).relative_to(PACKAGE.parent).as_posix()
        by_line = data.contexts_by_lineno(file)
        lines[name] = {line: [c for c in found if c] for line, found in sorted(by_line.items())}
    Path(os.environ["MUTATION_RECORD"]).write_text(
        json.dumps({"tests": tests, "lines": lines, "failed": failed})
    )
