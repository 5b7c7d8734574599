"""A step that did not fit into memory: find out which batch would."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch
from torch import nn


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, of a GPU or of the machine.

    Args:
        error: What was raised.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError())
        (True, False)
    """
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    # On a CPU PyTorch raises a bare RuntimeError, and only its text says what happened.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def largest_fit(net: nn.Module, trial: Callable[[int], object], batch_size: int) -> int:
    """Halve a batch until forward and backward pass fit, and give that size; 0 if not even one image does.

    Gradients are dropped between the trials, and buffers such as running statistics end as they began.

    Args:
        net: The network.
        trial: Runs forward and backward pass on so many images.
        batch_size: The size that did not fit.

    Example:
        >>> def trial(n):
        ...     if n > 5:
        ...         raise MemoryError
        >>> largest_fit(nn.Linear(1, 1), trial, 16)
        4
    """
    buffers = [(buffer, buffer.detach().cpu().clone()) for buffer in net.buffers()]
    size = batch_size // 2
    while size:
        net.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            trial(size)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            size //= 2
        else:
            break
    net.zero_grad(set_to_none=True)
    with torch.no_grad():
        for buffer, value in buffers:
            buffer.copy_(value)
    return size
