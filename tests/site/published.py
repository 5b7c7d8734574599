"""The course as it is published: a copy built in both languages with an address, and a server like GitHub Pages.

`make test` builds a part of the course: of the pages it leaves out, nothing differs but the words. With
D2LCNN_WHOLE_COURSE=1, as each week, it is the whole.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from babel.messages.pofile import read_po, write_po

from .browsing import Quiet, WithoutFormulas, serve

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/some-one/d2lcnn"
PATH = "/d2lcnn/"
BASE = f"https://some-one.github.io{PATH}"
# What the copy's translation says: the book's title, and a sentence of the LeNet chapter.
TITLE = "经典卷积网络"
SENTENCE = "卷积核在图像上滑动，汇聚层逐步降低分辨率。"
# A notebook with all that notebooks have, a page of text, one of docstrings, and the two that others lead to.
PART = {"book/lenet", "book/run-it-yourself", "book/api/data", "book/glossary", "book/bibliography"}


def is_whole() -> bool:
    """Whether all that takes long is wanted of all pages."""
    return os.environ.get("D2LCNN_WHOLE_COURSE") == "1"


def settings(course: Path, name: str) -> Any:
    """One of the two files of settings, such as "_toc.yml"."""
    return yaml.safe_load((course / name).read_text(encoding="utf-8"))


def captions(course: Path) -> list[str]:
    """The captions of the table of contents."""
    return [part["caption"] for part in settings(course, "_toc.yml")["parts"]]


def keep_only(course: Path, files: set[str]) -> None:
    """Leave all other pages out of a course, and let it build although links to them lead nowhere."""
    toc, config = settings(course, "_toc.yml"), settings(course, "_config.yml")
    for part in toc["parts"]:
        part["chapters"] = [chapter for chapter in part["chapters"] if chapter["file"] in files]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    config["sphinx"]["config"]["suppress_warnings"] = ["ref", "myst.xref_missing"]
    for name, content in (("_toc.yml", toc), ("_config.yml", config)):
        (course / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def translate(path: Path, wanted: Callable[[str], bool], text: str) -> None:
    """Translate the first message of a catalogue that `wanted` accepts."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale="zh_CN")
    next(message for message in catalogue if message.id and wanted(message.id)).string = text
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, no_location=True)


def run(course: Path, *command: str | Path) -> None:
    done = subprocess.run([str(word) for word in command], cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def make_book(course: Path) -> None:
    program = Path(sys.executable).with_name("jupyter-book")
    run(course, program, "build", ".", "-W", "--keep-going", "-n")


def copy_of_the_course(folder: Path) -> None:
    for name in ("book", "locale", "tools"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.mo")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("_config.yml", "_toc.yml", "README.md"):
        shutil.copy(ROOT / name, folder)


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory, repository: ModuleType, translation: ModuleType) -> Path:
    """Build a copy of the course with an address, as `make translation` does with some messages translated."""
    course = tmp_path_factory.mktemp("course")
    copy_of_the_course(course)
    repository.set_address(REPOSITORY, course)
    if not is_whole():
        keep_only(course, PART)
    messages = course / "locale" / "zh_CN" / "LC_MESSAGES"
    # The catalogues of the checkout may lie behind its text: what is translated must stand in both. The tool brings them up.
    text = " ".join((course / "book" / "lenet.ipynb").read_text(encoding="utf-8").split())
    plain = re.compile(r"[^{`\[*$\"\\\\]{60,}")
    translate(
        messages / "book" / "lenet.po",
        lambda words: plain.fullmatch(words) is not None and words in text,
        SENTENCE,
    )
    translation.merge(messages / "frame.po", translation.frame_template(course))
    title = settings(course, "_config.yml")["sphinx"]["config"]["html_title"]
    for i, (english, chinese) in enumerate(
        [(title, TITLE), *((caption, "") for caption in captions(course))]
    ):
        words = chinese or f"第{i}部分"
        translate(messages / "frame.po", lambda text, english=english: text == english, words)  # type: ignore[misc]
    run(course, sys.executable, "tools/translation.py")
    make_book(course)
    return course


@pytest.fixture(scope="session")
def both(course: Path) -> Path:
    """The built site of the copy, in both languages."""
    return course / "_build" / "html"


@contextmanager
def publish(site: Path, path: str, quick: bool = False) -> Iterator[str]:
    """Serve a folder at `path` from a thread.

    Args:
        site: The built site.
        path: Where it lies on its host, with slashes at both ends, such as "/d2lcnn/"; "/" is the root.
        quick: Without MathJax, for what has nothing to do with formulas.

    Yields:
        The address of the host, without a closing slash.
    """

    class Pages(WithoutFormulas if quick else Quiet):
        def translate_path(self, url: str) -> str:
            inside = url.startswith(path)
            return (
                super().translate_path("/" + url.removeprefix(path)) if inside else str(site / "no-such-file")
            )

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
            if code != 404:
                return super().send_error(code, message, explain)
            body = (site / "404.html").read_bytes()
            self.send_response(404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serve(site, Pages) as address:
        yield address
