"""The download menu offers the PDF and the notebooks' archive in a build that has them, and in no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("d2lcnn.pdf", "d2lcnn-notebooks.zip")


@pytest.fixture
def build(tmp_path):
    """A small book, built with the theme and the extension; a call builds it anew and returns its page's text."""
    (tmp_path / "source" / "book").mkdir(parents=True)
    (tmp_path / "source" / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_extensions')!r})\n"
        "extensions = ['sphinx_book_theme', 'downloads']\nhtml_theme = 'sphinx_book_theme'\nroot_doc = 'book/index'\n"
    )
    (tmp_path / "source" / "book" / "index.rst").write_text("A page\n======\n\nText.\n")

    def run(folder=None):
        environment = {name: value for name, value in os.environ.items() if name != "D2LCNN_DOWNLOADS"}
        if folder is not None:
            environment["D2LCNN_DOWNLOADS"] = str(folder)
        command = [sys.executable, "-m", "sphinx", "-q", "-W", tmp_path / "source", tmp_path / "site"]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


def links(site: Path) -> list[str]:
    page = (site / "book" / "index.html").read_text(encoding="utf-8")
    return [name for name in NAMES if f'href="../{name}"' in page]


def test_files_are_offered_where_they_are_named_and_only_then(build, tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(name.encode())
    site = tmp_path / "site"
    # One build after the other in the same folder, as a person does.
    for given, expected in [(None, []), (folder, list(NAMES)), (None, [])]:
        done = build(given)
        assert done.returncode == 0, done.stderr
        assert links(site) == expected
        assert all((site / name).read_bytes() == name.encode() for name in expected)


def test_folder_without_the_files_stops_the_build(build, tmp_path):
    (tmp_path / "d2lcnn.pdf").write_bytes(b"")
    done = build(tmp_path)
    assert done.returncode != 0
    assert "without d2lcnn-notebooks.zip: run `make site`" in done.stderr.replace("\n", " ")
