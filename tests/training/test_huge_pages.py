"""Large tensors lie in large pages of memory as soon as the package is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OFFERED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# Kilobytes of this process that lie in large pages, before and after a tensor of 64 MB.
SCRIPT = """
import re, torch, {}
def large(): return int(re.search(r"AnonHugePages: *(\\d+)", open("/proc/self/smaps_rollup").read())[1])
before = large()
tensor = torch.ones(2**24)
print(large() - before)
"""


@pytest.mark.skipif(
    not OFFERED.exists() or "[madvise]" not in OFFERED.read_text(),
    reason="this system gives large pages to nobody, or to everybody",
)
@pytest.mark.parametrize(
    ("module", "switch", "large"), [("d2lcnn", None, True), ("d2lcnn", "0", False), ("os", None, False)]
)
def test_a_large_tensor(module, switch, large):
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    if switch is not None:
        environment["THP_MEM_ALLOC_ENABLE"] = switch
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # Where memory is in pieces, the system finds large pages for a part.
    assert (int(done.stdout) >= 2**14) == large
