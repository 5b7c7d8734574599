"""Dropout in both conventions: the scale 1 − p made up for in training, or applied at test time."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_floating, check_probability


class Dropout(nn.Module):
    """Dropout: in training each value is set to 0 with probability p, in evaluation none is.

    A test-time value should be what the next layer expects of a training-time one, so one of the two is scaled:

    * `scale_at="train"`: what is kept is divided by 1 − p in training; evaluation is the identity.
    * `scale_at="test"`: what is kept stays in training; evaluation multiplies by 1 − p.

    The second is the first times 1 − p, throughout. Within each, for p below 1, the output in evaluation is the
    expectation of that in training, and no single draw has to be near it.

    Args:
        p: Probability of dropping a value.
        scale_at: Where the scale stands, "train" or "test".

    Shape:
        Any shape → the same shape.

    Raises:
        ValueError: If `p` is no probability, `scale_at` neither word, or the input holds whole numbers.

    Source:
        Srivastava et al. (2014), sections 4 and 10; "test" is the convention of Hinton et al. (2012) and AlexNet.

    Differs from:
        The papers in naming by p what is dropped; Srivastava et al. name by it what is kept. "train" is torch's
        `nn.Dropout`, draw for draw on the CPU.

    Example:
        >>> x = torch.ones(1000)
        >>> Dropout(0.2)(x).unique().tolist(), Dropout(0.2, scale_at="test")(x).unique().tolist()
        ([0.0, 1.25], [0.0, 1.0])
        >>> Dropout(0.2).eval()(x).unique(), Dropout(0.2, scale_at="test").eval()(x).unique()
        (tensor([1.]), tensor([0.8000]))
    """

    def __init__(self, p: float = 0.5, *, scale_at: Literal["train", "test"] = "train") -> None:
        super().__init__()
        check_probability(p)
        if scale_at not in ("train", "test"):
            raise ValueError(
                f'scale_at must be "train" or "test" and is {scale_at!r}. Take "train" for torch\'s convention, "test" '
                "for the papers'."
            )
        self.p, self.scale_at = p, scale_at

    def forward(self, x: Tensor) -> Tensor:
        """Drop in training; scale where the convention says."""
        check_floating(x, layer="Dropout")
        kept = 1 - self.p
        if not self.training:
            return x * kept if self.scale_at == "test" else x
        if self.p == 0:
            return x  # and no random number is drawn, as in torch
        if self.p == 1:
            return torch.zeros_like(x) * x  # nothing is kept, and the gradient is 0
        mask = torch.empty_like(x).bernoulli_(kept)
        return x * (mask / kept if self.scale_at == "train" else mask)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"p={self.p}, scale_at={self.scale_at!r}"
