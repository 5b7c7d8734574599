"""Pictures that say their size in pixels keep that place in the page; others are written as Sphinx does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
# What a page says of a picture, and what becomes of it.
PICTURES = {
    "": 'src="_images/a.png"',
    ":width: 671px\n   :height: 20px": 'src="_images/a.png" width="671" height="20"',
    ":width: 672\n   :height: 20": 'class="wide-picture" src="_images/a.png" width="672" height="20"',
    ":width: 80%": 'src="_images/a.png" style="width: 80%;"',
    ":width: 700px": 'class="wide-picture" src="_images/a.png" style="width: 700px;"',
}


def test_sizes_in_pixels_become_attributes(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_extensions')!r})\n"
        "extensions = ['steady']\nhtml_scaled_image_link = False\n"
    )
    page = "\n\n".join(f".. image:: a.png\n   :alt: x\n   {options}" for options in PICTURES)
    (tmp_path / "index.rst").write_text(f"A page\n======\n\n{page}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", tmp_path, tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = re.findall(r'<img alt="x" (.*?) ?/>', (tmp_path / "site" / "index.html").read_text())
    assert written == list(PICTURES.values())
