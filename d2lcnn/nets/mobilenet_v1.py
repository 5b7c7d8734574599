"""MobileNetV1: depthwise separable convolutions, made thinner by a width multiplier."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images
from d2lcnn.layers.depthwise import DepthwiseSeparableConv

# Table 1: channels of the first, full convolution (stride 2); then channels and stride of each depthwise
# separable one. The table gives the last a stride of 2, but the sizes beside it say 1.
STEM_CHANNELS = 32
BLOCKS = (
    (64, 1),
    (128, 2), (128, 1),
    (256, 2), (256, 1),
    (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip


class MobileNetV1(nn.Sequential):
    """MobileNetV1: one full convolution, thirteen depthwise separable ones, global average pooling, a dense layer.

    Its 28 layers are 1 + 2·13 convolutions and the dense layer: each depthwise and each 1×1 convolution counts.

    Args:
        num_classes: Number of outputs. It comes first here, as `MobileNetV1(10)` is the course's net.
        in_channels: Number of channels of the images.
        width_mult: Factor on every layer's channels, the paper's α; the dense layer's inputs shrink with them.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations: ReLU in the paper, `nn.ReLU6` in the authors' code.

    Shape:
        N×in_channels×H×W → N×num_classes. Smaller images are the paper's resolution multiplier ρ.

    Raises:
        ValueError: If the width multiplier leaves a layer without channels, or if the input is not a batch of
            images with `in_channels` channels.

    Source:
        Howard et al. (2017), Table 1 and sections 3.2 to 3.4.

    Example:
        >>> import torch
        >>> MobileNetV1()(torch.zeros(2, 1, 96, 96)).shape
        torch.Size([2, 10])
        >>> sum(p.numel() for p in MobileNetV1().parameters())
        3216650
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        *,
        width_mult: float = 1.0,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        channels = int(STEM_CHANNELS * width_mult)
        if channels < 1:
            raise ValueError(
                f"The first layer would have {STEM_CHANNELS}·width_mult < 1 channels with width_mult={width_mult}. "
                f"Take at least {1 / STEM_CHANNELS}; the paper's are 1, 0.75, 0.5 and 0.25."
            )
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv"] = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False)
        layers["conv_norm"] = norm_layer(channels)
        layers["conv_act"] = activation_layer()
        for i, (full_width, stride) in enumerate(BLOCKS, start=1):
            out_channels = int(full_width * width_mult)
            layers[f"separable{i}"] = DepthwiseSeparableConv(
                channels, out_channels, stride, norm_layer=norm_layer, activation_layer=activation_layer
            )
            channels = out_channels
        layers["avgpool"] = nn.AdaptiveAvgPool2d(1)  # from H/32×W/32
        layers["flatten"] = nn.Flatten()
        layers["output"] = nn.Linear(channels, num_classes)
        super().__init__(layers)
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=1)
        logits: Tensor = super().forward(input)
        return logits


def mobilenet_v1(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    width_mult: float = 1.0,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> MobileNetV1:
    """Build the paper's MobileNetV1, 4,231,976 parameters at full width.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        width_mult: Factor on every layer's channels, the paper's α: 1, 0.75, 0.5 or 0.25 there.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations: ReLU in the paper, `nn.ReLU6` in the authors' code.

    Raises:
        ValueError: If the width multiplier leaves a layer without channels.

    Source:
        Howard et al. (2017), Tables 1, 6 and 7.

    Example:
        >>> [sum(p.numel() for p in mobilenet_v1(width_mult=a).parameters()) for a in (0.5, 0.25)]
        [1331592, 470072]
    """
    return MobileNetV1(
        num_classes,
        in_channels,
        width_mult=width_mult,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )
