"""Change the package in small ways, and see whether its tests and the notebooks notice.

    python tools/mutants.py                     110 mutants, an hour or more on two cores
    python tools/mutants.py --retry             those that survived, with the tests as they are now
    python tools/mutants.py --report            write down what an interrupted run has found

What is changed is a copy. First it is recorded which tests and notebooks run which lines (once, in _build/mutants/); then
each mutant is shown to the tests and the notebooks that run its lines, the quick ones first, up to the first that fails.
Notebooks are asked without the cells that show the package's source. An interrupted run goes on where it was. The results
stand in book/mutants.json, from which the page "How true is this book?" is made.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mutation.copies import make_copy
from mutation.recording import LONGEST_RECORDING, Part, Recorded, RecordingFailedError, digest, parts, record
from mutation.report import report
from mutation.sample import Mutant, draw
from mutation.trial import ask_tests, try_notebooks, try_tests

# Shows a mutant in a copy, given what is known of it, to somebody.
Show = Callable[[Path, Mutant, dict[str, Any]], dict[str, Any]]
ROOT = Path(__file__).resolve().parent.parent


class Workshop:
    """A folder with a copy of the project for each worker, the records and the results.

    Args:
        root: The project.
        folder: Where to work.
        jobs: How many workers there are.
    """

    def __init__(self, root: Path, folder: Path, jobs: int) -> None:
        self.root, self.folder, self.jobs = root, folder, jobs
        self.results = folder / "results.jsonl"
        self.lock = threading.Lock()
        self.copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        folder.mkdir(parents=True, exist_ok=True)

    def record_all(self) -> Recorded:
        """Make the copies, and record what is not recorded yet; an error of any part ends the run."""
        for i in range(self.jobs):
            make_copy(self.root, self.folder / f"copy{i}")
            self.copies.put(self.folder / f"copy{i}")
        files = [(part, self._record_file(part)) for part in parts(self.root)]
        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(self._record, [part for part, file in files if not file.is_file()]))
        return Recorded(files)

    def _record_file(self, part: Part) -> Path:
        return self.folder / f"record-{part.name.replace('/', '-')}-{digest(self.root, part)}.json"

    def _record(self, part: Part) -> None:
        copy = self.copies.get()
        try:
            record(copy, part, self._record_file(part))
            print(f"recorded {part.name}", flush=True)
        finally:
            self.copies.put(copy)

    def try_all(self, mutants: list[Mutant], recorded: Recorded, retry: bool = False) -> list[dict[str, Any]]:
        """Show the tests, then the notebooks, each mutant that they have not seen yet; give all results in order.

        Args:
            mutants: All mutants.
            recorded: Who runs which lines.
            retry: Show the tests those again that survived.
        """
        known = self.known()
        rows = [known.get(self.key(mutant), {}) for mutant in mutants]
        unseen = [m for m, row in zip(mutants, rows) if "tests" not in row or (retry and survived(row))]
        self._each(unseen, lambda copy, mutant, row: try_tests(copy, mutant, recorded))
        known = self.known()
        unseen = [mutant for mutant in mutants if "notebooks" not in known[self.key(mutant)]]
        # Those first that no test noticed: somebody is waiting to know which they are.
        unseen.sort(key=lambda mutant: not survived(known[self.key(mutant)]))
        self._each(unseen, lambda copy, mutant, row: try_notebooks(copy, mutant, recorded, survived(row)))
        known = self.known()
        return [known[self.key(mutant)] for mutant in mutants]

    def _each(self, mutants: list[Mutant], show: Show) -> None:
        """Show each mutant, as many at once as there are copies, and write each answer down as it comes."""
        known = self.known()

        def show_one(mutant: Mutant) -> None:
            key = self.key(mutant)
            copy = self.copies.get()
            try:
                found = show(copy, mutant, known.get(key, {}))
            finally:
                self.copies.put(copy)
            row = {"key": key, "mutant": mutant.describe(self.root), **found}
            with self.lock, self.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                print(
                    mutant.name,
                    "|",
                    *(f"{name}: {answer['by'] or '-'}" for name, answer in found.items()),
                    flush=True,
                )

        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(show_one, mutants))

    def check_unchanged(self, rows: list[dict[str, Any]]) -> None:
        """Run all tests that noticed a mutant where there is none.

        Raises:
            RecordingFailedError: If one fails: what it noticed was not the mutant.
        """
        noticed = {row[part]["by"] for row in rows for part in ("tests", "slow tests") if part in row}
        copy = self.copies.get()
        try:
            found = ask_tests(copy, sorted(name for name in noticed if "::" in name), LONGEST_RECORDING)
        finally:
            self.copies.put(copy)
        if found.by:
            raise RecordingFailedError(f"{found.by} fails without a change: {found.why}")

    def key(self, mutant: Mutant) -> str:
        """Give the key of a mutant's result, which is void when its module has changed."""
        source = (self.root / mutant.file).read_bytes()
        return hashlib.sha256(mutant.change.apply(source) + source + mutant.name.encode()).hexdigest()[:16]

    def known(self) -> dict[str, dict[str, Any]]:
        """Give the results that there are; what came later counts."""
        rows: dict[str, dict[str, Any]] = {}
        if self.results.is_file():
            for row in map(json.loads, self.results.read_text(encoding="utf-8").splitlines()):
                rows.setdefault(row["key"], {}).update(row)
        return rows


def survived(row: dict[str, Any]) -> bool:
    """Tell whether nobody noticed a mutant."""
    return not any(row[name]["by"] for name in ("tests", "notebooks", "slow tests") if name in row)


def main() -> int:
    """Draw mutants, try them and write the results down."""
    parser = argparse.ArgumentParser(description="Change the package in small ways, and see who notices.")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    parser.add_argument("--number", type=int, default=110, help="of mutants (110)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="how many are tried at once (2)")
    parser.add_argument("--retry", action="store_true", help="try those again that survived")
    parser.add_argument("--list", action="store_true", help="list the mutants and end")
    parser.add_argument("--report", action="store_true", help="write down what is known so far, and end")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.number} mutants", flush=True)
    try:
        mutants = draw(ROOT / "d2lcnn", arguments.number, arguments.seed)
    except ValueError as error:
        parser.error(str(error))
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name}: {mutant.change.old!r} -> {mutant.change.new!r}")
        return 0
    workshop = Workshop(ROOT, ROOT / "_build" / "mutants", arguments.jobs)
    if arguments.report:
        known = workshop.known()
        report(ROOT, arguments.seed, [known[key] for key in map(workshop.key, mutants) if key in known])
        return 0
    recorded = workshop.record_all()
    rows = workshop.try_all(mutants, recorded, arguments.retry)
    workshop.check_unchanged(rows)
    report(ROOT, arguments.seed, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
