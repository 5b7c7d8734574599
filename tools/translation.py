"""Update the catalogues of the Chinese translation, and build the Chinese edition beside the English one.

Run as `python tools/translation.py`; `make translation` builds the English edition afterwards, whose pages then link to
the Chinese ones. The catalogues, locale/zh_CN/LC_MESSAGES/**.po, are what translators edit: one for each page, and
frame.po for the title and the captions of the table of contents. Notebooks, outputs and all
settings are the English book's own: the second configuration is made from _config.yml and _toc.yml on each run.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = "zh_CN"
CATALOGUES = Path("locale") / LANGUAGE / "LC_MESSAGES"
FRAME = "frame.po"
# Where Jupyter Book is told to work; it adds _build of its own.
MESSAGES = Path("_build") / "messages"
CHINESE = Path("_build") / "chinese"
EDITION = Path("_build") / "html" / "zh"
HEADER = """\
# Chinese translation of the d2lcnn course; `make translation` adds and moves messages, translators fill them in.
#"""
# Lines of a catalogue's header that would change without any change of the text.
CHANGING = re.compile(
    r'^"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Generated-By|Language-Team|Project-Id-Version|'
    r"Report-Msgid-Bugs-To):.*\n",
    re.MULTILINE,
)


def jupyter_book(root: Path, *arguments: str | Path) -> None:
    """Build with the settings of `make book`."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ".", "-W", "--keep-going", "-n", *arguments]
    subprocess.run([str(word) for word in command], cwd=root, check=True)


def update_catalogues(root: Path = ROOT) -> list[Path]:
    """Extract what there is to translate and merge it into the catalogues; return those that changed."""
    extracted = root / MESSAGES / "_build" / "gettext"
    shutil.rmtree(extracted, ignore_errors=True)  # else catalogues of deleted pages would stay
    jupyter_book(root, "--builder", "custom", "--custom-builder", "gettext", "--path-output", MESSAGES)
    templates = {
        template.relative_to(extracted).with_suffix(".po").as_posix(): words
        for template in sorted(extracted.rglob("*.pot"))
        if len(words := words_of_pages(read(template)))
    }
    templates[FRAME] = frame_template(root)
    return [
        path
        for name, template in templates.items()
        if merge(root / CATALOGUES / name, template) and (path := root / CATALOGUES / name)
    ]


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE, charset="utf-8", abort_invalid=True)


def words_of_pages(template: Catalog) -> Catalog:
    """Return a catalogue without docstrings, which stay what the code says."""
    kept = Catalog()
    for message in template:
        if message.id and any(path.endswith((".md", ".ipynb")) for path, _ in message.locations):
            kept[message.id] = message
    return kept


def merge(path: Path, template: Catalog) -> bool:
    """Bring one catalogue up to its template and return whether it changed.

    A message that changed a little keeps its translation, marked fuzzy, which the book ignores until somebody has looked
    at it. The translation of a message that is gone stays at the end, behind #~.
    """
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    catalogue = read(path) if old else Catalog(locale=LANGUAGE, charset="utf-8", fuzzy=False)
    for key, message in catalogue.obsolete.items():
        catalogue[key] = message  # it may be back
    catalogue.update(template, update_header_comment=False)
    catalogue.header_comment = HEADER
    catalogue.fuzzy = False
    catalogue.obsolete = {key: message for key, message in catalogue.obsolete.items() if message.string}
    stream = io.BytesIO()
    # Places in the text would change with every edit above them.
    write_po(stream, catalogue, width=100, no_location=True)
    new = CHANGING.sub("", stream.getvalue().decode("utf-8"))
    if new == old:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new, encoding="utf-8", newline="\n")
    return True


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def frame_places(config: dict[str, Any], toc: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the places, each a mapping and its key, of words that stand in the two configuration files."""
    sphinx = config["sphinx"]["config"]
    yield config, "title"
    yield config, "author"
    yield sphinx, "html_title"
    yield sphinx["html_theme_options"], "search_bar_text"
    yield sphinx["html_theme_options"]["logo"], "alt_text"
    for part in toc["parts"]:
        yield part, "caption"


def frame_template(root: Path) -> Catalog:
    template = Catalog()
    for mapping, key in frame_places(load(root / "_config.yml"), load(root / "_toc.yml")):
        template.add(mapping[key])
    return template


def chinese_settings(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration and the table of contents of the Chinese edition: the English ones, where they differ."""
    config, toc = load(root / "_config.yml"), load(root / "_toc.yml")
    frame = read(root / CATALOGUES / FRAME)
    for mapping, key in frame_places(config, toc):
        message = frame.get(mapping[key])
        if message is not None and message.string and not message.fuzzy:
            mapping[key] = message.string
    sphinx = config["sphinx"]["config"]
    sphinx["language"] = LANGUAGE
    # Jupyter Book reads these from the folder of the configuration.
    extensions = config["sphinx"]["local_extensions"]
    extensions.update({name: os.path.relpath(folder, CHINESE) for name, folder in extensions.items()})
    return config, toc


def build_edition(root: Path = ROOT) -> Path:
    """Build the Chinese edition and put it beside the English one."""
    work = root / CHINESE
    work.mkdir(parents=True, exist_ok=True)
    for name, settings in zip(("_config.yml", "_toc.yml"), chinese_settings(root)):
        text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
        (work / name).write_text(text, encoding="utf-8")
    jupyter_book(
        root, "--config", CHINESE / "_config.yml", "--toc", CHINESE / "_toc.yml", "--path-output", CHINESE
    )
    # Beside the destination first, so that the pages there are whole at any time but for a rename.
    edition = root / EDITION
    fresh, old = edition.with_name(".zh-fresh"), edition.with_name(".zh-old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(work / "_build" / "html", fresh)
    if edition.exists():
        edition.rename(old)
    os.replace(fresh, edition)
    shutil.rmtree(old, ignore_errors=True)
    return edition


def main() -> None:
    try:
        changed = update_catalogues()
        edition = build_edition()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"tools/translation.py: {error}")
    for path in changed:
        print(f"wrote {path.relative_to(ROOT)}")
    print(f"the Chinese edition is in {edition.relative_to(ROOT)}/")


if __name__ == "__main__":
    main()
