"""Squeeze-and-excitation: look at the whole picture, then turn each channel up or down."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_features


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation: y = x · gate(W₂·act(W₁·mean(x))), one gate per channel of each sample.

    The mean over H and W squeezes a picture into one number per channel; two dense layers, the first one narrow,
    turn these into gates between 0 and 1.

    Args:
        in_channels: Number of channels C.
        squeeze_channels: Number of features between the two dense layers: C/16 in the paper, C/4 (rounded to a
            multiple of 8) in MobileNetV3.
        activation_layer: Makes the activation between them.
        gate_layer: Makes the gate: `nn.Sigmoid` in the paper, `HardSigmoid` in MobileNetV3.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If a number of channels is below 1, or the input has other dimensions or channels.

    Source:
        Hu, Shen and Sun (2018), section 3; Howard et al. (2019), section 5.3, for MobileNetV3's form.

    Differs from:
        torchvision's `ops.SqueezeExcitation` in the arguments' names only; `state_dict` is interchangeable. The dense
        layers are 1×1 convolutions, which spares two reshapes.

    Example:
        >>> import torch
        >>> layer = SqueezeExcitation(64, 16)
        >>> layer(torch.randn(2, 64, 7, 7)).shape
        torch.Size([2, 64, 7, 7])
        >>> sum(p.numel() for p in layer.parameters()) == (64 * 16 + 16) + (16 * 64 + 64)
        True
    """

    def __init__(
        self,
        in_channels: int,
        squeeze_channels: int,
        *,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
        gate_layer: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        check_at_least(1, in_channels=in_channels, squeeze_channels=squeeze_channels)
        self.in_channels = in_channels
        self.fc1 = nn.Conv2d(in_channels, squeeze_channels, 1)
        self.activation = activation_layer()
        self.fc2 = nn.Conv2d(squeeze_channels, in_channels, 1)
        self.gate = gate_layer()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply each channel by its gate."""
        check_features(x, self.in_channels, layer="SqueezeExcitation", shapes={4: "N×C×H×W"})
        squeezed = x.mean(dim=(2, 3), keepdim=True)  # N×C×1×1
        gates: Tensor = self.gate(self.fc2(self.activation(self.fc1(squeezed))))
        return x * gates
