"""Write the repository's address wherever the course names it, in one go.

Run as `python tools/repository.py https://github.com/OWNER/NAME`. Without an address it writes again the one that
_config.yml holds, which gives a new notebook its install cell.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

import nbformat
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
ADDRESS = re.compile(r"https://github\.com/[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}")
# In _config.yml the lines between these two belong to this script.
CONFIG_BLOCK = re.compile(
    r"(?<=^# >>> tools/repository\.py\n).*?(?=^# <<< tools/repository\.py$)", re.DOTALL | re.MULTILINE
)
CONFIG_BUTTONS = [
    re.compile(r"(?<=^  use_repository_button: )\w+(?=  # tools/repository\.py$)", re.MULTILINE),
    re.compile(r"(?<=^      use_source_button: )\w+(?=  # tools/repository\.py$)", re.MULTILINE),
]
# In these pages, what stands between the two comments.
PAGES = ("README.md", "book/run-it-yourself.md")
PAGE_MARKERS = re.compile(r"(?<=<!-- repository -->).*?(?=<!-- /repository -->)", re.DOTALL)


def set_address(address: str | None, root: Path = ROOT) -> list[Path]:
    """Write `address` everywhere, or nothing at all if one place cannot be written; return the changed files."""
    if address is not None:
        address = normalized(address)
    texts = {root / "_config.yml": with_config(root / "_config.yml", address)}
    texts |= {root / page: with_marked_text(root / page, address) for page in PAGES}
    texts |= {notebook: with_install_cell(notebook, address) for notebook in notebooks(root)}
    changed = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        replace_text(path, texts[path])
    return changed


def normalized(address: str) -> str:
    """Return the address without `.git` and a closing slash."""
    plain = address.strip().removesuffix("/").removesuffix(".git")
    owner, name = plain.split("/")[-2:] if plain.count("/") else ("", "")
    if not ADDRESS.fullmatch(plain) or name in (".", "..") or owner == "OWNER":
        raise ValueError(
            f"the address must look like https://github.com/your-name/d2lcnn (Colab opens nothing else), "
            f"got {address!r}: copy it from the repository's page and run it again; nothing was changed."
        )
    return plain


def current_address(root: Path = ROOT) -> str | None:
    """Return the address that _config.yml holds, None while it is unset."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"] or None


def notebooks(root: Path) -> list[Path]:
    return sorted((root / "book").glob("*.ipynb"))


def config_block(address: str | None) -> str:
    if address is None:
        return '# No address is set: pages show neither a Colab nor a repository button.\nrepository:\n  url: ""\n'
    return (
        f"repository:\n  url: {address}\n  branch: {BRANCH}\n"
        "launch_buttons:\n  colab_url: https://colab.research.google.com\n"
    )


def install_cell(address: str | None) -> str:
    """Return a notebook's first code cell, which brings the package where it is missing (on Colab, it is)."""
    if address is None:
        return (
            "try:\n"
            "    import d2lcnn\n"
            "except ModuleNotFoundError as error:\n"
            "    error.add_note(\n"
            '        "To install it, run `pip install .` in the course\'s folder, then restart the kernel."\n'
            "    )\n"
            "    raise"
        )
    return (
        "try:\n"
        "    import d2lcnn\n"
        "except ModuleNotFoundError:\n"
        f'    %pip install -q "git+{address}"\n'
        "    import d2lcnn"
    )


def marked_text(address: str | None) -> str:
    return f"<{address}>" if address else "(address not set yet: `make repository URL=…`)"


def with_config(path: Path, address: str | None) -> str:
    text = path.read_text(encoding="utf-8")
    text = substitute_once(CONFIG_BLOCK, config_block(address), text, path)
    for button in CONFIG_BUTTONS:
        text = substitute_once(button, "false" if address is None else "true", text, path)
    return text


def with_marked_text(path: Path, address: str | None) -> str:
    return substitute_once(PAGE_MARKERS, marked_text(address), path.read_text(encoding="utf-8"), path)


def substitute_once(pattern: re.Pattern[str], new: str, text: str, path: Path) -> str:
    text, count = pattern.subn(lambda _: new, text)
    if count != 1:
        raise ValueError(
            f"{path.name} must have exactly one place for the address ({pattern.pattern}), found {count}: "
            "restore its markers and run it again; nothing was changed."
        )
    return text


def with_install_cell(path: Path, address: str | None) -> str:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if (
        not code
        or "remove-cell" not in code[0].metadata.get("tags", [])
        or "import d2lcnn" not in code[0].source
    ):
        raise ValueError(
            f"the first code cell of {path.name} must be the install cell, tagged remove-cell and importing d2lcnn: "
            "add it and run it again; nothing was changed."
        )
    code[0].source = install_cell(address)
    return str(nbformat.writes(notebook)) + "\n"


def replace_text(path: Path, text: str) -> None:
    """Write through a temporary file, so that an interruption leaves the old text or the new."""
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Write the repository's address wherever the course names it."
    )
    parser.add_argument(
        "address", nargs="?", help="https://github.com/OWNER/NAME; without it, the one already set"
    )
    address = parser.parse_args().address
    try:
        changed = set_address(address or current_address())
    except (OSError, ValueError) as error:
        sys.exit(f"tools/repository.py: {error}")
    for path in changed:
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
