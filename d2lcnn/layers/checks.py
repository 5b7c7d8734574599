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


def check_at_least(least: int, **values: int) -> None:
    """Refuse arguments that are below the least value that makes sense.

    Args:
        least: The least value allowed.
        **values: The arguments, by name.

    Raises:
        ValueError: If one is smaller.

    Example:
        >>> check_at_least(1, num_groups=4, num_channels=8)
    """
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least} and is {value}. Give a larger {name}.")


def least_side(kernel_size: int | tuple[int, int]) -> int:
    """Give the smaller side of a kernel, which is what has to be at least 1.

    Args:
        kernel_size: Its side in pixels, or (height, width).

    Example:
        >>> least_side(3), least_side((5, 1))
        (3, 1)
    """
    return kernel_size if isinstance(kernel_size, int) else min(kernel_size)


def check_eps(eps: float) -> None:
    """Refuse an ε that cannot keep a division from dividing by zero.

    Args:
        eps: What is added to a variance.

    Raises:
        ValueError: If it is not above 0.

    Example:
        >>> check_eps(1e-5)
    """
    if not eps > 0:
        raise ValueError(
            f"eps must be above 0 and is {eps}: without it a constant feature divides by zero. "
            "The usual value is 1e-5."
        )


def check_momentum(momentum: float | None, *, none_averages: bool = False) -> None:
    """Refuse a momentum that is no weight of an average.

    Args:
        momentum: The weight of the newest batch.
        none_averages: Whether None is one too, and stands for the plain average over all batches.

    Raises:
        ValueError: If it lies outside [0, 1], or is None where that stands for nothing.

    Example:
        >>> check_momentum(0.1)
    """
    if momentum is None and none_averages:
        return
    if momentum is None or not 0 <= momentum <= 1:
        raise ValueError(
            f"momentum must lie in [0, 1] and is {momentum}: it is the weight of the newest batch in the running "
            "average. The usual value is 0.1 (frameworks that weigh the past instead write 0.9)."
        )


def check_probability(p: float) -> None:
    """Refuse a p that is no probability.

    Args:
        p: The probability.

    Raises:
        ValueError: If it lies outside [0, 1].

    Example:
        >>> check_probability(0.5)
    """
    if not 0 <= p <= 1:
        raise ValueError(
            f"p must lie in [0, 1] and is {p}: it is the probability of dropping. Take 0.5, say."
        )


def check_groups(groups: int, channels: int) -> None:
    """Refuse groups that do not share the channels out evenly.

    Args:
        groups: The number of groups.
        channels: The number of channels.

    Raises:
        ValueError: If `groups` does not divide `channels`, or one of them is below 1.

    Example:
        >>> check_groups(4, 12)
    """
    check_at_least(1, groups=groups, channels=channels)
    if channels % groups:
        divisors = [d for d in range(1, channels + 1) if channels % d == 0]
        raise ValueError(
            f"The groups must divide the channels, and {groups} groups do not divide {channels} channels. "
            f"Take one of {divisors}."
        )


def check_features(x: Tensor, num_features: int, *, layer: str, shapes: dict[int, str]) -> None:
    """Refuse an input that has not the dimensions, the channels or the type that a layer was built for.

    Args:
        x: What the layer was given.
        num_features: The number of channels or features that it was built for; dimension 1 of the input.
        layer: The layer's name, for the message.
        shapes: The numbers of dimensions that the layer takes, each with how to write such a shape.

    Raises:
        ValueError: If the input does not fit.

    Example:
        >>> import torch
        >>> check_features(torch.zeros(2, 3), 3, layer="BatchNorm1d", shapes={2: "N×F", 3: "N×C×L"})
    """
    if x.dim() not in shapes:
        remedies = {3: "A single image needs its batch dimension: x.unsqueeze(0)"}
        if layer in ("BatchNorm1d", "BatchNorm2d"):
            remedies |= {2: "For vectors take the 1d layer", 4: "For images take the 2d layer"}
        raise ValueError(
            f"{layer} takes {' or '.join(shapes.values())} and got {x.dim()} dimensions in a tensor of shape "
            f"{tuple(x.shape)}. {remedies.get(x.dim(), 'Reshape the input')}."
        )
    if x.shape[1] != num_features:
        raise ValueError(
            f"{layer} was built for {num_features} channel(s) and got {x.shape[1]} in a tensor of shape "
            f"{tuple(x.shape)}. Build it with {x.shape[1]}, or look at what comes before it."
        )
    check_floating(x, layer=layer)


def check_floating(x: Tensor, *, layer: str) -> None:
    """Refuse whole numbers, in which a normalized value cannot be written.

    Args:
        x: What the layer was given.
        layer: The layer's name, for the message.

    Raises:
        ValueError: If the tensor is not of a floating-point type.

    Example:
        >>> import torch
        >>> check_floating(torch.zeros(2, 3), layer="LayerNorm")
    """
    if not x.is_floating_point():
        raise ValueError(f"{layer} takes floating-point numbers and got {x.dtype}. Convert them: x.float().")
