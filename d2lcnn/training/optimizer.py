"""Making the optimizer of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch import nn


def make_optimizer(
    make: Callable[..., torch.optim.Optimizer],
    net: nn.Module,
    lr: float,
    device: torch.device,
    precision: str,
    *,
    compile: bool,
) -> torch.optim.Optimizer:
    """Make an optimizer for a network, in its fused form where torch has one.

    The fused form rounds otherwise, so plain float32 on a CPU, which is bit for bit what d2l computes, does without it.

    Args:
        make: Called as `make(parameters, lr=lr)`.
        net: The network, on its device.
        lr: Learning rate.
        device: Where it trains.
        precision: "float32" or "bfloat16".
        compile: Whether the network is compiled.

    Example:
        >>> net, cpu = nn.Linear(2, 2), torch.device("cpu")
        >>> make_optimizer(torch.optim.SGD, net, 0.1, cpu, "float32", compile=False).defaults["fused"]
        >>> make_optimizer(torch.optim.SGD, net, 0.1, cpu, "bfloat16", compile=False).defaults["fused"]
        True
    """
    exact = device.type == "cpu" and precision == "float32" and not compile
    kind = getattr(make, "func", make)
    own = isinstance(kind, type) and kind.__module__.startswith("torch.optim")
    if own and not exact and "fused" in inspect.signature(kind).parameters:
        try:
            return make(net.parameters(), lr=lr, fused=True)
        except RuntimeError:  # this version of torch has no fused form for this device
            pass
    return make(net.parameters(), lr=lr)
