"""The rehearsal on Colab's versions sees what it must see; `make colab` itself runs it on the chapters."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# One worker for all, so that the fixture of the module is made once.
pytestmark = pytest.mark.xdist_group("colab")

ROOT = Path(__file__).resolve().parents[2]
INSTALL = "import d2lcnn"
PNG = "iVBORw0KGgo="


@pytest.fixture(scope="module")
def colab() -> Any:
    """Give the script as a module."""
    spec = spec_from_file_location("colab", ROOT / "tools" / "colab.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return module


def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def stream(text: str, name: str = "stdout") -> Any:
    return new_output("stream", name=name, text=text)


def display(**data: Any) -> Any:
    return new_output("display_data", data={name.replace("_", "/"): value for name, value in data.items()})


# What the versions must be


def test_colab_s_versions_meet_the_project_s_floors() -> None:
    lines = (ROOT / "tools" / "colab-requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for needed in map(Requirement, project["dependencies"]):
        pinned = [pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(needed.name)]
        assert pinned, f"{needed.name} is missing in tools/colab-requirements.txt: add it in Colab's version"
        for pin in pinned:
            (version,) = pin.specifier
            assert version.operator == "=="
            assert version.version in needed.specifier, f"Colab has {pin}, the project asks for {needed}"
    assert {"ipywidgets==7.7.1", "ipython==7.34.0", "ipykernel==6.17.1"} <= {str(pin) for pin in pins}


# What an install changes


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"numpy": "2.0.2", "d2lcnn": "0.1.0"}, []),
        # Colab lacks it and IPython asks for it.
        ({"numpy": "2.0.2", "d2lcnn": "0.1.0", "jedi": "0.20.1"}, []),
        ({"numpy": "2.5.5", "d2lcnn": "0.1.0"}, ["numpy: 2.0.2 before, 2.5.5 after"]),
        ({"d2lcnn": "0.1.0"}, ["numpy: 2.0.2 before, absent after"]),
        ({"numpy": "2.0.2", "d2lcnn": "0.1.0", "timm": "1.0"}, ["timm: absent before, 1.0 after"]),
        ({"numpy": "2.0.2"}, ["d2lcnn was not installed"]),
    ],
)
def test_changes(colab: Any, after: dict[str, str], said: list[str]) -> None:
    assert colab.changes({"numpy": "2.0.2"}, after) == said


def test_a_change_of_what_colab_may_have(colab: Any) -> None:
    after = {"jedi": "0.20.1", "d2lcnn": "0.1.0"}
    assert colab.changes({"jedi": "0.19.0"}, after) == ["jedi: 0.19.0 before, 0.20.1 after"]


# What is compared


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ([stream("a\nb\n")], [stream("a\n"), stream("b\n")], True),
        ([stream("a\n")], [stream("b\n")], False),
        ([stream("a\n")], [], False),
        ([stream("a\n")], [stream("a\n"), stream("a warning\n", "stderr")], False),
        ([display(text_html="<b>1</b>")], [display(text_html="<b>2</b>")], False),
        (
            [display(text_plain="<Figure>", image_png=PNG)],
            [display(text_plain="<Figure>", image_png="B")],
            True,
        ),
        ([display(text_plain="<Figure>", image_png=PNG)], [display(text_plain="<Figure>")], False),
        ([display(application_json={"a": 1})], [display(application_json={"a": 2})], False),
    ],
)
def test_compare(colab: Any, old: list[Any], new: list[Any], same: bool) -> None:
    def notebook(*outputs: Any, tags: tuple[str, ...] = ()) -> Any:
        return new_notebook(cells=[new_markdown_cell("text"), code("f()", *outputs, tags=tags)])

    compared, complaints = colab.compare(notebook(*old), notebook(*new))
    assert compared == 1
    assert (complaints == []) is same
    assert all(complaint.startswith("cell 1: another output") for complaint in complaints)
    tags = ("nbval-ignore-output",)
    assert colab.compare(notebook(*old, tags=tags), notebook(*new, tags=tags)) == (0, [])


def test_what_pip_says_in_the_install_cell_is_not_compared(colab: Any) -> None:
    committed = new_notebook(cells=[code("import d2lcnn"), code("1", stream("1\n"))])
    rehearsed = new_notebook(cells=[code("%pip install", stream("Note\n")), code("1", stream("1\n"))])
    assert colab.compare(committed, rehearsed) == (1, [])


# Notebooks that run


@pytest.fixture(scope="module")
def rehearsed(colab: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    """Rehearse three small notebooks with this environment's kernel: how many failed, what was said, the folder."""
    book, folder = tmp_path_factory.mktemp("book"), tmp_path_factory.mktemp("colab")
    install = code(INSTALL, tags=("remove-cell",))
    cells = {
        "good": [
            code("print(1)\nprint(2)", stream("1\n2\n")),
            code("import os, sys\nos.environ['D2LCNN_FAST'], 'PYTHONPATH' in os.environ, os.listdir()"),
        ],
        "stale": [code("print(3)", stream("4\n")), code("_ = open('left.txt', 'w')")],
        "broken": [code("print('so far')\n1 / 0"), code("print(5)", stream("5\n"))],
    }
    cells["good"][1].outputs = [
        new_output("execute_result", data={"text/plain": "('1', False, ['good.ipynb'])"}, execution_count=3)
    ]
    for name, rest in cells.items():
        nbformat.write(new_notebook(cells=[install, *rest]), book / f"{name}.ipynb")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", "/nowhere")
        patch.setenv("D2LCNN_DATA", "/nowhere")
        patch.setattr(colab, "packages", lambda python: {"d2lcnn": "0.1.0"})
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        paths = [book / f"{name}.ipynb" for name in cells]
        failed = asyncio.run(
            colab.rehearse_in_turn(paths, Path(sys.executable), "file:///nowhere/repository", folder)
        )
    return failed, "\n".join(said), folder


@pytest.mark.slow
def test_a_notebook_that_is_right(rehearsed: tuple[int, str, Path]) -> None:
    failed, said, _ = rehearsed
    assert failed == 2
    assert "good.ipynb: passed, 2 cells compared" in said


@pytest.mark.slow
def test_a_notebook_with_another_output_and_a_file_left(rehearsed: tuple[int, str, Path]) -> None:
    _, said, _ = rehearsed
    assert "stale.ipynb: FAILED" in said
    assert "stale.ipynb, cell 1: another output" in said
    assert "        -4\n        +3" in said
    assert "leaves in the reader's folder: left.txt" in said


@pytest.mark.slow
def test_a_cell_that_fails(rehearsed: tuple[int, str, Path]) -> None:
    _, said, folder = rehearsed
    assert "broken.ipynb, failed in cell 1." in said
    assert "so far" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "\x1b[" not in said
    # As it ran, for somebody who wants to look.
    kept = nbformat.read(folder / "notebooks" / "broken" / "broken.ipynb", as_version=4)
    assert '%pip install -q "git+file:///nowhere/repository"' in kept.cells[0].source
    assert [output.output_type for output in kept.cells[1].outputs] == ["stream", "error"]


# What is said at the end


@pytest.fixture
def fake(colab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let nothing really run: packages are those listed by turns, the notebooks give the complaints listed by name."""

    listed = SimpleNamespace(
        packages=[{"numpy": "1"}, {"numpy": "1", "d2lcnn": "0.1.0"}], complaints={}, ran=[]
    )

    async def rehearse(path: Path, *_: Any) -> tuple[int, list[str]]:
        listed.ran.append(path.stem)
        return 1, listed.complaints.get(path.stem, [])

    turns = iter([0, 1, 1])
    monkeypatch.setattr(colab, "packages", lambda python: listed.packages[next(turns)])
    monkeypatch.setattr(colab, "rehearse", rehearse)
    monkeypatch.setattr(colab, "publish", lambda folder: "file:///nowhere")
    monkeypatch.setattr(colab.tempfile, "tempdir", str(tmp_path))
    return listed


def test_closing_line(colab: Any, fake: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert colab.rehearse_all([Path("a.ipynb"), Path("b.ipynb")], Path(sys.executable)) == 0
    assert fake.ran == ["a", "b"]
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "environment: no other package changed",
        "3 passed, 0 failed, 0 skipped",
    ]
    assert list(tmp_path.iterdir()) == []


def test_closing_line_of_failures(
    colab: Any, fake: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fake.packages = [{"numpy": "1"}, {"numpy": "2", "d2lcnn": "0.1.0"}]
    fake.complaints = {"b": ["cell 7: another output"]}
    assert colab.rehearse_all([Path("a.ipynb"), Path("b.ipynb")], Path(sys.executable)) == 1
    said = capsys.readouterr().out
    assert "numpy: 1 before, 2 after" in said
    assert "b.ipynb, cell 7: another output" in said
    (kept,) = tmp_path.iterdir()
    assert str(kept) in said
    assert said.endswith("1 passed, 2 failed, 0 skipped\n")


def test_the_shortest_installs_and_the_longest_follows(colab: Any, tmp_path: Path) -> None:
    (tmp_path / "running_times.json").write_text('{"a": 30, "b": 10, "c": 20}')
    paths = [tmp_path / f"{name}.ipynb" for name in "abc"]
    assert [path.stem for path in colab.in_order(paths)] == ["b", "a", "c"]
    assert colab.in_order([]) == []


def test_without_an_install_nothing_else_runs(
    colab: Any, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.packages = [{"numpy": "1"}, {"numpy": "1"}]
    fake.complaints = {"a": ["failed in cell 1. No module"]}
    assert colab.rehearse_all([Path("a.ipynb"), Path("b.ipynb")], Path(sys.executable)) == 1
    assert fake.ran == ["a"]
    said = capsys.readouterr().out
    assert "not run, since d2lcnn is not there: b.ipynb" in said
    assert said.endswith("0 passed, 3 failed, 0 skipped\n")


def test_refuses_an_environment_that_has_the_package(colab: Any, fake: Any) -> None:
    fake.packages = [{"d2lcnn": "0.1.0"}]
    with pytest.raises(colab.RehearsalError, match="without d2lcnn.*got one with d2lcnn 0.1.0: uninstall it"):
        colab.rehearse_all([Path("a.ipynb")], Path(sys.executable))


def test_prepare_makes_the_environment_alone(colab: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(colab, "base_environment", asked.append)
    monkeypatch.setattr(sys, "argv", ["colab.py", "--prepare"])
    assert colab.main() == 0
    assert asked == [["3.12", "3.13"]]
    assert fake.ran == []


def test_unknown_notebook() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "colab.py", "nothing.ipynb"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no such notebook" in done.stderr


# The repository that pip installs from


def test_publish_takes_the_working_tree_as_it_is(
    colab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    for name in ("changed", "deleted", "sub/same"):
        (tree / name).write_text("old")
    (tree / ".gitignore").write_text("ignored\n")
    monkeypatch.setattr(colab, "ROOT", tree)
    colab.git("init", "--quiet", at=tree)
    colab.git("add", "--all", at=tree)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    colab.git(*who, "-c", f"core.hooksPath={os.devnull}", "commit", "--quiet", "-m", "a", at=tree)
    (tree / "changed").write_text("new")
    (tree / "deleted").unlink()
    for name in ("untracked", "ignored"):
        (tree / name).write_text("new")
    # As inside a git hook.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    address = colab.publish(tmp_path / "published")
    assert address == f"file://{tmp_path}/published"
    colab.git("clone", "--quiet", address, str(tmp_path / "clone"), at=tmp_path)
    files = {
        str(path.relative_to(tmp_path / "clone")): path.read_text()
        for path in (tmp_path / "clone").rglob("*")
        if path.is_file() and ".git" not in path.relative_to(tmp_path / "clone").parts
    }
    assert files == {".gitignore": "ignored\n", "changed": "new", "sub/same": "old", "untracked": "new"}
    assert "nothing to commit" not in colab.git("status", at=tree)


def test_publish_needs_a_repository(colab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(colab, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(colab.RehearsalError, match="git ls-files.*ended with status 128"):
        colab.publish(tmp_path / "published")


# The environment


@pytest.fixture
def machine(colab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give a folder as a machine without any Python that uv sees: its uv, its pyenv, its environments."""
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho 'no interpreter found' >&2\nexit 2\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(colab, "ENVIRONMENTS", tmp_path / ".colab")
    return tmp_path


def test_no_python(colab: Any, machine: Path) -> None:
    with pytest.raises(colab.RehearsalError, match="no Python 3.12 or 3.13 was found") as raised:
        colab.base_environment(["3.12", "3.13"])
    assert "pyenv install 3.12" in str(raised.value)
    assert "no interpreter found" in str(raised.value)


def test_python_of_pyenv(colab: Any, machine: Path) -> None:
    # The newest release; 3.12.30t is the build without a global lock.
    for version in ("3.11.2", "3.12.9", "3.12.10", "3.12.30t", "3.13.1"):
        (machine / "pyenv" / "versions" / version).mkdir(parents=True)
    found = colab.find_python(str(machine / "bin" / "uv"), "3.12")
    assert found == str(machine / "pyenv" / "versions" / "3.12.10" / "bin" / "python")


def test_python_that_uv_finds(colab: Any, machine: Path) -> None:
    (machine / "bin" / "uv").write_text('#!/bin/sh\necho "/usr/bin/python$5"\n')
    assert colab.find_python(str(machine / "bin" / "uv"), "3.12") == "/usr/bin/python3.12"


def test_environment_is_made_anew_where_versions_change(
    colab: Any, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = machine / ".colab" / "3.12" / "base"
    (base / "bin").mkdir(parents=True)
    (base / "bin" / "python").write_text("")
    assert not colab.is_current(base)
    (base / "stamp").write_text(colab.stamp(base), encoding="utf-8")
    assert colab.is_current(base)
    assert colab.base_environment(["3.12", "3.13"]) == base
    changed = machine / "requirements.txt"
    changed.write_text("torch==2.1\n")
    monkeypatch.setattr(colab, "REQUIREMENTS", changed)
    assert not colab.is_current(base)


def test_a_copy_keeps_the_original_and_forgets_the_last_install(colab: Any, machine: Path) -> None:
    base = machine / ".colab" / "3.12" / "base"
    (base / "lib").mkdir(parents=True)
    (base / "lib" / "numpy.py").write_text("old")
    copy = colab.fresh_copy(base).parent.parent
    assert (copy / "lib" / "numpy.py").samefile(base / "lib" / "numpy.py")
    # As pip does: remove, and write anew.
    (copy / "lib" / "numpy.py").unlink()
    (copy / "lib" / "numpy.py").write_text("new")
    (copy / "lib" / "d2lcnn.py").write_text("new")
    assert (base / "lib" / "numpy.py").read_text() == "old"
    again = colab.fresh_copy(base).parent.parent
    assert sorted(path.name for path in (again / "lib").iterdir()) == ["numpy.py"]
    assert (again / "lib" / "numpy.py").read_text() == "old"
