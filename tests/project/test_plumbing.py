"""The Makefile, the CI script and the workflows name commands and files that exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
PROMISED = {
    "book",
    "pdf",
    "site",
    "translation",
    "test",
    "colab",
    "execute",
    "serve",
    "clean",
    "repository",
    "lock",
    "help",
}


def workflow(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def test_help_lists_every_target() -> None:
    # The first of those named is what `make` alone does.
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == TARGETS
    assert TARGETS >= PROMISED


def test_makefile_names_files_that_exist() -> None:
    named = set(re.findall(r"\btools/\w+\.(?:py|sh)", MAKEFILE))
    assert named >= {
        "tools/setup.sh",
        "tools/execute.py",
        "tools/check.py",
        "tools/colab.py",
        "tools/vendor.py",
        "tools/pdf.py",
        "tools/notebooks_zip.py",
        "tools/repository.py",
    }
    assert not [name for name in named if not (ROOT / name).exists()]


def test_repository_asks_for_the_address() -> None:
    done = subprocess.run(
        ["make", "-s", "-o", "setup", "repository"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "URL"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "make repository URL=https://github.com/OWNER/NAME" in done.stderr


@pytest.mark.parametrize("script", [".ci/run", ".ci/browser", ".ci/report", "tools/setup.sh"])
def test_shell_script_parses(script: str) -> None:
    shell = shutil.which(
        (ROOT / script).read_text(encoding="utf-8").split("\n", 1)[0].split("/")[-1].split()[-1]
    )
    assert shell
    done = subprocess.run([shell, "-n", ROOT / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_workflows_are_there() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "publish.yml", "weekly.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_runs_what_exists(path: Path) -> None:
    for step in steps(path):
        assert ("run" in step) != ("uses" in step)
        if "uses" in step:
            # An action of a fixed major version.
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
            continue
        command = shlex.split(step["run"])
        files = [word for word in command if re.match(r"(\.ci|tools|tests|book)/", word)]
        assert not [word for word in files if not (ROOT / word).exists()]
        assert command[0] in {"bash", "git", "make", "python3", "uv", ".venv/bin/python"}
        if command[0] == "make":
            assert {word for word in command[1:] if not re.match("[A-Z]+=", word)} <= TARGETS


def test_ci_covers_every_python_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = SpecifierSet(project["requires-python"])
    pythons = workflow(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["locked"]["strategy"]["matrix"][
        "python"
    ]
    assert pythons == [f"3.{minor}" for minor in range(30) if f"3.{minor}" in allowed]
    # And so do the trove classifiers and the set-up script.
    named = [line.rsplit(" ", 1)[1] for line in project["classifiers"] if "Python :: 3." in line]
    assert named == pythons
    assert (
        f'--python "${{D2LCNN_PYTHON:-{project["requires-python"]}}}"'
        in (ROOT / "tools" / "setup.sh").read_text()
    )


def test_workflows_do_what_the_book_needs() -> None:
    ci = steps(ROOT / ".github" / "workflows" / "ci.yml")
    assert "bash .ci/run" in [step.get("run") for step in ci]
    publish = workflow(ROOT / ".github" / "workflows" / "publish.yml")
    # `on` is YAML 1.1's word for true.
    assert publish[True]["push"]["branches"] == ["main"]
    # What a person gets from `make site`, and nothing else, is what is published, with the publisher's own address.
    commands = [step["run"] for step in publish["jobs"]["build"]["steps"] if "run" in step]
    address = 'make repository "URL=https://github.com/$GITHUB_REPOSITORY"'
    assert commands == ["bash .ci/browser", address, "make site"]
    (upload,) = [
        step for step in publish["jobs"]["build"]["steps"] if "upload-pages-artifact" in step.get("uses", "")
    ]
    assert upload["with"]["path"] == "_build/html"
    used = [
        step.get("uses", "").split("@")[0] for step in steps(ROOT / ".github" / "workflows" / "publish.yml")
    ]
    assert used[-2:] == ["actions/upload-pages-artifact", "actions/deploy-pages"]


def test_ci_runs_all_checks_and_then_the_rehearsal() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    # What brings Colab's packages is over by then.
    assert lines[-3:] == ["make test", "wait", "make colab"]
    (beside,) = [line for line in lines if line.endswith(" &")]
    assert beside.startswith("nice .venv/bin/python tools/colab.py --prepare ")
    assert lines.index("make setup") < lines.index(beside)
    assert lines.index("trap wait EXIT") < lines.index("make test")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder with the check script and nothing to check but what a test puts there."""
    (tmp_path / "tools").mkdir()
    for name in ("check.py", "notebook_env.py", "times.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    return tmp_path


def check(project: Path, *parts: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, project / "tools" / "check.py", *parts],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_check_counts_and_goes_on_after_a_failure(project: Path) -> None:
    (project / "test_a.py").write_text(
        "import os\ndef test_a():\n    assert 'D2LCNN_FAST' not in os.environ\n"
    )
    (project / "b.py").write_text("import os, sys\n")
    done = check(project, "style", "package", D2LCNN_FAST="1")
    assert done.returncode == 1
    assert "==> style FAILED" in done.stdout
    assert "==> package passed" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["==> failed: style", "1 passed, 1 failed, 0 skipped"]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the check script as a module."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    spec = spec_from_file_location("check", ROOT / "tools" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLOSINGS = [
    ("3 failed, 20 passed, 2 skipped, 1 xfailed in 4.31s", 1, (20, 3, 3)),
    ("=== 1 passed, 1 error in 0.10s ===", 1, (1, 1, 0)),
    ("7 passed, 1 warning in 61.00s (0:01:01)", 0, (7, 0, 0)),
    ("no tests ran in 0.01s", 5, (0, 1, 0)),
    ("Killed", 137, (0, 1, 0)),
]


@pytest.mark.parametrize(("closing", "status", "counts"), CLOSINGS)
def test_check_reads_the_closing_line(
    checks: Any, monkeypatch: pytest.MonkeyPatch, closing: str, status: int, counts: tuple[int, int, int]
) -> None:
    script = f"print({closing!r}); raise SystemExit({status})"
    monkeypatch.setitem(checks.PARTS, "package", [[sys.executable, "-c", script, "pytest"]])
    assert tuple(checks.run_part("package").values()) == counts


def test_check_runs_notebooks_in_their_environment(checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D2LCNN_DATA", "/nowhere")
    monkeypatch.setenv("D2LCNN_FAST", "0")
    in_notebooks = (
        "import os; assert os.environ['D2LCNN_FAST'] == '1'; assert 'D2LCNN_DATA' not in os.environ"
    )
    in_tests = (
        "import os; assert 'D2LCNN_FAST' not in os.environ; assert os.environ['D2LCNN_DATA'] == '/nowhere'"
    )
    monkeypatch.setitem(checks.PARTS, "notebooks", [[sys.executable, "-c", in_notebooks]])
    monkeypatch.setitem(checks.PARTS, "package", [[sys.executable, "-c", in_tests]])
    for part in ("notebooks", "package"):
        assert checks.run_part(part) == {"passed": 1, "failed": 0, "skipped": 0}


def test_parts_that_run_together_do_and_speak_one_after_another(
    checks: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each waits for a file that the other writes, and says something before and after."""
    script = """import pathlib, sys, time
own, other = map(pathlib.Path, sys.argv[1:])
print(own.name, flush=True)
own.touch()
end = time.monotonic() + 60
while not other.exists() and time.monotonic() < end: time.sleep(0.01)
print(own.name)
sys.exit(not other.exists())"""
    pair = [str(tmp_path / name) for name in checks.TOGETHER]
    for name, files in zip(checks.TOGETHER, (pair, pair[::-1]), strict=True):
        monkeypatch.setitem(checks.PARTS, name, [[sys.executable, "-c", script, *files]])
    passed = {"passed": 1, "failed": 0, "skipped": 0}
    assert checks.run_together(checks.TOGETHER) == dict.fromkeys(checks.TOGETHER, passed)
    lines = [line for line in capsys.readouterr().out.splitlines() if line and " passed in " not in line]
    first, second = checks.TOGETHER if lines[0].endswith(checks.TOGETHER[0]) else checks.TOGETHER[::-1]
    assert lines == [f"==> {first}", first, first, f"==> {second}", second, second]


def test_check_refuses_an_unknown_part(project: Path) -> None:
    done = check(project, "stile")
    assert done.returncode == 2
    assert "unknown part stile; the parts are style, types" in done.stderr
