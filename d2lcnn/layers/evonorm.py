"""EvoNorm: norm and activation in one layer, found by an evolutionary search over small formulas."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_features, check_groups, check_momentum
from d2lcnn.layers.moments import moments, per_channel, scale_and_shift, widen


class EvoNormB0(nn.Module):
    """EvoNorm-B0: y = γ·x / max(√(σ²_batch + ε), v·x + √(σ²_instance + ε)) + β, a norm that needs no activation.

    σ²_batch is a channel's variance over N, H, W (a running average in evaluation), σ²_instance its variance over
    H, W in one sample; v is learned per channel. The maximum is where the nonlinearity comes from.

    Args:
        num_features: Number of channels C.
        eps: ε, added to the variances.
        momentum: Weight of the newest batch in the running variance.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If an argument is out of range, the input has other dimensions or channels, or a batch in
            training has one value per channel only.

    Source:
        Liu, Brock, Simonyan and Le (2020), Evolving Normalization-Activation Layers, EvoNorm-B0.

    Differs from:
        The paper's listing in the running variance, which here averages unbiased variances like torch's batch norm.

    Example:
        >>> layer = EvoNormB0(3)
        >>> layer(torch.randn(4, 3, 8, 8)).shape, list(layer.state_dict())
        (torch.Size([4, 3, 8, 8]), ['weight', 'bias', 'v', 'running_var'])
    """

    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        check_eps(eps)
        check_momentum(momentum)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.v = nn.Parameter(torch.ones(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Divide by the batch's deviation or by the instance's with v·x added, whichever is larger."""
        check_features(x, self.num_features, layer="EvoNormB0", shapes={4: "N×C×H×W"})
        if self.training:
            values = x.numel() // self.num_features
            if values < 2:
                raise ValueError(
                    f"EvoNormB0 needs at least 2 values per channel to compute a variance and got {values} in a batch "
                    f"of shape {tuple(x.shape)}. Take a larger batch, or EvoNormS0."
                )
            _, batch_var = moments(x, (0, 2, 3))
            with torch.no_grad():
                unbiased_var = batch_var.flatten() * (values / (values - 1))
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased_var)
        else:
            batch_var = widen(per_channel(self.running_var, x))
        _, instance_var = moments(x, (2, 3))
        v_x = per_channel(self.v, x) * widen(x)
        divisor = torch.maximum((batch_var + self.eps).sqrt(), v_x + (instance_var + self.eps).sqrt())
        return scale_and_shift(widen(x) / divisor, self.weight, self.bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class EvoNormS0(nn.Module):
    """EvoNorm-S0: y = γ·x·sigmoid(v·x) / √(σ²_group + ε) + β, a swish over the deviation of a group of channels.

    σ²_group is the variance over the H, W and C/G channels of a group within one sample, as in group norm (the
    mean is not subtracted); v is learned per channel. No other sample is looked at.

    Args:
        num_features: Number of channels C.
        groups: Number of groups G; it must divide C.
        eps: ε, added to the variance.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If an argument is out of range, the groups do not divide the channels, or the input has other
            dimensions or channels.

    Source:
        Liu, Brock, Simonyan and Le (2020), Evolving Normalization-Activation Layers, EvoNorm-S0.

    Example:
        >>> layer = EvoNormS0(64)
        >>> layer(torch.randn(4, 64, 8, 8)).shape, list(layer.state_dict())
        (torch.Size([4, 64, 8, 8]), ['weight', 'bias', 'v'])
    """

    def __init__(self, num_features: int, groups: int = 32, eps: float = 1e-5) -> None:
        super().__init__()
        check_groups(groups, num_features)
        check_eps(eps)
        self.num_features, self.groups, self.eps = num_features, groups, eps
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.v = nn.Parameter(torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the swish and divide by the group's deviation."""
        check_features(x, self.num_features, layer="EvoNormS0", shapes={4: "N×C×H×W"})
        wide = widen(x)
        swish = wide * torch.sigmoid(per_channel(self.v, x) * wide)
        _, var = moments(wide.unflatten(1, (self.groups, -1)), (2, 3, 4))  # N×G×1×1×1
        y = (swish.unflatten(1, (self.groups, -1)) * torch.rsqrt(var + self.eps)).flatten(1, 2)
        return scale_and_shift(y, self.weight, self.bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.num_features}, groups={self.groups}, eps={self.eps}"
