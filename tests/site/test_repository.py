"""tools/repository.py: one address in all places, written in one go or not at all."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST = "https://github.com/some-one/d2lcnn"
FILES = ("_config.yml", "README.md", "run-it-yourself.md", "one.ipynb", "two.ipynb")
SECOND = "https://github.com/Another1/my.course_2"


def make_notebook(path, source, tags=("remove-cell",)):
    new = nbformat.v4
    install = new.new_code_cell(source, metadata={"tags": list(tags)}, execution_count=1)
    cells = [new.new_markdown_cell("# A chapter"), install, new.new_code_cell("1 + 1", execution_count=2)]
    language = {"name": "python", "pygments_lexer": "ipython3"}
    nbformat.write(new.new_notebook(cells=cells, metadata={"language_info": language}), path)


@pytest.fixture
def course(tmp_path, repository):
    """The course's own configuration, with two notebooks and two pages that name the address."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "book").mkdir()
    for page in repository.PAGES:
        (tmp_path / page).write_text("# Page\n\nFrom <!-- repository -->old<!-- /repository -->, he said.\n")
    for name in ("one", "two"):
        make_notebook(tmp_path / "book" / f"{name}.ipynb", "import d2lcnn")
    repository.set_address(None, tmp_path)
    return tmp_path


def contents(course):
    return {path: path.read_bytes() for path in sorted(course.rglob("*")) if path.is_file()}


def addresses(course):
    """Every repository on GitHub that any of the files names."""
    text = b"".join(contents(course).values()).decode()
    return re.findall(r'https://github\.com/[^\s">\\]+', text)


def test_the_checkout_names_one_address_everywhere(repository):
    address = repository.current_address()
    advice = "run `.venv/bin/python tools/repository.py`"
    config = ROOT / "_config.yml"
    assert repository.with_config(config, address) == config.read_text(encoding="utf-8"), advice
    for page in (ROOT / page for page in repository.PAGES):
        assert repository.with_marked_text(page, address) == page.read_text(encoding="utf-8"), (
            f"{page.name}: {advice}"
        )
    for notebook in repository.notebooks(ROOT):
        same = repository.with_install_cell(notebook, address) == notebook.read_text(encoding="utf-8")
        assert same, f"{notebook.name}: {advice}"


def test_an_address_is_written_everywhere_and_another_replaces_it(course, repository):
    unset = contents(course)
    assert addresses(course) == []
    for address in (FIRST, SECOND):
        changed = repository.set_address(address, course)
        assert {path.name for path in changed} == {*FILES}
        assert repository.current_address(course) == address
        assert addresses(course) == [address] * len(FILES)
    assert repository.set_address(SECOND, course) == []
    repository.set_address(None, course)
    assert contents(course) == unset


def test_the_cell_installs_from_the_address(course, repository):
    repository.set_address(FIRST, course)
    cell = nbformat.read(course / "book" / "one.ipynb", as_version=4).cells[1]
    assert f'%pip install -q "git+{FIRST}"' in cell.source
    assert cell.metadata.tags == ["remove-cell"]
    assert cell.execution_count == 1


@pytest.mark.parametrize("blocked", [False, True])
def test_the_cell_without_an_address_says_what_to_do(repository, blocked, monkeypatch):
    if not blocked:
        exec(repository.install_cell(None), {})
        return
    monkeypatch.setitem(sys.modules, "d2lcnn", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        exec(repository.install_cell(None), {})
    assert "pip install ." in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "d2lcnn",
        "http://github.com/me/d2lcnn",
        "https://gitlab.com/me/d2lcnn",
        "https://github.com.example.org/me/d2lcnn",
        "https://github.com/me",
        "https://github.com/me/d2lcnn/tree/main",
        "https://github.com/me/..",
        "https://github.com/-me/d2lcnn",
        "https://github.com/OWNER/d2lcnn",
        "https://user:word@github.com/me/d2lcnn",
        'https://github.com/me/d2lcnn"; import os',
        "git@github.com:me/d2lcnn.git",
    ],
)
def test_a_malformed_address_is_refused_and_nothing_changes(course, repository, address):
    before = contents(course)
    with pytest.raises(
        ValueError, match=r"must look like https://github\.com/.*nothing was changed"
    ) as caught:
        repository.set_address(address, course)
    assert repr(address) in str(caught.value)
    assert contents(course) == before


@pytest.mark.parametrize("given", [f"{FIRST}.git", f"{FIRST}/", f" {FIRST}\n"])
def test_an_address_is_stored_plain(course, repository, given):
    repository.set_address(given, course)
    assert repository.current_address(course) == FIRST


@pytest.mark.parametrize(("source", "tags"), [("x = 1", ["remove-cell"]), ("import d2lcnn", [])])
def test_one_wrong_place_leaves_all_unwritten(course, repository, source, tags):
    make_notebook(course / "book" / "two.ipynb", source, tags)
    before = contents(course)
    with pytest.raises(ValueError, match=r"first code cell of two\.ipynb must be the install cell"):
        repository.set_address(FIRST, course)
    assert contents(course) == before

    (course / "book" / "two.ipynb").unlink()
    (course / "README.md").write_text("no markers")
    with pytest.raises(ValueError, match=r"README\.md must have exactly one place for the address"):
        repository.set_address(FIRST, course)
    assert repository.current_address(course) is None
