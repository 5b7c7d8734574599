"""Making the optimizer of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch import nn


def make_optimizer(
    make: Callable[..., torch.optim.Optimizer], net: nn.Module, lr: float, *, exact: bool
) -> torch.optim.Optimizer:
    """Make an optimizer for a network, in its fused form where torch has one.

    Args:
        make: Called as `make(parameters, lr=lr)`.
        net: The network, on its device.
        lr: Learning rate.
        exact: Whether results must be those of the plain form to the last bit; the fused one rounds otherwise.

    Example:
        >>> make_optimizer(torch.optim.SGD, nn.Linear(2, 2), 0.1, exact=True).defaults["fused"]
        >>> make_optimizer(torch.optim.SGD, nn.Linear(2, 2), 0.1, exact=False).defaults["fused"]
        True
    """
    kind = getattr(make, "func", make)
    own = isinstance(kind, type) and kind.__module__.startswith("torch.optim")
    if own and not exact and "fused" in inspect.signature(kind).parameters:
        try:
            return make(net.parameters(), lr=lr, fused=True)
        except RuntimeError:  # this version of torch has no fused form for this device
            pass
    return make(net.parameters(), lr=lr)
