"""AlexNet's colour noise: shift each picture's colours along the directions in which colours vary."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_floating


class PCAColorNoise(nn.Module):
    """PCA colour noise: every pixel of a picture gets [p₁ p₂ p₃]·[α₁λ₁, α₂λ₂, α₃λ₃]ᵀ added, with αᵢ ~ N(0, std²).

    pᵢ and λᵢ are eigenvectors and eigenvalues of the 3×3 covariance of the colours of all pixels of a data set, as
    `fit` finds them. The αᵢ are drawn once per picture and use, so the shift is one colour over the whole picture,
    mostly along brightness. In evaluation nothing is added.

    The unit matters: an eigenvalue is a variance, so with pixels in [0, 255] in place of [0, 1] it is 255² times as
    large, and the noise 255 times as strong in relation to the pixels. Take pixels in [0, 1] or standardized ones.

    Args:
        eigenvalues: The λᵢ, one per channel.
        eigenvectors: The pᵢ, as columns.
        std: Standard deviation of the αᵢ.

    Shape:
        N×C×H×W → N×C×H×W, or C×H×W → C×H×W.

    Raises:
        ValueError: If the eigenvectors do not fit the eigenvalues, `std` is negative, or the input has other channels
            or dimensions or holds whole numbers.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 4.1.

    Example:
        >>> images = torch.rand(8, 3, 4, 4)
        >>> noise = PCAColorNoise.fit(images)
        >>> shift = noise(images) - images
        >>> bool(shift.std(dim=(2, 3)).max() < 1e-6)  # one colour per picture
        True
        >>> torch.equal(noise.eval()(images), images)
        True
    """

    eigenvalues: Tensor
    eigenvectors: Tensor

    def __init__(self, eigenvalues: Tensor, eigenvectors: Tensor, std: float = 0.1) -> None:
        super().__init__()
        channels = eigenvalues.numel()
        if eigenvalues.dim() != 1 or tuple(eigenvectors.shape) != (channels, channels):
            raise ValueError(
                "There must be one eigenvector, a column, per eigenvalue, and the shapes are "
                f"{tuple(eigenvectors.shape)} and {tuple(eigenvalues.shape)}. Give C×C and C, or call fit(images)."
            )
        if not std >= 0:
            raise ValueError(f"std must be at least 0 and is {std}. The paper has 0.1.")
        self.std = std
        self.register_buffer("eigenvalues", eigenvalues)
        self.register_buffer("eigenvectors", eigenvectors)

    @classmethod
    def fit(cls, images: Tensor, std: float = 0.1) -> PCAColorNoise:
        """Find the directions and variances of the colours of all pixels of some images, N×C×H×W."""
        if images.dim() != 4:
            raise ValueError(
                f"fit takes N×C×H×W and got a tensor of shape {tuple(images.shape)}. "
                "For a single image add the batch dimension: image.unsqueeze(0)."
            )
        check_floating(images, layer="PCAColorNoise")
        pixels = images.detach().double().movedim(1, -1).flatten(0, -2)  # one row per pixel
        if len(pixels) < 2:
            raise ValueError(f"A covariance needs at least 2 pixels and got {len(pixels)}. Give more images.")
        centred = pixels - pixels.mean(dim=0)
        covariance = centred.T @ centred / (len(pixels) - 1)
        eigenvalues, eigenvectors = torch.linalg.eigh(covariance)  # in ascending order
        return cls(eigenvalues.flip(0).to(images.dtype), eigenvectors.flip(1).to(images.dtype), std)

    def forward(self, x: Tensor) -> Tensor:
        """Add one random colour to each picture, in training."""
        channels = len(self.eigenvalues)
        if x.dim() not in (3, 4) or x.shape[-3] != channels:
            raise ValueError(
                f"PCAColorNoise was made for images with {channels} channel(s), N×C×H×W or C×H×W, and got a tensor of "
                f"shape {tuple(x.shape)}. Fit it to images like these."
            )
        check_floating(x, layer="PCAColorNoise")
        if not self.training:
            return x
        alpha = self.std * torch.randn(*x.shape[:-2], device=x.device, dtype=self.eigenvalues.dtype)  # N×C
        color = (alpha * self.eigenvalues) @ self.eigenvectors.T
        return x + color[..., None, None].to(x.dtype)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"{len(self.eigenvalues)} channels, std={self.std}"
