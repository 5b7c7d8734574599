"""Layer normalization: the statistics of one sample, over its last dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_floating
from d2lcnn.layers.moments import moments, standardize


class LayerNorm(nn.Module):
    """Layer normalization: y = γ·(x − μ)/√(σ² + ε) + β, with μ, σ² of each sample over its last dimensions.

    γ and β have one number for every element normalized over, not one per channel. Nothing is shared between
    samples, so the layer does the same in training and in evaluation, at any batch size and sequence length.

    Args:
        normalized_shape: Sizes of the last dimensions, those to normalize over; a number stands for one dimension.
        eps: ε, added to the variance.
        elementwise_affine: Whether γ (`weight`) and β (`bias`) are there.
        bias: Whether β is there, where γ is.

    Shape:
        …×normalized_shape → the same shape.

    Raises:
        ValueError: If an argument is out of range, or the input ends in other sizes than `normalized_shape`.

    Source:
        Ba, Kiros and Hinton (2016), section 3.

    Differs from:
        torch's `nn.LayerNorm` in refusing an ε of 0; `state_dict` is interchangeable.
        `LayerNorm([C, H, W])` computes what `GroupNorm(1, C)` does, but learns C·H·W scales in place of C.

    Example:
        >>> layer = LayerNorm(2)
        >>> layer(torch.tensor([[1.0, 3.0], [10.0, 30.0]])).round(decimals=3)
        tensor([[-1.,  1.],
                [-1.,  1.]], grad_fn=<RoundBackward1>)
        >>> LayerNorm([3, 8, 8]).weight.shape
        torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        if not shape:
            raise ValueError(
                "normalized_shape must name at least 1 dimension and is empty. Give the last one's size."
            )
        check_at_least(1, normalized_shape=min(shape))
        check_eps(eps)
        self.normalized_shape, self.eps = shape, eps
        self.elementwise_affine = elementwise_affine
        self.weight = nn.Parameter(torch.ones(shape)) if elementwise_affine else None
        self.bias = nn.Parameter(torch.zeros(shape)) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each sample by its own mean and variance."""
        count = len(self.normalized_shape)
        if tuple(x.shape[-count:]) != self.normalized_shape:
            raise ValueError(
                f"LayerNorm normalizes over last dimensions of sizes {self.normalized_shape} and got a tensor of shape "
                f"{tuple(x.shape)}. Build it with normalized_shape={tuple(x.shape[-count:])}, or look at what comes "
                "before it."
            )
        check_floating(x, layer="LayerNorm")
        mean, var = moments(x, range(-count, 0))
        y = standardize(x, mean, var, self.eps)
        if self.weight is not None:
            y = y * self.weight
        if self.bias is not None:
            y = y + self.bias
        return y.to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
