"""The processes that torchrun starts, joined for as long as a command runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from d2lcnn.data.device import try_gpu
from d2lcnn.training.team import Team

T = TypeVar("T")


@contextmanager
def join_team(wanted: torch.device | None) -> Iterator[torch.device]:
    """Join the other processes that torchrun has started, if it did, and give this one's device.

    Args:
        wanted: The device that the user asked for; of several processes on GPUs each has one of its own.

    Raises:
        ValueError: If there are more processes on this machine than GPUs.

    Example:
        >>> with join_team(torch.device("cpu")) as device:
        ...     device
        device(type='cpu')
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield try_gpu() if wanted is None else wanted
        return
    on_gpus = torch.cuda.is_available() if wanted is None else wanted.type == "cuda"
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpus else torch.device("cpu")
    if on_gpus:
        if torch.cuda.device_count() <= device.index:
            raise ValueError(
                f"Each process needs a GPU of its own, and this machine has {torch.cuda.device_count()}. Start so many "
                "with --nproc-per-node, or train on the CPU: --device cpu."
            )
        torch.cuda.set_device(device)
    # NCCL alone could not pass on what lies on the CPU: settings, states of generators, an order of images.
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def by_the_first(do: Callable[[], T]) -> T:
    """Let the first process do something, such as writing a file, and give what it gave to all of them.

    Where it fails, the first process raises the error and tells of it; the others end in silence.

    Args:
        do: What to do.

    Example:
        >>> by_the_first(lambda: 7)
        7
    """
    team = Team.current()
    if team.size == 1:
        return do()
    outcome: list[Any] = [False, None]
    try:
        if team.leads:
            outcome = [True, do()]
    finally:
        dist.broadcast_object_list(outcome)
    done, given = outcome
    if not done:
        raise SystemExit(1)
    return given  # type: ignore[no-any-return]
