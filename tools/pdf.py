"""Print the whole course as one PDF: _build/downloads/d2lcnn.pdf.

Run as `python tools/pdf.py`. Sphinx puts all pages into one (book/_extensions/paper.py), and Chromium prints that. It
asks nobody for anything: what Chromium wants is read from the built folder, and a request for anything else fails the run.
"""

from __future__ import annotations

import io
import logging
import mimetypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Route, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, PdfObject, TextStringObject

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "singlehtml"
DESTINATION = ROOT / "_build" / "downloads" / "d2lcnn.pdf"
JUPYTER_BOOK = str(Path(sys.executable).with_name("jupyter-book"))
BUILD = [JUPYTER_BOOK, "build", ".", "--builder", "singlehtml", "-W", "--keep-going", "-n"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# No such host exists: every request is answered from the built folder.
ORIGIN = "http://course.invalid"

# Formulas become pictures with their TeX as the alternative text; MathJax's hidden MathML would not reach the paper.
PREPARE = """async () => {
    await MathJax.startup.promise;
    for (const item of MathJax.startup.document.math) {
        item.typesetRoot.querySelector("mjx-assistive-mml")?.remove();
        item.typesetRoot.querySelector("mjx-math")?.removeAttribute("aria-hidden");
        item.typesetRoot.setAttribute("role", "img");
        item.typesetRoot.setAttribute("aria-label", item.math.trim());
    }
    // The picture says what it shows; the figure around it, with its caption, is no second picture.
    for (const figure of document.querySelectorAll("figure")) figure.setAttribute("role", "group");
    for (const details of document.querySelectorAll("details")) details.open = true;
    const images = [...document.images];
    for (const image of images) image.loading = "eager";
    await Promise.all(images.map(image => image.decode()));
    await document.fonts.ready;
    return [
        ...[...document.querySelectorAll("mjx-merror")].map(e => "a formula that MathJax does not know: " + e.textContent),
        ...[...document.querySelectorAll("article .math")].filter(e => !e.querySelector("mjx-container"))
            .map(e => "a formula that was not drawn: " + e.textContent),
    ];
}"""
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(heading => ({
    text: heading.innerText.replace(/\\s+/g, " ").trim(), id: heading.closest("section")?.id ?? "",
}))"""
NUMBER = """pages => {
    for (const link of document.querySelectorAll(".course-contents a"))
        link.querySelector(".page").textContent = pages[decodeURIComponent(link.hash.slice(1))];
}"""


def find_browser() -> str:
    found = os.environ.get("D2LCNN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or shutil.which(found) is None:
        raise FileNotFoundError(
            f"the PDF is printed by Chromium, and {found or 'none of ' + ', '.join(NAMES)} is not on PATH: install it "
            "(`apt-get install chromium`) or name the program in D2LCNN_CHROMIUM, then run it again."
        )
    return found


def answer(route: Route, site: Path, problems: list[str]) -> None:
    """Answer a request of the page from the built folder, and refuse every other."""
    address = urlsplit(route.request.url)
    path = site / unquote(address.path).lstrip("/")
    if address.scheme == "data":
        route.continue_()
    elif f"{address.scheme}://{address.netloc}" == ORIGIN and path.is_file():
        route.fulfill(path=path, content_type=mimetypes.guess_type(path.name)[0])
    else:
        problems.append(f"it asks for {route.request.url}, which the built folder does not hold")
        route.abort()


def as_pdf(page: Page) -> bytes:
    return page.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)


def bookmarks(pdf: PdfReader | PdfWriter) -> list[DictionaryObject]:
    """Return the entries of the outline, which Chromium makes of the headings, in the order of the book."""

    def walk(entry: PdfObject | None) -> Iterator[DictionaryObject]:
        while entry is not None:
            entry = entry.get_object()
            yield entry
            yield from walk(entry.get("/First"))
            entry = entry.get("/Next")

    return list(walk(pdf.root_object["/Outlines"].get("/First")))


def page_numbers(pdf: bytes) -> list[int]:
    """Return the page of each heading."""
    reader = PdfReader(io.BytesIO(pdf))
    return [reader.get_page_number(entry["/Dest"][0].get_object()) + 1 for entry in bookmarks(reader)]


def finished(pdf: bytes, headings: list[str], author: str) -> bytes:
    """Return the PDF told to show outline and title, and without the time of printing."""
    # It counts its copies against the file's own objects, and warns.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    # Chromium doubles the words of a heading that it moves to the next page, and joins those of two lines.
    for entry, heading in zip(bookmarks(writer), headings, strict=True):
        entry[NameObject("/Title")] = TextStringObject(heading)
    writer.metadata = {"/Title": headings[0], "/Author": author}
    writer.page_mode = "/UseOutlines"
    writer.create_viewer_preferences().display_doctitle = True
    writer.pdf_header = pdf[:8].decode("ascii")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def print_site(site: Path, browser: str) -> bytes:
    """Print `site`/index.html, twice: only a print tells on which pages the chapters begin."""
    problems: list[str] = []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, args=FLAGS) as chromium,
    ):
        page = chromium.new_page(color_scheme="light")
        page.route("**/*", lambda route: answer(route, site, problems))
        page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
        page.emulate_media(media="print")
        page.goto(f"{ORIGIN}/index.html", wait_until="load")
        problems += page.evaluate(PREPARE)
        if problems:
            raise ValueError("the course cannot be printed as it is:\n" + "\n".join(problems))
        headings = page.evaluate(HEADINGS)
        numbers = page_numbers(as_pdf(page))
        if len(numbers) != len(headings):
            raise ValueError(
                f"the outline must have one entry for each of {len(headings)} headings, got {len(numbers)}."
            )
        page.evaluate(NUMBER, dict(zip((heading["id"] for heading in headings), numbers)))
        pdf = as_pdf(page)
        if page_numbers(pdf) != numbers:
            raise ValueError(
                "the numbers in the contents moved what they count: give them room in paper.css."
            )
        author = page.locator(".cover .author").inner_text()
        return finished(pdf, [heading["text"] for heading in headings], author)


def main() -> None:
    begin = time.perf_counter()
    try:
        browser = find_browser()
        subprocess.run(BUILD, cwd=ROOT, check=True)
        pdf = print_site(SITE, browser)
    except (OSError, ValueError, PlaywrightError, subprocess.CalledProcessError) as error:
        sys.exit(f"tools/pdf.py: {error}")
    DESTINATION.parent.mkdir(parents=True, exist_ok=True)
    temporary = DESTINATION.with_name(f".{DESTINATION.name}.partial")
    temporary.write_bytes(pdf)
    os.replace(temporary, DESTINATION)
    print(
        f"wrote {DESTINATION.relative_to(ROOT)}: {len(pdf) / 1e6:.1f} MB in {time.perf_counter() - begin:.0f} s"
    )


if __name__ == "__main__":
    main()
