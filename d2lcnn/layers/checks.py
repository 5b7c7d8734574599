"""The check that every network makes of its input, so that a wrong one gets a clear error."""

from __future__ import annotations

from torch import Tensor


def check_images(
    images: Tensor, in_channels: int, *, exact_size: int | None = None, min_size: int | None = None
) -> None:
    """Refuse what is not a batch of images with the right channels and size.

    Args:
        images: What a network was given.
        in_channels: The number of channels that it was built for.
        exact_size: The height and width that its dense layers were built for, in pixels.
        min_size: The least height and width of which its strides leave something, in pixels.

    Raises:
        ValueError: If the input has not four dimensions, another number of channels, or a wrong size.

    Example:
        >>> import torch
        >>> check_images(torch.zeros(2, 3, 28, 28), 3, exact_size=28)
    """
    if images.dim() != 4:
        raise ValueError(
            f"A network takes a batch of images, N×C×H×W, and got a tensor of shape {tuple(images.shape)}. "
            "For a single image add the batch dimension: image.unsqueeze(0)."
        )
    if images.shape[1] != in_channels:
        raise ValueError(
            f"This network was built for {in_channels} channel(s) and got {images.shape[1]} in a batch of shape "
            f"{tuple(images.shape)}. Build it with in_channels={images.shape[1]}, or load other images."
        )
    if exact_size is not None and tuple(images.shape[2:]) != (exact_size, exact_size):
        raise ValueError(
            f"This network takes images of {exact_size}×{exact_size} pixels and got a batch of shape "
            f"{tuple(images.shape)}. Load the data with resize={exact_size}."
        )
    if min_size is not None and min(images.shape[2:]) < min_size:
        raise ValueError(
            f"This network takes images of at least {min_size}×{min_size} pixels and got a batch of shape "
            f"{tuple(images.shape)}. Load the data with resize={min_size} or more."
        )
