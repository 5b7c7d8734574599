"""tools/repository.py: one address in all places, written in one go or not at all."""

from __future__ import annotations

import re
import shutil
import subprocess
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


@pytest.mark.slow
@pytest.mark.parametrize("address", [None, FIRST])
def test_a_built_page_has_the_buttons_of_its_address(course, repository, address):
    """Build a book of two notebooks and a page of words with the course's configuration."""
    for folder in ("_extensions", "_templates", "_static"):
        shutil.copytree(
            ROOT / "book" / folder, course / "book" / folder, ignore=shutil.ignore_patterns("vendor")
        )
    (course / "book" / "references.bib").touch()
    (course / "book" / "words.md").write_text("# Words\n")
    chapters = "chapters:\n  - file: book/two\n  - file: book/words\n"
    (course / "_toc.yml").write_text(f"format: jb-book\nroot: book/one\n{chapters}")
    repository.set_address(address, course)
    command = [
        str(Path(sys.executable).with_name("jupyter-book")),
        "build",
        str(course),
        "-W",
        "--keep-going",
        "-n",
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    for name, ending in (("one", "ipynb"), ("two", "ipynb"), ("words", "md?plain=1")):
        page = (course / "_build" / "html" / "book" / f"{name}.html").read_text(encoding="utf-8")
        links = {url for url in re.findall(r'href="([^"]+)"', page) if "github.com" in url or "colab" in url}
        if address is None:
            assert links == set()
            assert "colab" not in page
            continue
        colab = f"https://colab.research.google.com/github/some-one/d2lcnn/blob/main/book/{name}.ipynb"
        expected = {FIRST, f"{FIRST}/blob/main/book/{name}.{ending}"}
        assert links == (expected | {colab} if ending == "ipynb" else expected)
