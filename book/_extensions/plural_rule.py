"""The rule for plurals in the scripts of a translated edition, written as code.

Sphinx hands it over as a string, which `doctools.js` would turn into a function. The pages' Content-Security-Policy
(csp.py) refuses code made from strings, so `translations.js` gives the function itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

CALL = re.compile(
    r"\s*Documentation\.addTranslations\((?P<catalogue>\{.*\})\);?\s*",
    re.DOTALL,
)
# Of C's grammar, gettext's rules use this much: arithmetic and comparisons of n.
RULE = re.compile(r"[n\d\s()<>=!&|?:%]+")

MADE = "Object.assign(Documentation.TRANSLATIONS, "


def as_code(script: str) -> str:
    """Return what `translations.js` is to hold.

    Args:
        script: What Sphinx wrote, one call of Documentation.addTranslations, or what this function made of it: a build
            that changes nothing leaves the file of the last one.

    Raises:
        ValueError: If it is something else, or the rule is more than arithmetic.
    """
    if script.startswith(MADE):
        return script
    call = CALL.fullmatch(script)
    if call is None:
        raise ValueError(
            f"translations.js must be one call of Documentation.addTranslations, got {script[:80]!r}."
        )
    catalogue = json.loads(call["catalogue"])
    rule = catalogue["plural_expr"]
    if RULE.fullmatch(rule) is None:
        raise ValueError(
            f"a rule for plurals must be arithmetic of n, got {rule!r}."
        )
    return (
        f"{MADE}{json.dumps(catalogue['messages'], indent=1)});\n"
        f"Documentation.PLURAL_EXPR = (n) => Number({rule});\n"
        f"Documentation.LOCALE = {json.dumps(catalogue['locale'])};\n"
    )


def rewrite(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the script that the build copied, if the edition has one."""
    path = Path(app.outdir) / "_static" / "translations.js"
    if (
        exception is not None
        or app.builder.format != "html"
        or not path.is_file()
    ):
        return
    try:
        path.write_text(
            as_code(path.read_text(encoding="utf-8")), encoding="utf-8"
        )
    except ValueError as error:
        raise ExtensionError(str(error)) from error


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", rewrite)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
