"""The archive of the notebooks holds them all, unchanged, and is the same every time."""

from __future__ import annotations

import os
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool() -> Any:
    spec = spec_from_file_location("notebooks_zip", ROOT / "tools" / "notebooks_zip.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_archive_holds_every_notebook_as_it_is(tool: Any, tmp_path: Path) -> None:
    names = tool.pack(ROOT, tmp_path / "notebooks.zip")
    notebooks = sorted((ROOT / "book").glob("*.ipynb"))
    assert names == ["d2lcnn-notebooks/LICENSE", *(f"d2lcnn-notebooks/{path.name}" for path in notebooks)]
    with zipfile.ZipFile(tmp_path / "notebooks.zip") as archive:
        assert archive.testzip() is None
        for path in notebooks:
            assert archive.read(f"d2lcnn-notebooks/{path.name}") == path.read_bytes()


def test_same_notebooks_give_the_same_bytes(tool: Any, tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    for path in (tmp_path / "LICENSE", tmp_path / "book" / "a.ipynb"):
        path.write_text("{}")
    tool.pack(tmp_path, tmp_path / "one.zip")
    os.utime(tmp_path / "book" / "a.ipynb", (0, 10**9))
    tool.pack(tmp_path, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_without_notebooks_it_says_so(tool: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there must be notebooks to pack, found none in"):
        tool.pack(tmp_path, tmp_path / "notebooks.zip")
