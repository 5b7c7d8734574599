"""d2l's side: its own train_ch6 and its own loader, which reads Fashion-MNIST, or a stand-in, from a folder that we name."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from d2l import torch as d2l

Batch = tuple[Tensor, Tensor]
QUEUE_SECONDS = 2.0  # until d2l's worker processes have filled their queues
QUEUE_STEPS = 40


class Cut:
    """The first batches of a loader, with the times at which each was asked for and given.

    It passes itself off as the whole loader, by whose length d2l's loop decides how often to draw.
    """

    def __init__(self, loader: DataLoader | Sequence[Batch], steps: int) -> None:
        if steps > len(loader):
            raise ValueError(f"The loader has only {len(loader)} batches, wanted {steps}: measure fewer.")
        self.loader, self.steps = loader, steps
        self.asked: list[float] = []
        self.given: list[float] = []
        self.sizes: list[int] = []

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self.loader)
        for _ in range(self.steps):
            self.asked.append(time.perf_counter())
            X, y = next(batches)
            self.given.append(time.perf_counter())
            self.sizes.append(len(y))
            yield X, y
        self.asked.append(time.perf_counter())

    def rates(self, warm_up: int) -> tuple[float, float]:
        """Give examples per second end to end and in compute alone, of the steps after the warm-up."""
        examples = sum(self.sizes[warm_up:])
        computing = sum(
            end - begin for begin, end in zip(self.given[warm_up:], self.asked[warm_up + 1 :], strict=True)
        )
        return examples / (self.asked[-1] - self.asked[warm_up]), examples / computing


class _Curves:
    """Stands in for d2l's Animator, which wants a notebook, and keeps what it was given."""

    def __init__(self, **_: Any) -> None:
        self.train: tuple[float, float] = (float("nan"), float("nan"))
        self.test_acc = float("nan")
        _Curves.last = self

    def add(self, x: float, y: tuple[Any, Any, Any]) -> None:
        if y[0] is not None:
            self.train = (float(y[0]), float(y[1]))
        if y[2] is not None:
            self.test_acc = float(y[2])

    last: _Curves


def train(
    net: nn.Module, train_iter: Iterable[Batch], test_iter: Iterable[Batch], lr: float, device: torch.device
) -> dict[str, float]:
    """Run d2l's own loop for one epoch and give its training loss and accuracy and its test accuracy."""
    with patch.object(d2l.d2l, "Animator", _Curves), contextlib.redirect_stdout(io.StringIO()):
        d2l.train_ch6(net, train_iter, test_iter, 1, lr, device)
    curves = _Curves.last
    return {"train_loss": curves.train[0], "train_acc": curves.train[1], "test_acc": curves.test_acc}


@contextlib.contextmanager
def _four_processes_are_meant() -> Iterator[None]:
    """Silence the loader's advice to take no more processes than there are cores: d2l takes four everywhere."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        yield


def loader(root: Path, batch_size: int, resize: int) -> DataLoader:
    """Let d2l make its training loader as it always does, but from `root` and not from ../data."""
    published = torchvision.datasets.FashionMNIST

    def from_root(root_of_d2l: str = "", **settings: Any) -> Any:
        return published(**{**settings, "root": root})

    with patch.object(torchvision.datasets, "FashionMNIST", from_root), _four_processes_are_meant():
        return d2l.load_data_fashion_mnist(batch_size, resize=resize if resize != 28 else None)[0]


def warm_up_steps(step_seconds: float, steps: int) -> int:
    """Say after how many steps the loader's processes have filled their queues, which must not count as speed."""
    return max(steps, min(QUEUE_STEPS, round(QUEUE_SECONDS / step_seconds)), 1)


def measure(
    net: nn.Module, data: DataLoader, warm_up: int, steps: int, lr: float, device: torch.device
) -> tuple[float, float]:
    """Give d2l's examples per second, end to end and in compute alone."""
    cut = Cut(data, warm_up + steps)
    X, y = data.dataset[0]
    with _four_processes_are_meant():
        train(net, cut, [(X.unsqueeze(0), torch.tensor([y]))], lr, device)
    return cut.rates(warm_up)


def write_stand_in(root: Path, num_train: int = 60_000, num_test: int = 10_000) -> None:
    """Write images of Fashion-MNIST's number and size, in torchvision's layout, where the real ones are not at hand."""
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    draw = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 128, (10, 28, 28), generator=draw, dtype=torch.uint8)
    for split, n in (("train", num_train), ("t10k", num_test)):
        labels = torch.randint(0, 10, (n,), generator=draw)
        images = patterns[labels] + torch.randint(0, 128, (n, 28, 28), generator=draw, dtype=torch.uint8)
        head = b"".join(number.to_bytes(4, "big") for number in (0x0803, n, 28, 28))
        (folder / f"{split}-images-idx3-ubyte").write_bytes(head + images.numpy().tobytes())
        head = b"".join(number.to_bytes(4, "big") for number in (0x0801, n))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + labels.to(torch.uint8).numpy().tobytes())
