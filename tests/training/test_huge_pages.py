"""Large tensors lie in large pages of memory as soon as the package is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OFFERED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# One process for all, since torch takes seconds to import: torch decides at its first tensor, which each child makes itself.
# A line tells for each the kilobytes in large pages that a tensor of 64 MB has added.
SCRIPT = """
import importlib, os, re, sys, torch

def large():
    return int(re.search(r"AnonHugePages: *(\\d+)", open("/proc/self/smaps_rollup").read())[1])

for module, switch in %s:
    child = os.fork()
    if child == 0:
        if switch is not None:
            os.environ["THP_MEM_ALLOC_ENABLE"] = switch
        importlib.import_module(module)
        before = large()
        tensor = torch.ones(2**24)
        print(large() - before, flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"the child that imported {module} failed")
"""
# The module that is imported, the switch in the environment, and whether the tensor lies in large pages.
CASES = [("d2lcnn", None, True), ("d2lcnn", "0", False), ("os", None, False)]


@pytest.mark.skipif(
    not OFFERED.exists() or "[madvise]" not in OFFERED.read_text(),
    reason="this system gives large pages to nobody, or to everybody",
)
def test_a_large_tensor():
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    script = SCRIPT % [(module, switch) for module, switch, _ in CASES]
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    # Where memory is in pieces, the system finds large pages for a part.
    assert [int(line) >= 2**14 for line in done.stdout.splitlines()] == [large for *_, large in CASES]
