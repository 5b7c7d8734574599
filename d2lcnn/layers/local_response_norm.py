"""Local response normalization: AlexNet's competition between neighbouring channels."""

from __future__ import annotations

from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_floating
from d2lcnn.layers.moments import widen


class LocalResponseNorm(nn.Module):
    """Local response normalization: b_c = a_c / (k + (α/n)·Σ a²)^β, the sum over the n channels around c.

    The neighbours are channels at the same pixel, not pixels. Nothing is learned. Channels beyond the first and the
    last count as 0; an even n has one more neighbour below than above.

    Args:
        size: Number n of neighbouring channels, itself included.
        alpha: α, which this layer, as torch's, divides by n.
        beta: β, the exponent.
        k: k, the constant. With 0, a value whose whole window is 0 gives NaN, as in torch.

    Shape:
        N×C×* → N×C×*, with at least one further dimension.

    Raises:
        ValueError: If an argument is out of range, or the input has fewer than three dimensions.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 3.3.

    Differs from:
        The paper, which does not divide α by n: its k = 2, n = 5, α = 1e-4, β = 0.75 are
        `LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)` here. The defaults are those of torch's
        `nn.LocalResponseNorm`, which has the same output.

    Example:
        >>> import torch
        >>> layer = LocalResponseNorm(3, alpha=3.0, beta=1.0, k=0.0)  # b = a / Σ a²
        >>> layer(torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1)).flatten()  # 1/(1+4), 2/(1+4+9), 3/(4+9)
        tensor([0.2000, 0.1429, 0.2308])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        check_at_least(1, size=size)
        if alpha < 0 or k < 0 or alpha + k == 0:
            raise ValueError(
                f"alpha and k must be at least 0 and not both 0, or all is divided by 0, and are {alpha} and {k}. "
                "AlexNet has alpha=5e-4 and k=2."
            )
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """Divide each channel by the energy of its neighbours."""
        if x.dim() < 3:
            raise ValueError(
                f"LocalResponseNorm takes N×C×* and got a tensor of shape {tuple(x.shape)}. "
                "For vectors add a dimension: x.unsqueeze(2)."
            )
        check_floating(x, layer="LocalResponseNorm")
        channels = x.shape[1]
        below, above = self.size // 2, (self.size - 1) // 2
        # Zero channels before and after, so that the i-th neighbours of all channels are one slice.
        squares = nn.functional.pad(widen(x).square(), (0, 0) * (x.dim() - 2) + (below, above))
        energy = squares[:, :channels]
        for i in range(1, self.size):
            energy = energy + squares[:, i : i + channels]
        return (widen(x) / (self.k + self.alpha / self.size * energy) ** self.beta).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
