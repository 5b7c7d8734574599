"""Random changes of a training batch on its device: every picture gets its own, and its label stays true."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from d2lcnn.data.checks import check_count


class RandomCrops:
    """Shift every picture by up to some pixels each way: cut it out, at its own size, of itself with a border of zeros.

    Args:
        padding: Width of the border, and so the greatest shift, in pixels.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If `padding` is no whole number of at least 1, or the input is not a batch.

    Source:
        He and others (2016), section 4.2: four pixels on each side of CIFAR-10's pictures.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> dot = torch.zeros(2, 1, 5, 5)
        >>> dot[:, :, 2, 2] = 1
        >>> RandomCrops(2)(dot).nonzero()[:, 2:].tolist()  # where the dot went, in each picture
        [[0, 1], [0, 4]]
    """

    def __init__(self, padding: int) -> None:
        self.padding = check_count("padding", padding)

    def __call__(self, images: Tensor) -> Tensor:
        """Shift each picture by itself."""
        _check_batch(images, self)
        n, channels, height, width = images.shape
        padded = F.pad(images, (self.padding,) * 4)
        # One gather per direction: index grids of whole pictures would cost eight bytes a pixel and channel.
        shifts = torch.randint(0, 2 * self.padding + 1, (2, n), device=images.device)
        rows = (shifts[0, :, None] + torch.arange(height, device=images.device))[:, None, :, None]
        columns = (shifts[1, :, None] + torch.arange(width, device=images.device))[:, None, None, :]
        tall = padded.gather(2, rows.expand(n, channels, height, padded.shape[3]))
        return tall.gather(3, columns.expand(n, channels, height, width))

    def __repr__(self) -> str:
        return f"RandomCrops(padding={self.padding})"


class RandomFlips:
    """Mirror every picture left to right with probability one half.

    Not for pictures whose meaning a mirror changes, such as digits.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If the input is not a batch.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 4.1.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> RandomFlips()(torch.tensor([[[[1, 2]]], [[[1, 2]]], [[[1, 2]]]])).flatten(1).tolist()
        [[2, 1], [1, 2], [2, 1]]
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Mirror about half of the pictures."""
        _check_batch(images, self)
        chosen = torch.rand(len(images), device=images.device) < 0.5
        return torch.where(chosen[:, None, None, None], images.flip(3), images)

    def __repr__(self) -> str:
        return "RandomFlips()"


def _check_batch(images: Tensor, what: object) -> None:
    if images.dim() != 4:
        raise ValueError(
            f"{what} takes a batch N×C×H×W and got shape {tuple(images.shape)}. For one image: image.unsqueeze(0)."
        )
