"""What flows through a network while it runs and learns: activations, gradients and updates, layer by layer.

Each probe is a context manager. Inside it something is noted at every pass or step; behind it, also after an error, the
network and the optimizer carry nothing of it, and the record stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from d2lcnn.layers.hard_swish import HardSigmoid
from d2lcnn.nets.lenet import ScaledTanh

# The bounds that an activation's output approaches or reaches where its slope vanishes.
SATURATION: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
    HardSigmoid: (0.0, 1.0),
    nn.Tanh: (-1.0, 1.0),
    nn.Softsign: (-1.0, 1.0),
    ScaledTanh: (-1.7159, 1.7159),
}

Layers = Sequence[str | type[nn.Module]] | None
Histogram = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
Stats = TypeVar("Stats", "ActivationStats", "GradientStats", "UpdateStats")


@dataclass(frozen=True)
class ActivationStats:
    """One layer's output in one forward pass, over all its elements.

    Args:
        mean: Their mean.
        std: Their standard deviation, with divisor n.
        zero: Share of them that are exactly zero.
        dead: Share of the units (channels of N×C×…) that give exactly zero everywhere and for every example.
        saturated: Share within a hundredth of its range from a bound that the activation flattens at; NaN for a
            layer that has no such bounds.
        histogram: Counts and the edges of their bins, if they were asked for.

    Example:
        >>> net = nn.Sequential(nn.ReLU())
        >>> with record_activations(net) as record:
        ...     _ = net(torch.tensor([[-1.0, 3.0], [-2.0, 5.0]]))
        >>> stats = record["0"][0]
        >>> stats.mean, stats.zero, stats.dead
        (2.0, 0.5, 0.5)
    """

    mean: float
    std: float
    zero: float
    dead: float
    saturated: float
    histogram: Histogram | None = None


@dataclass(frozen=True)
class GradientStats:
    """The loss's derivatives with respect to one layer's output or one parameter, in one backward pass.

    Args:
        mean: Their mean.
        std: Their standard deviation, with divisor n.
        norm: The root of the sum of their squares.
        zero: Share of them that are exactly zero.
        histogram: Counts and the edges of their bins, if they were asked for.

    Example:
        >>> GradientStats(0.0, 1.0, 2.0, 0.0).histogram is None
        True
    """

    mean: float
    std: float
    norm: float
    zero: float
    histogram: Histogram | None = None


@dataclass(frozen=True)
class UpdateStats:
    """What one step of the optimizer did to one parameter.

    Args:
        weight: Norm ‖w‖ before the step.
        update: Norm ‖Δw‖ of the change.
        ratio: ‖Δw‖ / ‖w‖, infinite for a parameter that leaves zero, NaN for one that stays there.

    Example:
        >>> UpdateStats(weight=2.0, update=0.002, ratio=0.001).ratio
        0.001
    """

    weight: float
    update: float
    ratio: float


class Record(dict[str, list[Stats]], Generic[Stats]):
    """What a probe noted: for each name a list with one entry per pass or step.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
        >>> with record_activations(net) as record:
        ...     for _ in range(5):
        ...         _ = net(torch.randn(2, 3))
        >>> list(record), record.series("std")["1"].shape
        (['0', '1'], (5,))
    """

    def series(self, quantity: str) -> dict[str, np.ndarray[Any, Any]]:
        """Give one quantity of every layer over time, such as `series("std")["conv1"]`."""
        for stats in self.values():
            known = [field.name for field in fields(stats[0]) if field.name != "histogram"]
            if quantity not in known:
                raise ValueError(f"The record holds no {quantity!r}: choose one of {', '.join(known)}.")
        return {name: np.array([getattr(entry, quantity) for entry in stats]) for name, stats in self.items()}

    def note(self, name: str, entry: Stats) -> None:
        """Append an entry."""
        self.setdefault(name, []).append(entry)


def select_layers(net: nn.Module, layers: Layers = None) -> dict[str, nn.Module]:
    """Choose layers of a network by name or by type.

    Args:
        net: The network.
        layers: Names as `layer_table` prints them, or classes of modules; None takes every module without children.

    Returns:
        The modules by name, in the network's order.

    Raises:
        ValueError: If a name is unknown, a class has no module in the network, or it is neither of the two.

    Example:
        >>> list(select_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)), [nn.Linear]))
        ['0', '2']
    """
    modules = dict(net.named_modules())
    if layers is None:
        return {name: module for name, module in modules.items() if not any(True for _ in module.children())}
    if isinstance(layers, (str, type)):
        raise ValueError(f"Layers are given as a list, got {layers!r}. Put it into brackets: [{layers!r}].")
    chosen: set[str] = set()
    for wanted in layers:
        if isinstance(wanted, str):
            if wanted not in modules:
                names = ", ".join(name for name in modules if name)
                raise ValueError(f"The network has no layer {wanted!r}. Its layers are: {names}.")
            chosen.add(wanted)
        elif not isinstance(wanted, type):
            raise ValueError(
                f"Layers are chosen by name or by class, got a {type(wanted).__name__}. Give its name in the network."
            )
        else:
            found = {name for name, module in modules.items() if isinstance(module, wanted)}
            if not found:
                kinds = ", ".join(sorted({type(module).__name__ for module in modules.values()}))
                raise ValueError(
                    f"The network has no layer of type {wanted.__name__}. Its types are: {kinds}."
                )
            chosen |= found
    return {name: module for name, module in modules.items() if name in chosen}


def _check_bins(bins: int) -> None:
    if bins < 0:
        raise ValueError(
            f"A histogram has a number of bins of at least 1, or 0 for none; got {bins}. Give 0 or more."
        )


def _float(x: Tensor) -> Tensor:
    """Moments are taken in at least float32."""
    x = x.detach()
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _histogram(x: Tensor, bins: int) -> Histogram | None:
    if not bins:
        return None
    # What has overflowed has no bin, and must not end a run that is watched just to see that.
    counts, edges = np.histogram(x[x.isfinite()].cpu().numpy(), bins=bins)
    return counts, edges


def _activation_stats(output: Tensor, bounds: tuple[float, float] | None, bins: int) -> ActivationStats:
    x = _float(output)
    zeros = x == 0
    units = zeros.movedim(1, 0).flatten(1).all(dim=1) if x.dim() > 1 else zeros
    saturated = math.nan
    if bounds is not None:
        low, high = bounds
        margin = 0.01 * (high - low)
        saturated = ((x <= low + margin) | (x >= high - margin)).double().mean().item()
    return ActivationStats(
        x.mean().item(),
        x.std(correction=0).item(),
        zeros.double().mean().item(),
        units.double().mean().item(),
        saturated,
        _histogram(x, bins),
    )


def _gradient_stats(gradient: Tensor, bins: int) -> GradientStats:
    x = _float(gradient)
    return GradientStats(
        x.mean().item(),
        x.std(correction=0).item(),
        x.norm().item(),
        (x == 0).double().mean().item(),
        _histogram(x, bins),
    )


@contextmanager
def record_activations(
    net: nn.Module,
    layers: Layers = None,
    *,
    bins: int = 0,
    saturation: dict[type[nn.Module], tuple[float, float]] = SATURATION,
) -> Iterator[Record[ActivationStats]]:
    """Record in every forward pass what the layers give, until the `with` block ends.

    Args:
        net: The network.
        layers: Names or classes of the layers; None takes every module without children.
        bins: Bins of a histogram of each output; 0 for none.
        saturation: For each class of activations the two bounds where it is flat; a subclass that is not listed
            itself counts as its nearest listed ancestor, and hard tanh and ReLU6 know their own bounds.

    Returns:
        A `Record` of `ActivationStats`, to be read inside the block or after it.

    Raises:
        ValueError: If a layer is unknown, or the bins are fewer than none.

    Example:
        >>> net = nn.Sequential(nn.Identity(), nn.Sigmoid())
        >>> with record_activations(net, [nn.Sigmoid]) as record:
        ...     _ = net(torch.tensor([[-9.0, 0.0, 1.0, 9.0]]))
        >>> record["1"][0].saturated
        0.5
    """
    _check_bins(bins)
    record: Record[ActivationStats] = Record()

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, _: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                bounds = next((saturation[kind] for kind in type(module).__mro__ if kind in saturation), None)
                if bounds is None and isinstance(module, nn.Hardtanh):  # ReLU6 is one, from 0 to 6
                    bounds = (module.min_val, module.max_val)
                record.note(name, _activation_stats(output, bounds, bins))

        return note

    with ExitStack() as stack:
        for name, module in select_layers(net, layers).items():
            stack.callback(module.register_forward_hook(hook(name)).remove)
        yield record


@contextmanager
def record_gradients(
    net: nn.Module, layers: Layers = None, *, bins: int = 0
) -> Iterator[Record[GradientStats]]:
    """Record in every backward pass the loss's gradient at the layers' outputs and parameters.

    Outputs are noted under the layer's name, parameters under their own, such as `conv1` and `conv1.weight`. A
    backward pass counts if it happens inside the block, for a forward pass inside it; that of a parameter counts
    in any case. A layer that ran twice in one pass has two entries, the last run first.

    Args:
        net: The network.
        layers: Names or classes of the layers; None takes every module without children.
        bins: Bins of a histogram of each gradient; 0 for none.

    Returns:
        A `Record` of `GradientStats`, to be read inside the block or after it.

    Raises:
        ValueError: If a layer is unknown, or the bins are fewer than none.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))
        >>> with record_gradients(net, ["1"]) as record:
        ...     net(torch.ones(2, 4)).sum().backward()
        >>> sorted(record), record["1.bias"][0].norm
        (['1', '1.bias', '1.weight'], 2.0)
    """
    _check_bins(bins)
    record: Record[GradientStats] = Record()
    handles: list[Any] = []

    def watch(name: str, tensor: Tensor) -> None:
        def note(gradient: Tensor) -> None:
            record.note(name, _gradient_stats(gradient, bins))

        handles.append(tensor.register_hook(note))

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.requires_grad:
                watch(name, output)

        return note

    try:
        seen: set[int] = set()
        for name, module in select_layers(net, layers).items():
            handles.append(module.register_forward_hook(hook(name)))
            for key, parameter in module.named_parameters(prefix=name):
                if parameter.requires_grad and id(parameter) not in seen:
                    seen.add(id(parameter))
                    watch(key, parameter)
        yield record
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def record_updates(
    net: nn.Module, optimizer: torch.optim.Optimizer, layers: Layers = None
) -> Iterator[Record[UpdateStats]]:
    """Record at every step of an optimizer how far it moves the parameters, against how large they are.

    Plain SGD at a good learning rate often moves a weight by about a thousandth of its norm per step.

    Args:
        net: The network whose parameters are watched; a copy of those is made in front of each step.
        optimizer: What makes the steps; parameters that it does not hold are left out.
        layers: Names or classes of the layers; None takes every module.

    Returns:
        A `Record` of `UpdateStats` under the parameters' names, to be read inside the block or after it.

    Raises:
        ValueError: If a layer is unknown, or the optimizer holds none of the parameters.

    Example:
        >>> net = nn.Linear(1, 1, bias=False)
        >>> _ = net.weight.data.fill_(2.0)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        >>> with record_updates(net, optimizer) as record:
        ...     net(torch.ones(1, 1)).backward()
        ...     optimizer.step()
        >>> record["weight"]
        [UpdateStats(weight=2.0, update=0.5, ratio=0.25)]
    """
    chosen = net.modules() if layers is None else select_layers(net, layers).values()
    wanted = {id(parameter) for module in chosen for parameter in module.parameters()}
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    watched = {
        name: parameter for name, parameter in net.named_parameters() if id(parameter) in wanted & held
    }
    if not watched:
        raise ValueError(
            "The optimizer holds none of the parameters to be watched. Build it on net.parameters() of this network, "
            "and choose layers that have parameters."
        )
    record: Record[UpdateStats] = Record()
    before: dict[str, Tensor] = {}

    def copy(*_: Any) -> None:
        before.update((name, parameter.detach().clone()) for name, parameter in watched.items())

    def compare(*_: Any) -> None:
        for name, parameter in watched.items():
            old = _float(before.pop(name))
            weight, update = old.norm().item(), (_float(parameter) - old).norm().item()
            ratio = update / weight if weight else math.inf if update else math.nan
            record.note(name, UpdateStats(weight, update, ratio))

    with ExitStack() as stack:
        stack.callback(optimizer.register_step_pre_hook(copy).remove)
        stack.callback(optimizer.register_step_post_hook(compare).remove)
        yield record
