"""How fast training runs here, and how close that comes to the limit: a bare loop over tensors that are on the device."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.data import Batches, try_gpu
from d2lcnn.training.devices import autocast, device_name, resolve_precision, synchronize
from d2lcnn.training.layout import fastest_layout
from d2lcnn.training.loop import train_ch6, xavier_uniform
from d2lcnn.training.metrics import Batch
from d2lcnn.training.optimizer import make_optimizer
from d2lcnn.training.recipes import Recipe
from d2lcnn.training.records import find_recipe

# The two LeNets and one recipe for each chapter on a network.
BENCHED = (
    "lenet", "lenet_bn", "alexnet", "vgg11", "nin", "googlenet", "resnet18", "densenet", "mobilenet_v1",
)  # fmt: skip
MOST_STEPS = 200  # in an epoch of a measurement; Fashion-MNIST in batches of 256 has 235


@dataclass(frozen=True)
class Plan:
    """How long to measure. Each round starts with one epoch more, which warms up and does not count.

    Args:
        rounds: How often each contender has its turn with a fresh network.
        epochs: Epochs in a round that count.
        steps: Steps in an epoch.

    Example:
        >>> Plan.for_step(0.02, seconds=8).steps
        33
        >>> Plan.for_step(10.0, seconds=8)
        Plan(rounds=3, epochs=1, steps=1)
    """

    rounds: int
    epochs: int
    steps: int

    @classmethod
    def for_step(cls, step_seconds: float, *, seconds: float) -> Plan:
        """Choose what fits a time: three rounds of three epochs, or, where steps are slow, of a single step.

        Args:
            step_seconds: What one step takes, about.
            seconds: Time for each contender, about.

        Raises:
            ValueError: If a time is not positive.
        """
        if not (step_seconds > 0 and seconds > 0):
            raise ValueError(f"Times must be above 0 seconds, got {step_seconds!r} and {seconds!r}.")
        rounds, epochs = 3, 3
        steps = int(seconds / (rounds * (epochs + 1) * step_seconds))
        return cls(rounds, epochs, min(steps, MOST_STEPS)) if steps else cls(rounds, epochs=1, steps=1)


@dataclass(frozen=True)
class Rates:
    """What was measured, in examples per second: one value for each epoch, in the order of time.

    Args:
        ours: `train_ch6` from the bytes of the data set to the changed weights, metrics included.
        compute: The part of it that is forward pass, backward pass and step.
        limit: The bare loop, in the epoch that followed at once.

    Example:
        >>> rates = Rates(ours=[90.0, 45.0], compute=[95.0, 50.0], limit=[100.0, 50.0])
        >>> rates.share_of_limit
        0.9
    """

    ours: list[float] = field(default_factory=list)
    compute: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)

    @property
    def share_of_limit(self) -> float:
        """Median of ours / limit over the pairs of neighbours in time: what slows the machine down slows both."""
        return median(ours / limit for ours, limit in zip(self.ours, self.limit, strict=True))

    def extend(self, other: Rates) -> None:
        """Append another round."""
        self.ours.extend(other.ours)
        self.compute.extend(other.compute)
        self.limit.extend(other.limit)


class Limit:
    """The fastest loop that a training step allows: its batches lie ready on the device, and nothing is counted.

    Everything else is as in `train_ch6`: network, initial weights, batch size, precision, layout, optimizer, compilation.

    Args:
        recipe: What to train.
        train_iter: Its batches; one pass over them is kept, resized, as floats.
        device: Where.
        precision: "float32" or "bfloat16".
        compile: Whether the network is compiled.

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> cpu = torch.device("cpu")
        >>> limit = Limit(RECIPES["lenet"], stand_in(RECIPES["lenet"], 1, cpu), cpu, "float32")
        >>> limit.epoch() > 0
        True
    """

    def __init__(
        self,
        recipe: Recipe,
        train_iter: Batches,
        device: torch.device,
        precision: str,
        *,
        compile: bool = False,
    ) -> None:
        self.device, self.precision = device, precision
        self.net = recipe.build().to(device)
        self.net.apply(xavier_uniform)
        self.batches = [(X.to(device), y.to(device)) for X, y in train_iter]
        layout = fastest_layout(self.net, precision, compile=compile)
        if layout == torch.channels_last:
            self.net.to(memory_format=layout)
            self.batches = [(X.contiguous(memory_format=layout), y) for X, y in self.batches]
        self.forward: Callable[[Tensor], Tensor] = self.net
        if compile:
            self.forward = torch.compile(
                self.net, mode="reduce-overhead" if device.type == "cuda" else "default"
            )
        self.optimizer = make_optimizer(
            recipe.optimizer, self.net, recipe.lr, device, precision, compile=compile
        )

    def epoch(self) -> float:
        """Train on every batch once and give the seconds that it took."""
        self.net.train()
        synchronize(self.device)
        started = time.perf_counter()
        for X, y in self.batches:
            self.optimizer.zero_grad()
            with autocast(self.device, self.precision):
                y_hat = self.forward(X)
            nn.functional.cross_entropy(y_hat.float(), y).backward()
            self.optimizer.step()
        synchronize(self.device)
        return time.perf_counter() - started


class _LimitsTurn:
    """Stands in for the test data of a run: where the epoch would be evaluated, the limit has its turn.

    So the two alternate epoch by epoch, and neither has to start anew each time.
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.seconds: list[float] = []

    def __iter__(self) -> Iterator[Batch]:
        with torch.enable_grad():  # the evaluation, in which this runs, has switched it off
            self.seconds.append(self.limit.epoch())
        X, y = self.limit.batches[0]
        yield X[:1], y[:1]


def measure_round(
    recipe: Recipe,
    train_iter: Batches,
    epochs: int,
    device: torch.device,
    precision: str,
    *,
    compile: bool = False,
) -> Rates:
    """Train with `train_ch6` and with the bare loop, epoch by epoch in turn, each after one epoch to warm up.

    Args:
        recipe: What to train.
        train_iter: Its training batches, as many as an epoch shall have steps.
        epochs: Epochs that count.
        device: Where.
        precision: "float32", "bfloat16" or "auto".
        compile: Whether both networks are compiled.

    Returns:
        The rates of each epoch.

    Raises:
        ValueError: If the number of epochs is not positive.

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> cpu = torch.device("cpu")
        >>> rates = measure_round(RECIPES["lenet"], stand_in(RECIPES["lenet"], 1, cpu), 2, cpu, "float32")
        >>> len(rates.ours), len(rates.limit)
        (2, 2)
    """
    if epochs < 1:
        raise ValueError(f"There must be at least 1 epoch that counts, got {epochs!r}.")
    precision = resolve_precision(device, precision)
    if compile:  # what earlier rounds compiled counts against the number that torch allows
        torch._dynamo.reset()
    turn = _LimitsTurn(Limit(recipe, train_iter, device, precision, compile=compile))
    history = train_ch6(
        recipe.build(),
        train_iter,
        turn,
        epochs + 1,
        recipe.lr,
        device,
        precision=precision,
        optimizer=recipe.optimizer,
        compile=compile,
        progress=False,
    )
    if history.interrupted:  # train_ch6 ends early at Ctrl-C; a measurement is then worth nothing
        raise KeyboardInterrupt
    return Rates(
        ours=_rates(history.examples, history.seconds),
        compute=_rates(history.examples, history.compute_seconds),
        limit=_rates(history.examples, turn.seconds),
    )


def _rates(examples: list[int], seconds: list[float]) -> list[float]:
    """Give the rate of each epoch but the first."""
    return [n / s for n, s in zip(examples, seconds, strict=True)][1:]


def stand_in(recipe: Recipe, steps: int, device: torch.device) -> Batches:
    """Make images of a recipe's kind for so many steps: their number and size decide about speed, not what they show.

    Args:
        recipe: Says batch size and resize; its network, how many channels it takes.
        steps: Steps in an epoch.
        device: Where the images live.

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> stand_in(RECIPES["norm_bn"], 2, torch.device("cpu"))
        Batches(stand-in: 128 images, 3×32×32, 10 classes, in batches of 64, on cpu, 0.4 MB)
    """
    channels = next(m.in_channels for m in recipe.build().modules() if isinstance(m, nn.Conv2d))
    size = 28 if channels == 1 else 32  # as the course's data sets have it
    draw = torch.Generator().manual_seed(0)

    def noise(n: int) -> Tensor:
        return torch.randint(0, 128, (n, channels, size, size), generator=draw, dtype=torch.uint8)

    # Something to learn, so that the loss falls and no recipe's learning rate is too high.
    labels = torch.arange(steps * recipe.batch_size) % 10
    images = noise(10)[labels] + noise(len(labels))
    return Batches(
        images,
        labels,
        recipe.batch_size,
        resize=recipe.resize if recipe.resize != size else None,
        shuffle=True,
        device=device,
        classes=[str(i) for i in range(10)],
        name="stand-in",
    )


def step_seconds(recipe: Recipe, device: torch.device, precision: str) -> float:
    """Estimate what a step of a recipe takes, from an eighth of one.

    Args:
        recipe: What to train.
        device: Where.
        precision: "float32", "bfloat16" or "auto".

    Example:
        >>> from d2lcnn.training.recipes import RECIPES
        >>> step_seconds(RECIPES["lenet"], torch.device("cpu"), "float32") > 0
        True
    """
    part = dataclasses.replace(recipe, batch_size=max(2, recipe.batch_size // 8))
    limit = Limit(part, stand_in(part, 1, device), device, resolve_precision(device, precision))
    limit.epoch()
    return limit.epoch() * recipe.batch_size / part.batch_size


def bench(
    name: str,
    *,
    device: torch.device | str | None = None,
    precision: str = "auto",
    compile: bool = False,
    seconds: float = 8.0,
) -> dict[str, Any]:
    """Measure how fast a recipe trains on this machine, and how close that is to the limit.

    Args:
        name: Key in `RECIPES`.
        device: Where to train; None takes `try_gpu()`.
        precision: "float32", "bfloat16" or "auto".
        compile: Whether to compile the network.
        seconds: Time for `train_ch6` and for the limit, about; at least six steps are made of each.

    Returns:
        Plain data: what was measured on what, and the medians of examples per second end to end (`ours`), in compute alone
        (`compute`), of the bare loop (`limit`), and `share_of_limit`.

    Raises:
        ValueError: If there is no such recipe or a setting is out of range.

    Example:
        >>> result = bench("lenet", device="cpu", precision="float32", seconds=0.01)
        >>> result["recipe"], result["precision"], result["ours"] > 0
        ('lenet', 'float32', True)
    """
    recipe = find_recipe(name)
    place = try_gpu() if device is None else torch.device(device)
    precision = resolve_precision(place, precision)
    plan = Plan.for_step(step_seconds(recipe, place, precision), seconds=seconds)
    train_iter = stand_in(recipe, plan.steps, place)
    rates = Rates()
    for _ in range(plan.rounds):
        rates.extend(measure_round(recipe, train_iter, plan.epochs, place, precision, compile=compile))
    return {
        "recipe": name,
        "device": {"type": place.type, "name": device_name(place)},
        "precision": precision,
        "compile": compile,
        "batch_size": recipe.batch_size,
        "resize": recipe.resize,
        **dataclasses.asdict(plan),
        "ours": median(rates.ours),
        "compute": median(rates.compute),
        "limit": median(rates.limit),
        "share_of_limit": rates.share_of_limit,
    }
