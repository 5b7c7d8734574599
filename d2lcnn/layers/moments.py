"""Mean and variance, and what every norm does with them: h = weight · (x − μ) / √(σ² + ε) + bias."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def widen(x: Tensor) -> Tensor:
    """Give x in float32, or in its own type if that is wider: half precision is too narrow to add up in.

    Args:
        x: A tensor of any floating-point type.

    Example:
        >>> widen(torch.zeros(1, dtype=torch.bfloat16)).dtype, widen(torch.zeros(1, dtype=torch.float64)).dtype
        (torch.float32, torch.float64)
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))


def moments(x: Tensor, dim: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Compute the mean μ and the biased variance (1/m) Σ (x − μ)² over some dimensions, in at least float32.

    The two passes are needed: the shortcut E[x²] − E[x]² subtracts two nearly equal numbers when the mean is
    large, and in float32 nothing of the variance is left at a mean of 10⁴ and a deviation of 1.

    Args:
        x: The values.
        dim: The dimensions to average over; they stay, with size 1.

    Shape:
        Any shape → twice that shape with 1 in the dimensions averaged over.

    Example:
        >>> mean, var = moments(torch.tensor([[1.0, 3.0], [5.0, 9.0]]), [1])
        >>> mean.flatten().tolist(), var.flatten().tolist()
        ([2.0, 7.0], [1.0, 4.0])
    """
    x = widen(x)
    mean = x.mean(dim=list(dim), keepdim=True)
    var = (x - mean).square().mean(dim=list(dim), keepdim=True)
    return mean, var


def standardize(x: Tensor, mean: Tensor, var: Tensor, eps: float) -> Tensor:
    """Compute (x − μ) / √(σ² + ε) in at least float32.

    Args:
        x: The values.
        mean: Their means, of a shape that broadcasts against x.
        var: Their variances, likewise.
        eps: Added to the variance.

    Shape:
        Any shape → the same shape.

    Example:
        >>> x = torch.tensor([1.0, 3.0])
        >>> standardize(x, x.mean(), x.var(correction=0), eps=1e-12)
        tensor([-1.,  1.])
    """
    return (widen(x) - widen(mean)) * torch.rsqrt(widen(var) + eps)


def scale_and_shift(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Compute weight · x + bias with one weight and one bias per channel; either may be missing.

    Args:
        x: The values, channels in dimension 1.
        weight: The scale γ, one number per channel.
        bias: The shift β, one number per channel.

    Shape:
        N×C×* → N×C×*.

    Example:
        >>> scale_and_shift(torch.ones(1, 2, 1, 1), torch.tensor([2.0, 3.0]), None).flatten()
        tensor([2., 3.])
    """
    if weight is not None:
        x = x * per_channel(weight, x)
    if bias is not None:
        x = x + per_channel(bias, x)
    return x


def per_channel(values: Tensor, x: Tensor) -> Tensor:
    """Shape one number per channel so that it broadcasts against x: C → C×1×1 for images.

    Args:
        values: One number per channel.
        x: The tensor to broadcast against, channels in dimension 1.

    Shape:
        C → C×1×…×1, one dimension fewer than x.

    Example:
        >>> per_channel(torch.zeros(3), torch.zeros(2, 3, 4, 4)).shape
        torch.Size([3, 1, 1])
    """
    return values.reshape(-1, *[1] * (x.dim() - 2))
