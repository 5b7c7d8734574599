"""A thin AlexNet for small pictures, with a switch for each of its ingredients, and its random crops."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def small_alexnet(
    seed: int,
    *,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
    norm_layer: Callable[[int], nn.Module] | None = None,
    pool_size: int = 3,
    groups: int = 2,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Build a thin AlexNet for 11×11 grey pictures: two convolutions with pooling, two hidden dense layers.

    The order of a stage is the paper's: convolution, activation, norm, pooling with stride 2. With equal seeds all
    variants of equal shapes have equal first weights (He's normal ones; biases are 0).

    Args:
        seed: Seed of the first weights.
        activation_layer: Makes the activation after each layer but the last.
        norm_layer: Makes the norm after the activations of both convolutions, called with the channels; None: none.
        pool_size: Side of the pooling windows; they overlap if it is more than 2. The maps are 5×5 and 2×2 with 2 and 3.
        groups: Groups of the second convolution.
        dropout: Probability of dropping a hidden unit of a dense layer in training.

    Shape:
        N×1×11×11 → N×10, in float64.

    Example:
        >>> net = small_alexnet(seed=0)
        >>> net(torch.zeros(2, 1, 11, 11, dtype=torch.float64)).shape
        torch.Size([2, 10])
    """
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for conv in (nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1, groups=groups)):
        norm = nn.Identity() if norm_layer is None else norm_layer(conv.out_channels)
        layers += [conv, activation_layer(), norm, nn.MaxPool2d(pool_size, stride=2)]
    layers.append(nn.Flatten())
    for in_features in (64, 128):
        layers += [nn.Linear(in_features, 128), activation_layer(), nn.Dropout(dropout)]
    net = nn.Sequential(*layers, nn.Linear(128, 10)).double()
    for layer in net:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            layer.bias.data.zero_()  # type: ignore[union-attr]
    return net


def random_crops(images: Tensor, margin: int = 1, *, flip: bool = False) -> Tensor:
    """Cut a window at a random place out of each picture with a margin of zeros around it; perhaps mirror it.

    Each picture has its own place, one of (2·margin + 1)², and is mirrored with probability ½ if `flip` is set.

    Args:
        images: A batch.
        margin: Zeros on each side, in pixels; the most by which a picture moves.
        flip: Whether to mirror left and right at random.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If the input is no batch of images, or the margin is negative.

    Example:
        >>> x = torch.zeros(1, 1, 5, 5)
        >>> x[0, 0, 2, 2] = 1.0
        >>> y, x_ = random_crops(x)[0, 0].nonzero()[0].tolist()
        >>> 1 <= y <= 3, 1 <= x_ <= 3
        (True, True)
    """
    if images.dim() != 4 or margin < 0:
        raise ValueError(
            "Crops are taken from images N×C×H×W with a margin of at least 0, and got a tensor of shape "
            f"{tuple(images.shape)} and a margin of {margin}. For a single image add the batch dimension."
        )
    count, _, height, width = images.shape
    padded = nn.functional.pad(images, (margin,) * 4)
    top, left = torch.randint(2 * margin + 1, (2, count, 1))
    rows, columns = top + torch.arange(height), left + torch.arange(width)
    if flip:
        mirrored = torch.rand(count, 1) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    which = torch.arange(count)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
