"""Images that live on the device, served in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from d2lcnn.data.checks import check_count
from d2lcnn.data.device import try_gpu
from d2lcnn.data.resize import Size, image_size, resize_images


class Batches:
    """A labelled set of images that is iterated over in batches, like a DataLoader.

    The images lie on the device as bytes, and a batch is picked, resized and scaled there: a pixel costs one byte
    of memory whatever size the network wants, and no other process has to keep up with the GPU.

    Args:
        images: uint8, N×C×H×W; moved to the device once.
        labels: Class numbers from 0, N of them, of any integer type; checked here once.
        batch_size: Images per batch; the last batch has what is left.
        resize: Size of the served images in pixels, a number or (height, width); None leaves them as they are.
        shuffle: Whether each pass goes in a new random order, drawn from torch's global CPU generator, so that
            `torch.manual_seed` fixes it, the same on every device.
        device: Where the images live; None takes `try_gpu()`.
        classes: Names of the classes; None numbers them up to the largest label.
        name: What this is, for records and captions.
        fast: Whether it stands in for a larger set in fast mode; `train_ch6` then caps its epochs.

    Shape:
        Each batch is a pair: float32 N×C×height×width in [0, 1], and int64 N.

    Raises:
        ValueError: If the tensors do not fit each other or the description above, or a number is out of range.

    Example:
        >>> images = torch.zeros(5, 1, 28, 28, dtype=torch.uint8)
        >>> batches = Batches(images, torch.tensor([0, 1, 2, 0, 1]), 2, resize=32, device="cpu", name="five")
        >>> batches
        Batches(five: 5 images, 1×28×28 → 1×32×32, 3 classes, in batches of 2, on cpu, 0.0 MB)
        >>> [tuple(X.shape) for X, y in batches]
        [(2, 1, 32, 32), (2, 1, 32, 32), (1, 1, 32, 32)]
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        *,
        resize: Size | None = None,
        shuffle: bool = False,
        device: torch.device | str | None = None,
        classes: Sequence[str] | None = None,
        name: str = "",
        fast: bool = False,
    ) -> None:
        self.batch_size = check_count("batch_size", batch_size)
        _check_tensors(images, labels)
        labels = labels.to(torch.int64)  # unsigned types know no maximum
        if resize is not None:
            image_size(resize)
        top = int(labels.max())
        self.classes = tuple(classes) if classes is not None else tuple(str(i) for i in range(top + 1))
        self.num_classes = len(self.classes)
        if int(labels.min()) < 0 or top >= self.num_classes:
            raise ValueError(
                f"Labels must be class numbers from 0 to {self.num_classes - 1}; "
                f"these lie between {int(labels.min())} and {top}."
            )
        self.device = try_gpu() if device is None else torch.device(device)
        self.images = images.to(self.device).contiguous()
        self.labels = labels.to(self.device)
        self.num_examples = len(images)
        self.resize = resize
        self.shuffle = shuffle
        self.name = name
        self.fast = fast

    def __len__(self) -> int:
        return -(-self.num_examples // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = self._order()
        for start, stop in self._ranges():
            if start == stop:  # a process's part of a batch that has fewer images than there are processes
                continue
            chosen: slice | Tensor = slice(start, stop) if order is None else order[start:stop]
            images = self.images[chosen]
            pixels = images.to(torch.float32) if self.resize is None else resize_images(images, self.resize)
            # The copy keeps a caller who changes the labels of a batch in place from changing the data set.
            labels = self.labels[chosen].clone() if order is None else self.labels[chosen]
            yield pixels.div_(255), labels

    def _order(self) -> Tensor | None:
        """Draw the order of a pass; None leaves the images as they lie."""
        return torch.randperm(self.num_examples).to(self.device) if self.shuffle else None

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Give where each batch begins and ends in the order of the pass."""
        for start in range(0, self.num_examples, self.batch_size):
            yield start, min(start + self.batch_size, self.num_examples)

    def batch_sizes(self) -> list[int]:
        """Give the number of images in each batch of a pass."""
        sizes = [self.batch_size] * len(self)
        sizes[-1] = self.num_examples - self.batch_size * (len(self) - 1)
        return sizes

    def __repr__(self) -> str:
        before = tuple(self.images.shape[1:])
        after = before if self.resize is None else (before[0], *image_size(self.resize))
        sizes = " → ".join(dict.fromkeys("×".join(map(str, shape)) for shape in (before, after)))
        return (
            f"Batches({self.name or 'unnamed'}: {self.num_examples:,} images, {sizes}, {self.num_classes} classes, "
            f"in batches of {self.batch_size}, on {self.device}, {self.images.nbytes / 1e6:.1f} MB)"
        )

    def hold_out(self, n: int, seed: int = 0) -> tuple[Batches, Batches]:
        """Set some images aside for validation.

        Args:
            n: How many, fewer than there are.
            seed: Fixes which; torch's global generator is not touched.

        Returns:
            The rest, served as before, and the held-out images, never shuffled.

        Raises:
            ValueError: If `n` is out of range.

        Example:
            >>> images = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)
            >>> rest, held = Batches(images, torch.arange(5), 2, device="cpu").hold_out(2)
            >>> rest.num_examples, held.num_examples
            (3, 2)
        """
        n = check_count("The number of images to hold out", n, at_most=self.num_examples - 1)
        order = torch.randperm(self.num_examples, generator=torch.Generator().manual_seed(seed)).to(
            self.device
        )
        rest = self._part(order[n:], f"{self.name} without {n:,} held out (seed {seed})", self.shuffle)
        return rest, self._part(order[:n], f"{self.name}, {n:,} held out (seed {seed})", False)

    def _part(self, chosen: Tensor, name: str, shuffle: bool) -> Batches:
        return Batches(
            self.images[chosen],
            self.labels[chosen],
            self.batch_size,
            resize=self.resize,
            shuffle=shuffle,
            device=self.device,
            classes=self.classes,
            name=name.strip(", "),
            fast=self.fast,
        )


def _check_tensors(images: Tensor, labels: Tensor) -> None:
    """Refuse images that are not bytes in N×C×H×W and labels that are not one whole number for each."""
    if not all(isinstance(tensor, Tensor) for tensor in (images, labels)):
        raise ValueError(
            f"Images and labels must be torch tensors; got {type(images).__name__} and {type(labels).__name__}. "
            "For NumPy arrays: torch.from_numpy(array)."
        )
    if images.dtype != torch.uint8 or images.dim() != 4 or images.numel() == 0:
        raise ValueError(
            f"Images must be a non-empty uint8 tensor N×C×H×W with values from 0 to 255; got {images.dtype} of shape "
            f"{tuple(images.shape)}. For floats in [0, 1]: (images * 255).round().to(torch.uint8)."
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise ValueError(
            f"Labels must be whole class numbers; got {labels.dtype}. Convert them: labels.to(torch.int64)."
        )
    if tuple(labels.shape) != (len(images),):
        raise ValueError(
            f"There must be one label per image, in one dimension; got {len(images)} images and labels of shape "
            f"{tuple(labels.shape)}."
        )
