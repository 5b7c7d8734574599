"""How images lie in memory while a network trains."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

# With fewer, PyTorch's batch norm on a CPU is many times slower in channels_last: half of a step of LeNet with its six.
FEW_CHANNELS = 16


def fastest_layout(net: nn.Module, precision: str, *, compile: bool) -> torch.memory_format:
    """Choose the layout of a network's images and weights.

    Convolutions are faster with a pixel's channels side by side (`channels_last`). Plain float32 keeps the contiguous
    layout, in which sums have d2l's order.

    Args:
        net: The network.
        precision: "float32" or "bfloat16".
        compile: Whether the network is compiled, to code that knows no slow batch norm.

    Example:
        >>> fastest_layout(nn.Conv2d(1, 6, 5), "bfloat16", compile=False)
        torch.channels_last
        >>> fastest_layout(nn.BatchNorm2d(6), "bfloat16", compile=False)
        torch.contiguous_format
    """
    slow = any(isinstance(m, _BatchNorm) and m.num_features < FEW_CHANNELS for m in net.modules())
    if compile or (precision == "bfloat16" and not slow):
        return torch.channels_last
    return torch.contiguous_format
