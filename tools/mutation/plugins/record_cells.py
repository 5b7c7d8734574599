"""In a kernel: note which lines of the package a notebook runs, and after how much processor time each is first run.

A notebook that is recorded calls `begin` at the head of each cell, and `end` in a last one: the kernel is killed after
that. The environment names the package's folder (MUTATION_PACKAGE) and the file to write (MUTATION_RECORD).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import coverage

PACKAGE = Path(os.environ["MUTATION_PACKAGE"])
measured = coverage.Coverage(data_file=None, source=[str(PACKAGE)], config_file=False)
measured.start()


def begin() -> None:
    """Begin the next cell."""
    measured.switch_context(f"{time.process_time():.2f}")


def end() -> None:
    """Write the record."""
    measured.stop()
    data = measured.get_data()
    lines: dict[str, dict[int, float]] = {}
    for file in data.measured_files():
        name = Path(file).relative_to(PACKAGE.parent).as_posix()
        by_line = data.contexts_by_lineno(file)
        lines[name] = {
            line: min(float(c) for c in found if c) for line, found in by_line.items() if any(found)
        }
    record = {"seconds": round(time.process_time(), 1), "lines": lines}
    Path(os.environ["MUTATION_RECORD"]).write_text(json.dumps(record), encoding="utf-8")
