"""A plugin of pytest: run the named tests in the given order, and write down the first that fails.

The environment names the file to write (MUTATION_VERDICT) and may name one with the tests to run (MUTATION_TESTS).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

verdict: dict[str, object] = {"failed": None, "why": "", "passed": 0}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the named tests, in their order."""
    if "MUTATION_TESTS" not in os.environ:
        return
    names = json.loads(Path(os.environ["MUTATION_TESTS"]).read_text(encoding="utf-8"))
    rank = {name: position for position, name in enumerate(names)}
    left_out = [item for item in items if item.nodeid not in rank]
    items[:] = sorted((item for item in items if item.nodeid in rank), key=lambda item: rank[item.nodeid])
    config.hook.pytest_deselected(items=left_out)


def _note(name: str, why: object) -> None:
    if verdict["failed"] is None:
        verdict.update(failed=name, why=str(why).strip()[-300:])


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that cannot be imported any more."""
    if report.failed:
        _note(report.nodeid, report.longrepr)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a failure, or count what passed."""
    if report.failed:
        _note(report.nodeid, report.longrepr)
    elif report.when == "call" and report.passed:
        verdict["passed"] = int(str(verdict["passed"])) + 1


def pytest_sessionfinish() -> None:
    """Write the verdict, and which package was tested."""
    verdict["package"] = getattr(sys.modules.get("d2lcnn"), "__file__", None)
    Path(os.environ["MUTATION_VERDICT"]).write_text(json.dumps(verdict), encoding="utf-8")
