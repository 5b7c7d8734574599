"""What a run came from: the versions that it ran on, and the project's commit."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import torch


def versions() -> dict[str, str]:
    """Give the versions of Python, torch and d2lcnn, and the platform.

    Example:
        >>> list(versions())
        ['python', 'torch', 'd2lcnn', 'platform']
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "d2lcnn": importlib.metadata.version("d2lcnn"),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def commit() -> str:
    """Name the commit of the checkout that this package is run from, or say that there is none.

    Example:
        >>> commit() != ""
        True
    """
    package = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(package), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
