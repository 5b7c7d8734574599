"""`tools/execute.py` stores outputs so that a second run gives the same bytes, and a failure changes nothing.

What it stores is tried each week, since it is a tool that is run by hand and starts a kernel for each notebook.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

# One worker for all, so that the fixture of the module is made once.
pytestmark = pytest.mark.xdist_group("execute")

ROOT = Path(__file__).resolve().parents[2]
FIGURE = """\
import matplotlib.pyplot as plt, numpy
numpy.random.seed(0)
figure, axes = plt.subplots(figsize=(3, 2))
_ = axes.plot([1, 3, 2])"""
PIECES = """\
import sys, time
for i in range(3):
    print(i, flush=True)
    time.sleep(0.2)
print("aside", file=sys.stderr)"""
SETTINGS = "import os\n[os.environ.get(name) for name in ('D2LCNN_FAST', 'OMP_NUM_THREADS', 'D2LCNN_DATA')]"


def execute(*notebooks: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "execute.py", *notebooks],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def write(path: Path, *cells: Any, **metadata: Any) -> Path:
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)
    return path


def code(source: str, *tags: str, **metadata: Any) -> Any:
    return new_code_cell(source, metadata={**({"tags": list(tags)} if tags else {}), **metadata})


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Give the bytes of a notebook with a case of everything: after a run, after another, and after one from the start."""
    path = write(
        tmp_path_factory.mktemp("execute") / "small.ipynb",
        new_markdown_cell("# Title", metadata={"jp-MarkdownHeadingCollapsed": True, "collapsed": True}),
        code(FIGURE, mystnb={"image": {"alt": "a line"}}, execution={"iopub.execute_input": "2020"}),
        code(PIECES),
        code("import ipywidgets\nipywidgets.IntSlider(3)"),
        code("ipywidgets.IntSlider(4)", "nbval-ignore-output"),
        code("time.time()", "nbval-ignore-output", "remove-output", "solution", cellView="form"),
        code(SETTINGS),
        code("_ = plt.figure(figsize=(2, 2)).add_subplot().imshow(numpy.random.rand(100, 100, 3))"),
        kernelspec={"name": "other", "display_name": "Other", "language": "python"},
        colab={"collapsed_sections": ["a"]},
        widgets={"state": {}},
    )
    # A file of an editor that knows no cell ids.
    content = json.loads(path.read_text())
    content["nbformat_minor"] = 4
    for cell in content["cells"]:
        del cell["id"]
    path.write_text(json.dumps(content))
    anew = path.with_name("anew.ipynb")
    shutil.copy(path, anew)
    runs = []
    for paths in ([path], [path, anew]):
        done = execute(*paths, D2LCNN_DATA="/nowhere", MPLBACKEND="Agg", OMP_NUM_THREADS="2")
        assert done.returncode == 0, done.stdout + done.stderr
        runs += [path.read_bytes() for path in paths]
    return runs


@pytest.fixture
def cells(stored: list[bytes]) -> list[Any]:
    return list(nbformat.reads(stored[0].decode(), as_version=4).cells)


@pytest.mark.weekly
def test_twice_gives_the_same_bytes(stored: list[bytes]) -> None:
    first, again, anew = stored
    assert first == again
    assert first == anew
    assert first.endswith(b"}\n")
    assert b"image/png" in first


@pytest.mark.weekly
def test_metadata(stored: list[bytes], cells: list[Any]) -> None:
    notebook = nbformat.reads(stored[0].decode(), as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info", "colab"}
    assert notebook.metadata.kernelspec == {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    assert "version" not in notebook.metadata.language_info
    assert notebook.metadata.colab == {"collapsed_sections": ["a"]}
    assert [dict(cell.metadata) for cell in cells[:2]] == [
        {"jp-MarkdownHeadingCollapsed": True},
        {"mystnb": {"image": {"alt": "a line"}}},
    ]
    assert cells[5].metadata["cellView"] == "form"
    assert cells[5].metadata["tags"][-1] == "solution"


@pytest.mark.weekly
def test_outputs(cells: list[Any]) -> None:
    assert [cell.execution_count for cell in cells[1:]] == [1, 2, 3, 4, 5, 6, 7]
    assert [(output.name, output.text) for output in cells[2].outputs] == [
        ("stdout", "0\n1\n2\n"),
        ("stderr", "aside\n"),
    ]
    # nbval compares the widget's repr in the first; nothing compares it in the second.
    assert [dict(output.data) for output in cells[3].outputs] == [{"text/plain": "IntSlider(value=3)"}]
    assert cells[4].outputs == []
    assert cells[5].outputs == []
    assert cells[6].outputs[0].data["text/plain"] == "['1', '1', None]"


@pytest.mark.weekly
def test_pictures(cells: list[Any]) -> None:
    """A drawing has twice the pixels of its size in a page and few colours, a photograph as many, and all its colours."""
    stored = []
    for cell in (cells[1], cells[7]):
        (output,) = cell.outputs
        picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        size = output.metadata["image/png"]
        stored.append((picture.mode, picture.width / size["width"], picture.height / size["height"]))
        assert round(picture.info["dpi"][0] * size["width"] / picture.width) == 100
    assert stored == [
        ("P", pytest.approx(2, abs=0.01), pytest.approx(2, abs=0.01)),
        ("RGB", 1, 1),
    ]


@pytest.mark.slow
def test_what_cannot_be_stored_leaves_its_file_alone(tmp_path: Path) -> None:
    """A picture that the book does not take, a cell that fails, and a file that is no notebook."""
    clear = write(tmp_path / "clear.ipynb", code(FIGURE + "\nfigure.set_facecolor('none')"))
    bad = write(tmp_path / "bad.ipynb", new_markdown_cell("text"), code("x = 1"), code("x / 0"))
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{")
    before = {path: path.read_bytes() for path in (clear, bad, broken)}
    done = execute(*before)
    assert done.returncode == 1
    assert "clear.ipynb: failed in cell 0. A picture of the book must have a ground of its own" in done.stderr
    assert "bad.ipynb: failed in cell 2" in done.stderr
    assert "x / 0" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\x1b[" not in done.stderr
    assert "broken.ipynb: no readable notebook" in done.stderr
    assert done.stdout.endswith("0 executed, 3 failed\n")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_missing_notebook(tmp_path: Path) -> None:
    done = execute(tmp_path / "missing.ipynb")
    assert done.returncode == 2
    assert "no such notebook" in done.stderr
