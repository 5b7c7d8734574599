"""Small training runs whose inside one looks at: dense networks on vectors, batch by batch, in the reader's sight."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode


def dense_network(
    depth: int,
    norm: bool,
    seed: int,
    *,
    width: int = 64,
    num_classes: int = 10,
    std: float | None = None,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Build `depth` hidden layers of linear, batch norm (or none), tanh and dropout, then a linear layer.

    With equal seeds the networks with and without norm have equal first weights.

    Args:
        depth: Number of hidden layers.
        norm: Whether torch's batch norm stands before each tanh; `nn.Identity` stands there otherwise.
        seed: Seed of the first weights.
        width: Number of inputs and of units in each hidden layer.
        num_classes: Number of outputs.
        std: Deviation of the hidden layers' first weights, normal around 0; None takes Xavier's uniform ones.
        dropout: Probability of dropping a hidden unit.

    Shape:
        N×width → N×num_classes.

    Raises:
        ValueError: If there is no hidden layer.

    Example:
        >>> [type(part).__name__ for part in dense_network(2, norm=True, seed=0)[0]]
        ['Linear', 'BatchNorm1d', 'Tanh', 'Dropout']
    """
    if depth < 1:
        raise ValueError(f"A deep network has at least 1 hidden layer, got {depth}. Give 1 or more.")
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(width, width)
        if std is None:
            nn.init.xavier_uniform_(linear.weight)
        else:
            nn.init.normal_(linear.weight, std=std)
        nn.init.zeros_(linear.bias)
        middle = nn.BatchNorm1d(width) if norm else nn.Identity()
        layers.append(nn.Sequential(linear, middle, nn.Tanh(), nn.Dropout(dropout)))
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


def random_batches(num_examples: int, batch_size: int, steps: int, seed: int = 0) -> Iterator[Tensor]:
    """Draw the numbers of the examples for each step, with replacement, from a generator of their own.

    Args:
        num_examples: How many examples there are to draw from.
        batch_size: How many are drawn for a step.
        steps: How many batches are drawn.
        seed: Seed of the draws; equal seeds give equal batches to different networks.

    Example:
        >>> [batch.shape for batch in random_batches(100, 8, steps=2)]
        [torch.Size([8]), torch.Size([8])]
    """
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield torch.randint(num_examples, (batch_size,), generator=generator)


def sgd_step(net: nn.Module, loss: Tensor, lr: float) -> None:
    """Move all parameters by −lr times the gradient of a loss.

    What `torch.optim.SGD` does without momentum; the first optimizer of a program costs seconds of imports.

    Args:
        net: The network; its `.grad` stay as they are.
        loss: The loss, computed with the network.
        lr: The learning rate.

    Example:
        >>> net = nn.Linear(1, 1, bias=False)
        >>> before = net.weight.item()
        >>> sgd_step(net, net.weight.sum(), lr=0.5)
        >>> round(before - net.weight.item(), 3)
        0.5
    """
    parameters = list(net.parameters())
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
            parameter.sub_(gradient, alpha=lr)


def fit_batches(
    net: nn.Module,
    data: tuple[Tensor, Tensor],
    batches: Iterable[Tensor],
    lr: float = 0.1,
    after_step: Callable[[nn.Module], object] | None = None,
    *,
    momentum: float = 0.0,
    augment: Callable[[Tensor], Tensor] | None = None,
) -> list[float]:
    """Train by SGD on cross-entropy, one step for each batch, and give the losses of the steps.

    Args:
        net: The network; it is left in training mode.
        data: All inputs and their labels.
        batches: For each step the numbers of its examples.
        lr: The learning rate.
        after_step: Called with the network after each step, to look at it.
        momentum: Share of the last step's direction that is kept.
        augment: Changes each batch of inputs at random before the network sees it.

    Example:
        >>> data = torch.eye(10), torch.arange(10)
        >>> losses = fit_batches(nn.Linear(10, 10), data, random_batches(10, 8, steps=50), lr=1.0)
        >>> len(losses), losses[-1] < losses[0]
        (50, True)
    """
    inputs, labels = data
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum) if momentum else None
    losses = []
    net.train()
    for batch in batches:
        seen = inputs[batch] if augment is None else augment(inputs[batch])
        loss = nn.functional.cross_entropy(net(seen), labels[batch])
        if optimizer is None:
            sgd_step(net, loss, lr)
        else:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        if after_step is not None:
            after_step(net)
    return losses


def share_right(net: nn.Module, data: tuple[Tensor, Tensor]) -> float:
    """Give the share of examples whose largest output stands at their label; the network is left in evaluation mode.

    Args:
        net: The network.
        data: Inputs and their labels.

    Example:
        >>> share_right(nn.Identity(), (torch.eye(4), torch.tensor([0, 1, 2, 0])))
        0.75
    """
    inputs, labels = data
    net.eval()
    with torch.no_grad():
        right: Tensor = net(inputs).argmax(dim=1) == labels
    return right.double().mean().item()


def unit_moments(net: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and deviation over the inputs of what comes before each tanh, in training mode.

    Copies of the running statistics move, and the net's own stay as they are.

    Args:
        net: A network as `dense_network` builds it, all of it in one mode.
        inputs: The inputs.

    Shape:
        N×width → two tensors of layers × units.

    Example:
        >>> means, deviations = unit_moments(dense_network(3, norm=True, seed=0), torch.randn(500, 64))
        >>> means.shape, bool((deviations - 1).abs().max() < 0.01)
        (torch.Size([3, 64]), True)
    """
    seen: list[Tensor] = []
    tanhs = [module for module in net.modules() if isinstance(module, nn.Tanh)]
    hooks = [tanh.register_forward_pre_hook(lambda _, args: seen.append(args[0])) for tanh in tanhs]
    mode = net.training
    statistics = {name: buffer.clone() for name, buffer in net.named_buffers()}
    try:
        with torch.no_grad():
            torch.func.functional_call(net.train(), statistics, (inputs,))
    finally:
        net.train(mode)
        for hook in hooks:
            hook.remove()
    var, mean = torch.var_mean(torch.stack(seen), dim=1, correction=0)
    return mean, var.sqrt()


def flat_gradient(net: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Give the cross-entropy of a batch and its gradient with respect to all parameters, as one long vector.

    Args:
        net: The network, in the mode in which it should run.
        inputs: The batch's inputs.
        labels: Their labels.

    Example:
        >>> loss, gradient = flat_gradient(nn.Linear(4, 2), torch.zeros(3, 4), torch.tensor([0, 1, 0]))
        >>> gradient.shape
        torch.Size([10])
    """
    loss = nn.functional.cross_entropy(net(inputs), labels)
    parts = torch.autograd.grad(loss, list(net.parameters()))
    return loss.item(), torch.cat([part.flatten() for part in parts])


@dataclass(frozen=True)
class Walk:
    """What one meets on a straight way against the gradient of a batch.

    Args:
        slope: Length of the gradient at the start, ‖g‖.
        losses: The batch's loss at the start and at each stop.
        cosines: For each stop the cosine between the gradient at the start and there.
        changes: For each stop the change of the gradient per length walked, ‖g′ − g‖ / ‖w′ − w‖.

    Example:
        >>> Walk(1.5, [2.0, 1.0], [0.9], [0.5]).spread
        1.0
    """

    slope: float
    losses: list[float]
    cosines: list[float]
    changes: list[float]

    @property
    def spread(self) -> float:
        """How far apart the losses lie."""
        return max(self.losses) - min(self.losses)


def walk_along_gradient(
    net: nn.Module, inputs: Tensor, labels: Tensor, stops: Sequence[float], *, by_length: bool = False
) -> Walk:
    """Walk from the weights against their gradient, note losses and gradients; the network stays as it is.

    Args:
        net: The network; a copy in training mode walks.
        inputs: The batch's inputs.
        labels: Their labels.
        stops: Learning rates: a stop lies at w − rate·g. So networks with longer gradients walk farther.
        by_length: Take the stops for lengths instead: a stop lies at w − length·g/‖g‖.

    Source:
        The measures follow Santurkar et al. (2018), section 3.2; the cosine is ours.

    Example:
        >>> net = nn.Linear(4, 2)
        >>> walk = walk_along_gradient(net, torch.randn(8, 4), torch.tensor([0, 1] * 4), [0.01, 0.1])
        >>> len(walk.losses), walk.losses[1] < walk.losses[0], walk.cosines[0] > 0.9
        (3, True, True)
    """
    net = copy.deepcopy(net).train()
    start = nn.utils.parameters_to_vector(net.parameters()).detach()
    loss, g = flat_gradient(net, inputs, labels)
    step = g / g.norm() if by_length else g
    losses, cosines, changes = [loss], [], []
    for stop in stops:
        nn.utils.vector_to_parameters(start - stop * step, net.parameters())
        loss, there = flat_gradient(net, inputs, labels)
        losses.append(loss)
        cosines.append(torch.cosine_similarity(g, there, dim=0).item())
        changes.append(((there - g).norm() / (stop * step.norm())).item())
    return Walk(g.norm().item(), losses, cosines, changes)


def saved_megabytes(net: nn.Module, inputs: Tensor) -> float:
    """Give how many megabytes of tensors autograd keeps for the backward pass, each storage counted once.

    Shapes are enough: network and batch may be on torch's `meta` device.

    Args:
        net: The network, parameters included in the count.
        inputs: The batch.

    Example:
        >>> round(saved_megabytes(nn.Tanh(), torch.randn(1000, 1000, requires_grad=True)))
        4
    """
    sizes: dict[StorageWeakRef, int] = {}
    kept: list[Tensor] = []  # what is kept cannot give its place to another

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        sizes[StorageWeakRef(tensor.untyped_storage())] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        net(inputs)
    return sum(sizes.values()) / 1e6


class _Work(TorchFunctionMode):
    """Sees each call of torch, but not what autograd and torch itself call."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.sizes.append(result.numel())
        return result


def count_work(run: Callable[[], object]) -> tuple[int, int]:
    """Give how many operations a program asks of torch, and how many numbers their results have.

    Unlike seconds these do not depend on what else the machine does. An operation is a call that gives a tensor; the
    backward pass, which autograd runs by itself, is not counted.

    Args:
        run: Called once.

    Example:
        >>> x = torch.randn(100)
        >>> count_work(lambda: (x + 1).tanh())
        (2, 200)
    """
    with _Work() as work:
        run()
    return len(work.sizes), sum(work.sizes)
