"""The processes that train one network together: those of torch.distributed, or this one alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from d2lcnn.data.batches import Batches
from d2lcnn.data.shard import Shard


@dataclass(frozen=True)
class Team:
    """Which of how many processes this one is.

    Args:
        rank: Number of this process, from 0; number 0 writes files and shows the bar.
        size: Number of processes.

    Example:
        >>> Team.current()
        Team(rank=0, size=1)
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Team:
        """Give the process group that has been initialized, or one process alone."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    @property
    def leads(self) -> bool:
        """Whether this process writes and shows what all of them do."""
        return self.rank == 0

    def share(self, data: Any) -> Any:
        """Give this process's part of a data set.

        Args:
            data: The course's batches, or None; alone, any iterable is left as it is.

        Raises:
            ValueError: If several processes would each see all of some other loader.
        """
        if self.size == 1 or data is None:
            return data
        if not isinstance(data, Batches):
            raise ValueError(
                f"{self.size} processes can share the course's Batches only, got {type(data).__name__}: each would see "
                "every image. Load the data with load_data_… or Batches(images, labels, batch_size)."
            )
        return Shard(data, self.rank, self.size)

    def check_batches(self, data: Any) -> None:
        """Refuse training batches of which some process would have no image: all of them must take every step.

        Args:
            data: What `share` gave.

        Raises:
            ValueError: If the last batch has fewer images than there are processes.
        """
        if self.size > 1 and min(data.batch_sizes()) < self.size:
            raise ValueError(
                f"The last batch of {data.name or 'the data'} has {data.batch_sizes()[-1]} image(s) for {self.size} "
                f"processes. Choose a batch size that leaves more of {data.num_examples:,}, or fewer processes."
            )

    def wrap(self, net: nn.Module, device: torch.device, *, sync_batch_norm: bool) -> nn.Module:
        """Make a network whose gradients are means over the processes; alone, it stays as it is.

        Args:
            net: The network, on its device.
            device: That device.
            sync_batch_norm: Whether batch norm takes its statistics over all processes.
        """
        if self.size == 1:
            return net
        if sync_batch_norm:
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return nn.parallel.DistributedDataParallel(
            net, device_ids=[device] if device.type == "cuda" else None
        )

    def share_buffers(self, net: nn.Module) -> None:
        """Give every process the first one's buffers, such as batch norm's running statistics.

        DistributedDataParallel does so before a step; after the last one the processes would measure, and end with,
        networks of their own.

        Args:
            net: The network.
        """
        if self.size > 1:
            for buffer in net.buffers():
                dist.broadcast(buffer, src=0)

    def scatter_randomness(self) -> None:
        """Let the processes draw differently from here on, the first as it would alone."""
        if self.rank > 0:
            torch.manual_seed(torch.initial_seed() + self.rank)

    def sum(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over the processes."""
        if self.size > 1:
            dist.all_reduce(tensor)

    def minimum(self, tensor: Tensor) -> Tensor:
        """Give the least of the processes' values of a tensor."""
        if self.size > 1:
            dist.all_reduce(tensor, op=dist.ReduceOp.MIN)
        return tensor

    def gather(self, item: Any) -> list[Any]:
        """Give what every process has, in the order of their numbers."""
        if self.size == 1:
            return [item]
        items: list[Any] = [None] * self.size
        dist.all_gather_object(items, item)
        return items
