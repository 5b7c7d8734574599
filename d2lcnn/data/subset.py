"""The choice of a part of a training set."""

from __future__ import annotations

import torch
from torch import Tensor

from d2lcnn.data.checks import check_count


def choose(num_examples: int, subset: int) -> Tensor:
    """Choose examples at random, but always the same ones; a larger subset holds the smaller.

    Args:
        num_examples: How many there are.
        subset: How many to choose.

    Shape:
        → int64 subset.

    Raises:
        ValueError: If `subset` is no whole number from 1 to `num_examples`.

    Example:
        >>> bool((choose(60000, 100)[:10] == choose(60000, 10)).all())
        True
    """
    subset = check_count("subset", subset, at_most=num_examples)
    # A generator of its own: torch's global one, and with it the caller's seed, stays untouched.
    return torch.randperm(num_examples, generator=torch.Generator().manual_seed(0))[:subset]
