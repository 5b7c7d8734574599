"""The training loop of the course."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.data.batches import Batches
from d2lcnn.data.device import try_gpu
from d2lcnn.data.fast import FAST_EPOCHS
from d2lcnn.training.checkpoint import load_checkpoint, save_checkpoint
from d2lcnn.training.devices import Stopwatch, autocast, device_name, resolve_precision
from d2lcnn.training.history import History
from d2lcnn.training.metrics import Batch, Totals, count_correct, evaluate
from d2lcnn.training.progress import ProgressBar

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


def xavier_uniform(module: nn.Module) -> None:
    """Draw the weight of a linear layer or convolution from Xavier's uniform distribution; pass others by.

    Args:
        module: Any module; use it as `net.apply(xavier_uniform)`.

    Source:
        Glorot and Bengio (2010), equation 16.

    Example:
        >>> layer = nn.Linear(3, 3)
        >>> xavier_uniform(layer)
        >>> bool(layer.weight.abs().max() <= 1)  # √(6 / (3 + 3))
        True
    """
    # Exact types, as d2l has it: a subclass with an initialization of its own keeps it.
    if type(module) is nn.Linear or type(module) is nn.Conv2d:
        nn.init.xavier_uniform_(module.weight)


def train_ch6(
    net: nn.Module,
    train_iter: Iterable[Batch],
    test_iter: Iterable[Batch],
    num_epochs: int,
    lr: float,
    device: torch.device | str | None,
    *,
    init_weights: Callable[[nn.Module], None] | None = xavier_uniform,
    seed: int | None = None,
    precision: str = "float32",
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    validation: Iterable[Batch] | None = None,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
) -> History:
    """Train a classifier by stochastic gradient descent on the cross-entropy, and measure it after each epoch.

    With the defaults it does what d2l's function of this name does: Xavier-uniform weights, plain SGD, float32.

    Args:
        net: The network; it is moved to the device, trained in place and **initialized anew** unless
            `init_weights` is None.
        train_iter: Training batches of images and integer labels: the course's loaders, any torch DataLoader,
            or any other re-iterable.
        test_iter: Test batches.
        num_epochs: Passes over the training data, at least 1. A fast-mode loader caps them.
        lr: Learning rate, at least 0.
        device: Where to train; None takes `try_gpu()`.
        init_weights: Applied to every module before training; None keeps the weights that are there.
        seed: Seeds torch's generators first, and so weights drawn by `init_weights`, dropout and shuffling.
        precision: "float32", "bfloat16" (weights and loss stay float32), or "auto": bfloat16 where it is native.
        optimizer: Called as `optimizer(parameters, lr=lr)`.
        validation: Held-out batches, measured after each epoch like the test batches.
        progress: Whether to show a bar; None shows it in a notebook or on a terminal.
        checkpoint: File that gets the state of the run after each epoch.
        resume: Checkpoint to continue from; on a CPU the result is that of an uninterrupted run, bit for bit.

    Returns:
        The history of the run. Ctrl-C ends the training early and returns what there is.

    Raises:
        ValueError: If an argument is out of range, a loader is empty, a label has no output, or the network
            cannot take the images.
        DivergedError: If the loss becomes infinite or NaN; it names epoch and step and carries the history.

    Differs from:
        d2l's function, which divides by zero with fewer than five batches, goes on when the loss is NaN, and
        reports a speed without the data's share. Like it, this one leaves the network in evaluation mode.

    Example:
        >>> data = [(torch.eye(4), torch.tensor([0, 1, 0, 1]))]
        >>> net = nn.Linear(4, 2)
        >>> history = train_ch6(net, data, data, num_epochs=20, lr=1.0, device="cpu", seed=0)
        >>> history.test_acc[-1]
        1.0
    """
    _check_settings(num_epochs, lr, net)
    device = try_gpu() if device is None else torch.device(device)
    precision = resolve_precision(device, precision)
    fast = bool(getattr(train_iter, "fast", False))
    if fast:
        num_epochs = min(num_epochs, FAST_EPOCHS)
    if seed is not None:
        torch.manual_seed(seed)
    if init_weights is not None:
        net.apply(init_weights)
    net.to(device)
    sgd = optimizer(net.parameters(), lr=lr)
    history = History(
        num_epochs=num_epochs,
        device=device.type,
        device_name=device_name(device),
        precision=precision,
        data=str(getattr(train_iter, "name", "")),
        fast=fast,
    )
    run: dict[str, Any] = {"lr": float(lr), "precision": precision, "seed": seed, "data": history.data}
    if resume is not None:
        history = load_checkpoint(Path(resume), net, sgd, run)
        history.num_epochs = num_epochs

    batches_per_epoch = len(train_iter) if isinstance(train_iter, Sized) else None
    total = batches_per_epoch * num_epochs if batches_per_epoch else None
    done = batches_per_epoch * len(history) if batches_per_epoch else 0
    with ProgressBar(total, done=done, show=progress) as bar:
        for epoch in range(len(history) + 1, num_epochs + 1):
            trainer = Epoch(net, sgd, device, precision, epoch, history, bar)
            try:
                trainer.run(train_iter)
                _record_epoch(trainer, test_iter, validation)
            except KeyboardInterrupt:
                history.interrupted = (epoch, trainer.totals.steps)
                break
            if checkpoint is not None:
                save_checkpoint(Path(checkpoint), net, sgd, history, run)
    net.eval()
    return history


class Epoch:
    """One pass over the training data."""

    def __init__(
        self,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        precision: str,
        epoch: int,
        history: History,
        bar: ProgressBar,
    ) -> None:
        self.net, self.optimizer, self.device, self.precision = net, optimizer, device, precision
        self.epoch, self.history, self.bar = epoch, history, bar
        self.totals = Totals(device)
        self.compute = Stopwatch(device)
        self.seconds = 0.0

    def run(self, train_iter: Iterable[Batch]) -> None:
        """Train on every batch once."""
        started = looked = time.perf_counter()
        self.net.train()
        for X, y in train_iter:
            # Batches has checked its labels when it was made; of a loader that we do not know we check each batch.
            label_range = _range_of_labels(train_iter, X, y, first=self.totals.steps == 0)
            self.step(X.to(self.device), y.to(self.device), label_range)
            self.bar.step()
            if time.perf_counter() - looked > LOOK_EVERY:
                self.look()
                looked = time.perf_counter()
        if self.totals.examples == 0:
            raise ValueError(
                f"The training data gave no batch in epoch {self.epoch}. An iterator that can be read only once, such "
                "as a generator, must be made into a list or a DataLoader."
            )
        self.look()
        self.seconds = time.perf_counter() - started

    def step(self, X: Tensor, y: Tensor, label_range: tuple[int, int] | None) -> None:
        """Train on one batch."""
        self.compute.start()
        self.optimizer.zero_grad()
        first = self.epoch == 1 and self.totals.steps == 0
        with autocast(self.device, self.precision), _explaining(self.net, X) if first else nullcontext():
            y_hat = self.net(X)
        if label_range is not None:
            _check_labels(label_range, y_hat, f"epoch {self.epoch}, step {self.totals.steps + 1}")
        loss = nn.functional.cross_entropy(y_hat.float() if self.precision == "bfloat16" else y_hat, y)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.totals.add(loss, count_correct(y_hat, y), len(y))
        self.compute.stop()

    def look(self) -> None:
        """Wait for the device, show the loss, and stop the run if it is no longer a number."""
        mean_loss, share_correct, finite = self.totals.read()
        if not finite:
            raise DivergedError(
                f"The loss became infinite or NaN in epoch {self.epoch}, step {self.totals.first_bad_step}. Try a "
                f"learning rate below {self.optimizer.param_groups[0]['lr']:g}; also check that the images are finite.",
                self.history,
            )
        self.bar.tell(f"epoch {self.epoch}/{self.history.num_epochs}", loss=mean_loss, acc=share_correct)


def _record_epoch(trainer: Epoch, test_iter: Iterable[Batch], validation: Iterable[Batch] | None) -> None:
    """Measure after an epoch, and only then write all of it into the history, so that its lists stay equally long."""
    history = trainer.history

    def measure(data: Iterable[Batch]) -> tuple[float, float]:
        return evaluate(
            trainer.net,
            data,
            trainer.device,
            loss=nn.functional.cross_entropy,
            precision=trainer.precision,
        )

    started = time.perf_counter()
    test_loss, test_acc = measure(test_iter)
    held_out = measure(validation) if validation is not None else None
    evaluation_seconds = time.perf_counter() - started
    train_loss, train_acc, _ = trainer.totals.read()
    history.train_loss.append(train_loss)
    history.train_acc.append(train_acc)
    history.test_loss.append(test_loss)
    history.test_acc.append(test_acc)
    if held_out is not None:
        history.validation_loss.append(held_out[0])
        history.validation_acc.append(held_out[1])
    history.seconds.append(trainer.seconds)
    history.evaluation_seconds.append(evaluation_seconds)
    history.compute_seconds.append(trainer.compute.seconds())
    history.examples.append(trainer.totals.examples)


def _check_settings(num_epochs: int, lr: float, net: nn.Module) -> None:
    if isinstance(num_epochs, bool) or not isinstance(num_epochs, int) or num_epochs < 1:
        raise ValueError(f"num_epochs must be a whole number of at least 1, got {num_epochs!r}.")
    if not (isinstance(lr, (int, float)) and math.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr must be a finite number of at least 0, got {lr!r}.")
    parameters = list(net.parameters())
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters):
        raise ValueError(
            "The network has lazy layers whose sizes are not known yet. Run one batch through it first: net(X)."
        )
    if not parameters:
        raise ValueError(f"The network has no parameter to train: {type(net).__name__}.")


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
    except torch.cuda.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError) as error:
        conv = next((m for m in net.modules() if isinstance(m, nn.Conv2d)), None)
        hint = f" Its first convolution takes {conv.in_channels} channel(s)." if conv is not None else ""
        raise ValueError(
            f"The network cannot take the first batch (epoch 1, step 1), of shape {tuple(X.shape)}.{hint} Check the "
            f"channels of the data and the loader's resize. The network says: {error}"
        ) from error
