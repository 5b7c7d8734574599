"""`tools/mutants.py` draws changes of code and of nothing else, and tells who notices them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.xdist_group("mutants")


@pytest.fixture(scope="module")
def tools() -> Iterator[dict[str, ModuleType]]:
    """The script and its parts."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import mutants
        from mutation import changes, copies, processes, recording, report, sample, trial

        yield {
            m.__name__.rpartition(".")[2]: m
            for m in (mutants, changes, copies, processes, recording, report, sample, trial)
        }
    finally:
        sys.path.remove(str(ROOT / "tools"))


def changed(tools: dict[str, ModuleType], source: str) -> set[str]:
    """Give a source with each of its changes made, in turn."""
    text = source.encode()
    found = tools["changes"].find_changes(text)
    return {c.apply(text).decode() for c in found}


EACH = [
    ("x = a < b", {"x = a <= b"}),
    ("x = a <= b", {"x = a < b"}),
    ("x = a == b", {"x = a != b"}),
    ("x = a is None", {"x = a is not None"}),
    ("x = a not in b", {"x = a in b"}),
    ("x = a < b < c", {"x = a <= b < c", "x = a < b <= c"}),
    ("x = (a) + (b)", {"x = (a) - (b)"}),
    ("x = a ** b", {"x = a * b"}),
    ("x = a // b", {"x = a * b"}),
    ("x = a and b and c", {"x = a or b and c", "x = a and b or c"}),
    ("x = not a", {"x = a"}),
    ("x = -a", {"x = a"}),
    ("x = 3", {"x = 4"}),
    ("x = 0.5", {"x = 1.0"}),
    ("x = 0.0", {"x = 1.0"}),
    ("x = True", {"x = False"}),
    ("x = f(a, b, c)", {"x = f(b, a, c)"}),
    ("x[a] = b", {"pass"}),
    ("x += a", {"pass"}),
    ("f(a)", {"pass"}),
    ("x = 'é' if a > b else c", {"x = 'é' if a >= b else c", "x = 'é' if (not (a > b)) else c"}),
    ("x = [y for y in z if y]", {"x = [y for y in z if (not (y))]"}),
    ("def f(x=1):\n    return x", {"def f(x=2):\n    return x", "def f(x=1):\n    return None"}),
    ("def f():\n    raise ValueError(1 + 2)", {"def f():\n    pass"}),
    ("while a:\n    break", {"while (not (a)):\n    break", "while a:\n    continue"}),
]


@pytest.mark.parametrize(("source", "expected"), EACH, ids=[source for source, _ in EACH])
def test_changes_of(tools: dict[str, ModuleType], source: str, expected: set[str]) -> None:
    assert changed(tools, source) == expected


NEVER = [
    '"""A docstring."""',
    'def f():\n    """Give 1."""',
    "__all__ = ['a', 'b']",
    "def f(x: dict[1, 2]) -> Literal[3]: ...",
    "x: Literal[1]",
    "Word = Literal[1, 2]",
    "x = f'{a + 1}'",
    "x = 'a' + b",
    "import a",
    "if __name__ == '__main__':\n    f(1)",
    "x = isinstance(a, b)",
    "x = f(a, a)",
    "x = f(*a, b)",
    "def f():\n    return None",
]


@pytest.mark.parametrize("source", NEVER)
def test_is_never_changed(tools: dict[str, ModuleType], source: str) -> None:
    assert changed(tools, source) == set()


def test_lines_that_run(tools: dict[str, ModuleType]) -> None:
    """A default matters where the function runs, a condition on its own line, a constant of a module anywhere."""
    source = "A = 1\ndef f(x=2):\n    '''Text.'''\n    if x > (\n        3):\n        y = 4\n    return y"
    found = {c.new: c.runs for c in tools["changes"].find_changes(source.encode())}
    assert found["2"] == ()
    assert found["3"] == (4, 5, 6, 7)
    assert found["4"] == found[">="] == (4, 5)
    assert found["5"] == (6,)
    assert found["None"] == (7,)


@pytest.mark.weekly  # reading the whole package takes seconds, and the tool is run by hand
def test_the_package_is_drawn_from_whole(tools: dict[str, ModuleType]) -> None:
    """Each stratum is drawn from, the same each time, another with another seed, and each change is a program."""
    package = ROOT / "d2lcnn"
    first, again, other = (tools["sample"].draw(package, 110, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len(first) == len({mutant.name for mutant in first}) == 110
    divided = tools["sample"].strata(package)
    drawn = {mutant.file for mutant in first}
    for name, paths in divided.items():
        assert drawn & {path.relative_to(ROOT).as_posix() for path in paths}, name
    modules = {path for paths in divided.values() for path in paths}
    assert {p.stem for p in package.rglob("*.py")} - {p.stem for p in modules} == {"__init__"}
    for mutant in first:
        compile(mutant.change.apply((ROOT / mutant.file).read_bytes()), mutant.file, "exec")


def test_shares_grow_with_lines(tools: dict[str, ModuleType]) -> None:
    allocate = tools["sample"].allocate
    assert allocate({"a": 100, "b": 10, "c": 10}, 3) == {"a": 1, "b": 1, "c": 1}
    assert allocate({"a": 100, "b": 40, "c": 10}, 7) == {"a": 4, "b": 2, "c": 1}
    with pytest.raises(
        ValueError, match="each stratum needs a mutant: got 1 for 2 strata; take --number 2 or more"
    ):
        allocate({"a": 1, "b": 1}, 1)


MODULE = """\
def double(x, times=2):
    return times * x


def triple(x):
    return double(x) + x


def unseen(x):
    return x - 1
"""


def tiny_project(root: Path) -> Path:
    """Make a project that has one module, one test of it and one notebook."""
    (root / "d2lcnn" / "nets").mkdir(parents=True)
    (root / "d2lcnn" / "__init__.py").touch()
    (root / "d2lcnn" / "nets" / "__init__.py").touch()
    (root / "d2lcnn" / "nets" / "small.py").write_text(MODULE)
    (root / "tests" / "nets").mkdir(parents=True)
    test = "from d2lcnn.nets.small import double\n\ndef test_double():\n    assert double(3) == 6\n"
    (root / "tests" / "nets" / "test_small.py").write_text(test)
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--doctest-modules --strict-markers --import-mode=importlib"\n'
        'markers = ["slow: x", "weekly: x"]\n'
    )
    listing = nbformat.v4.new_code_cell("open('gone')", execution_count=1, metadata={"tags": ["listing"]})
    cell = nbformat.v4.new_code_cell("from d2lcnn.nets.small import triple\ntriple(2)", execution_count=2)
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "6"}, execution_count=2)]
    (root / "book").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[listing, cell]), root / "book" / "a.ipynb")
    (root / "book" / "mutants.toml").touch()
    return root


def test_copies_pass_over_what_shows_source_or_asserts_times(tools: dict[str, ModuleType]) -> None:
    def tagged(*tags: str) -> Any:
        return nbformat.v4.new_code_cell(" ".join(tags), metadata={"tags": list(tags)} if tags else {})

    live = tagged("nbval-ignore-output", "remove-output")
    cells = [
        tagged("listing"),
        tagged("nbval-ignore-output"),
        nbformat.v4.new_markdown_cell("x"),
        tagged(),
        live,
        tagged(),
    ]
    left = tools["copies"].without_what_misleads(nbformat.v4.new_notebook(cells=cells)).cells
    timed = ["nbval-ignore-output", "nbval-raises-exception"]
    expected = [["nbval-ignore-output"], [], timed, ["nbval-ignore-output", "remove-output"], []]
    assert [cell.metadata.get("tags", []) for cell in left] == expected


def tiny_mutant(tools: dict[str, ModuleType], old: str, line: int) -> Any:
    found = tools["changes"].find_changes(MODULE.encode())
    (change,) = (c for c in found if c.old == old and c.line == line)
    return tools["sample"].Mutant("d2lcnn/nets/small.py", change)


@pytest.mark.weekly  # it needs longer than the rest of this file, and the tool is run by hand
@pytest.mark.slow
def test_tells_who_notices(
    tools: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant seen by the test and the notebook, one by the notebook alone, one by nobody: all in copies."""
    root = tiny_project(tmp_path / "project")
    workshop = tools["mutants"].Workshop(root, tmp_path / "work", 1)
    recorded = workshop.record_all()
    both, notebook, nobody = (tiny_mutant(tools, *at) for at in (("2", 1), ("+", 6), ("-", 10)))
    assert recorded.tests_of(both) == ["tests/nets/test_small.py::test_double"]
    assert list(recorded.notebooks_of(both)) == list(recorded.notebooks_of(notebook)) == ["a.ipynb"]
    assert recorded.tests_of(nobody) == recorded.tests_of(notebook) == []
    assert recorded.notebooks_of(nobody) == {}
    # The tiny project has none.
    none = tools["trial"].Answer("", "", 0.0, 0)
    monkeypatch.setattr(tools["trial"], "ask_slow_tests", lambda copy, mutant, also: none)
    rows = workshop.try_all([both, notebook, nobody], recorded)
    assert [row["tests"]["by"] for row in rows] == ["tests/nets/test_small.py::test_double", "", ""]
    assert [row["notebooks"]["by"] for row in rows] == ["_notebooks/a.ipynb::Cell 0"] * 2 + [""]
    assert [tools["mutants"].survived(row) for row in rows] == [False, False, True]
    assert rows[1]["mutant"]["old"] == "return double(x) + x"
    assert rows[1]["mutant"]["new"] == "return double(x) - x"
    assert (root / "d2lcnn" / "nets" / "small.py").read_text() == MODULE
    assert (tmp_path / "work" / "copy0" / "d2lcnn" / "nets" / "small.py").read_text() == MODULE
    # Another run finds the results, and does nothing.
    assert workshop.try_all([both, notebook, nobody], None) == rows
    # The tests that noticed a mutant pass without one; a test that fails anyhow would be found out.
    workshop.check_unchanged(rows)
    (tmp_path / "work" / "copy0" / "d2lcnn" / "nets" / "small.py").write_text(MODULE.replace("=2", "=3"))
    with pytest.raises(tools["recording"].RecordingFailedError, match="test_double fails without a change"):
        workshop.check_unchanged(rows)


# The number tells it from the loops of another run of these tests.
LOOP = f"while True: pass  # {os.getpid()}"
LOOPS = {
    "in the command": [sys.executable, "-c", LOOP],
    # As a notebook's kernel does.
    "below the command": [
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LOOP!r}])",
    ],
}


@pytest.mark.parametrize("where", LOOPS)
def test_what_never_ends_is_stopped_with_all_below_it(
    tools: dict[str, ModuleType], tmp_path: Path, where: str
) -> None:
    ended = tools["processes"].run(LOOPS[where], tmp_path, dict(os.environ), 1.0)
    assert (ended.status, ended.stopped) == (None, "time")
    assert ended.seconds > 1
    left = {p.pid for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[-1:] == [LOOP]}
    assert not left


@pytest.mark.parametrize(
    ("status", "verdict", "answer"),
    [
        (0, {"failed": None}, None),
        (1, {"failed": "tests/a.py::test", "why": "1 != 2"}, ("tests/a.py::test", "1 != 2")),
        # A file of tests that cannot be imported.
        (2, {"failed": "tests/a.py", "why": "ImportError"}, ("tests/a.py", "ImportError")),
        (-11, None, ("the process died by signal 11", "")),
    ],
)
def test_what_pytest_s_end_tells(
    tools: dict[str, ModuleType], tmp_path: Path, status: int, verdict: Any, answer: Any
) -> None:
    file = tmp_path / "verdict.json"
    if verdict is not None:
        file.write_text(json.dumps({**verdict, "package": str(tmp_path / "d2lcnn" / "__init__.py")}))
    ended = tools["processes"].Ended(status, "", 1.0, "")
    assert tools["trial"]._failure(ended, file, tmp_path / "d2lcnn") == answer


@pytest.mark.parametrize(
    ("status", "package", "message"),
    [
        (0, "/elsewhere/d2lcnn/__init__.py", "was tested, not"),
        (5, None, "pytest ended with 5"),
        (3, None, "with 3"),
    ],
)
def test_what_tells_nothing_is_no_answer(
    tools: dict[str, ModuleType], tmp_path: Path, status: int, package: Any, message: str
) -> None:
    """Nor is it one that the installed package passes."""
    file = tmp_path / "verdict.json"
    file.write_text(json.dumps({"failed": None, "why": "", "package": package}))
    ended = tools["processes"].Ended(status, "", 1.0, "")
    with pytest.raises(tools["trial"].BrokenTrialError, match=message):
        tools["trial"]._failure(ended, file, tmp_path / "d2lcnn")
