"""MobileNetV3, small and large: found by search, with hard swish and squeeze-and-excitation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_images
from d2lcnn.layers.squeeze_excitation import SqueezeExcitation
from d2lcnn.nets.mobilenet_v2 import conv_norm_act, round_channels


class MobileNetV3Row(NamedTuple):
    """One row of the paper's tables 1 and 2.

    Args:
        kernel_size: Side of the depthwise convolution's kernels.
        expanded: Number of channels within the block.
        out_channels: Number of channels that go out.
        squeeze: Whether squeeze-and-excitation follows the depthwise convolution.
        activation: "RE" for ReLU, "HS" for hard swish.
        stride: Stride of the depthwise convolution.

    Example:
        >>> LARGE[0].expanded, LARGE[-1].out_channels
        (16, 160)
    """

    kernel_size: int
    expanded: int
    out_channels: int
    squeeze: bool
    activation: str
    stride: int


Row = MobileNetV3Row
# Table 1.
LARGE = (
    Row(3, 16, 16, False, "RE", 1),
    Row(3, 64, 24, False, "RE", 2),
    Row(3, 72, 24, False, "RE", 1),
    Row(5, 72, 40, True, "RE", 2),
    Row(5, 120, 40, True, "RE", 1),
    Row(5, 120, 40, True, "RE", 1),
    Row(3, 240, 80, False, "HS", 2),
    Row(3, 200, 80, False, "HS", 1),
    Row(3, 184, 80, False, "HS", 1),
    Row(3, 184, 80, False, "HS", 1),
    Row(3, 480, 112, True, "HS", 1),
    Row(3, 672, 112, True, "HS", 1),
    Row(5, 672, 160, True, "HS", 2),
    Row(5, 960, 160, True, "HS", 1),
    Row(5, 960, 160, True, "HS", 1),
)
# Table 2.
SMALL = (
    Row(3, 16, 16, True, "RE", 2),
    Row(3, 72, 24, False, "RE", 2),
    Row(3, 88, 24, False, "RE", 1),
    Row(5, 96, 40, True, "HS", 2),
    Row(5, 240, 40, True, "HS", 1),
    Row(5, 240, 40, True, "HS", 1),
    Row(5, 120, 48, True, "HS", 1),
    Row(5, 144, 48, True, "HS", 1),
    Row(5, 288, 96, True, "HS", 2),
    Row(5, 576, 96, True, "HS", 1),
    Row(5, 576, 96, True, "HS", 1),
)
# The rows, and the features of the dense layer before the last.
VARIANTS = {"large": (LARGE, 1280), "small": (SMALL, 1024)}
STEM_CHANNELS = 16


def mobilenet_v3_norm(channels: int) -> nn.BatchNorm2d:
    """Build MobileNetV3's batch norm: ε = 0.001, and running statistics that move by 0.01.

    Args:
        channels: Number of channels.

    Source:
        Howard et al. (2019), section 6.1.1, for the moving average (a decay of 0.99, which is a momentum of 0.01
        here); ε is that of the authors' code.

    Example:
        >>> norm = mobilenet_v3_norm(16)
        >>> norm.eps, norm.momentum
        (0.001, 0.01)
    """
    return nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)


class MobileNetV3Block(nn.Module):
    """Inverted residual with squeeze-and-excitation: 1×1 wider, k×k depthwise, gates, 1×1 narrower; plus the input.

    Args:
        in_channels: Number of channels that come in.
        expanded: Number of channels within; if it is `in_channels`, there is no first convolution.
        out_channels: Number of channels that go out.
        kernel_size: Side k of the depthwise convolution's kernels.
        stride: Stride of the depthwise convolution.
        squeeze: Whether to have squeeze-and-excitation, through a quarter of the expanded channels.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the first two activations; the last convolution has none.

    Shape:
        N×in_channels×H×W → N×out_channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If the stride is below 1.

    Source:
        Howard et al. (2019), figure 4 and sections 5.2 and 5.3.

    Example:
        >>> import torch
        >>> MobileNetV3Block(40, 120, 40, kernel_size=5, squeeze=True)(torch.zeros(1, 40, 8, 8)).shape
        torch.Size([1, 40, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        expanded: int,
        out_channels: int,
        *,
        kernel_size: int = 3,
        stride: int = 1,
        squeeze: bool = False,
        norm_layer: Callable[[int], nn.Module] = mobilenet_v3_norm,
        activation_layer: Callable[[], nn.Module] = nn.Hardswish,
    ) -> None:
        super().__init__()
        check_at_least(1, stride=stride)
        conv = partial(conv_norm_act, norm_layer=norm_layer)
        self.block = nn.Sequential()
        if expanded != in_channels:
            self.block.append(conv(in_channels, expanded, 1, activation_layer=activation_layer))
        self.block.append(
            conv(expanded, expanded, kernel_size, stride, groups=expanded, activation_layer=activation_layer)
        )
        if squeeze:
            self.block.append(
                SqueezeExcitation(expanded, round_channels(expanded // 4), gate_layer=nn.Hardsigmoid)
            )
        self.block.append(conv(expanded, out_channels, 1, activation_layer=None))
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Widen, filter, weigh, narrow, and add."""
        y: Tensor = self.block(x)
        return x + y if self.adds_input else y


class MobileNetV3(nn.Sequential):
    """MobileNetV3: a full convolution, the table's blocks, a 1×1 convolution, pooling and two dense layers.

    Args:
        variant: "large" or "small".
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        width_mult: Factor on all channels, rounded to multiples of 8.
        dropout: Probability with which an input of the last dense layer is dropped in training.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations where the table says "HS", and those at both ends. The default is
            torch's, faster than `HardSwish` and equal to it.

    Shape:
        N×in_channels×H×W → N×num_classes.

    Raises:
        ValueError: If there is no such variant, or if the input is not a batch of images with `in_channels`
            channels.

    Source:
        Howard et al. (2019), Tables 1 and 2.

    Differs from:
        The paper's Table 2, which has squeeze-and-excitation after the last 1×1 convolution too; neither the
        authors' code nor torchvision has it. torchvision: its tensors, under its names in its order; no
        activation works in place.

    Example:
        >>> import torch
        >>> MobileNetV3("small", num_classes=10)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        variant: str = "large",
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        width_mult: float = 1.0,
        dropout: float = 0.2,
        norm_layer: Callable[[int], nn.Module] = mobilenet_v3_norm,
        activation_layer: Callable[[], nn.Module] = nn.Hardswish,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"MobileNetV3 has no variant {variant!r}. Choose one of {', '.join(VARIANTS)}.")
        rows, last_features = VARIANTS[variant]
        last_features = round_channels(last_features * width_mult)
        conv = partial(conv_norm_act, norm_layer=norm_layer, activation_layer=activation_layer)

        channels = round_channels(STEM_CHANNELS * width_mult)
        features = nn.Sequential(conv(in_channels, channels, 3, stride=2))
        for row in rows:
            out_channels = round_channels(row.out_channels * width_mult)
            features.append(
                MobileNetV3Block(
                    channels,
                    round_channels(row.expanded * width_mult),
                    out_channels,
                    kernel_size=row.kernel_size,
                    stride=row.stride,
                    squeeze=row.squeeze,
                    norm_layer=norm_layer,
                    activation_layer=nn.ReLU if row.activation == "RE" else activation_layer,
                )
            )
            channels = out_channels
        features.append(conv(channels, 6 * channels, 1))  # large: N×960×H/32×W/32
        super().__init__(
            OrderedDict(
                features=features,
                avgpool=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                classifier=nn.Sequential(
                    nn.Linear(6 * channels, last_features),
                    activation_layer(),
                    nn.Dropout(dropout),
                    nn.Linear(last_features, num_classes),
                ),
            )
        )
        self.in_channels = in_channels

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=1)
        logits: Tensor = super().forward(input)
        return logits


def mobilenet_v3_large(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    width_mult: float = 1.0,
    dropout: float = 0.2,
    norm_layer: Callable[[int], nn.Module] = mobilenet_v3_norm,
    activation_layer: Callable[[], nn.Module] = nn.Hardswish,
) -> MobileNetV3:
    """Build MobileNetV3-Large, 5,483,032 parameters at full width.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        width_mult: Factor on all channels.
        dropout: Probability with which an input of the last dense layer is dropped in training.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations where the table says "HS", and those at both ends.

    Source:
        Howard et al. (2019), Table 1.

    Example:
        >>> sum(p.numel() for p in mobilenet_v3_large().parameters())
        5483032
    """
    return MobileNetV3(
        "large",
        in_channels,
        num_classes,
        width_mult=width_mult,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def mobilenet_v3_small(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    width_mult: float = 1.0,
    dropout: float = 0.2,
    norm_layer: Callable[[int], nn.Module] = mobilenet_v3_norm,
    activation_layer: Callable[[], nn.Module] = nn.Hardswish,
) -> MobileNetV3:
    """Build MobileNetV3-Small, 2,542,856 parameters at full width.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        width_mult: Factor on all channels.
        dropout: Probability with which an input of the last dense layer is dropped in training.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations where the table says "HS", and those at both ends.

    Source:
        Howard et al. (2019), Table 2.

    Example:
        >>> sum(p.numel() for p in mobilenet_v3_small().parameters())
        2542856
    """
    return MobileNetV3(
        "small",
        in_channels,
        num_classes,
        width_mult=width_mult,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )
