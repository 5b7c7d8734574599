"""The plain convolutional net of chapter 3, with a norm of choice. It circulates as a "NormResNet"; it is no ResNet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images

# Channels and stride of each 3×3 convolution.
CONVS = ((64, 1), (128, 2), (256, 2), (512, 2))
GROUPS = 4


def one_group_norm(channels: int) -> nn.GroupNorm:
    """Build what is called layer norm for images: group norm over all of a sample's channels and pixels.

    Args:
        channels: Number of channels.

    Source:
        Wu and He (2018), section 3.1: with one group, group norm is layer norm.

    Differs from:
        `nn.LayerNorm([C, H, W])` in its weight and bias: one of each per channel, not per channel and pixel, so
        that images of any size fit.

    Example:
        >>> one_group_norm(8).num_groups
        1
    """
    return nn.GroupNorm(1, channels)


def four_group_norm(channels: int) -> nn.GroupNorm:
    """Build group norm over four groups of channels.

    Args:
        channels: Number of channels, a multiple of 4.

    Source:
        Wu and He (2018), who take 32 groups; four are the course's.

    Example:
        >>> four_group_norm(8).num_groups
        4
    """
    return nn.GroupNorm(GROUPS, channels)


class NormChoice(NamedTuple):
    """One of the norms that the plain net is built with.

    Args:
        title: Its name in captions.
        layer: Makes the norm, called with the channels.

    Example:
        >>> NORMS["gn"].title
        'group norm in 4 groups'
    """

    title: str
    layer: Callable[[int], nn.Module]


NORMS: dict[str, NormChoice] = {
    "bn": NormChoice("batch norm", nn.BatchNorm2d),
    "ln": NormChoice("layer norm (one group)", one_group_norm),
    "in": NormChoice(
        "instance norm", nn.InstanceNorm2d
    ),  # as torch has it by default, without weight and bias
    "gn": NormChoice(f"group norm in {GROUPS} groups", four_group_norm),
}


class PlainNormNet(nn.Sequential):
    """Four 3×3 convolutions, each with a norm and ReLU, then global average pooling and one dense layer.

    It has no residual connection: nothing is added to anything.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        norm_layer: Makes the norm after each convolution, called with the channels. The convolutions have no
            bias.
        activation_layer: Makes the activation after each norm.

    Shape:
        N×in_channels×H×W → N×num_classes.

    Raises:
        ValueError: If the input is not a batch of images with `in_channels` channels.

    Source:
        A net by which blogs compare norms on CIFAR-10.

    Example:
        >>> import torch
        >>> PlainNormNet()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 10,
        *,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for i, (out_channels, stride) in enumerate(CONVS, start=1):
            layers[f"conv{i}"] = nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=False)
            layers[f"norm{i}"] = norm_layer(out_channels)
            layers[f"act{i}"] = activation_layer()
            channels = out_channels
        layers["avgpool"] = nn.AdaptiveAvgPool2d(1)  # from N×512×H/8×W/8
        layers["flatten"] = nn.Flatten()
        layers["output"] = nn.Linear(channels, num_classes)
        super().__init__(layers)
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=1)
        logits: Tensor = super().forward(input)
        return logits


def plain_norm_net(norm: str = "bn", in_channels: int = 3, num_classes: int = 10) -> PlainNormNet:
    """Build chapter 3's plain net with batch, "layer", instance or group norm.

    1,557,066 parameters, and 1,555,146 with instance norm, which has none.

    Args:
        norm: "bn", "ln" (group norm with one group), "in" or "gn" (four groups).
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Raises:
        ValueError: If there is no such norm.

    Example:
        >>> sum(p.numel() for p in plain_norm_net("gn").parameters())
        1557066
    """
    if norm not in NORMS:
        raise ValueError(f"There is no norm {norm!r} here. Choose one of {', '.join(NORMS)}.")
    return PlainNormNet(in_channels, num_classes, norm_layer=NORMS[norm].layer)


class CenteredImages(nn.Module):
    """Move images from [0, 1] to [−1, 1]: y = (x − 0.5) / 0.5.

    Shape:
        Any → the same.

    Example:
        >>> import torch
        >>> CenteredImages()(torch.tensor([0.0, 0.5, 1.0]))
        tensor([-1.,  0.,  1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Centre and scale."""
        return (input - 0.5) / 0.5


def course_norm_net(norm: str = "bn") -> nn.Sequential:
    """Build the plain net behind the scaling of its images, as the course's recipes train it.

    Args:
        norm: "bn", "ln", "in" or "gn", as in `plain_norm_net`.

    Raises:
        ValueError: If there is no such norm.

    Example:
        >>> [name for name, _ in course_norm_net("gn").named_children()]
        ['scaling', 'net']
    """
    return nn.Sequential(OrderedDict(scaling=CenteredImages(), net=plain_norm_net(norm)))
