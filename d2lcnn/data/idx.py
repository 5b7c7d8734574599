"""The IDX files of MNIST and Fashion-MNIST, read with checks."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

SPLITS = {"train": "train", "test": "t10k"}
IDX_FILES = tuple(
    f"{part}-{what}-ubyte" for part in SPLITS.values() for what in ("images-idx3", "labels-idx1")
)

# SHA-256 of the uncompressed files, as published; computing it takes about 50 ms for the largest.
MNIST_SHA256 = dict(
    zip(
        IDX_FILES,
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    )
)
FASHION_MNIST_SHA256 = dict(
    zip(
        IDX_FILES,
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    )
)


def read_idx_pair(folder: Path, split: str, sha256: Mapping[str, str]) -> tuple[Tensor, Tensor]:
    """Read the images and labels of one part of a data set that is laid out like MNIST.

    Args:
        folder: Where the files lie, as they are or as `.gz`.
        split: "train" or "test".
        sha256: Checksums of uncompressed files by name; a file without one is checked in form only.

    Shape:
        → uint8 N×1×H×W and uint8 N.

    Raises:
        ValueError: If a file is damaged or the two do not belong together; it names the file.
        OSError: If a file is missing or cannot be read; it says which.

    Example:
        >>> read_idx_pair(Path("nowhere"), "test", {})
        Traceback (most recent call last):
            ...
        FileNotFoundError: [Errno 2] No such file or directory: 'nowhere/t10k-images-idx3-ubyte'
    """
    paths = [folder / f"{SPLITS[split]}-{what}-ubyte" for what in ("images-idx3", "labels-idx1")]
    images = read_idx(paths[0], dimensions=3, sha256=sha256.get(paths[0].name))
    labels = read_idx(paths[1], dimensions=1, sha256=sha256.get(paths[1].name))
    if len(images) != len(labels):
        raise ValueError(
            f"{paths[0]} has {len(images)} images and {paths[1].name} {len(labels)} labels. {_MEND}"
        )
    return images.unsqueeze(1), labels


def read_idx(path: Path, *, dimensions: int, sha256: str | None = None) -> Tensor:
    """Read one IDX file of bytes.

    Args:
        path: The file; where only `<path>.gz` is there, that is read.
        dimensions: How many dimensions the array must have.
        sha256: Checksum that the uncompressed content must have.

    Raises:
        ValueError: If the content is damaged; it names the file and the damage.
        OSError: If the file is missing or cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "labels")
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
        ...     read_idx(path, dimensions=1)
        tensor([7, 8, 9], dtype=torch.uint8)
    """
    compressed = path.with_name(path.name + ".gz")
    if compressed.exists() and not path.exists():
        path = compressed
    content = _read(path)
    header = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]):
        raise ValueError(
            f"{path} does not begin like an IDX file of bytes in {dimensions} dimension(s): it has "
            f"{content[:4].hex(' ') or 'nothing'} for {bytes([0, 0, 8, dimensions]).hex(' ')}. {_MEND}"
        )
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4)]
    if len(content) != header + math.prod(shape):
        raise ValueError(
            f"{path} is truncated or too long: its header promises {header + math.prod(shape):,} bytes (shape {shape}) "
            f"and it has {len(content):,}. {_MEND}"
        )
    if math.prod(shape) == 0:
        raise ValueError(f"{path} is empty: its header gives the shape {shape}. {_MEND}")
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path} is damaged: its SHA-256 is not that of the published file. {_MEND}")
    return torch.frombuffer(content, dtype=torch.uint8, offset=header).reshape(shape)


_MEND = "Delete that file and load again to download it anew, or put a good copy in its place."


def _read(path: Path) -> bytearray:
    try:
        content = path.read_bytes()
        return bytearray(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be unpacked ({error}). {_MEND}") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise type(error)(
            error.errno,
            f"{error.strerror}; it must be a file that you may read. Mend that, or delete it",
            str(path),
        ) from error
