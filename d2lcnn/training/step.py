"""One step of training: from a batch to a change of the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from d2lcnn.training.devices import autocast
from d2lcnn.training.metrics import Batch
from d2lcnn.training.schedules import Schedule
from d2lcnn.training.team import Team


@dataclass(frozen=True)
class Step:
    """How a batch is turned into a change of the weights, the same at every step of a run.

    Args:
        net: The network.
        forward: What is called to run it: the network, or its compiled or distributed form.
        optimizer: Its optimizer.
        lr: The learning rate that the schedule's factors refer to.
        device: Where it runs.
        precision: "float32" or "bfloat16".
        layout: How the values of a batch of images lie in memory.
        schedule: Factor on the learning rate, or None.
        label_smoothing: Share of the target that is spread over all classes.
        clip_norm: Greatest norm of the gradient, or None.
        augment: Changes the images of a batch, or None.
        team: The processes that take the step together.
    """

    net: nn.Module
    forward: Callable[[Tensor], Tensor]
    optimizer: torch.optim.Optimizer
    lr: float
    device: torch.device
    precision: str
    layout: torch.memory_format
    schedule: Schedule | None
    label_smoothing: float
    clip_norm: float | None
    augment: Callable[[Tensor], Tensor] | None
    team: Team

    def set_rate(self, done: float) -> None:
        """Set the learning rate for a share of the training that is done."""
        if self.schedule is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = self.lr * self.schedule(done)

    def prepare(self, X: Tensor, y: Tensor) -> Batch:
        """Bring a batch to the device, in the layout in which its convolutions are fastest."""
        X, y = X.to(self.device), y.to(self.device)
        if self.augment is not None:
            X = self.augment(X)
        return (X.contiguous(memory_format=self.layout) if X.dim() == 4 else X), y

    def scores(self, X: Tensor) -> Tensor:
        """Run the network on a batch."""
        with autocast(self.device, self.precision):
            return self.forward(X)

    def gradients(self, y_hat: Tensor, y: Tensor, weight: float) -> Tensor:
        """Give the mean loss and leave its gradients in the parameters.

        Args:
            y_hat: Class scores.
            y: Labels.
            weight: Factor on the gradients; 1 but for processes with unequal parts of a batch.
        """
        y_hat = y_hat.float() if self.precision == "bfloat16" else y_hat
        loss = nn.functional.cross_entropy(y_hat, y, label_smoothing=self.label_smoothing)
        (loss if weight == 1 else loss * weight).backward()
        return loss

    def update(self) -> None:
        """Change the weights."""
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.clip_norm)
        self.optimizer.step()
