"""Group normalization and, with a group for each channel, instance normalization."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_features, check_groups, check_momentum
from d2lcnn.layers.moments import moments, per_channel, scale_and_shift, standardize


class GroupNorm(nn.Module):
    """Group normalization: y = γ·(x − μ)/√(σ² + ε) + β, with μ, σ² of each sample over a group of channels.

    A sample's C channels fall into G groups of C/G neighbours, and each group's (C/G)·H·W values share one mean
    and one variance. G = C is instance normalization; G = 1 normalizes over the whole sample as
    `LayerNorm([C, H, W])` does. γ and β stay one per channel whatever the groups are.

    Args:
        num_groups: Number of groups G; it must divide `num_channels`.
        num_channels: Number of channels C.
        eps: ε, added to the variance.
        affine: Whether γ (`weight`) and β (`bias`) are there.

    Shape:
        N×C×* → N×C×*, with any further dimensions or none.

    Raises:
        ValueError: If the groups do not divide the channels, the input has other channels, or a group holds one
            value only, which would always become 0.

    Source:
        Wu and He (2018), equations 1, 2, 6 and 7; its default is 32 groups.

    Differs from:
        torch's `nn.GroupNorm` in refusing an ε of 0 and groups of one value (torch does so for a batch of one only);
        `state_dict` is interchangeable.

    Example:
        >>> layer = GroupNorm(2, 4)
        >>> y = layer(torch.randn(3, 4, 8, 8))
        >>> groups = y.reshape(3, 2, -1)  # mean and variance are 0 and 1 per group, not per channel
        >>> bool(groups.mean(2).abs().max() < 1e-5), bool(y.mean((2, 3)).abs().max() > 1e-3)
        (True, True)
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        check_groups(num_groups, num_channels)
        check_eps(eps)
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = nn.Parameter(torch.ones(num_channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each group of channels of each sample by its own mean and variance."""
        check_features(x, self.num_channels, layer="GroupNorm", shapes={max(x.dim(), 2): "N×C×*"})
        groups = x.unflatten(1, (self.num_groups, -1))  # N×G×C/G×H×W, a view in any memory format
        if groups[:1, :1].numel() == 1:
            raise ValueError(
                f"GroupNorm needs at least 2 values in a group and got 1 for {self.num_groups} groups of an input of "
                f"shape {tuple(x.shape)}. Take fewer groups."
            )
        mean, var = moments(groups, range(2, groups.dim()))
        y = standardize(groups, mean, var, self.eps).flatten(1, 2)  # N×C×H×W
        return scale_and_shift(y, self.weight, self.bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class InstanceNorm2d(nn.Module):
    """Instance normalization: y = γ·(x − μ)/√(σ² + ε) + β, with μ, σ² of each channel of each sample over H and W.

    What goes is each picture's own brightness and contrast per channel, its style; what stays is the content.

    Args:
        num_features: Number of channels C.
        eps: ε, added to the variance.
        momentum: Weight of the newest batch in the running statistics.
        affine: Whether γ (`weight`) and β (`bias`) are there.
        track_running_stats: Whether averages of the samples' statistics are kept, which then serve in evaluation:
            the layer then no longer normalizes each instance by itself, so this is seldom what one wants.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If an argument is out of range, the input has other dimensions or channels, or its channels
            hold one value each.

    Source:
        Ulyanov, Vedaldi and Lempitsky (2016), Instance Normalization, section 2.

    Differs from:
        torch's `nn.InstanceNorm2d` in refusing a single image without batch dimension, an ε of 0, a momentum outside of
        [0, 1] or of None, which stands for 0 there, and a wrong number of channels even without scale and shift, of
        which torch only warns. Defaults are the same, without scale, shift and running statistics, and `state_dict` is
        interchangeable (`num_batches_tracked` stays 0 in both).

    Example:
        >>> dark = torch.rand(1, 3, 8, 8)
        >>> bright = 0.3 + 2 * dark
        >>> layer = InstanceNorm2d(3)
        >>> torch.allclose(layer(dark), layer(bright), atol=1e-3)
        True
    """

    running_mean: Tensor | None
    running_var: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        check_eps(eps)
        check_momentum(momentum)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        track = track_running_stats
        self.register_buffer("running_mean", torch.zeros(num_features) if track else None)
        self.register_buffer("running_var", torch.ones(num_features) if track else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track else None)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each channel of each sample, by its own statistics or, if asked for, by running ones."""
        check_features(x, self.num_features, layer="InstanceNorm2d", shapes={4: "N×C×H×W"})
        if self.training or self.running_mean is None or self.running_var is None:
            values = x.shape[2] * x.shape[3]
            if values < 2:
                raise ValueError(
                    f"InstanceNorm2d needs at least 2 values in a channel and got {values} in an input of shape "
                    f"{tuple(x.shape)}. Put it before the last pooling, or take another norm there."
                )
            mean, var = moments(x, (2, 3))
            self._update_running_statistics(mean, var * (values / (values - 1)))
        else:
            mean, var = per_channel(self.running_mean, x), per_channel(self.running_var, x)
        return scale_and_shift(standardize(x, mean, var, self.eps), self.weight, self.bias).to(x.dtype)

    @torch.no_grad()
    def _update_running_statistics(self, mean: Tensor, unbiased_var: Tensor) -> None:
        """Move the running statistics, if there are any, towards the average over the batch's samples."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean.mean(dim=(0, 2, 3)))
            self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased_var.mean(dim=(0, 2, 3)))

    def extra_repr(self) -> str:
        """Show the arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )
