"""Weight standardization: each filter's weights get mean 0 and deviation 1 before they are used."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_groups, least_side
from d2lcnn.layers.moments import widen


class WSConv2d(nn.Conv2d):
    """Convolution with weight standardization: ŵ = (w − μ)/(σ + ε), with μ, σ over all weights of an output channel.

    The gradient flows through μ and σ. Made to be followed by group norm, with small batches.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        kernel_size: Side of the kernel in pixels, or (height, width).
        stride: Step in pixels.
        padding: Zeros added at each side, in pixels.
        groups: Number of groups of channels that are convolved apart; it must divide both numbers of channels.
        bias: Whether a bias is added.
        eps: ε, added to the deviation.

    Shape:
        N×in_channels×H×W → N×out_channels×H'×W', as of `nn.Conv2d`.

    Raises:
        ValueError: If an argument is out of range, or an output channel has one weight only, which has no deviation.

    Source:
        Qiao, Wang, Liu, Shen and Yuille (2019), and their published code, which decides what the paper
        leaves open: σ is the unbiased deviation (divided by m − 1), and ε stands outside the root.

    Differs from:
        timm's `StdConv2d`, which takes the biased variance with ε inside the root, √(σ² + ε). For negligible ε
        its weights are ours times √(m/(m − 1)), m weights per channel. `state_dict` is that of `nn.Conv2d`.

    Example:
        >>> layer = WSConv2d(3, 8, 3)
        >>> weight = layer.standardized_weight()
        >>> bool(weight.mean((1, 2, 3)).abs().max() < 1e-6), bool((weight.std((1, 2, 3)) - 1).abs().max() < 1e-3)
        (True, True)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = True,
        *,
        eps: float = 1e-5,
    ) -> None:
        check_at_least(1, stride=stride, kernel_size=least_side(kernel_size))
        check_at_least(0, padding=padding)
        check_groups(groups, in_channels)
        check_groups(groups, out_channels)
        check_eps(eps)
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)
        self.eps = eps
        if self.weight[0].numel() < 2:
            raise ValueError(
                f"Weight standardization needs at least 2 weights per output channel and got {self.weight[0].numel()}. "
                "Take a larger kernel or fewer groups, or a plain convolution."
            )

    def standardized_weight(self) -> Tensor:
        """Give the weight in use, ŵ."""
        weight = widen(self.weight)
        centred = weight - weight.mean(dim=(1, 2, 3), keepdim=True)
        length: Tensor = torch.linalg.vector_norm(centred, dim=(1, 2, 3), keepdim=True)
        deviation = length / math.sqrt(weight[0].numel() - 1)
        return (centred / (deviation + self.eps)).to(self.weight.dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve with the standardized weight."""
        return nn.functional.conv2d(
            input, self.standardized_weight(), self.bias, self.stride, self.padding, groups=self.groups
        )
