"""One pass over the training data: what happens at every step of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from d2lcnn.data.batches import Batches
from d2lcnn.training.devices import Stopwatch
from d2lcnn.training.history import History
from d2lcnn.training.memory import is_out_of_memory, largest_fit
from d2lcnn.training.metrics import Batch, Totals
from d2lcnn.training.progress import ProgressBar
from d2lcnn.training.step import Step

LOOK_EVERY = 0.5  # seconds between two looks at the loss; each look waits for the device once


class DivergedError(ArithmeticError):
    """The loss became infinite or not a number; `history` holds what was measured before.

    Args:
        message: What happened, where, and what to try.
        history: The finished epochs.

    Example:
        >>> issubclass(DivergedError, ArithmeticError)
        True
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Epoch:
    """One pass over the training data.

    Args:
        step: What to do with a batch.
        number: Number of this epoch, from 1.
        history: The finished epochs.
        bar: Shows where the run stands.
    """

    def __init__(self, step: Step, number: int, history: History, bar: ProgressBar) -> None:
        self.step, self.number, self.history, self.bar = step, number, history, bar
        self.totals = Totals(step.device)
        self.compute = Stopwatch(step.device)
        self.seconds = 0.0

    def run(self, train_iter: Iterable[Batch]) -> None:
        """Train on every batch once."""
        started = looked = time.perf_counter()
        step = self.step
        step.net.train()
        steps = len(train_iter) if isinstance(train_iter, Sized) else None
        sizes = train_iter.batch_sizes() if isinstance(train_iter, Batches) else None
        for X, y in train_iter:
            # Batches has checked its labels when it was made; of a loader that we do not know we check each batch.
            label_range = _range_of_labels(train_iter, X, y, first=self.totals.steps == 0)
            if steps:
                step.set_rate((self.number - 1 + self.totals.steps / steps) / self.history.num_epochs)
            self._take(X, y, label_range, sizes[self.totals.steps] if sizes else len(y))
            self.bar.step()
            if time.perf_counter() - looked > LOOK_EVERY:
                self.look()
                looked = time.perf_counter()
        if self.totals.examples == 0:
            raise ValueError(
                f"The training data gave no batch in epoch {self.number}. An iterator that can be read only once, such "
                "as a generator, must be made into a list or a DataLoader."
            )
        step.team.share_buffers(step.net)
        self.totals.combine(step.team)
        self.look(together=True)
        self.seconds = time.perf_counter() - started

    def _take(self, X: Tensor, y: Tensor, label_range: tuple[int, int] | None, together: int) -> None:
        """Train on one batch, of which all processes together have so many images."""
        step = self.step
        first = self.number == 1 and self.totals.steps == 0
        where = f"epoch {self.number}, step {self.totals.steps + 1}"
        # The processes' gradients are averaged, so each is weighted by its part of the batch.
        weight = len(y) * step.team.size / together
        try:
            X, y = step.prepare(X, y)
            self.compute.start()
            step.optimizer.zero_grad()
            with _explaining(step.net, X) if first else nullcontext():
                y_hat = step.scores(X)
            if label_range is not None:
                _check_labels(label_range, y_hat, where)
            loss = step.gradients(y_hat, y, weight)
            step.update()
            self.compute.stop()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            failed = error
        else:
            self.totals.add(loss, y_hat, y)
            return
        # Outside the handler, whose traceback would keep the failed step's tensors in memory.
        self._explain_memory(X, y, where, failed)

    def _explain_memory(self, X: Tensor, y: Tensor, where: str, error: BaseException) -> None:
        """Raise an error that says which batch would have fitted."""
        kind = type(error) if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) else MemoryError
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        error.__traceback__ = None
        advice = "Choose a smaller batch or smaller images."
        if self.step.team.size == 1:  # other processes would wait for this one's trials for ever
            step = self.step

            def trial(n: int) -> None:
                a, b = step.prepare(X[:n], y[:n])
                step.gradients(step.scores(a), b, 1.0)

            fits = largest_fit(step.net, trial, len(y))
            advice = (
                f"A batch of {fits} fits: load the data with batch_size={fits}."
                if fits
                else "No smaller batch fits either: choose smaller images or a smaller network."
            )
        half = "precision='bfloat16' takes about half. " if self.step.precision == "float32" else ""
        whose = "this machine" if X.device.type == "cpu" else str(X.device)
        raise kind(
            f"The memory of {whose} does not hold a step with {len(y)} images of {tuple(X.shape[1:])} ({where}). {advice} "
            f"{half}PyTorch says: {said}"
        )

    def look(self, *, together: bool = False) -> None:
        """Wait for the device, show the loss, and stop the run if it is no longer a number.

        Args:
            together: Whether the totals are those of all processes. Only then may one of several stop: the others,
                which would go on, must see the same.
        """
        mean_loss, share_correct, finite = self.totals.read()
        if not finite and (together or self.step.team.size == 1):
            raise DivergedError(
                f"The loss became infinite or NaN in epoch {self.number}, step {self.totals.first_bad_step}. Try a "
                f"learning rate below {self.step.lr:g}; also check that the images are finite.",
                self.history,
            )
        self.bar.tell(f"epoch {self.number}/{self.history.num_epochs}", loss=mean_loss, acc=share_correct)


def _range_of_labels(
    train_iter: Iterable[Batch], X: Tensor, y: Tensor, *, first: bool
) -> tuple[int, int] | None:
    """Give the least and the greatest label that may come, or None where they have been checked already."""
    if isinstance(train_iter, Batches):
        return (0, train_iter.num_classes - 1) if first else None
    if len(X) == 0 or len(X) != len(y):
        raise ValueError(
            f"A batch must hold at least one image and a label for each, got {len(X)} and {len(y)}."
        )
    if y.dtype != torch.int64 or y.dim() != 1:
        raise ValueError(
            f"Labels must be whole numbers, one for each image, as int64; got {y.dtype} of shape {tuple(y.shape)}. "
            "Convert them with y.long(), and one-hot rows with y.argmax(dim=1)."
        )
    return int(y.min()), int(y.max())


def _check_labels(label_range: tuple[int, int], y_hat: Tensor, where: str) -> None:
    if y_hat.dim() != 2:
        raise ValueError(
            f"The network must give one row of class scores for each image, got {tuple(y_hat.shape)} in {where}. "
            "End it with nn.Flatten() or a linear layer."
        )
    low, high = label_range
    if low < 0 or high >= y_hat.shape[1]:
        raise ValueError(
            f"Labels must lie in 0 … {y_hat.shape[1] - 1}, one for each of the network's {y_hat.shape[1]} outputs; "
            f"the labels in {where} lie in {low} … {high}. Build the network with more outputs or mend the labels."
        )


@contextmanager
def _explaining(net: nn.Module, X: Tensor) -> Iterator[None]:
    """Turn the error of a network that cannot take its first batch into one that says so."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        conv = next((m for m in net.modules() if isinstance(m, nn.Conv2d)), None)
        hint = f" Its first convolution takes {conv.in_channels} channel(s)." if conv is not None else ""
        raise ValueError(
            f"The network cannot take the first batch (epoch 1, step 1), of shape {tuple(X.shape)}.{hint} Check the "
            f"channels of the data and the loader's resize. The network says: {error}"
        ) from error
