"""What makes the build quicker: several processes, which Jupyter Book has no option for, no search done twice, and
fewer searches for garbage.
"""

from __future__ import annotations

import functools
import gc
import os
from typing import Any

import pybtex.plugin
from sphinx.application import Sphinx

# Sphinx gives each process an equal number of pages, of which some take ten times as long as others.
PROCESSES_PER_PROCESSOR = 3
# To start them costs more than they save for fewer pages: a part of the course, or a few that were changed.
FEWEST = 12
# New objects, after which Python looks for garbage; its 700 are few where a page has tens of thousands of nodes.
SEARCH_AFTER = 100_000
# It numbers the pages when all are read, in one process, and does not declare that.
SAFE = "sphinx_multitoc_numbering"


def _choose(app: Sphinx, env: object, names: list[str]) -> None:
    if len(names) < FEWEST:
        app.parallel = 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    import d2lcnn  # noqa: F401  # here, once, and not in every process

    # What the imports have made stays to the end, so nobody need look through it.
    gc.freeze()
    gc.set_threshold(SEARCH_AFTER)

    # It searches all installed packages for one and the same plugin at each citation.
    pybtex.plugin._load_entry_point = functools.cache(
        pybtex.plugin._load_entry_point
    )
    app.setup_extension(SAFE)
    app.extensions[SAFE].parallel_read_safe = True
    app.parallel = PROCESSES_PER_PROCESSOR * (os.cpu_count() or 1)
    app.connect("env-before-read-docs", _choose)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
