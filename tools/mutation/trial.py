"""Try one mutant: does a test of the package notice it, and does a notebook?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mutation.copies import NOTEBOOKS, mutated
from mutation.processes import Ended, run
from mutation.recording import NBVAL, Recorded, environment_in, pytest
from mutation.sample import Mutant

# Seconds of processor time. Starting Python, PyTorch and pytest takes some ten of them.
START = 20.0
# Tests may take so many times what they took, before a mutant counts as one that never ends.
TIMES = 4.0
# What notebooks may take together, where a test has noticed the mutant already, and where none has.
NOTEBOOK_SECONDS, NOTEBOOK_SECONDS_OF_SURVIVORS = 75.0, 900.0
# Tests that take long, and those that start processes, may each take this.
SLOW_TESTS = 600.0


@dataclass(frozen=True)
class Answer:
    """Who noticed a mutant.

    Attributes:
        by: The test or the notebook's cell; "" if none did.
        why: The end of what it said.
        seconds: Of processor time, of all that was tried.
        tried: The number of tests, or the names of notebooks that were asked.
        cut: The notebook that was stopped, or not begun, because the time was over; "" if all ran to their end.
    """

    by: str
    why: str
    seconds: float
    tried: int | list[str]
    cut: str = ""


class BrokenTrialError(Exception):
    """A run told nothing about its mutant."""


def _failure(ended: Ended, verdict: Path, package: Path) -> tuple[str, str] | None:
    """Give what failed and why; None if all passed.

    Raises:
        BrokenTrialError: If the run broke down, or tested another package than the copy.
    """
    if ended.stopped:
        return f"stopped: too much {ended.stopped}", ""
    # Before pytest has begun: a conftest.py imports the package.
    if ended.status == 4 and "ImportError while loading conftest" in ended.output:
        return "import of the package", ended.output.strip()[-300:]
    if ended.status is not None and ended.status < 0:
        return f"the process died by signal {-ended.status}", ""
    found = json.loads(verdict.read_text(encoding="utf-8")) if verdict.is_file() else {}
    imported = found.get("package")
    if imported and Path(imported).parent != package:
        raise BrokenTrialError(f"{imported} was tested, not {package}")
    if ended.status in (1, 2) and found.get("failed"):
        return found["failed"], found["why"]
    if ended.status == 0:
        return None
    raise BrokenTrialError(f"pytest ended with {ended.status}:\n{ended.output[-2000:]}")


def ask_tests(copy: Path, names: list[str], seconds: float) -> Answer:
    """Run tests in a copy until one fails.

    Args:
        copy: The copy, with the mutant in it.
        names: The tests, in the order in which they run.
        seconds: Of processor time, more than which they cannot need.
    """
    if not names:
        return Answer("", "", 0.0, 0)
    wanted, verdict = copy / "_tests.json", copy / "_verdict.json"
    wanted.write_text(json.dumps(names), encoding="utf-8")
    verdict.unlink(missing_ok=True)
    variables = environment_in(copy, False, MUTATION_TESTS=str(wanted), MUTATION_VERDICT=str(verdict))
    files = list(dict.fromkeys(name.partition("::")[0] for name in names))
    ended = run(pytest("-x", "-p", "first_failure", *files), copy, variables, seconds)
    by, why = _failure(ended, verdict, copy / "d2lcnn") or ("", "")
    return Answer(by, why, ended.seconds, len(names))


def ask_slow_tests(copy: Path, mutant: Mutant, also: Iterable[str]) -> Answer:
    """Run the package's slow tests in a copy, and those that start processes, until one fails.

    Args:
        copy: The copy, with the mutant in it.
        mutant: The mutant. All slow tests are of training and of the command line, which do not need what looks inside.
        also: The tests that start processes.
    """
    if mutant.file.startswith("d2lcnn/insight/"):
        return ask_tests(copy, [name for name in also if name.startswith("tests/insight/")], SLOW_TESTS)
    verdict = copy / "_verdict.json"
    verdict.unlink(missing_ok=True)
    variables = environment_in(copy, False, MUTATION_VERDICT=str(verdict))
    slow = ["-m", "slow and not weekly", "tests/cli", "tests/data", "tests/training"]
    ended = run(pytest("-x", "-p", "first_failure", *slow), copy, variables, SLOW_TESTS)
    failure = _failure(ended, verdict, copy / "d2lcnn")
    if failure:
        return Answer(*failure, ended.seconds, 1)
    others = ask_tests(copy, list(also), SLOW_TESTS)
    return Answer(others.by, others.why, ended.seconds + others.seconds, 1 + int(str(others.tried)))


def ask_notebooks(copy: Path, soonest: dict[str, float], seconds: float) -> Answer:
    """Compare notebooks in a copy, one after another, until one shows something else or the time is over.

    Args:
        copy: The copy, with the mutant in it.
        soonest: The notebooks' files in the order in which they are asked, and after how many seconds each comes to the
            mutant.
        seconds: Of processor time, for all together. A notebook that is stopped has noticed nothing.
    """
    spent, asked = 0.0, []
    verdict = copy / "_verdict.json"
    variables = environment_in(copy, True, MUTATION_VERDICT=str(verdict))
    for name, reached in soonest.items():
        if spent + reached > seconds:
            return Answer("", "", spent, asked, name)
        verdict.unlink(missing_ok=True)
        words = pytest("-x", *NBVAL, "-p", "first_failure", name)
        ended = run(words, copy / NOTEBOOKS, variables, seconds - spent)
        spent += ended.seconds
        asked.append(name)
        if ended.stopped == "time":
            return Answer("", "", spent, asked, name)
        failure = _failure(ended, verdict, copy / "d2lcnn")
        if failure:
            return Answer(*failure, spent, asked)
    return Answer("", "", spent, asked)


def try_tests(copy: Path, mutant: Mutant, recorded: Recorded) -> dict[str, object]:
    """Put a mutant into a copy and ask the tests; the slow ones only where no other notices."""
    with mutated(copy, mutant):
        names = recorded.tests_of(mutant)
        usual = sum(recorded.tests[name]["seconds"] for name in names)
        quick = ask_tests(copy, names, START + TIMES * usual)
        if quick.by:
            return {"tests": asdict(quick)}
        slow = ask_slow_tests(copy, mutant, recorded.that_start_processes())
        return {"tests": asdict(quick), "slow tests": asdict(slow)}


def try_notebooks(copy: Path, mutant: Mutant, recorded: Recorded, survived: bool) -> dict[str, object]:
    """Put a mutant into a copy and ask the notebooks, for longer where it has survived the tests."""
    limit = NOTEBOOK_SECONDS_OF_SURVIVORS if survived else NOTEBOOK_SECONDS
    with mutated(copy, mutant):
        return {"notebooks": asdict(ask_notebooks(copy, recorded.notebooks_of(mutant), limit))}
