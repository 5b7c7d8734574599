"""Large pages of memory for the tensors of training on a CPU."""

from __future__ import annotations

import os

# PyTorch reads it when it first takes memory for a large tensor.
SWITCH = "THP_MEM_ALLOC_ENABLE"


def use_huge_pages() -> None:
    """Ask Linux for pages of 2 MB, in place of 4 kB, for tensors of at least 2 MB.

    A step of training on a CPU takes hundreds of megabytes and gives them back, and the system hands each page out by
    itself. With large pages a step of the larger networks is a quarter to a half shorter; its results are the same.

    It comes too late where a large tensor has been made before, and leaves the environment variable
    `THP_MEM_ALLOC_ENABLE` as it is where it is set: 0 goes without.

    Example:
        >>> use_huge_pages()
        >>> "THP_MEM_ALLOC_ENABLE" in os.environ
        True
    """
    os.environ.setdefault(SWITCH, "1")
