"""A wheel, installed in an empty folder, is the whole package: code, licence and recorded runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

# One worker for all, so that the fixture of the module is made once.
pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "d2lcnn" / "results"
SCRIPT = """
import sys
import d2lcnn
print(d2lcnn.__file__)
for recipe in sys.argv[1:]:
    for run in d2lcnn.load_runs(recipe):
        print(run.recipe, run.seed, len(run.history))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone, by the installer that is there."""
    target = tmp_path_factory.mktemp("installed")
    own_uv = ROOT / ".uv" / "bin" / "uv"
    uv = shutil.which("uv") or (str(own_uv) if own_uv.exists() else None)
    command: list[str | Path]
    if uv:
        command = [
            uv,
            "pip",
            "install",
            "--offline",
            "--no-deps",
            "--python",
            sys.executable,
            "--target",
            target,
            wheel,
        ]
    elif find_spec("pip"):
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-index",
            "--no-deps",
            "--target",
            target,
            wheel,
        ]
    else:
        command = [sys.executable, "-m", "zipfile", "-e", wheel, target]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.slow
def test_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"d2lcnn", wheel.name.split("-py3")[0] + ".dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    committed = {path.relative_to(ROOT).as_posix() for path in (ROOT / "d2lcnn").rglob("*.py")}
    assert committed <= set(names)
    recorded = {path.relative_to(ROOT).as_posix() for path in RESULTS.rglob("*.json")}
    assert recorded
    assert recorded <= set(names)


@pytest.mark.slow
def test_installed_wheel_shows_the_recorded_runs(installed: Path, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("D2LCNN_")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT,
            *sorted({path.name.split("--")[0] for path in RESULTS.glob("*--*.json")}),
        ],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    file, *runs = done.stdout.splitlines()
    assert Path(file).is_relative_to(installed)
    assert all(int(run.split()[2]) > 0 for run in runs)
    assert sum(run.startswith("lenet ") for run in runs) >= 3, "LeNet is recorded with at least three seeds"
