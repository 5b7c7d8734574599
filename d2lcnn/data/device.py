"""The choice of a device."""

from __future__ import annotations

import torch


def try_gpu(i: int = 0) -> torch.device:
    """Give the i-th CUDA device if there is one, else Apple's GPU, else the CPU.

    Args:
        i: Number of the CUDA device, from 0.

    Raises:
        ValueError: If `i` is no whole number or negative.

    Differs from:
        d2l's function, which knows no Apple GPU.

    Example:
        >>> try_gpu().type in ("cuda", "mps", "cpu")
        True
    """
    if isinstance(i, bool) or not isinstance(i, int) or i < 0:
        raise ValueError(f"i is the number of a GPU: 0 for the first, 1 for the second; got {i!r}.")
    if torch.cuda.device_count() > i:
        return torch.device("cuda", i)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
