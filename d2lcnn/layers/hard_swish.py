"""Hard swish and hard sigmoid: MobileNetV3's activations, made of straight pieces."""

from __future__ import annotations

from torch import Tensor, nn


class HardSigmoid(nn.Module):
    """Hard sigmoid, ReLU6(x + 3)/6: 0 up to −3, 1 from 3 on, and a straight line between, near the sigmoid.

    Shape:
        Any shape → the same shape.

    Source:
        Howard et al. (2019), MobileNetV3, section 5.2.

    Differs from:
        torch's `nn.Hardsigmoid` in nothing.

    Example:
        >>> import torch
        >>> HardSigmoid()(torch.tensor([-4.0, 0.0, 1.5, 4.0]))
        tensor([0.0000, 0.5000, 0.7500, 1.0000])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function to each element."""
        return nn.functional.relu6(x + 3) / 6


class HardSwish(nn.Module):
    """Hard swish, x·ReLU6(x + 3)/6: the swish x·sigmoid(x) with the sigmoid made of straight pieces.

    Shape:
        Any shape → the same shape.

    Source:
        Howard et al. (2019), MobileNetV3, section 5.2.

    Differs from:
        torch's `nn.Hardswish` in nothing.

    Example:
        >>> import torch
        >>> HardSwish()(torch.tensor([-4.0, -1.5, 0.0, 4.0]))
        tensor([-0.0000, -0.3750,  0.0000,  4.0000])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function to each element."""
        return x * nn.functional.relu6(x + 3) / 6
