"""Offer the course as one PDF and its notebooks as one archive in each page's download menu, where both are there.

A plain build offers neither. `make site` makes them first, and names their folder in D2LCNN_DOWNLOADS.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

OFFERED = {
    "d2lcnn.pdf": ("The course (.pdf)", "fas fa-book"),
    "d2lcnn-notebooks.zip": ("All notebooks (.zip)", "fas fa-file-archive"),
}


def take_folder(app: Sphinx, config: Config) -> None:
    """Have the folder's files copied to the root of the site."""
    named = os.environ.get("D2LCNN_DOWNLOADS", "")
    if not named:
        return
    folder = Path(named).resolve()
    missing = [name for name in OFFERED if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"D2LCNN_DOWNLOADS must name a folder with {' and '.join(OFFERED)}, got {named!r} without "
            f"{' and '.join(missing)}: run `make site`, which makes them."
        )
    config.downloads = str(folder)
    config.html_extra_path = [
        *config.html_extra_path,
        *(str(folder / name) for name in OFFERED),
    ]


def add_buttons(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: Any,
) -> None:
    """Add the files to the theme's download menu."""
    if not app.config.downloads:
        return
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"] += [
                {
                    "type": "link",
                    "url": context["pathto"](name, 1),
                    "text": text,
                    "icon": icon,
                    "label": f"download-{name.rpartition('.')[2]}-button",
                }
                for name, (text, icon) in OFFERED.items()
            ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    # "html": a build that offers something else than the last one writes every page anew.
    app.add_config_value("downloads", "", "html")
    app.connect("config-inited", take_folder)
    # After the theme, which fills the menu at 501.
    app.connect("html-page-context", add_buttons, priority=600)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
