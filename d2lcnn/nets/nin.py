"""Network in Network: 1×1 convolutions as a small dense network at each pixel, and no dense layers at the end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images


class NiNBlock(NamedTuple):
    """A row of the network's table; each but the last is followed by 3×3 maximum pooling with stride 2.

    Attributes:
        out_channels: Number of channels of all three convolutions.
        kernel_size: Side of the first convolution's kernels.
        strides: Step of the first convolution, in pixels.
        padding: Zeros on each side for the first convolution, in pixels.

    Example:
        >>> BLOCKS[0]
        NiNBlock(out_channels=96, kernel_size=11, strides=4, padding=0)
    """

    out_channels: int
    kernel_size: int
    strides: int
    padding: int


# The paper's figure 2 shows three blocks, for 32×32 images. These are of the network for ImageNet that its authors
# published with their code (Caffe's model zoo); the last block, with a channel for each class, follows.
BLOCKS = (NiNBlock(96, 11, 4, 0), NiNBlock(256, 5, 1, 2), NiNBlock(384, 3, 1, 1))
LAST_CHANNELS = 1024


def nin_block(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    strides: int,
    padding: int,
    *,
    hidden_channels: int | None = None,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Build a NiN block ("mlpconv"): a convolution and two 1×1 convolutions, each with its activation.

    With x the patch under the kernel the block gives f(W₃·f(W₂·f(W₁x + b₁) + b₂) + b₃), the same perceptron at each
    position.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        kernel_size: Side of the first convolution's kernels.
        strides: Step of the first convolution, in pixels.
        padding: Zeros on each side for the first convolution, in pixels.
        hidden_channels: Number of channels in between; by default `out_channels`.
        norm_layer: Makes a norm before each activation, called with the channels; None: no norm.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×out_channels×H'×W' with H' = ⌊(H + 2·padding − kernel_size) / strides⌋ + 1.

    Source:
        Lin, Chen and Yan (2014), section 3.1, equation 2.

    Example:
        >>> import torch
        >>> nin_block(3, 8, kernel_size=3, strides=1, padding=1)(torch.zeros(1, 3, 5, 5)).shape
        torch.Size([1, 8, 5, 5])
    """
    hidden_channels = out_channels if hidden_channels is None else hidden_channels
    layers: list[nn.Module] = []
    for conv in (
        nn.Conv2d(in_channels, hidden_channels, kernel_size, strides, padding),
        nn.Conv2d(hidden_channels, hidden_channels, kernel_size=1),
        nn.Conv2d(hidden_channels, out_channels, kernel_size=1),
    ):
        layers.append(conv)
        if norm_layer is not None:
            layers.append(norm_layer(conv.out_channels))
        layers.append(activation_layer())
    return nn.Sequential(*layers)


class NiN(nn.Sequential):
    """Network in Network: four blocks with pooling between them, the last with one map per class, then their average.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        last_channels: Channels inside the last block; None: as many as classes.
        dropout: Probability with which an input of the last block is dropped in training.
        norm_layer: Makes a norm before each activation, called with the channels; None: no norm.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×num_classes, with H and W at least 67.

    Raises:
        ValueError: If the input has other channels, or is too small.

    Source:
        Lin, Chen and Yan (2014), section 3; the sizes are of the authors' network for ImageNet, which is published
        as code, not in the paper.

    Differs from:
        The authors' network in pooling that drops an incomplete window at the border (Caffe keeps it), and in
        averaging over all positions whatever the size of the images.

    Example:
        >>> import torch
        >>> net = NiN(1, 10, last_channels=None)
        >>> net(torch.zeros(1, 1, 67, 67)).shape
        torch.Size([1, 10])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        last_channels: int | None = LAST_CHANNELS,
        dropout: float = 0.5,
        norm_layer: Callable[[int], nn.Module] | None = None,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for i, row in enumerate(BLOCKS, start=1):
            layers[f"block{i}"] = nin_block(
                channels, *row, norm_layer=norm_layer, activation_layer=activation_layer
            )
            layers[f"pool{i}"] = nn.MaxPool2d(3, stride=2)
            channels = row.out_channels
        layers["dropout"] = nn.Dropout(dropout)
        layers[f"block{len(BLOCKS) + 1}"] = nin_block(
            channels,
            num_classes,
            kernel_size=3,
            strides=1,
            padding=1,
            hidden_channels=last_channels,
            norm_layer=norm_layer,
            activation_layer=activation_layer,
        )
        layers["avgpool"] = nn.AdaptiveAvgPool2d((1, 1))
        layers["flatten"] = nn.Flatten()
        super().__init__(layers)
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=67)
        logits: Tensor = super().forward(input)
        return logits


def nin(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> NiN:
    """Build the authors' network for ImageNet, 7,595,176 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an input of the last block is dropped in training.
        norm_layer: Makes a norm before each activation, called with the channels; None: no norm.
        activation_layer: Makes the activations.

    Example:
        >>> sum(p.numel() for p in nin().parameters())
        7595176
    """
    return NiN(
        in_channels, num_classes, dropout=dropout, norm_layer=norm_layer, activation_layer=activation_layer
    )


def course_nin(in_channels: int = 1, num_classes: int = 10) -> NiN:
    """Build the course's NiN, whose last block is as narrow as there are classes: 1,992,166 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Source:
        Layer for layer the network of Dive into Deep Learning, Chinese second edition, section 7.3.

    Example:
        >>> sum(p.numel() for p in course_nin().parameters())
        1992166
    """
    return NiN(in_channels, num_classes, last_channels=None)
