"""MobileNetV2: inverted residuals, which are thin outside and wide within, with linear bottlenecks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_images

# Table 2: expansion t, channels c, number n of blocks, stride s of the first of them.
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM_CHANNELS = 32
LAST_CHANNELS = 1280


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of the divisor, which suits the hardware, without losing more than a tenth.

    Args:
        channels: What the width multiplier makes of a number of channels.
        divisor: The result is a multiple of it, and at least it.

    Raises:
        ValueError: If the number is not above 0.

    Source:
        The code that the authors of MobileNetV2 published; the paper does not say it.

    Example:
        >>> round_channels(24 * 0.75), round_channels(24 * 0.5), round_channels(0.2 * 16)
        (24, 16, 8)
    """
    if channels <= 0:
        raise ValueError(
            f"A layer needs channels, and the width multiplier leaves {channels}. Take one above 0."
        )
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def conv_norm_act(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    *,
    groups: int = 1,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] | None = nn.ReLU6,
) -> nn.Sequential:
    """Build a convolution without bias that keeps the size (up to its stride), a norm, and an activation.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        kernel_size: Side of the square kernels, odd.
        stride: Step of the kernels, in pixels.
        groups: Groups of channels that see only themselves.
        norm_layer: Makes the norm, called with the channels.
        activation_layer: Makes the activation; None leaves it out.

    Example:
        >>> [type(layer).__name__ for layer in conv_norm_act(3, 8, 3)]
        ['Conv2d', 'BatchNorm2d', 'ReLU6']
    """
    padding = (kernel_size - 1) // 2
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
    layers = nn.Sequential(conv, norm_layer(out_channels))
    return layers if activation_layer is None else layers.append(activation_layer())


class InvertedResidual(nn.Module):
    """Inverted residual: 1×1 to t times the channels, 3×3 depthwise, 1×1 back without activation; plus the input.

    The input is added where the shape allows it. The last convolution is linear, as ReLU in few dimensions
    would lose information.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        stride: Stride of the depthwise convolution.
        expansion: Factor t from `in_channels` to the channels within; with 1 there is no first convolution, as
            in the authors' code.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the first two activations.

    Shape:
        N×in_channels×H×W → N×out_channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If the stride or the expansion is below 1.

    Source:
        Sandler et al. (2018), section 3.3 and Table 1.

    Example:
        >>> import torch
        >>> InvertedResidual(24, 24)(torch.zeros(1, 24, 8, 8)).shape
        torch.Size([1, 24, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        expansion: int = 6,
        *,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU6,
    ) -> None:
        super().__init__()
        check_at_least(1, stride=stride, expansion=expansion)
        width = expansion * in_channels
        self.conv = nn.Sequential()
        if expansion != 1:
            self.conv.append(
                conv_norm_act(in_channels, width, 1, norm_layer=norm_layer, activation_layer=activation_layer)
            )
        self.conv.append(
            conv_norm_act(
                width,
                width,
                3,
                stride,
                groups=width,
                norm_layer=norm_layer,
                activation_layer=activation_layer,
            )
        )
        # The linear bottleneck of section 3.2: no activation follows.
        self.conv.append(nn.Conv2d(width, out_channels, 1, bias=False))
        self.conv.append(norm_layer(out_channels))
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Widen, filter, narrow, and add."""
        y: Tensor = self.conv(x)
        return x + y if self.adds_input else y


class MobileNetV2(nn.Sequential):
    """MobileNetV2: a full convolution, seventeen inverted residuals, a 1×1 convolution, pooling, a dense layer.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        width_mult: Factor on the channels, rounded to multiples of 8; the last convolution only grows.
        dropout: Probability with which an input of the dense layer is dropped in training.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×num_classes.

    Raises:
        ValueError: If the input is not a batch of images with `in_channels` channels.

    Source:
        Sandler et al. (2018), Table 2 and section 4.

    Differs from:
        The paper: a dropout before the last layer, which is dense instead of a 1×1 convolution on one pixel.
        torchvision: its tensors, under its names in its order; no activation works in place.

    Example:
        >>> import torch
        >>> MobileNetV2(num_classes=10, width_mult=0.5)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        width_mult: float = 1.0,
        dropout: float = 0.2,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU6,
    ) -> None:
        channels = round_channels(STEM_CHANNELS * width_mult)
        last_channels = round_channels(LAST_CHANNELS * max(1.0, width_mult))
        features = nn.Sequential(
            conv_norm_act(
                in_channels, channels, 3, stride=2, norm_layer=norm_layer, activation_layer=activation_layer
            )
        )
        for expansion, full_width, number, stride in BLOCKS:
            out_channels = round_channels(full_width * width_mult)
            for i in range(number):
                features.append(
                    InvertedResidual(
                        channels,
                        out_channels,
                        stride if i == 0 else 1,
                        expansion,
                        norm_layer=norm_layer,
                        activation_layer=activation_layer,
                    )
                )
                channels = out_channels
        features.append(
            conv_norm_act(
                channels, last_channels, 1, norm_layer=norm_layer, activation_layer=activation_layer
            )
        )  # N×1280×H/32×W/32
        super().__init__(
            OrderedDict(
                features=features,
                avgpool=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                classifier=nn.Sequential(nn.Dropout(dropout), nn.Linear(last_channels, num_classes)),
            )
        )
        self.in_channels = in_channels

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=1)
        logits: Tensor = super().forward(input)
        return logits


def mobilenet_v2(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    width_mult: float = 1.0,
    dropout: float = 0.2,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU6,
) -> MobileNetV2:
    """Build MobileNetV2, 3,504,872 parameters at full width.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        width_mult: Factor on the channels.
        dropout: Probability with which an input of the dense layer is dropped in training.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Source:
        Sandler et al. (2018), Table 2.

    Example:
        >>> sum(p.numel() for p in mobilenet_v2().parameters())
        3504872
    """
    return MobileNetV2(
        in_channels,
        num_classes,
        width_mult=width_mult,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )
