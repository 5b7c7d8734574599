"""Whitening: what batch normalization leaves out for its cost, features made uncorrelated as well as scaled."""

from __future__ import annotations

import torch
from torch import Tensor

from d2lcnn.layers.checks import check_at_least, check_floating


class Whitening:
    """Whitening of data: z = (x − μ)·U·diag(λ + ε)^(−½), which has the identity as covariance (for ε = 0).

    U and λ are the eigenvectors and eigenvalues of the data's covariance matrix. That is PCA whitening, whose
    outputs are coordinates along U; ZCA whitening turns them back, z·Uᵀ, which of all whitened forms is the nearest
    to the data, so that pictures stay pictures.

    The cost is what rules it out within a network: for N samples of F features the covariance takes N·F²
    multiply-adds and F² numbers, its eigenvectors about 10·F³ more; 28×28 pixels are F = 784, and 224×224×3 ones
    are F = 150,528, whose covariance fills 181 GB in float64. Batch normalization takes the diagonal alone, N·F.

    Args:
        zca: Whether to turn the result back into the data's own coordinates.
        eps: ε, added to the eigenvalues: directions of little variance, mostly noise, are then blown up less. It
            is needed where a direction has no variance at all.
        num_components: Number of directions kept, those of largest variance first; None keeps all F.

    Shape:
        `transform` maps N×* to N×F for PCA (F features in all, or the components kept), to N×* for ZCA.

    Raises:
        ValueError: If an argument is out of range, or data do not fit or have directions without variance.

    Source:
        LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.3; Ioffe and Szegedy (2015), section 2,
        on its cost; Bell and Sejnowski (1997) for ZCA.

    Example:
        >>> x = torch.randn(500, 2, dtype=torch.float64) @ torch.tensor([[2.0, 1.0], [0.0, 0.5]]).double()
        >>> z = Whitening().fit(x).transform(x)
        >>> torch.allclose(z.T.cov(), torch.eye(2).double())
        True
    """

    mean: Tensor
    eigenvalues: Tensor
    eigenvectors: Tensor

    def __init__(self, *, zca: bool = False, eps: float = 0.0, num_components: int | None = None) -> None:
        if not eps >= 0:
            raise ValueError(
                f"eps must be at least 0 and is {eps}. Take 0 for exact whitening, or 1e-2, say."
            )
        if num_components is not None:
            check_at_least(1, num_components=num_components)
            if zca:
                raise ValueError(
                    f"ZCA keeps all directions and got num_components={num_components}. Take zca=False, or eps."
                )
        self.zca, self.eps, self.num_components = zca, eps, num_components
        self.sample_shape: torch.Size | None = None

    def fit(self, x: Tensor) -> Whitening:
        """Find mean, eigenvalues and eigenvectors (as columns) of the samples N×*, and give this object back."""
        check_floating(x, layer="Whitening")
        if x.dim() < 2 or len(x) < 2:
            raise ValueError(
                f"Whitening needs at least 2 samples, N×*, and got a tensor of shape {tuple(x.shape)}. "
                "Give one sample per row."
            )
        flat = x.detach().double().flatten(1)
        features = flat.shape[1]
        kept = features if self.num_components is None else self.num_components
        if kept > features:
            raise ValueError(
                f"num_components must be at most the {features} features and is {kept}. Take fewer."
            )
        mean = flat.mean(dim=0)
        covariance = (flat - mean).T @ (flat - mean) / (len(flat) - 1)
        eigenvalues, eigenvectors = (part.flip(-1)[..., :kept] for part in torch.linalg.eigh(covariance))
        eigenvalues = eigenvalues.clamp_min(0)  # rounding can make a 0 negative
        least = features * torch.finfo(torch.float64).eps * eigenvalues[0]
        if self.eps == 0 and eigenvalues[-1] <= least:
            raise ValueError(
                f"Whitening divides by each direction's deviation, and {int((eigenvalues <= least).sum())} of {kept} "
                f"directions of these {len(flat)} samples have none. Give eps above 0, fewer num_components, or more "
                "samples than features."
            )
        self.mean, self.eigenvalues, self.eigenvectors = mean, eigenvalues, eigenvectors
        self.sample_shape = x.shape[1:]
        return self

    def transform(self, x: Tensor) -> Tensor:
        """Whiten samples N×*, in the type of x."""
        flat = self._checked(x, self.sample_shape).double().flatten(1)
        z = (flat - self.mean) @ self.eigenvectors * (self.eigenvalues + self.eps).rsqrt()
        if self.zca:
            z = (z @ self.eigenvectors.T).reshape(x.shape)
        return z.to(x.dtype)

    def inverse_transform(self, z: Tensor) -> Tensor:
        """Undo `transform`, up to directions that were not kept."""
        shape = self.sample_shape if self.zca else self.eigenvalues.shape if self.sample_shape else None
        z = self._checked(z, shape)
        flat = z.double().flatten(1)
        if self.zca:
            flat = flat @ self.eigenvectors
        x = flat * (self.eigenvalues + self.eps).sqrt() @ self.eigenvectors.T + self.mean
        return x.reshape(len(z), *(self.sample_shape or ())).to(z.dtype)

    def _checked(self, x: Tensor, shape: torch.Size | None) -> Tensor:
        if shape is None:
            raise ValueError(
                "This whitening was not fitted yet and got data to transform. Call fit(x) first."
            )
        if x.shape[1:] != shape:
            raise ValueError(
                f"This whitening was fitted to samples of shape {tuple(shape)} and got a tensor of shape "
                f"{tuple(x.shape)}. Give N×{'×'.join(map(str, shape))}, or fit another."
            )
        check_floating(x, layer="Whitening")
        return x
