"""Run the project's checks, all of them even where one fails: what `make test` does.

    python tools/check.py                     everything
    python tools/check.py style notebooks     these parts

The last line counts the tests of all parts; a part that is no pytest run counts as one.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TextIO

from notebook_env import notebook_environment
from times import longest_first

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
# On two cores: three at a time where one of them often waits for a browser or a kernel, two where they do the work
# themselves and each has thousands of tests to collect.
PYTEST = [PYTHON, "-m", "pytest", "-q"]
THREE, TWO = ["-n", "3"], ["-n", "2"]
# The package's settings (doctests, warnings as errors) are not for notebooks: nbval's own machinery warns.
NBVAL = ["-o", "addopts=", "-o", "filterwarnings=default", "--nbval", "--nbval-cell-timeout=300"]
NOTEBOOKS = [str(path.relative_to(ROOT)) for path in longest_first((ROOT / "book").glob("*.ipynb"))]
JUPYTER_BOOK = str(Path(PYTHON).with_name("jupyter-book"))
BOOK = [JUPYTER_BOOK, "build", ".", "--all", "-W", "--keep-going", "-n"]
# The weekly run tries all of the site here; other tests marked weekly have a job of their own.
SITE_TESTS = "site" if os.environ.get("D2LCNN_WHOLE_COURSE") == "1" else "site and not weekly"
PARTS: dict[str, list[list[str]]] = {
    "style": [[PYTHON, "-m", "ruff", "check", "."], [PYTHON, "-m", "ruff", "format", "--check", "."]],
    "types": [[PYTHON, "-m", "mypy"]],
    "book": [[PYTHON, "tools/vendor.py", "mathjax"], BOOK],
    "package": [[*PYTEST, *TWO, "--dist", "loadgroup", "-m", "not site and not weekly", "--durations=5"]],
    # By files: the cells of a notebook need one kernel. In the order given, not by their number of cells.
    "notebooks": [[*PYTEST, *THREE, "--dist", "loadfile", "--no-loadscope-reorder", *NBVAL, *NOTEBOOKS]],
    # -rs: where there is no browser, the run says which tests were left out, and how to have them.
    "site": [
        [PYTHON, "tools/vendor.py", "axe-core"],
        [*PYTEST, *THREE, "--dist", "loadgroup", "-rs", "-m", SITE_TESTS, "tests/site"],
    ],
}
# Neither keeps two processors busy, so they share them.
TOGETHER = ("types", "book")
# pytest's closing line: "3 failed, 20 passed, 1 skipped in 4.31s".
CLOSING = re.compile(r"\b(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")


def test_environment() -> dict[str, str]:
    """Give the environment of everything but notebooks: D2LCNN_DATA passes, fast mode does not leak in."""
    kept = {name: value for name, value in os.environ.items() if name != "D2LCNN_FAST"}
    return {**kept, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


def run(command: list[str], environment: dict[str, str], out: TextIO) -> tuple[int, str]:
    """Run a command, passing its output on line by line; give its exit status and last line that says something."""
    last = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True, file=out)
            last = line.strip() or last
    return process.returncode, last


def run_part(name: str, out: TextIO | None = None) -> dict[str, int]:
    """Run one part and print its closing line; give how many tests passed, failed and were skipped.

    Args:
        name: A key of PARTS.
        out: Where all goes that the part says; standard output by default.
    """
    out = out or sys.stdout
    print(f"\n==> {name}", flush=True, file=out)
    environment = notebook_environment() if name == "notebooks" else test_environment()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    begin = time.perf_counter()
    failed = False
    for command in PARTS[name]:
        status, last = run(command, environment, out)
        failed = failed or status != 0
        if "pytest" in command:
            for number, word in CLOSING.findall(last):
                key = {"error": "failed", "errors": "failed", "xpassed": "passed", "xfailed": "skipped"}.get(
                    word, word
                )
                counts[key] += int(number)
    # A run that broke down, or collected nothing, has no failed test to show for it.
    if failed:
        counts["failed"] = max(counts["failed"], 1)
    elif not counts["passed"]:
        counts["passed"] = 1
    verdict = "FAILED" if failed else "passed"
    print(f"==> {name} {verdict} in {time.perf_counter() - begin:.0f} s", flush=True, file=out)
    return counts


def run_together(names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Run parts at the same time; what each says is printed in one piece when it has ended."""
    said = {name: io.StringIO() for name in names}
    with ThreadPoolExecutor() as pool:
        running = {pool.submit(run_part, name, said[name]): name for name in names}
        for part in as_completed(running):
            print(said[running[part]].getvalue(), end="", flush=True)
    return {name: part.result() for part, name in running.items()}


def main() -> int:
    """Run the parts named on the command line."""
    parser = argparse.ArgumentParser(description="Run the project's checks.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parts = parser.parse_args().parts or list(PARTS)
    unknown = [name for name in parts if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    results: dict[str, dict[str, int]] = {}
    for name in parts:
        if name not in results:
            group = [part for part in parts if part in TOGETHER] if name in TOGETHER else [name]
            results |= run_together(group) if len(group) > 1 else {name: run_part(name)}
    broken = [name for name, counts in results.items() if counts["failed"]]
    print(f"\n==> {'all parts passed' if not broken else 'failed: ' + ', '.join(broken)}")
    total = {key: sum(counts[key] for counts in results.values()) for key in ("passed", "failed", "skipped")}
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
