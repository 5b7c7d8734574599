"""Filter response normalization and the thresholded linear unit that belongs to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_features
from d2lcnn.layers.moments import per_channel, scale_and_shift, widen


class FilterResponseNorm2d(nn.Module):
    """Filter response normalization: y = γ·x/√(ν² + ε) + β, with ν² the mean of x² over one channel of one sample.

    No mean is subtracted and no other sample is looked at. Without the mean the output is not centred on 0, and
    a ReLU would put its corner in the wrong place: `ThresholdedLinearUnit` follows, which learns the place.

    Args:
        num_features: Number of channels C.
        eps: ε, added to the mean square.
        learn_eps: Whether ε is eps plus the absolute value of a learned number (`eps_extra`), 1e-4 at the
            start; the paper does so where channels have one value each, as in 1×1 maps, whose sign is all that
            is left otherwise.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If an argument is out of range, or the input has other dimensions or channels.

    Source:
        Singh and Krishnan (2020), section 3.

    Example:
        >>> layer = FilterResponseNorm2d(1)
        >>> layer(torch.tensor([[[[1.0, 7.0]]]])).detach().round(decimals=2)  # ν² = 25
        tensor([[[[0.2000, 1.4000]]]])
    """

    def __init__(self, num_features: int, eps: float = 1e-6, learn_eps: bool = False) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        check_eps(eps)
        self.num_features, self.eps, self.learn_eps = num_features, eps, learn_eps
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.eps_extra = nn.Parameter(torch.tensor(1e-4)) if learn_eps else None

    def forward(self, x: Tensor) -> Tensor:
        """Divide each channel of each sample by its root mean square."""
        check_features(x, self.num_features, layer="FilterResponseNorm2d", shapes={4: "N×C×H×W"})
        mean_square = widen(x).square().mean(dim=(2, 3), keepdim=True)
        eps = self.eps if self.eps_extra is None else self.eps + self.eps_extra.abs()
        return scale_and_shift(widen(x) * torch.rsqrt(mean_square + eps), self.weight, self.bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.num_features}, eps={self.eps}, learn_eps={self.learn_eps}"


class ThresholdedLinearUnit(nn.Module):
    """The activation after filter response normalization, z = max(y, τ), with a learned threshold τ per channel.

    It is a ReLU moved along the diagonal, max(y, τ) = ReLU(y − τ) + τ, and the ReLU itself where τ = 0, as at
    the start.

    Args:
        num_features: Number of channels C.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If the number of channels is below 1, or the input has other dimensions or channels.

    Source:
        Singh and Krishnan (2020), section 3.

    Example:
        >>> layer = ThresholdedLinearUnit(1)
        >>> _ = nn.init.constant_(layer.threshold, -1.0)
        >>> layer(torch.tensor([[[[-2.0, -0.5, 3.0]]]])).detach()
        tensor([[[[-1.0000, -0.5000,  3.0000]]]])
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        self.num_features = num_features
        self.threshold = nn.Parameter(torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Take the larger of each value and its channel's threshold."""
        check_features(x, self.num_features, layer="ThresholdedLinearUnit", shapes={4: "N×C×H×W"})
        return torch.maximum(x, per_channel(self.threshold, x).to(x.dtype))

    def extra_repr(self) -> str:
        """Show the arguments."""
        return str(self.num_features)
