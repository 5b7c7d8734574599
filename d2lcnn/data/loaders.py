"""The course's data sets, each as a pair of training and test batches."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import torch

from d2lcnn.data.batches import Batches
from d2lcnn.data.checks import check_count
from d2lcnn.data.digits import NUMERALS, read_digits
from d2lcnn.data.download import Arrays, Published, data_root, obtain
from d2lcnn.data.fast import FAST_BATCH_SIZE, fast_counts, fast_mode
from d2lcnn.data.folder import read_folder
from d2lcnn.data.idx import FASHION_MNIST_SHA256, IDX_FILES, MNIST_SHA256, read_idx_pair
from d2lcnn.data.resize import Size, image_size
from d2lcnn.data.subset import choose

Device = torch.device | str | None

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def load_data_fashion_mnist(
    batch_size: int, resize: Size | None = None, *, device: Device = None, subset: int | None = None
) -> tuple[Batches, Batches]:
    """Load Fashion-MNIST: 60,000 training and 10,000 test images of clothes, grey, 28×28, in ten classes.

    It is read from `FashionMNIST/raw` in the data root (`D2LCNN_DATA`, or else `./data`), checked byte for byte,
    and downloaded if it is not there. In fast mode (`D2LCNN_FAST=1`) handwritten digits stand in for it.

    Args:
        batch_size: Images per batch.
        resize: Size of the served images in pixels, a number or (height, width); None leaves 28×28.
        device: Where the images live; None takes `try_gpu()`.
        subset: Take only so many training images, at random but always the same; the test set stays whole.

    Returns:
        Training batches, shuffled anew in each pass, and test batches.

    Shape:
        Batches of float32 N×1×28×28 in [0, 1] and int64 N.

    Raises:
        ValueError: If a number is out of range or a file is damaged.
        FileNotFoundError: If the data set is not there and cannot be downloaded; it says what to do.

    Source:
        Xiao, Rasul and Vollgraf (2017), Fashion-MNIST.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", D2LCNN_FAST="1"):  # without this line: the clothes
        ...     train_iter, test_iter = load_data_fashion_mnist(batch_size=256, resize=96, device="cpu")
        >>> next(iter(train_iter))[0].shape
        torch.Size([32, 1, 96, 96])
    """
    return _load(FASHION_MNIST, batch_size, resize, device, subset, size=28, channels=1)


def load_data_mnist(
    batch_size: int, resize: Size | None = None, *, device: Device = None, subset: int | None = None
) -> tuple[Batches, Batches]:
    """Load MNIST: 60,000 training and 10,000 test images of handwritten digits, grey, 28×28.

    It comes from `MNIST/raw` in the data root; otherwise everything is as with `load_data_fashion_mnist`.

    Args:
        batch_size: Images per batch.
        resize: Size of the served images in pixels, a number or (height, width); None leaves 28×28.
        device: Where the images live; None takes `try_gpu()`.
        subset: Take only so many training images, at random but always the same; the test set stays whole.

    Returns:
        Training batches, shuffled anew in each pass, and test batches.

    Shape:
        Batches of float32 N×1×28×28 in [0, 1] and int64 N.

    Raises:
        ValueError: If a number is out of range or a file is damaged.
        FileNotFoundError: If the data set is not there and cannot be downloaded; it says what to do.

    Source:
        LeCun, Bottou, Bengio and Haffner (1998), section III.A.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", D2LCNN_FAST="1"):  # without this line: all of MNIST
        ...     train_iter, test_iter = load_data_mnist(256, device="cpu")
        >>> train_iter
        Batches(UCI digits (fast mode): 1,437 images, 1×28×28, 10 classes, in batches of 32, on cpu, 1.1 MB)
    """
    return _load(MNIST, batch_size, resize, device, subset, size=28, channels=1)


def load_data_cifar10(
    batch_size: int, resize: Size | None = None, *, device: Device = None, subset: int | None = None
) -> tuple[Batches, Batches]:
    """Load CIFAR-10: 50,000 training and 10,000 test photographs, colour, 32×32, in ten classes.

    It is read from `cifar-10-batches-py` in the data root; where that is not complete, from a folder or zip of
    images by class whose name begins with `cifar10` (not `cifar100`), and the batches' name then says so; else it is
    downloaded. In fast mode (`D2LCNN_FAST=1`) handwritten digits stand in for it, with their grey in all three channels.

    Args:
        batch_size: Images per batch.
        resize: Size of the served images in pixels, a number or (height, width); None leaves 32×32.
        device: Where the images live; None takes `try_gpu()`.
        subset: Take only so many training images, at random but always the same; the test set stays whole.

    Returns:
        Training batches, shuffled anew in each pass, and test batches.

    Shape:
        Batches of float32 N×3×32×32 in [0, 1] and int64 N.

    Raises:
        ValueError: If a number is out of range or a file is damaged.
        FileNotFoundError: If the data set is not there and cannot be downloaded; it says what to do.

    Source:
        Krizhevsky (2009), Learning multiple layers of features from tiny images.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", D2LCNN_FAST="1"):  # without this line: the photographs
        ...     train_iter, test_iter = load_data_cifar10(256, device="cpu")
        >>> next(iter(test_iter))[0].shape
        torch.Size([32, 3, 32, 32])
    """
    root = data_root()
    images = None if fast_mode() else cifar10_images(root)
    if images is not None:
        return _load_cifar10_images(images, batch_size, resize, device, subset)
    return _load(CIFAR10, batch_size, resize, device, subset, size=32, channels=3)


def load_data_digits(
    batch_size: int, resize: Size | None = None, *, device: Device = None
) -> tuple[Batches, Batches]:
    """Load the UCI digits that come with scikit-learn: 1,437 training and 360 test images, grey, 8×8.

    They need no download, and fast mode leaves this loader as it is.

    Args:
        batch_size: Images per batch.
        resize: Size of the served images in pixels, a number or (height, width); None leaves 8×8.
        device: Where the images live; None takes `try_gpu()`.

    Returns:
        Training batches, shuffled anew in each pass, and test batches, in a fixed stratified split.

    Shape:
        Batches of float32 N×1×8×8 in [0, 1] and int64 N.

    Raises:
        ValueError: If a number is out of range.

    Source:
        Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits.

    Example:
        >>> train_iter, test_iter = load_data_digits(128, device="cpu")
        >>> test_iter
        Batches(UCI digits: 360 images, 1×8×8, 10 classes, in batches of 128, on cpu, 0.0 MB)
    """
    return _serve(read_digits(), "UCI digits", batch_size, resize, device)


def load_data_folder(
    path: str | Path,
    batch_size: int,
    resize: Size | None = None,
    *,
    device: Device = None,
    subset: int | None = None,
) -> tuple[Batches, Batches]:
    """Load your own images from a folder or zip file in which each class has a folder.

    Laid out as `train/<class>/<image>` and `test/<class>/<image>` (or `val/` for want of `test/`), or only as
    `<class>/<image>`: then about a fifth of each class is set aside for testing, always the same. All may lie in one
    folder more, as in most zip files. Grey images have one channel; if any image is in colour, all have three.
    Photographs are turned upright as the camera noted.

    Args:
        path: The folder or zip file; nothing is unpacked to the disk.
        batch_size: Images per batch.
        resize: Size of the served images in pixels, a number or (height, width), whatever their aspect ratio;
            needed where the images differ in size. Larger images are kept in memory at this size.
        device: Where the images live; None takes `try_gpu()`.
        subset: Read only so many training images, at random but always the same; the test set stays whole.

    Returns:
        Training batches, shuffled anew in each pass, and test batches; classes are in alphabetical order.

    Raises:
        ValueError: If the layout is wrong, an image is broken, or a number is out of range; it names the culprit.
        OSError: If the path is missing or cannot be read.

    Differs from:
        torchvision's ImageFolder, which ignores how the camera was held and decodes images in every epoch.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for label in ("circle", "square"):
        ...         Path(folder, label).mkdir()
        ...         for i in range(5):
        ...             Image.new("L", (28, 28)).save(Path(folder, label, f"{i}.png"))
        ...     train_iter, test_iter = load_data_folder(folder, 4, device="cpu")
        >>> train_iter.num_examples, test_iter.num_examples, train_iter.classes
        (8, 2, ('circle', 'square'))
    """
    _check(batch_size, resize, subset)
    path = Path(path).expanduser()
    arrays = read_folder(path, resize, subset)
    return _serve(arrays, path.absolute().name, batch_size, resize, device, subset)


def _load(
    published: Published,
    batch_size: int,
    resize: Size | None,
    device: Device,
    subset: int | None,
    *,
    size: int,
    channels: int,
) -> tuple[Batches, Batches]:
    """Load a published data set, or in fast mode the digits in its shape."""
    _check(batch_size, resize, subset)
    if fast_mode():
        digits = read_digits(size, channels)
        train, test = fast_counts(
            *image_size(resize or size), len(digits.train_images), len(digits.test_images)
        )
        train = train if subset is None else min(train, subset)
        arrays = Arrays(
            digits.train_images[:train],
            digits.train_labels[:train],
            digits.test_images[:test],
            digits.test_labels[:test],
            digits.classes,
        )
        name = "UCI digits (fast mode)"
        return _serve(arrays, name, min(batch_size, FAST_BATCH_SIZE), resize, device, fast=True)
    arrays = obtain(published, data_root())
    if subset is not None:
        chosen = choose(len(arrays.train_images), subset)
        arrays = arrays._replace(
            train_images=arrays.train_images[chosen], train_labels=arrays.train_labels[chosen]
        )
    return _serve(arrays, published.title, batch_size, resize, device, subset)


def _check(batch_size: int, resize: Size | None, subset: int | None) -> None:
    """Refuse bad numbers before anything is downloaded or read."""
    check_count("batch_size", batch_size)
    if resize is not None:
        image_size(resize)
    if subset is not None:
        check_count("subset", subset)


def _serve(
    arrays: Arrays,
    name: str,
    batch_size: int,
    resize: Size | None,
    device: Device,
    subset: int | None = None,
    *,
    fast: bool = False,
) -> tuple[Batches, Batches]:
    make = functools.partial(
        Batches, batch_size=batch_size, resize=resize, device=device, classes=arrays.classes, fast=fast
    )
    train_name = (
        name if subset is None else f"{name} (subset of {subset:,})"
    )  # a record must not claim the whole
    return (
        make(arrays.train_images, arrays.train_labels, shuffle=True, name=train_name),
        make(arrays.test_images, arrays.test_labels, name=name),
    )


def _read_idx_set(root: Path, folder: str, sha256: Mapping[str, str], classes: tuple[str, ...]) -> Arrays:
    train, test = (read_idx_pair(root / folder, split, sha256) for split in ("train", "test"))
    return Arrays(*train, *test, classes)


def _read_cifar10(root: Path) -> Arrays:
    """Read CIFAR-10 as torchvision does, which checks the MD5 sum of each file first."""
    from torchvision.datasets import CIFAR10 as Reader
    from torchvision.datasets.utils import check_integrity

    try:
        train, test = Reader(root, train=True), Reader(root, train=False)
    except RuntimeError as error:
        folder = root / Reader.base_folder
        sums = [*Reader.train_list, *Reader.test_list, (Reader.meta["filename"], Reader.meta["md5"])]
        bad = ", ".join(name for name, md5 in sums if not check_integrity(folder / name, md5))
        raise ValueError(
            f"CIFAR-10 in {folder} is damaged: {bad} differs from what was published. Delete that and load again to "
            "download it anew, or put a good copy in its place."
        ) from error
    images = [torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous() for part in (train, test)]
    return Arrays(
        images[0], torch.tensor(train.targets), images[1], torch.tensor(test.targets), tuple(train.classes)
    )


def cifar10_images(root: Path) -> Path | None:
    """Find the folder or zip of images by class that is CIFAR-10 where the published files are not complete.

    Args:
        root: The data root.

    Example:
        >>> cifar10_images(Path("nowhere")) is None
        True
    """
    if CIFAR10.missing(root):
        for path in sorted(root.glob("cifar10*")):
            other = path.name[len("cifar10") :][:1].isdigit()  # such as CIFAR-100
            if not other and (path.is_dir() or path.suffix.lower() == ".zip"):
                return path
    return None


def read_cifar10_images(path: Path, subset: int | None = None) -> Arrays:
    """Read CIFAR-10 from a folder or zip of images by class.

    Args:
        path: The folder or zip file.
        subset: Read only so many training images.

    Raises:
        ValueError: If an image is broken or this is not CIFAR-10.

    Example:
        >>> read_cifar10_images(Path("nowhere.zip"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        FileNotFoundError: There is no folder or zip file ...nowhere.zip. Correct the path.
    """
    arrays = read_folder(path, subset=subset)
    if tuple(arrays.train_images.shape[1:]) != (3, 32, 32) or len(arrays.classes) != 10:
        raise ValueError(
            f"{path} is named like CIFAR-10 but holds images of shape {tuple(arrays.train_images.shape[1:])} in "
            f"{len(arrays.classes)} classes, not (3, 32, 32) in 10. Rename it, and load it with load_data_folder."
        )
    return arrays


def _load_cifar10_images(
    path: Path, batch_size: int, resize: Size | None, device: Device, subset: int | None
) -> tuple[Batches, Batches]:
    _check(batch_size, resize, subset)
    arrays = read_cifar10_images(path, subset)
    return _serve(arrays, f"CIFAR-10 (images in {path.name})", batch_size, resize, device, subset)


FASHION_MNIST = Published(
    "Fashion-MNIST",
    "FashionMNIST",
    "FashionMNIST/raw",
    IDX_FILES,
    lambda root: _read_idx_set(root, "FashionMNIST/raw", FASHION_MNIST_SHA256, FASHION_CLASSES),
)
MNIST = Published(
    "MNIST",
    "MNIST",
    "MNIST/raw",
    IDX_FILES,
    lambda root: _read_idx_set(root, "MNIST/raw", MNIST_SHA256, NUMERALS),
)
CIFAR10 = Published(
    "CIFAR-10",
    "CIFAR10",
    "cifar-10-batches-py",
    ("batches.meta", *(f"data_batch_{i}" for i in range(1, 6)), "test_batch"),
    _read_cifar10,
)
