"""Resizing of whole batches on their device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from d2lcnn.data.checks import check_count

Size = int | tuple[int, int]


def image_size(size: Size) -> tuple[int, int]:
    """Give the height and width that a size means.

    Args:
        size: A number for a square, or height and width, in pixels.

    Raises:
        ValueError: If it is neither, or not positive.

    Example:
        >>> image_size(96)
        (96, 96)
    """
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"A size is one number of pixels or a pair (height, width); got {size!r}.")
    return check_count("resize, in pixels,", sides[0]), check_count("resize, in pixels,", sides[1])


def resize_images(images: Tensor, size: Size) -> Tensor:
    """Resize a batch by antialiased bilinear interpolation, as torchvision and PIL do.

    Each new pixel is a mean of the old ones around its place, weighted by a triangle that is two old pixels wide,
    or two new ones where the image shrinks; without that widening, fine patterns would turn into false coarse ones.

    Args:
        images: Images in any scale, uint8 or float.
        size: The side of a square, or height and width, in pixels.

    Shape:
        N×C×H×W → N×C×height×width, float32 in the scale of the input.

    Raises:
        ValueError: If the size is not positive or the images are not a batch.

    Differs from:
        torchvision's Resize on PIL images, which rounds to whole grey levels twice (at most one level apart), and
        which keeps the aspect ratio when given one number.

    Example:
        >>> edge = torch.tensor([[[[0, 255]]]], dtype=torch.uint8)
        >>> resize_images(edge, (1, 4))
        tensor([[[[  0.0000,  63.7500, 191.2500, 255.0000]]]])
    """
    size = image_size(size)
    if images.dim() != 4:
        raise ValueError(
            f"resize_images takes a batch N×C×H×W; got shape {tuple(images.shape)}. For one image: image.unsqueeze(0)."
        )
    pixels = images.to(torch.float32)
    if tuple(images.shape[2:]) == size or images.shape[0] == 0:
        return pixels.reshape(*images.shape[:2], *size)
    try:
        resized = F.interpolate(pixels, size=size, mode="bilinear", antialias=True, align_corners=False)
    except NotImplementedError:  # Apple's GPU in older versions of torch
        resized = F.interpolate(pixels.cpu(), size=size, mode="bilinear", antialias=True, align_corners=False)
        resized = resized.to(images.device)
    # A mean cannot leave the range of what it averages, but its rounding can.
    return resized.clamp(pixels.amin(dim=(2, 3), keepdim=True), pixels.amax(dim=(2, 3), keepdim=True))
