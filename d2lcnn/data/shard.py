"""One process's share of each batch, where several processes train one network together."""

from __future__ import annotations

from collections.abc import Iterator

import torch.distributed as dist
from torch import Tensor

from d2lcnn.data.batches import Batches


class Shard(Batches):
    """The part of every batch that one of several processes works on; together they see each image once a pass.

    The batches are those that one process alone would take, in the same order: all processes follow the order that the
    first one draws, and divide each batch among them in pieces whose lengths differ by at most one.

    Args:
        whole: The batches; this shares their images, and copies nothing.
        rank: Number of this process, from 0.
        size: Number of processes.

    Example:
        >>> import torch
        >>> images = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)
        >>> whole = Batches(images, torch.arange(5), 3, device="cpu")
        >>> [[y.tolist() for _, y in Shard(whole, rank, 2)] for rank in (0, 1)]
        [[[0], [3]], [[1, 2], [4]]]
    """

    def __init__(self, whole: Batches, rank: int, size: int) -> None:
        vars(self).update(vars(whole))
        self.rank, self.size = rank, size

    def _order(self) -> Tensor | None:
        order = super()._order()
        if order is not None:
            dist.broadcast(order, src=0)
        return order

    def _ranges(self) -> Iterator[tuple[int, int]]:
        for start, stop in super()._ranges():
            n = stop - start
            yield start + n * self.rank // self.size, start + n * (self.rank + 1) // self.size
