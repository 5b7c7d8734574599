"""Where data sets lie, and how a missing one is fetched without ever harming what is there."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

STALL_SECONDS = 60  # without a byte from the server, after which a download has failed


class Arrays(NamedTuple):
    """A data set in memory: images uint8 N×C×H×W, labels of any integer type.

    Example:
        >>> Arrays._fields
        ('train_images', 'train_labels', 'test_images', 'test_labels', 'classes')
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """A published data set that torchvision knows how to fetch.

    Args:
        title: Its name in prose.
        torchvision_name: Its class in `torchvision.datasets`.
        folder: Where its files lie below the data root, in torchvision's layout.
        files: Their names; a file also counts as there when it lies there as `.gz`.
        read: Reads it from a data root, with all checks.

    Example:
        >>> from d2lcnn.data.loaders import FASHION_MNIST
        >>> FASHION_MNIST.folder
        'FashionMNIST/raw'
    """

    title: str
    torchvision_name: str
    folder: str
    files: tuple[str, ...]
    read: Callable[[Path], Arrays]

    def missing(self, root: Path) -> list[str]:
        """List the files that do not lie below a data root."""
        folder = root / self.folder
        return [n for n in self.files if not (folder / n).exists() and not (folder / f"{n}.gz").exists()]

    def torchvision_class(self) -> Any:
        """Give torchvision's class, imported only now because it takes a second."""
        import torchvision

        return getattr(torchvision.datasets, self.torchvision_name)


def data_root() -> Path:
    """Give the folder of the data sets: what D2LCNN_DATA names, or else `data` in the current folder.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", D2LCNN_DATA="/srv/data"):
        ...     data_root().as_posix()
        '/srv/data'
    """
    return Path(os.environ.get("D2LCNN_DATA") or "data").expanduser()


def obtain(published: Published, root: Path) -> Arrays:
    """Read a data set, after downloading what of it is missing.

    A download goes to a temporary folder in the root, is checked there, and only then moved file by file to its
    place. A lock lets one process do it while others wait. Files that are there already are never touched.

    Args:
        published: What to read.
        root: The data root; made if need be.

    Raises:
        FileNotFoundError: If it is not there and could not be fetched; it says why and what to do.
        ValueError: If a file that lies there is damaged.
        OSError: If a file that lies there cannot be read.

    Example:
        >>> from d2lcnn.data.loaders import MNIST
        >>> obtain(MNIST, data_root()).train_images.shape  # doctest: +SKIP
        torch.Size([60000, 1, 28, 28])
    """
    if published.missing(root):
        try:
            _fetch(published, root)
        # What a full disk, a dead network, torchvision's checksum test and ours raise, in this order.
        except (OSError, http.client.HTTPException, RuntimeError, ValueError) as error:
            raise FileNotFoundError(_explain(published, root, error)) from error
    return published.read(root)


def _fetch(published: Published, root: Path) -> None:
    from filelock import FileLock

    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{published.torchvision_name}.lock"):
        missing = published.missing(root)  # another process may have brought them while this one waited
        if not missing:
            return
        with _scratch_folder(root / f".{published.torchvision_name}.download") as scratch:
            with _network_timeout():
                published.torchvision_class()(root=scratch, download=True)
            published.read(scratch)
            (root / published.folder).mkdir(parents=True, exist_ok=True)
            for name in missing:
                os.replace(scratch / published.folder / name, root / published.folder / name)


@contextmanager
def _scratch_folder(path: Path) -> Iterator[Path]:
    """Make an empty folder that is gone afterwards; one that a killed process left behind goes first."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Make new connections give up on a silent server; torchvision itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _explain(published: Published, root: Path, error: Exception) -> str:
    folder = (root / published.folder).absolute()
    source = published.torchvision_class()
    if hasattr(source, "mirrors"):
        by_hand = f"get {', '.join(name for name, _ in source.resources)} from {' or '.join(source.mirrors)} and put them"
    else:
        by_hand = f"get {source.url} and unpack it so that its files lie"
    return (
        f"{published.title} is not there and could not be downloaded.\n"
        f"Looked in {folder} for: {', '.join(published.missing(root)) or 'its files'}.\n"
        f"Tried torchvision's download, which failed: {type(error).__name__}: {error}\n"
        "What helps:\n"
        f"- by hand: {by_hand} in {folder};\n"
        "- set D2LCNN_DATA to a folder that has the data set, or that may be written to;\n"
        "- set D2LCNN_FAST=1 to work with scikit-learn's small digits, which need no download."
    )
