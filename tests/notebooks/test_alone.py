"""A notebook runs from first cell to last, alone in an empty folder, as a reader executes it again.

The rehearsal of Colab (tools/colab.py) does the same with every notebook, and takes the time; one is enough here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_runs_alone(tmp_path: Path) -> None:
    shutil.copy(ROOT / "book" / "moving-figures.ipynb", tmp_path)
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "execute.py", "moving-figures.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["moving-figures.ipynb"]
