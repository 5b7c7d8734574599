"""The training loop of the course."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sized
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.data.device import try_gpu
from d2lcnn.data.fast import FAST_EPOCHS
from d2lcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d
from d2lcnn.training.checkpoint import load_checkpoint, locked, random_state, save_checkpoint
from d2lcnn.training.devices import device_name, resolve_precision
from d2lcnn.training.epoch import DivergedError, Epoch
from d2lcnn.training.history import History
from d2lcnn.training.layout import fastest_layout
from d2lcnn.training.metrics import Batch, sum_over
from d2lcnn.training.optimizer import make_optimizer
from d2lcnn.training.progress import ProgressBar
from d2lcnn.training.schedules import Schedule
from d2lcnn.training.step import Step
from d2lcnn.training.team import Team
from d2lcnn.training.words import in_words

LOG = logging.getLogger(__name__)


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
    compile: bool = False,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    schedule: Schedule | None = None,
    label_smoothing: float = 0.0,
    clip_norm: float | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    validation: Iterable[Batch] | None = None,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
    sync_batch_norm: bool = False,
) -> History:
    """Train a classifier by stochastic gradient descent on the cross-entropy, and measure it after each epoch.

    With the defaults it does what d2l's function of this name does: Xavier-uniform weights, plain SGD, float32.

    Where a process group of torch.distributed has been initialized, its processes train the network together: each
    takes its part of every batch, and the result is that of one process, up to rounding, the draws of dropout and
    `augment`, and batch norm, which takes each process's statistics by itself unless `sync_batch_norm` is given.

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
        compile: Whether to run the training steps through `torch.compile`, which takes a while to start.
        optimizer: Called as `optimizer(parameters, lr=lr)`: `torch.optim.AdamW`, or for example
            `functools.partial(torch.optim.SGD, momentum=0.9, weight_decay=5e-4)`.
        schedule: Gives for the share of the training that is done a factor on `lr`, set before every step:
            `cosine_schedule()`, `step_schedule()`, `constant_schedule(warmup=0.1)` or a function of your own.
        label_smoothing: Share of each target that is spread evenly over all classes, in [0, 1). The training loss has
            it, the losses on test and held-out data do not.
        clip_norm: Greatest norm of the whole gradient; a longer one is shortened to it.
        augment: Applied to the images of every training batch on the device, such as `RandomFlips()`.
        validation: Held-out batches, measured after each epoch like the test batches.
        progress: Whether to show a bar; None shows it in a notebook or on a terminal.
        checkpoint: File that gets the state of the run after each epoch.
        resume: Checkpoint to continue from, with the same data; on a CPU the result is that of an uninterrupted run, bit
            for bit, if all randomness comes from torch's global generators.
        sync_batch_norm: Whether several processes, on GPUs, take the statistics of torch's batch norms together.

    Returns:
        The history of the run. Ctrl-C ends the training early and returns what there is (of several processes it ends
        all with an error, and resuming goes on). A line after each epoch is
        logged at the level INFO.

    Raises:
        ValueError: If an argument is out of range, a loader is empty, a label has no output, the network
            cannot take the images, or a checkpoint does not fit.
        OSError: If the checkpoint's folder cannot be written, or another run is using the checkpoint. A write that
            fails later is a RuntimeWarning: the training goes on, and the checkpoint before it stays.
        DivergedError: If the loss becomes infinite or NaN; it names the epoch, in training also the step, and carries the
            history.
        MemoryError: If a step does not fit into memory (`torch.cuda.OutOfMemoryError` on a GPU); it says for which batch
            size forward and backward pass fit.

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
    _check_settings(num_epochs, lr, net, label_smoothing, clip_norm)
    device = try_gpu() if device is None else torch.device(device)
    precision = resolve_precision(device, precision)
    team = Team.current()
    _check_team(team, device, sync_batch_norm, net)
    fast = bool(getattr(train_iter, "fast", False))
    if fast:
        num_epochs = min(num_epochs, FAST_EPOCHS)
    history = History(
        num_epochs=num_epochs,
        device=device.type,
        device_name=device_name(device),
        precision=precision,
        data=str(getattr(train_iter, "name", "")),
        fast=fast,
    )
    steps_per_epoch = len(train_iter) if isinstance(train_iter, Sized) else None
    if schedule is not None and not steps_per_epoch:
        raise ValueError(
            "A schedule needs to know how long the training is, and these training data do not tell their number of "
            "batches (len). Make them a list or a DataLoader."
        )
    train_iter, test_iter, validation = (team.share(data) for data in (train_iter, test_iter, validation))
    team.check_batches(train_iter)

    if seed is not None:
        torch.manual_seed(seed)
    if init_weights is not None:
        net.apply(init_weights)
    net.to(device)
    layout = fastest_layout(net, precision, compile=compile)
    if layout == torch.channels_last:
        net.to(memory_format=layout)
    forward: Callable[[Tensor], Tensor] = team.wrap(net, device, sync_batch_norm=sync_batch_norm)
    if compile:
        forward = torch.compile(forward, mode="reduce-overhead" if device.type == "cuda" else None)
    team.scatter_randomness()
    step = Step(
        net=net,
        forward=forward,
        optimizer=make_optimizer(optimizer, net, lr, device, precision, compile=compile),
        lr=float(lr),
        device=device,
        precision=precision,
        layout=layout,
        schedule=schedule,
        label_smoothing=label_smoothing,
        clip_norm=clip_norm,
        augment=augment,
        team=team,
    )
    run: dict[str, Any] = {
        "lr": float(lr),
        "precision": precision,
        "seed": seed,
        "data": history.data,
        "batch_size": getattr(train_iter, "batch_size", None),
        "steps": steps_per_epoch,
        "optimizer": in_words(optimizer),
        # A schedule is known by its values, and with one the run's length belongs to what a step depends on.
        "schedule": None if schedule is None else [round(schedule(i / 8), 9) for i in range(9)],
        "length": None if schedule is None else num_epochs,
        "label_smoothing": label_smoothing,
        "clip_norm": clip_norm,
        "augment": None if augment is None else in_words(augment),
        "processes": team.size,
    }
    with locked(checkpoint if team.leads else None):
        if resume is not None:
            history = load_checkpoint(Path(resume), net, step.optimizer, run, rank=team.rank)
            if len(history) > num_epochs:
                raise ValueError(
                    f"The checkpoint {resume} is from after epoch {len(history)}, and num_epochs is {num_epochs}. Ask for "
                    "at least as many epochs, or leave out resume= to train anew."
                )
            history.num_epochs = num_epochs
        bar = ProgressBar(
            steps_per_epoch and steps_per_epoch * num_epochs,
            done=(steps_per_epoch or 0) * len(history),
            show=progress if team.leads else False,
        )
        keep = None if checkpoint is None else lambda: _keep(Path(checkpoint), step, history, run)
        train_epochs(step, history, bar, train_iter, test_iter, validation, keep)
    net.eval()
    return history


def train_epochs(
    step: Step,
    history: History,
    bar: ProgressBar,
    train_iter: Iterable[Batch],
    test_iter: Iterable[Batch],
    validation: Iterable[Batch] | None,
    keep: Callable[[], None] | None,
) -> None:
    """Train epoch by epoch, from where the history ends to where it shall, and write each into it.

    Args:
        step: What to do with a batch.
        history: The finished epochs; it grows.
        bar: Shows where the run stands.
        train_iter: Training batches.
        test_iter: Test batches.
        validation: Held-out batches, or None.
        keep: Called after each epoch.
    """
    with bar:
        for number in range(len(history) + 1, history.num_epochs + 1):
            epoch = Epoch(step, number, history, bar)
            try:
                epoch.run(train_iter)
                _record_epoch(epoch, test_iter, validation)
                if keep is not None:
                    keep()
            except KeyboardInterrupt:
                # Other processes may stand elsewhere: all of them end, and resuming goes on.
                if step.team.size > 1:
                    raise
                history.interrupted = (number, epoch.totals.steps)
                break


def _keep(path: Path, step: Step, history: History, run: dict[str, Any]) -> None:
    """Write the checkpoint of an epoch; a disk that is full for a while must not cost what has been computed."""
    rngs = step.team.gather(random_state(step.device))
    if not step.team.leads:
        return
    try:
        save_checkpoint(path, step.net, step.optimizer, history, run, rngs)
    except OSError as error:
        warnings.warn(
            f"The checkpoint {path} of epoch {len(history)} could not be written ({error}). The training goes on, and an "
            "older checkpoint is still as it was. Make room, or see to the folder's rights.",
            RuntimeWarning,
            stacklevel=3,
        )


def _record_epoch(epoch: Epoch, test_iter: Iterable[Batch], validation: Iterable[Batch] | None) -> None:
    """Measure after an epoch, and only then write all into the history, so that its lists stay equally long, and log it."""
    history, step = epoch.history, epoch.step

    def measure(data: Iterable[Batch]) -> tuple[float, float]:
        totals = sum_over(
            step.net, data, step.device, loss=nn.functional.cross_entropy, precision=step.precision
        )
        totals.combine(step.team)
        if totals.examples == 0:
            raise ValueError(
                "There is nothing to evaluate: the test or validation data gave no example. Check their data set."
            )
        mean_loss, share_correct, finite = totals.read()
        if not finite:  # the last step's weights are measured here only
            raise DivergedError(
                f"The loss on held-out data was infinite or NaN after epoch {epoch.number}. Try a learning rate below "
                f"{step.lr:g}; also check that the images are finite.",
                history,
            )
        return mean_loss, share_correct

    started = time.perf_counter()
    test_loss, test_acc = measure(test_iter)
    held_out = measure(validation) if validation is not None else None
    evaluation_seconds = time.perf_counter() - started
    train_loss, train_acc, _ = epoch.totals.read()
    history.train_loss.append(train_loss)
    history.train_acc.append(train_acc)
    history.test_loss.append(test_loss)
    history.test_acc.append(test_acc)
    if held_out is not None:
        history.validation_loss.append(held_out[0])
        history.validation_acc.append(held_out[1])
    history.seconds.append(epoch.seconds)
    history.evaluation_seconds.append(evaluation_seconds)
    history.compute_seconds.append(epoch.compute.seconds())
    history.examples.append(epoch.totals.examples)
    if step.team.leads:
        LOG.info("%s, %.0f s", history.last_epoch(), history.wall_seconds)


def _check_settings(
    num_epochs: int, lr: float, net: nn.Module, label_smoothing: float, clip_norm: float | None
) -> None:
    if isinstance(num_epochs, bool) or not isinstance(num_epochs, int) or num_epochs < 1:
        raise ValueError(f"num_epochs must be a whole number of at least 1, got {num_epochs!r}.")
    if not (isinstance(lr, (int, float)) and math.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr must be a finite number of at least 0, got {lr!r}.")
    if isinstance(label_smoothing, bool) or not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must be at least 0 and below 1, got {label_smoothing!r}.")
    if clip_norm is not None and not (math.isfinite(clip_norm) and clip_norm > 0):
        raise ValueError(f"clip_norm must be a finite number above 0, or None, got {clip_norm!r}.")
    parameters = list(net.parameters())
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters):
        raise ValueError(
            "The network has lazy layers whose sizes are not known yet. Run one batch through it first: net(X)."
        )
    if not parameters:
        raise ValueError(f"The network has no parameter to train: {type(net).__name__}.")


def _check_team(team: Team, device: torch.device, sync_batch_norm: bool, net: nn.Module) -> None:
    ours = [
        type(module).__name__ for module in net.modules() if isinstance(module, (BatchNorm1d, BatchNorm2d))
    ]
    if sync_batch_norm and ours:
        raise ValueError(
            f"sync_batch_norm works on torch's batch norms, and this network has {ours[0]} of d2lcnn. Build it with "
            f"norm_layer=nn.{ours[0]}."
        )
    if sync_batch_norm and (team.size == 1 or device.type != "cuda"):
        raise ValueError(
            f"sync_batch_norm is for several processes on GPUs; this is {team.size} process(es) on {device.type}. Leave "
            "it out: batch norm then takes each process's statistics by itself."
        )
