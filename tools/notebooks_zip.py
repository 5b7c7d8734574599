"""Put the course's notebooks into one archive: _build/downloads/d2lcnn-notebooks.zip.

Run as `python tools/notebooks_zip.py`. The same notebooks give the same bytes.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DESTINATION = ROOT / "_build" / "downloads" / "d2lcnn-notebooks.zip"
FOLDER = "d2lcnn-notebooks"


def pack(root: Path, destination: Path) -> list[str]:
    """Write the archive and return the names in it."""
    notebooks = sorted((root / "book").glob("*.ipynb"))
    if not notebooks:
        raise FileNotFoundError(f"there must be notebooks to pack, found none in {root / 'book'}.")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(destination, "w") as archive:
        for path in [root / "LICENSE", *notebooks]:
            # The format's first day, since a checkout's times mean nothing.
            entry = zipfile.ZipInfo(f"{FOLDER}/{path.name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), compress_type=zipfile.ZIP_DEFLATED)
        return archive.namelist()


if __name__ == "__main__":
    print(f"packed {', '.join(pack(ROOT, DESTINATION))}")
