"""Each notebook runs from first cell to last, alone in an empty folder, in under a minute of one core's fast mode."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
LIMIT = 60  # seconds


def children_seconds() -> float:
    """Give the processor time of ended children and theirs: unlike the clock, the same on a busy machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_alone(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path)
    begin = children_seconds()
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "execute.py", path.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    seconds = children_seconds() - begin
    assert done.returncode == 0, done.stdout + done.stderr
    assert seconds < LIMIT, f"{path.name} took {seconds:.0f} s in fast mode; {LIMIT} are allowed"
    left = sorted(entry.name for entry in tmp_path.iterdir() if entry.name != path.name)
    assert not left, f"{path.name} leaves files in the reader's folder: {left}"
