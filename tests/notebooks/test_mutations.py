"""A change of the package makes the comparison of its chapter fail, and not only through the source listings.

`mutations/<notebook>.toml` lists the changes that a notebook must notice: a file of the package, text found there exactly
once, and text put in its place. A fresh kernel for each takes long, so `make test` runs the first of one notebook, which is
compared in the same way as all of them (put there one that fails soon), and the weekly run all the others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = {path.stem: path for path in sorted(Path(__file__).with_name("mutations").glob("*.toml"))}
# The notebook whose first change `make test` tries.
EVERY_TIME = "comparing"


def rows(notebook: str) -> list[dict[str, str]]:
    return list(tomllib.loads(TABLES[notebook].read_text(encoding="utf-8"))["mutation"])


MUTATIONS = [
    pytest.param(
        notebook,
        row,
        id=f"{notebook}: {row['new']}",
        marks=[pytest.mark.slow, *([] if position == 0 and notebook == EVERY_TIME else [pytest.mark.weekly])],
    )
    for notebook in TABLES
    for position, row in enumerate(rows(notebook))
]


def copy_without_listings(notebook: str, folder: Path) -> None:
    """Copy the package and one notebook, without the cells that show the package's source."""
    shutil.copytree(ROOT / "d2lcnn", folder / "d2lcnn", ignore=shutil.ignore_patterns("__pycache__"))
    content = nbformat.read(ROOT / "book" / f"{notebook}.ipynb", as_version=4)
    content.cells = [cell for cell in content.cells if "listing" not in cell.metadata.get("tags", [])]
    nbformat.write(content, folder / f"{notebook}.ipynb")


def compare(notebook: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval on a copied notebook with the copied package, up to the first difference."""
    pytest_alone = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    nbval = ["-p", "nbval.plugin", "--nbval", f"{notebook}.ipynb"]
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "notebook_env.py", *pytest_alone, *nbval],
        # The folder comes before the installed package; no plugin but nbval, since loading the others takes as long as
        # some notebooks take to notice.
        env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_every_notebook_has_mutations() -> None:
    assert set(TABLES) == {path.stem for path in (ROOT / "book").glob("*.ipynb")}
    assert EVERY_TIME in TABLES


@pytest.mark.parametrize("notebook", TABLES)
def test_rows_fit_the_package(notebook: str) -> None:
    """Also those that run only weekly: they would be found out of date too late."""
    assert rows(notebook)
    for row in rows(notebook):
        assert set(row) == {"file", "old", "new"}
        assert row["old"] != row["new"]
        found = (ROOT / row["file"]).read_text(encoding="utf-8").count(row["old"])
        assert found == 1, f"{row['file']} has {row['old']!r} {found} times; mend {TABLES[notebook]}"


@pytest.mark.slow
def test_control_passes(tmp_path: Path) -> None:
    """A copy in which nothing was changed passes, alone in a folder, and leaves nothing there.

    One notebook shows that; the comparison of all of them, which `make test` does anyhow, shows it for the others, since
    their listings do nothing but show (the rule listings_apart). The rehearsal of Colab has each alone in a folder.
    """
    copy_without_listings("moving-figures", tmp_path)
    done = compare("moving-figures", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {entry.name for entry in tmp_path.iterdir()} == {"d2lcnn", "moving-figures.ipynb"}


@pytest.mark.parametrize(("notebook", "row"), MUTATIONS)
def test_mutation_is_noticed(notebook: str, row: dict[str, str], tmp_path: Path) -> None:
    copy_without_listings(notebook, tmp_path)
    path = tmp_path / row["file"]
    path.write_text(path.read_text(encoding="utf-8").replace(row["old"], row["new"]), encoding="utf-8")
    done = compare(notebook, tmp_path)
    # 1 is "tests failed"; anything else would be a run that broke down.
    assert done.returncode == 1, done.stdout + done.stderr
