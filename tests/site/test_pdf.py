"""The PDF of the course, as `make pdf` prints it: whole, in order, and readable by machines.

Tried each week: `make test` prints each page by itself (paper.py), and a PDF that cannot be made stops the publishing, but
not one that lacks something.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import unicodedata

import nbformat
import pypdfium2
import pytest
from pypdf import PdfReader

from .published import ROOT, settings

# Printed from the copy that the tests of the editions build, in the process that builds it.
pytestmark = [pytest.mark.site, pytest.mark.weekly, pytest.mark.xdist_group("course")]


@pytest.fixture(scope="module")
def config(course):
    return settings(course, "_config.yml")


@pytest.fixture(scope="module")
def parts(course):
    """The parts of the table of contents: a caption, and its chapters' files."""
    return [
        (part["caption"], [chapter["file"] for chapter in part["chapters"]])
        for part in settings(course, "_toc.yml")["parts"]
    ]


@pytest.fixture(scope="module")
def notebooks(course, parts):
    """The notebooks of the course, by the names of their files."""
    files = [name for _, names in parts for name in names]
    found = {name: course / f"{name}.ipynb" for name in files if (course / f"{name}.ipynb").is_file()}
    assert found
    return {name: nbformat.read(path, as_version=4) for name, path in found.items()}


@pytest.fixture(scope="module")
def titles(course, parts, notebooks):
    """The first heading of each chapter's source, by its file, with the apostrophes that the page has."""
    texts = {
        name: "\n".join(cell.source for cell in notebooks[name].cells if cell.cell_type == "markdown")
        if name in notebooks
        else (course / f"{name}.md").read_text(encoding="utf-8")
        for _, names in parts
        for name in names
    }
    return {
        name: re.search(r"^# (.+)$", text, re.MULTILINE)[1].strip().replace("'", "’")
        for name, text in texts.items()
    }


def squashed(text):
    """The text without what an extraction from lines and pages may add or lose: spaces, and letters that are joined."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def entries(outline, level=1):
    for entry in outline:
        if isinstance(entry, list):
            yield from entries(entry, level + 1)
        else:
            yield level, entry


def structure(node, seen=0):
    """Every element of the tree of tags."""
    stack = [node]
    while stack:
        element = stack.pop().get_object()
        if isinstance(element, list):
            stack += element
        elif isinstance(element, dict):
            if "/S" in element:
                yield element
            if "/K" in element:
                stack.append(element["/K"])


@pytest.fixture(scope="module")
def file(browser, course, both):
    """The PDF's path, printed anew; without a browser this is skipped, or fails in CI."""
    done = subprocess.run([sys.executable, "tools/pdf.py"], cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return course / "_build" / "downloads" / "d2lcnn.pdf"


@pytest.fixture(scope="module")
def pdf(file):
    return PdfReader(file)


@pytest.fixture(scope="module")
def texts(file):
    # PDFium reads hundreds of pages in a second, pypdf a few.
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(file)]


@pytest.fixture(scope="module")
def tags(pdf):
    return list(structure(pdf.root_object["/StructTreeRoot"]["/K"]))


def test_it_says_what_it_is(pdf, config):
    assert pdf.metadata.title == config["title"]
    assert pdf.metadata.author == config["author"]
    assert "/CreationDate" not in pdf.metadata
    assert pdf.root_object["/Lang"] == "en"
    assert pdf.root_object["/MarkInfo"]["/Marked"]
    assert pdf.root_object["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.root_object["/PageMode"] == "/UseOutlines"


def test_every_page_is_a4_numbered_and_holds_something(pdf, texts):
    assert 30 < len(texts) < 1000
    for number, (page, text) in enumerate(zip(pdf.pages, texts, strict=True), start=1):
        assert float(page.mediabox.width) == pytest.approx(595, abs=1.5)
        assert float(page.mediabox.height) == pytest.approx(842, abs=1.5)
        words = text.split()
        if number > 1:
            assert str(number) in (words[0], words[-1]), f"page {number} does not say its number"
        assert len(words) > 5, f"page {number} is blank: {text!r}"


def test_outline_has_every_part_and_chapter_where_it_begins(pdf, texts, config, parts, titles):
    outline = [(level, entry.title, entry) for level, entry in entries(pdf.outline)]
    expected = [(1, config["title"]), (1, "Contents"), (1, "About this course")]
    for caption, names in parts:
        expected += [(1, caption), *((2, titles[name]) for name in names)]
    chapters = {*titles.values()}
    found = [
        (level, title) for level, title, _ in outline if level == 1 or (level == 2 and title in chapters)
    ]
    assert found == expected
    for _, title, entry in outline:
        page = pdf.get_destination_page_number(entry)
        assert squashed(title) in squashed(texts[page]), f"{title} does not stand on page {page + 1}"


def test_contents_name_the_page_of_every_part_and_chapter(pdf, texts, parts, titles):
    pages = {entry.title: pdf.get_destination_page_number(entry) + 1 for level, entry in entries(pdf.outline)}
    first = pages["Contents"] - 1
    contents = squashed("".join(texts[first : pages["About this course"] - 1]))
    for title in [*(caption for caption, _ in parts), *titles.values()]:
        assert f"{squashed(title)}{pages[title]}" in contents


def test_every_link_leads_somewhere(pdf):
    names = pdf.named_destinations
    inside, outside = 0, set()
    for number, page in enumerate(pdf.pages, start=1):
        for annotation in page.get("/Annots", []):
            link = annotation.get_object()
            action = link.get("/A", {})
            if "/URI" in action:
                outside.add(str(action["/URI"]))
                continue
            target = link.get("/Dest") or action.get("/D")
            assert isinstance(target, list) or str(target).removeprefix("/") in {
                name.removeprefix("/") for name in names
            }, f"page {number}: a link to {target}, which is nowhere"
            inside += 1
    assert inside > 100
    assert outside
    assert not [
        url for url in outside if not url.startswith(("https://", "http://arxiv.org/", "http://doi.org"))
    ]


def test_no_line_of_code_is_cut_and_no_solution_is_folded(texts, notebooks):
    text = squashed("".join(re.sub(rf"\n?{number}$", "", page) for number, page in enumerate(texts, start=1)))
    missing = []
    for name, notebook in notebooks.items():
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"
                 and not {"remove-cell", "remove-input"} & set(cell.metadata.get("tags", []))]  # fmt: skip
        if "## Exercises" in "".join(cell.source for cell in notebook.cells):
            assert any("solution" in cell.metadata.get("tags", []) for cell in cells)
        lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
        assert lines
        missing += [f"{name}: {line}" for line in lines if squashed(line) not in text]
    assert not missing, "\n".join(missing)


def test_math_is_drawn_and_can_be_read_aloud(texts, tags, notebooks):
    text = "".join(texts)
    assert not re.findall(r"\\(?:frac|left|right|sum|text|eta|lfloor|partial)\b|\$\$", text)
    # Sphinx puts what has several lines into a split environment.
    alternatives = {re.sub(r"\\(?:begin|end)\{split\}", "", squashed(str(tag["/Alt"])))
                    for tag in tags if "/Alt" in tag}  # fmt: skip
    sources = "\n".join(cell.source for notebook in notebooks.values() for cell in notebook.cells
                        if cell.cell_type == "markdown")  # fmt: skip
    formulas = re.findall(r"^\$\$(.+?)\$\$", sources, re.DOTALL | re.MULTILINE)
    assert formulas
    missing = [formula for formula in formulas if squashed(formula) not in alternatives]
    assert not missing
    # And the formulas within lines.
    assert len(alternatives) > 2 * len(formulas)


def test_every_picture_is_there_and_says_what_it_shows(pdf, tags, notebooks):
    figures = [tag for tag in tags if tag["/S"] == "/Figure"]
    assert figures
    assert all(str(tag.get("/Alt", "")).strip() for tag in figures)
    alternatives = {str(tag["/Alt"]) for tag in figures}
    told = [cell.metadata["mystnb"]["image"]["alt"] for notebook in notebooks.values() for cell in notebook.cells
            if "image" in cell.metadata.get("mystnb", {})]  # fmt: skip
    assert told
    assert not set(told) - alternatives
    drawn = [
        thing for page in pdf.pages for thing in page["/Resources"].get("/XObject", {}).values()
        if thing.get_object()["/Subtype"] == "/Image"
    ]  # fmt: skip
    assert len(drawn) >= len(told)


def test_every_font_is_in_the_file(pdf):
    fonts = {}
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            fonts[str(font.get("/BaseFont") or font["/FontDescriptor"]["/FontName"])] = font
    assert any("MathJax_Math" in name for name in fonts), sorted(fonts)
    for name, font in fonts.items():
        if font["/Subtype"] == "/Type3":
            continue  # drawn in the file itself
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        descriptor = inner["/FontDescriptor"]
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), f"{name} is not embedded"


def test_chinese_terms_are_drawn(texts):
    if not (shutil.which("fc-list") and subprocess.check_output(["fc-list", ":lang=zh"], text=True).strip()):
        pytest.skip(
            "the glossary's Chinese terms were not looked for in the PDF: no font here has them. "
            "Install one (`apt-get install fontconfig fonts-droid-fallback`), then run `make test` again."
        )
    wanted = set(re.findall(r"[\u4e00-\u9fff]", (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")))
    assert len(wanted) > 50
    assert not wanted - set("".join(texts))


def test_without_a_browser_it_says_what_to_install():
    done = subprocess.run(
        [sys.executable, "tools/pdf.py"],
        cwd=ROOT,
        env={**os.environ, "D2LCNN_CHROMIUM": "/nowhere/chromium"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert re.search(r"/nowhere/chromium is not.*apt-get install chromium.*D2LCNN_CHROMIUM", done.stderr)
    assert "Traceback" not in done.stderr
