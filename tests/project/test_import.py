"""`import d2lcnn` costs little beyond importing torch, and brings little else."""

from __future__ import annotations

import os
import subprocess
import sys

MOST = 0.1  # seconds of the processor
LOADED_WHEN_USED = {
    "torchvision",
    "matplotlib",
    "sklearn",
    "IPython",
    "PIL",
    "d2l",
    "timm",
    "tqdm",
    "filelock",
}
SCRIPT = """
import sys, time, torch
before, begin = set(sys.modules), time.process_time()
import d2lcnn
print(time.process_time() - begin, *(set(sys.modules) - before))
"""


def imported() -> tuple[float, set[str]]:
    """Give the seconds that the import takes in a process that has torch already, and the modules that come."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    seconds, *modules = done.stdout.split()
    return float(seconds), set(modules)


def test_it_costs_a_tenth_of_a_second_more_than_torch_and_loads_little_else() -> None:
    # A first one may have to compile the package, as pip does at an install, and other work on the machine only adds to it.
    for _ in range(4):
        seconds, modules = imported()
        if seconds <= MOST:
            break
    assert seconds <= MOST
    packages = {name.partition(".")[0] for name in modules}
    assert "d2lcnn" in packages
    assert not packages & LOADED_WHEN_USED
    # The command line is a program.
    assert not [name for name in modules if name.startswith("d2lcnn.cli")]
