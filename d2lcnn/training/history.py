"""What a training run leaves behind besides the trained network."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass, field
from typing import Any

CURVES = (
    "train_loss",
    "train_acc",
    "test_loss",
    "test_acc",
    "validation_loss",
    "validation_acc",
)


@dataclass
class History:
    """The losses, accuracies and times of a training run, epoch by epoch.

    Args:
        num_epochs: How many epochs were asked for.
        device: Type of the device, such as "cpu" or "cuda".
        device_name: Its maker's name for it.
        precision: "float32" or "bfloat16".
        data: Name of the training data.
        fast: Whether this was fast mode's short run on stand-in data.
        train_loss: Mean loss over the training examples while the epoch ran, with label smoothing if there is any.
        train_acc: Share of training examples classified correctly while the epoch ran.
        test_loss: Mean loss over the test examples after the epoch, without label smoothing.
        test_acc: Share of test examples classified correctly after the epoch.
        validation_loss: Likewise on held-out examples; empty where none were held out.
        validation_acc: Likewise on held-out examples; empty where none were held out.
        seconds: Time of each epoch's training, data and computation, without evaluation.
        evaluation_seconds: Time of the evaluation after each epoch.
        compute_seconds: The part of `seconds` spent on forward pass, backward pass and step.
        examples: Number of training examples in each epoch.
        interrupted: Epoch and step, counted from 1, at which Ctrl-C came; None if it did not.

    Example:
        >>> history = History(num_epochs=1, device="cpu", device_name="a CPU", precision="float32", data="toy")
        >>> history.train_loss.append(0.5)
        >>> History.from_dict(history.to_dict()) == history
        True
    """

    num_epochs: int
    device: str
    device_name: str
    precision: str
    data: str = ""
    fast: bool = False
    train_loss: list[float] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_acc: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_acc: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    evaluation_seconds: list[float] = field(default_factory=list)
    compute_seconds: list[float] = field(default_factory=list)
    examples: list[int] = field(default_factory=list)
    interrupted: tuple[int, int] | None = None

    def __len__(self) -> int:
        """Number of epochs that were finished."""
        return len(self.test_acc)

    def __bool__(self) -> bool:
        """A history is a thing even before its first epoch is over."""
        return True

    @property
    def wall_seconds(self) -> float:
        """Time of all epochs, training and evaluation; loading and interruptions do not count."""
        return sum(self.seconds) + sum(self.evaluation_seconds)

    @property
    def examples_per_second(self) -> float:
        """Training examples per second of loading, moving and computing, without evaluation."""
        return _rate(self.examples, self.seconds)

    @property
    def compute_examples_per_second(self) -> float:
        """Training examples per second of forward pass, backward pass and step alone."""
        return _rate(self.examples, self.compute_seconds)

    def last_epoch(self) -> str:
        """Say in a line how the run stands after the last epoch that was finished; there must be one."""
        return (
            f"epoch {len(self)} of {self.num_epochs}: loss {self.train_loss[-1]:.3f}, "
            f"train acc {self.train_acc[-1]:.3f}, test acc {self.test_acc[-1]:.3f} "
            f"(best {max(self.test_acc):.3f})"
            + (f", validation acc {self.validation_acc[-1]:.3f}" if self.validation_acc else "")
        )

    def summary(self) -> str:
        """Say in a few lines how the run went."""
        lines = [f"{self.data or 'training data'} on {self.device} ({self.device_name}), {self.precision}"]
        if self.fast:
            lines.append(
                "fast mode: a short run on stand-in data, which says nothing about the network's quality"
            )
        if len(self):
            lines.append(self.last_epoch())
            lines.append(
                f"{self.examples_per_second:,.0f} examples/s end to end, "
                f"{self.compute_examples_per_second:,.0f} in compute alone"
            )
        if self.interrupted:
            lines.append("interrupted in epoch {}, step {}".format(*self.interrupted))
        return "\n".join(lines)

    __str__ = __repr__ = summary

    def plot(self, ax: Any = None) -> Any:
        """Draw the learning curves.

        Args:
            ax: Matplotlib axes to draw on; None makes a figure of its own.

        Returns:
            The axes.
        """
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(5, 3.2), layout="constrained").add_subplot()
        epochs = range(1, len(self) + 1)
        ax.plot(epochs, self.train_loss, "-", label="train loss")
        ax.plot(epochs, self.train_acc, "m--", label="train acc")
        ax.plot(epochs, self.test_acc, "g-.", label="test acc")
        if self.validation_acc:
            ax.plot(epochs, self.validation_acc, "r:", label="validation acc")
        ax.set_xlabel("epoch")
        ax.set_xlim(0.9, max(2, self.num_epochs) + 0.1)
        ax.xaxis.get_major_locator().set_params(integer=True)  # no epoch 1.5
        ax.grid(alpha=0.3)
        ax.legend()
        return ax

    def _repr_png_(self) -> bytes | None:
        """In a notebook, show the curves above the summary."""
        if not len(self):
            return None
        buffer = io.BytesIO()
        self.plot().figure.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as plain data, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> History:
        """Make a history from what `to_dict` gave.

        Args:
            fields: The fields as plain data.

        Raises:
            ValueError: If a field is missing or unknown.
        """
        try:
            history = cls(**fields)
        except TypeError as error:
            raise ValueError(
                f"This is not a history as this version of d2lcnn writes it: {error}."
            ) from error
        if history.interrupted is not None:
            epoch, step = history.interrupted
            history.interrupted = (epoch, step)
        return history


def _rate(examples: list[int], seconds: list[float]) -> float:
    return sum(examples) / sum(seconds) if sum(seconds) else float("nan")
