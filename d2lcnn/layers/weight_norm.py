"""Weight normalization: length and direction of each neuron's weights, learned apart; and its companion norms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_features, check_groups, check_momentum, least_side
from d2lcnn.layers.moments import moments, per_channel, scale_and_shift, widen


class _WeightNorm(nn.Module, ABC):
    """What the linear and the convolutional layer share: the weight w = g·v/‖v‖ and how it starts."""

    channel: int  # the outputs' dimension of channels

    def __init__(self, plain: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        self.bias = plain.bias
        self.weight_g = nn.Parameter(_lengths(plain.weight.detach()))
        self.weight_v = nn.Parameter(plain.weight.detach().clone())

    @property
    def weight(self) -> Tensor:
        """The weight in use, w = g·v/‖v‖, with one length per output."""
        return (self.weight_g * self.direction).to(self.weight_v.dtype)

    @property
    def direction(self) -> Tensor:
        """The weight's direction, v/‖v‖, of length 1 per output."""
        return widen(self.weight_v) / _lengths(self.weight_v)

    @abstractmethod
    def compute(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Compute the outputs with a given weight and bias."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute the weight and apply it."""
        return self.compute(x, self.weight, self.bias)

    @torch.no_grad()
    def initialize_from_data(self, x: Tensor) -> None:
        """Choose g and the bias so that this batch's outputs have mean 0 and variance 1 per output channel."""
        if self.bias is None:
            raise ValueError(
                "Initializing from data sets the bias and got a layer without one. Build it with bias=True."
            )
        t = self.compute(widen(x), self.direction, None)
        channel = self.channel % t.dim()
        mean, var = moments(t, [dim for dim in range(t.dim()) if dim != channel])
        mean, deviation = mean.flatten(), var.flatten().sqrt()
        # Outputs that are equal but for rounding deviate by a few units in their last place.
        varies = deviation > 100 * torch.finfo(t.dtype).eps * mean.abs()
        if not varies.all():
            raise ValueError(
                f"Initializing from data needs outputs that vary and got {int((~varies).sum())} output(s) that are "
                f"constant, or no numbers, over a batch of shape {tuple(x.shape)}. Give a larger batch."
            )
        self.weight_g.copy_((1 / deviation).reshape_as(self.weight_g))
        self.bias.copy_(-mean / deviation)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Load tensors under our names, or under those of torch's parametrization."""
        for ours, theirs in (("weight_g", "original0"), ("weight_v", "original1")):
            key = f"{prefix}parametrizations.weight.{theirs}"
            if key in state_dict:
                state_dict[prefix + ours] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _lengths(v: Tensor) -> Tensor:
    """Give ‖v‖ for each output, shaped to broadcast: O×1 or O×1×1×1."""
    norms: Tensor = torch.linalg.vector_norm(widen(v).flatten(1), dim=1)
    return norms.reshape(-1, *[1] * (v.dim() - 1)).to(v.dtype)


class WeightNormLinear(_WeightNorm):
    """Linear layer with weight normalization: y = x·wᵀ + b with w = g·v/‖v‖ for each row.

    The length g and the direction v/‖v‖ of a neuron's weights are learned apart. The gradient in v is orthogonal to
    v, so gradient descent makes v longer and longer, which lowers its effective learning rate by itself.

    Args:
        in_features: Number of features that come in.
        out_features: Number of features that go out.
        bias: Whether b is there.

    Shape:
        …×in_features → …×out_features.

    Raises:
        ValueError: If a number of features is below 1.

    Source:
        Salimans and Kingma (2016), equations 2 and 3, and section 3 for `initialize_from_data`.

    Differs from:
        torch's `parametrizations.weight_norm(nn.Linear(…))` in the names of its tensors: `weight_g` and `weight_v`
        are torch's `parametrizations.weight.original0` and `original1`. Each loads the other's `state_dict` as it
        is. Both start from a plain layer's weights, with g = ‖v‖; the paper draws v from N(0, 0.05²).

    Example:
        >>> layer = WeightNormLinear(3, 2)
        >>> _ = nn.init.constant_(layer.weight_g, 2.0)
        >>> layer.weight.norm(dim=1).detach().round(decimals=4)
        tensor([2., 2.])
        >>> layer.initialize_from_data(torch.randn(100, 3))
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        check_at_least(1, in_features=in_features, out_features=out_features)
        super().__init__(nn.Linear(in_features, out_features, bias))

    channel = -1

    def compute(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Multiply with the weight."""
        return nn.functional.linear(x, weight, bias)


class WeightNormConv2d(_WeightNorm):
    """Convolution with weight normalization: w = g·v/‖v‖ for each output channel.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        kernel_size: Side of the kernel in pixels, or (height, width).
        stride: Step in pixels.
        padding: Zeros added at each side, in pixels.
        groups: Number of groups of channels that are convolved apart; it must divide both numbers of channels.
        bias: Whether b is there.

    Shape:
        N×in_channels×H×W → N×out_channels×H'×W', as of `nn.Conv2d`.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Salimans and Kingma (2016), equations 2 and 3, and section 3 for `initialize_from_data`.

    Differs from:
        torch's `parametrizations.weight_norm(nn.Conv2d(…))` as `WeightNormLinear` does.

    Example:
        >>> layer = WeightNormConv2d(3, 8, 3, padding=1)
        >>> layer.weight_g.shape, layer(torch.zeros(1, 3, 5, 5)).shape
        (torch.Size([8, 1, 1, 1]), torch.Size([1, 8, 5, 5]))
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
    ) -> None:
        check_at_least(1, stride=stride, kernel_size=least_side(kernel_size))
        check_at_least(0, padding=padding)
        check_groups(groups, in_channels)
        check_groups(groups, out_channels)
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)
        )
        self.stride, self.padding, self.groups = stride, padding, groups

    channel = 1

    def compute(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve with the weight."""
        return nn.functional.conv2d(x, weight, bias, self.stride, self.padding, groups=self.groups)


class MeanOnlyBatchNorm(nn.Module):
    """Mean-only batch normalization: y = x − μ + β, with μ per channel over the batch.

    Made to follow a weight-normalized layer without bias: the weights fix the scale, the batch the centre, and the
    noise of a batch's mean is gentler than that of its variance.

    Args:
        num_features: Number of features or channels.
        momentum: Weight of the newest batch in the running mean, which serves in evaluation.

    Shape:
        N×C×… → N×C×…, with any further dimensions or none.

    Raises:
        ValueError: If an argument is out of range, or the input has other channels.

    Source:
        Salimans and Kingma (2016), section 4.

    Example:
        >>> layer = MeanOnlyBatchNorm(1)
        >>> layer(torch.tensor([[1.0], [5.0]])).detach().flatten(), layer.running_mean
        (tensor([-2.,  2.]), tensor([0.3000]))
    """

    running_mean: Tensor

    def __init__(self, num_features: int, momentum: float = 0.1) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        check_momentum(momentum)
        self.num_features, self.momentum = num_features, momentum
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Subtract the batch's mean in training, the running one in evaluation."""
        check_features(x, self.num_features, layer="MeanOnlyBatchNorm", shapes={max(x.dim(), 2): "N×C×*"})
        if self.training:
            mean = widen(x).mean(dim=(0, *range(2, x.dim())), keepdim=True)
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean.flatten())
        else:
            mean = widen(per_channel(self.running_mean, x))
        return scale_and_shift(widen(x) - mean, None, self.bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.num_features}, momentum={self.momentum}"


class MeanOnlyLayerNorm(nn.Module):
    """Mean-only layer normalization: y = x − μ + β, with μ of each sample over all its features.

    To weight normalization what layer norm's mean is: the same companion as `MeanOnlyBatchNorm`, without the batch.

    Args:
        num_features: Number of features or channels.

    Shape:
        N×C×… → N×C×…, with any further dimensions or none.

    Raises:
        ValueError: If the number of features is below 1, or the input has other channels.

    Source:
        Salimans and Kingma (2016), section 4, with the mean of Ba et al. (2016), equation 3, in the batch's place.

    Example:
        >>> MeanOnlyLayerNorm(2)(torch.tensor([[1.0, 5.0]])).detach()
        tensor([[-2.,  2.]])
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        self.num_features = num_features
        self.bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Subtract each sample's mean."""
        check_features(x, self.num_features, layer="MeanOnlyLayerNorm", shapes={max(x.dim(), 2): "N×C×*"})
        mean = widen(x).mean(dim=tuple(range(1, x.dim())), keepdim=True)
        return scale_and_shift(widen(x) - mean, None, self.bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return str(self.num_features)
