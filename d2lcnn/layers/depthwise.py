"""The depthwise separable convolution of MobileNet: filter each channel by itself, then mix the channels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from d2lcnn.layers.checks import check_at_least


class DepthwiseSeparableConv(nn.Sequential):
    """A 3×3 convolution within each channel, then a 1×1 convolution across channels, each with norm and ReLU.

    A full 3×3 convolution costs 9·M·N multiply-adds per output pixel (M channels in, N out); this pair costs
    9·M + M·N, that is 1/N + 1/9 of it.

    Args:
        in_channels: Number of channels M that come in.
        out_channels: Number of channels N that go out.
        stride: Stride of the 3×3 convolution.
        norm_layer: Makes the norm after each convolution, called with the channels. The convolutions have no
            bias: a norm's own shift would follow it. None leaves the norms out and gives the convolutions biases.
        activation_layer: Makes the activation after each norm.

    Shape:
        N×in_channels×H×W → N×out_channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If a number of channels or the stride is below 1.

    Source:
        Howard et al. (2017), MobileNets, section 3.1 and figure 3.

    Differs from:
        The code that the authors published, which has ReLU6; the paper's figure has ReLU.

    Example:
        >>> import torch
        >>> block = DepthwiseSeparableConv(32, 64, stride=2)
        >>> block(torch.zeros(2, 32, 14, 14)).shape
        torch.Size([2, 64, 7, 7])
        >>> block.depthwise.weight.numel(), block.pointwise.weight.numel()
        (288, 2048)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        norm_layer: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        check_at_least(1, in_channels=in_channels, out_channels=out_channels, stride=stride)
        bias = norm_layer is None
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        # One group per channel: each output channel sees one input channel.
        layers["depthwise"] = nn.Conv2d(
            in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=bias
        )
        if norm_layer is not None:
            layers["depthwise_norm"] = norm_layer(in_channels)
        layers["depthwise_act"] = activation_layer()
        layers["pointwise"] = nn.Conv2d(in_channels, out_channels, 1, bias=bias)
        if norm_layer is not None:
            layers["pointwise_norm"] = norm_layer(out_channels)
        layers["pointwise_act"] = activation_layer()
        super().__init__(layers)
