"""Images by class, in a folder or a zip file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from d2lcnn.data.download import Arrays
from d2lcnn.data.picture import read_picture
from d2lcnn.data.resize import Size, image_size, resize_images
from d2lcnn.data.subset import choose

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
Parts = tuple[str, ...]


def read_folder(path: Path, resize: Size | None = None, subset: int | None = None) -> Arrays:
    """Read a folder or zip of images by class; `load_data_folder` says how it must be laid out.

    Args:
        path: The folder or zip file. Nothing is ever unpacked to the disk.
        resize: Size in pixels at which larger images, or all where sizes differ, are kept in memory.
        subset: Read only so many training images, in the fixed order of `choose`.

    Raises:
        ValueError: If the layout is wrong or an image cannot be read; it names what is wrong.
        OSError: If the path is missing or cannot be read.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        ...         Path(folder, name).mkdir(parents=True)
        ...         Image.new("RGB", (6, 4)).save(Path(folder, name, "0.png"))
        ...     arrays = read_folder(Path(folder))
        >>> arrays.train_images.shape, arrays.classes
        (torch.Size([2, 3, 4, 6]), ('cat', 'dog'))
    """
    with _contents(path) as (names, read):
        train, test, classes = _layout(path, names)
        if subset is not None:
            train = [train[i] for i in choose(len(train), subset).tolist()]
        images = _stack(
            path, [_decode(path, name, read, resize) for name, _ in train + test], train + test, resize
        )
    labels = torch.tensor([classes.index(label) for _, label in train + test])
    n = len(train)
    return Arrays(images[:n], labels[:n], images[n:], labels[n:], tuple(classes))


@contextmanager
def _contents(path: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """Open a folder or zip: the names in it, those of folders ending with a slash, and a function that reads one."""
    if path.is_dir():
        yield list(_walk(path)), lambda name: (path / name).read_bytes()
        return
    if not path.exists():
        raise FileNotFoundError(f"There is no folder or zip file {path.absolute()}. Correct the path.")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} is neither a folder nor an intact zip file ({error}). Fetch or make it anew."
        ) from error
    with archive:
        names = archive.namelist()
        for name in names:
            if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
                raise ValueError(
                    f"{path} holds {name!r}, a name that points outside; do not trust this file."
                )
        yield names, archive.read


def _walk(root: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise error

    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=refuse):
        base = Path(folder).relative_to(root)
        yield from ((base / name).as_posix() + "/" for name in subfolders)
        yield from ((base / name).as_posix() for name in files)


def _layout(path: Path, names: list[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """Sort names into training images, test images (each with its class) and classes."""
    entries: dict[Parts, str] = {}
    for name in sorted(names):
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if not any(part.startswith((".", "__MACOSX")) for part in parts):
            entries[parts] = name
    pictures = {parts for parts, name in entries.items() if name.lower().endswith(SUFFIXES)}
    tops = {parts[0] for parts in pictures}
    if len(tops) == 1 and not tops & {"train", "test"} and any(len(parts) > 2 for parts in pictures):
        entries = {parts[1:]: name for parts, name in entries.items() if parts[0] in tops and len(parts) > 1}
        tops = {parts[1] for parts in pictures if len(parts) > 1}
    if not pictures:
        raise ValueError(
            f"{path} holds no image; it must hold <class>/<image> with one of {', '.join(SUFFIXES)}."
        )
    if not tops & {"train", "test"}:
        by_class = _classes(path, entries)
        return *_hold_back(path, by_class), list(by_class)
    held = "test" if "test" in tops else "val"
    if not {"train", held} <= tops:
        raise ValueError(
            f"{path} has only one of train/ and test/ (or val/). Add the other, or put the class folders at the top: "
            "then a fifth of the images is set aside for testing (no class may be called train or test)."
        )
    splits = []
    for split in ("train", held):
        inside = {parts[1:]: name for parts, name in entries.items() if parts[0] == split and len(parts) > 1}
        splits.append(_classes(path, inside))
    if list(splits[0]) != list(splits[1]):
        odd = sorted(set(splits[0]) ^ set(splits[1]))
        raise ValueError(
            f"{path}: train/ and {held}/ must have the same classes; only one has {', '.join(odd)}."
        )
    train, test = ([(name, label) for label in split for name in split[label]] for split in splits)
    return train, test, list(splits[0])


def _classes(path: Path, entries: dict[Parts, str]) -> dict[str, list[str]]:
    """Group images by class folder, refusing those without one and folders without images."""
    by_class: dict[str, list[str]] = {}
    for parts, name in entries.items():
        is_picture = name.lower().endswith(SUFFIXES)
        if len(parts) == 1 and is_picture:
            raise ValueError(f"{path}: {name} lies in no class folder. Move it into the folder of its class.")
        if len(parts) > 1 or name.endswith("/"):
            by_class.setdefault(parts[0], [])
            if is_picture:
                by_class[parts[0]].append(name)
    empty = [label for label, images in by_class.items() if not images]
    if empty:
        raise ValueError(
            f"{path}: no image in the folder of {', '.join(empty)}. Add images ({', '.join(SUFFIXES)}) or remove it."
        )
    return dict(sorted(by_class.items()))


def _hold_back(
    path: Path, by_class: dict[str, list[str]]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Set about a fifth of each class aside for testing, always the same."""
    from sklearn.model_selection import train_test_split

    images = [(name, label) for label, names in by_class.items() for name in names]
    labels = [label for _, label in images]
    try:
        train, test = train_test_split(images, test_size=0.2, stratify=labels, random_state=0)
    except ValueError as error:
        raise ValueError(
            f"{path} has too few images to set a fifth of each class aside for testing ({error}). "
            "Add images, or sort them into train/ and test/ yourself."
        ) from error
    without = sorted(set(labels) - {label for _, label in test})
    if without:
        raise ValueError(
            f"{path} has too few images of {', '.join(without)}: a fifth of them is less than one, which leaves none for "
            "testing. Add images, or sort them into train/ and test/ yourself."
        )
    return sorted(train), sorted(test)


def _decode(path: Path, name: str, read: Callable[[str], bytes], resize: Size | None) -> Tensor:
    """Read one image as uint8 C×H×W, upright, grey with one channel and everything else with three."""
    try:
        picture = read_picture(read(name))
    except Exception as error:  # what a folder or a zip file raises on a member that it cannot give
        raise ValueError(f"{path}: cannot read the image {name}: {error}. Mend or remove it.") from error
    if resize is not None and picture[0].numel() > np.prod(image_size(resize)):
        return _resized(picture, resize)
    return picture


def _resized(image: Tensor, size: Size) -> Tensor:
    return resize_images(image.unsqueeze(0), size)[0].round().to(torch.uint8)


def _stack(path: Path, images: list[Tensor], names: list[tuple[str, str]], resize: Size | None) -> Tensor:
    """Bring images to one size and number of channels."""
    first = images[0].shape[1:]
    odd = next((i for i, image in enumerate(images) if image.shape[1:] != first), None)
    if odd is not None:
        if resize is None:
            raise ValueError(
                f"{path}: images differ in size: {names[0][0]} has {tuple(first)} pixels and {names[odd][0]} "
                f"{tuple(images[odd].shape[1:])} (height, width). Give a size for all: resize=64, say."
            )
        images = [_resized(image, resize) for image in images]
    channels = max(len(image) for image in images)
    return torch.stack([image.expand(channels, -1, -1) for image in images])
