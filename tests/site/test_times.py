"""How long a notebook takes to read and to run: counted, measured and recorded, never typed."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document

from .conftest import load_file

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
MEASURED = ROOT / "book" / "running_times.json"


# These import torch, which takes seconds: one process is enough.
with_records = pytest.mark.xdist_group("records")


@pytest.fixture(scope="module")
def times(extension):
    return extension("times")


@pytest.fixture
def tool(tmp_path):
    (tmp_path / "one.ipynb").touch()
    (tmp_path / "running_times.json").write_text("{}")
    return load_file(ROOT / "tools" / "times.py")


def document(*parts):
    doctree = new_document("a page")
    doctree += parts
    return doctree


def test_every_notebook_has_been_timed():
    assert set(json.loads(MEASURED.read_text())) == {path.stem for path in NOTEBOOKS}, "run `make execute`"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_s_page_says_its_times_below_the_title(site, times, path):
    html = (site / "book" / f"{path.stem}.html").read_text(encoding="utf-8")
    said = re.findall(r'</h1>\s*<p class="times">(.*?)</p>', html)
    assert len(said) == 1
    fast = json.loads(MEASURED.read_text())[path.stem]
    assert re.match(r"To read: about \d+ minutes?, without the solutions\. To run: ", said[0])
    assert f"To run: {times.duration(fast)}" in said[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_trains_live_names_what_it_trains(path):
    notebook = nbformat.read(path, as_version=4)
    # Other cells whose output is left out of the page only take a time.
    hidden = [cell for cell in notebook.cells if "remove-output" in cell.metadata.get("tags", [])]
    live = any("train_ch6(" in cell.source for cell in hidden)
    assert bool(notebook.metadata.get("d2lcnn", {}).get("trains")) == live


def test_other_pages_say_none(pages):
    saying = {str(page) for page in pages.values() if "times" in page.classes}
    assert saying == {f"book/{path.stem}.html" for path in NOTEBOOKS}


def test_solutions_are_not_counted_and_chinese_is(times):
    raw = nodes.raw
    doctree = document(
        nodes.paragraph("", "one two three"),
        raw("", '<details class="solution"><summary>Show it</summary>', format="html"),
        nodes.paragraph("", "four five"),
        raw("", "</details>", format="html"),
        raw("", '<details class="solution"><summary>whole</summary>six</details>', format="html"),
        nodes.paragraph("", "seven"),
    )
    assert times.words(doctree) == 4
    assert times.words(document(nodes.paragraph("", "卷积核 kernel"))) == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "5 seconds"),
        (33, "35 seconds"),
        (60, "1 minute"),
        (200, "3 minutes"),
        (2_040, "35 minutes"),
        (7_200, "2 hours"),
    ],
)
def test_durations_are_rounded_as_estimates_are(times, seconds, text):
    assert times.duration(seconds) == text


@with_records
def test_a_full_run_takes_what_the_records_took(times):
    import d2lcnn

    runs = d2lcnn.load_runs("lenet")
    mean = sum(run.wall_seconds for run in runs) / len(runs)
    device = runs[0].history.device_name
    both = times.recorded(["lenet", "lenet_mnist"])
    assert times.recorded(["lenet"]) == pytest.approx({device: mean})
    assert both[device] > mean
    said = times.sentence(2_000, 30, ["lenet"])
    assert said == (
        "To read: about 10 minutes, without the solutions. "
        f"To run: 30 seconds in fast mode; in full {times.duration(30 + mean)} ({device})."
    )
    assert times.sentence(2_000, 30, []).endswith("To run: 30 seconds.")
    assert "To run" not in times.sentence(2_000, None, [])


@with_records
def test_a_recipe_without_a_record_says_so(times, monkeypatch):
    def none_yet(recipe):
        raise ValueError(f"{recipe} has no recorded run.")

    monkeypatch.setattr("d2lcnn.load_runs", none_yet)
    assert times.recorded(["lenet"]) == {}
    assert times.sentence(400, 20, ["lenet"]).endswith("in full longer: not recorded yet.")


@with_records
def test_a_record_of_fewer_epochs_counts_in_proportion(times, monkeypatch):
    import d2lcnn

    whole = times.recorded(["lenet"])
    recipe = dataclasses.replace(d2lcnn.RECIPES["lenet"], num_epochs=30)
    monkeypatch.setitem(d2lcnn.RECIPES, "lenet", recipe)
    assert times.recorded(["lenet"]) == pytest.approx({device: 3 * s for device, s in whole.items()})


@with_records
def test_an_unknown_recipe_is_refused(times):
    with pytest.raises(ValueError, match="nosuch"):
        times.recorded(["nosuch"])


def test_a_measured_time_is_kept_until_it_is_far_off(tool, tmp_path):
    notebook, file = tmp_path / "one.ipynb", tmp_path / "running_times.json"
    file.write_text('{"gone": 3}')
    assert tool.note(notebook, 20.4)
    assert json.loads(file.read_text()) == {"one": 20}
    assert not tool.note(notebook, 35)
    assert tool.note(notebook, 41)
    assert json.loads(file.read_text()) == {"one": 41}
    assert tool.note(notebook, 20)


def test_the_longest_notebook_comes_first_and_one_without_a_time_before_it(tool, tmp_path):
    (tmp_path / "running_times.json").write_text('{"a": 3, "b": 40, "c": 3}')
    paths = [tmp_path / f"{name}.ipynb" for name in "abcd"]
    assert [path.stem for path in tool.longest_first(paths)] == ["d", "b", "a", "c"]
    (tmp_path / "running_times.json").unlink()
    assert tool.longest_first(paths) == paths


def test_a_folder_without_the_file_gets_none(tool, tmp_path):
    (tmp_path / "running_times.json").unlink()
    assert not tool.note(tmp_path / "one.ipynb", 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.ipynb"]
