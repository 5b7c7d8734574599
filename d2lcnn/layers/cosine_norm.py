"""Cosine normalization: the angle between weights and input in place of their dot product."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_features, check_floating
from d2lcnn.layers.moments import widen


def _cosine(x: Tensor, weight: Tensor, centered: bool, eps: float) -> Tensor:
    """Give the cosine between each row of x (…×F) and each row of weight (O×F): …×O."""
    rows = []
    for row in (widen(x), widen(weight)):
        if centered:
            row = row - row.mean(dim=-1, keepdim=True)
        length = torch.linalg.vector_norm(row, dim=-1, keepdim=True)
        rows.append(row / length.clamp_min(eps))
    return nn.functional.linear(*rows).to(x.dtype)


class CosineLinear(nn.Module):
    """Linear layer with cosine normalization: y = w·x/(‖w‖·‖x‖) for each output, always between −1 and 1.

    Scaling the weights, a neuron's weights, the data or one sample changes nothing. Only directions are left: how
    long x was is lost, and a softmax over numbers in [−1, 1] cannot be sure of anything, so that a layer of this
    kind wants a plain one, or a scale, behind it.

    Args:
        in_features: Number of features that come in.
        out_features: Number of features that go out.
        centered: Whether the mean of w and that of x are subtracted first, which makes y their correlation.
        eps: Least length that is divided by, for vectors of zeros.

    Shape:
        …×in_features → …×out_features.

    Raises:
        ValueError: If an argument is out of range, or the input has other features.

    Source:
        Luo, Zhan, Xue, Wang, Ren and Yang (2018; preprint 2017), section 2, where it has neither bias nor scale.

    Example:
        >>> layer = CosineLinear(2, 1)
        >>> with torch.no_grad():
        ...     _ = layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
        >>> layer(torch.tensor([[6.0, 8.0], [-0.3, -0.4], [4.0, -3.0]])).detach().flatten().round(decimals=4)
        tensor([ 1., -1.,  0.])
    """

    def __init__(
        self, in_features: int, out_features: int, *, centered: bool = False, eps: float = 1e-8
    ) -> None:
        super().__init__()
        check_at_least(1, in_features=in_features, out_features=out_features)
        check_eps(eps)
        self.in_features, self.out_features, self.centered, self.eps = (
            in_features,
            out_features,
            centered,
            eps,
        )
        self.weight = nn.Parameter(nn.Linear(in_features, out_features, bias=False).weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Compute the cosine of each sample with each output's weights."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(
                f"CosineLinear was built for {self.in_features} feature(s) and got a tensor of shape {tuple(x.shape)}. "
                "Give it one with that many in its last dimension."
            )
        check_floating(x, layer="CosineLinear")
        return _cosine(x, self.weight, self.centered, self.eps)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.in_features}, {self.out_features}, centered={self.centered}, eps={self.eps}"


class CosineConv2d(nn.Module):
    """Convolution with cosine normalization: the cosine between a filter and each patch of the picture under it.

    It is `CosineLinear` on patches, and written so: the patches are laid out first (kernel_size² times the memory).

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        kernel_size: Side of the kernel in pixels.
        stride: Step in pixels.
        padding: Zeros added at each side, in pixels.
        centered: Whether the mean of the filter and that of the patch are subtracted first.
        eps: Least length that is divided by, for patches of zeros.

    Shape:
        N×in_channels×H×W → N×out_channels×H'×W', as of `nn.Conv2d`.

    Raises:
        ValueError: If an argument is out of range, or the input has other dimensions or channels, or is smaller
            than the kernel.

    Source:
        Luo, Zhan, Xue, Wang, Ren and Yang (2018; preprint 2017), section 2.

    Example:
        >>> layer = CosineConv2d(3, 8, 3, padding=1)
        >>> y = layer(100 * torch.randn(2, 3, 5, 5))
        >>> y.shape, bool(y.abs().max() <= 1)
        (torch.Size([2, 8, 5, 5]), True)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        centered: bool = False,
        eps: float = 1e-8,
    ) -> None:
        super().__init__()
        check_at_least(
            1, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size, stride=stride
        )
        check_at_least(0, padding=padding)
        check_eps(eps)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.centered, self.eps = stride, padding, centered, eps
        self.weight = nn.Parameter(
            nn.Conv2d(in_channels, out_channels, kernel_size, bias=False).weight.detach()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the cosine of each patch with each filter."""
        check_features(x, self.in_channels, layer="CosineConv2d", shapes={4: "N×C×H×W"})
        height, width = (
            (side + 2 * self.padding - self.kernel_size) // self.stride + 1 for side in x.shape[2:]
        )
        if min(height, width) < 1:
            raise ValueError(
                f"CosineConv2d takes images of at least {self.kernel_size - 2 * self.padding} pixels a side and got a "
                f"batch of shape {tuple(x.shape)}. Give larger images, or more padding."
            )
        patches = nn.functional.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)
        cosine = _cosine(patches.transpose(1, 2), self.weight.flatten(1), self.centered, self.eps)
        return cosine.transpose(1, 2).reshape(len(x), self.out_channels, height, width)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return (
            f"{self.in_channels}, {self.out_channels}, {self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, centered={self.centered}, eps={self.eps}"
        )
