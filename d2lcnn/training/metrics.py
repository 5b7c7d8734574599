"""Accuracy of a batch and of a whole data set, and two small tools for handwritten training loops."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import SupportsFloat

import torch
from torch import Tensor, nn

from d2lcnn.training.devices import autocast
from d2lcnn.training.team import Team

Batch = tuple[Tensor, Tensor]
AT_ONCE = 32  # batches whose numbers are added up together
NEVER = torch.iinfo(torch.int64).max  # a step that no run reaches


def accuracy(y_hat: Tensor, y: Tensor) -> float:
    """Count the correct predictions of a batch.

    Args:
        y_hat: One row of class scores for each example, or the predicted labels themselves.
        y: The true labels.

    Shape:
        y_hat N×classes or N, y N → a number of examples, 0 to N.

    Raises:
        ValueError: If the two do not describe the same number of examples.

    Example:
        >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        1.0
    """
    return float(count_correct(y_hat, y))


def count_correct(y_hat: Tensor, y: Tensor) -> Tensor:
    """Count the correct predictions and leave the count on the device, so that nothing waits for it."""
    check_same_examples(y_hat, y)
    if y_hat.dim() > 1:
        y_hat = y_hat.argmax(dim=1)
    return (y_hat.to(y.dtype) == y).sum()


def check_same_examples(y_hat: Tensor, y: Tensor) -> None:
    """Refuse predictions that are not one for each label."""
    if y_hat.shape[:1] != y.shape[:1]:
        raise ValueError(
            f"Predictions and labels must describe the same examples; got {tuple(y_hat.shape)} predictions for "
            f"{tuple(y.shape)} labels."
        )


def evaluate_accuracy_gpu(
    net: nn.Module, data_iter: Iterable[Batch], device: torch.device | str | None = None
) -> float:
    """Measure the share of examples that a network classifies correctly, leaving its modes as they were.

    Args:
        net: The network; it is put into evaluation mode for the measurement only.
        data_iter: Batches of images and labels.
        device: Where to compute. None: where the network's first parameter lies.

    Raises:
        ValueError: If there is no example in `data_iter`.

    Differs from:
        d2l's function of this name, which leaves the network in evaluation mode and waits for the device at
        every batch.

    Example:
        >>> net = nn.Identity()
        >>> evaluate_accuracy_gpu(net, [(torch.eye(2), torch.tensor([0, 0]))])
        0.5
    """
    return evaluate(net, data_iter, device)[1]


def evaluate(
    net: nn.Module,
    data_iter: Iterable[Batch],
    device: torch.device | str | None = None,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    precision: str = "float32",
) -> tuple[float, float]:
    """Measure mean loss and accuracy over a data set, leaving the network's modes as they were.

    Args:
        net: The network.
        data_iter: Batches of images and labels.
        device: Where to compute. None: where the network's first parameter lies.
        loss: Gives the mean loss of a batch; None: the loss is not computed and is returned as NaN.
        precision: "float32", "bfloat16" or "auto".

    Raises:
        ValueError: If there is no example in `data_iter`.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0]])
        >>> evaluate(nn.Identity(), [(logits, torch.tensor([0]))], loss=nn.functional.cross_entropy)
        (0.6931471824645996, 1.0)
    """
    if device is None:
        device = next((p.device for p in net.parameters()), torch.device("cpu"))
    totals = sum_over(net, data_iter, torch.device(device), loss=loss, precision=precision)
    if totals.examples == 0:
        raise ValueError(
            "There is nothing to evaluate: the data iterator gave no example. Check its data set."
        )
    mean_loss, share_correct, _ = totals.read()
    return (mean_loss if loss else float("nan")), share_correct


def sum_over(
    net: nn.Module,
    data_iter: Iterable[Batch],
    device: torch.device,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] | None,
    precision: str,
) -> Totals:
    """Run a network over a data set in evaluation mode and give the sums, which several processes can still add up."""
    totals = Totals(device)
    with evaluation_mode(net), torch.no_grad():
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            with autocast(device, precision):
                y_hat = net(X)
            totals.add(loss(y_hat.float(), y) if loss else None, y_hat, y)
    return totals


@contextmanager
def evaluation_mode(net: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode, and each back into its own mode afterwards."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


class Totals:
    """Running sums of loss, correct predictions and examples, kept on the device until they are read.

    Adding a batch only notes its outputs. Every 32 batches they are added up in one go: done batch by batch, a dozen
    tiny operations would cost a GPU as much as a small network's whole step.

    Args:
        device: Where the sums live.

    Example:
        >>> totals = Totals(torch.device("cpu"))
        >>> totals.add(torch.tensor(0.5), torch.eye(4), torch.tensor([0, 1, 2, 0]))
        >>> totals.read()
        (0.5, 0.75, True)
    """

    def __init__(self, device: torch.device) -> None:
        # Sums of many float32 values are kept in float64 (as Python's floats would be) where the device has it.
        self.dtype = torch.float32 if device.type == "mps" else torch.float64
        self.device = device
        self.sums = torch.zeros(2, dtype=self.dtype, device=device)
        self.examples = 0
        self.steps = 0
        self._bad_step = torch.full((), NEVER, device=device)
        self._losses: list[Tensor] = []
        self._outputs: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, mean_loss: Tensor | None, y_hat: Tensor, y: Tensor) -> None:
        """Note one batch, without waiting for the device."""
        check_same_examples(y_hat, y)
        self.examples += len(y)
        self.steps += 1
        if mean_loss is not None:
            self._losses.append(mean_loss.detach())
        # A compiled network writes its next output over this one.
        self._outputs.append(y_hat.detach().clone())
        self._labels.append(y)
        if len(self._labels) == AT_ONCE:
            self._add_up()

    def _add_up(self) -> None:
        if not self._labels:
            return
        self.sums[1] += count_correct(torch.cat(self._outputs), torch.cat(self._labels))
        if self._losses:
            losses = torch.stack(self._losses)
            sizes = torch.tensor([len(y) for y in self._labels], dtype=losses.dtype).to(self.device)
            self.sums[0] += (losses * sizes).to(self.dtype).sum()
            steps = torch.arange(self.steps - len(losses) + 1, self.steps + 1, device=self.device)
            bad = torch.where(torch.isfinite(losses), NEVER, steps).min()
            self._bad_step = torch.minimum(self._bad_step, bad)
        self._losses, self._outputs, self._labels = [], [], []

    def combine(self, team: Team) -> None:
        """Add up the sums of all processes, at the end of a pass over their parts of the data."""
        self._add_up()
        team.sum(self.sums)
        counts = torch.tensor([self.examples], device=self.device)
        team.sum(counts)
        self.examples = int(counts)
        # The processes take their steps together, and a bad loss of one makes bad losses of all.
        self._bad_step = team.minimum(self._bad_step)

    def read(self) -> tuple[float, float, bool]:
        """Wait for the device and give mean loss, accuracy and whether every loss so far was finite."""
        self._add_up()
        loss_sum, correct = self.sums.tolist()
        return loss_sum / self.examples, correct / self.examples, self.first_bad_step == 0

    @property
    def first_bad_step(self) -> int:
        """The first step, counted from 1, whose loss was not finite; 0 if there was none."""
        self._add_up()
        step = int(self._bad_step)
        return 0 if step == NEVER else step


class Accumulator:
    """Sums over `n` quantities, for handwritten training loops.

    Args:
        n: How many sums to keep.

    Example:
        >>> metric = Accumulator(2)
        >>> metric.add(1, torch.tensor(0.5))
        >>> metric.add(2, 1)
        >>> metric[0], metric[1]
        (3.0, 1.5)
    """

    def __init__(self, n: int) -> None:
        self.data = [0.0] * n

    def add(self, *args: SupportsFloat) -> None:
        """Add one value to each sum.

        Args:
            *args: As many numbers or one-element tensors as there are sums.

        Raises:
            ValueError: If there are more or fewer values than sums.
        """
        if len(args) != len(self.data):
            raise ValueError(
                f"This Accumulator keeps {len(self.data)} sums and was given {len(args)} values."
            )
        self.data = [total + float(value) for total, value in zip(self.data, args)]

    def reset(self) -> None:
        """Set every sum back to zero."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index: int) -> float:
        return self.data[index]


class Timer:
    """A stopwatch that remembers each of its laps, in seconds; it runs as soon as it is made.

    Example:
        >>> timer = Timer()
        >>> lap = timer.stop()
        >>> timer.sum() == lap == timer.avg()
        True
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Start a lap."""
        self._started = time.perf_counter()

    def stop(self) -> float:
        """End the lap and give its length in seconds."""
        self.times.append(time.perf_counter() - self._started)
        return self.times[-1]

    def sum(self) -> float:
        """Give the length of all laps together."""
        return sum(self.times)

    def avg(self) -> float:
        """Give the mean length of a lap.

        Raises:
            ValueError: If no lap has ended yet.
        """
        if not self.times:
            raise ValueError("No lap has ended yet: call stop() before avg().")
        return self.sum() / len(self.times)

    def cumsum(self) -> list[float]:
        """Give for each lap the time of all laps up to its end."""
        return list(itertools.accumulate(self.times))
