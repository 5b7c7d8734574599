"""Small training runs whose inside one looks at: dense networks on vectors, batch by batch, in the reader's sight."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


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
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    losses = []
    net.train()
    for batch in batches:
        seen = inputs[batch] if augment is None else augment(inputs[batch])
        loss = nn.functional.cross_entropy(net(seen), labels[batch])
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
    """Give mean and deviation over the inputs of what comes before each tanh, in training mode, and leave no trace.

    A copy of the network runs, so that its running statistics stay as they are.

    Args:
        net: A network as `dense_network` builds it.
        inputs: The inputs.

    Shape:
        N×width → two tensors of layers × units.

    Example:
        >>> means, deviations = unit_moments(dense_network(3, norm=True, seed=0), torch.randn(500, 64))
        >>> means.shape, bool((deviations - 1).abs().max() < 0.01)
        (torch.Size([3, 64]), True)
    """
    seen: list[Tensor] = []
    net = copy.deepcopy(net).train()
    for module in net.modules():
        if isinstance(module, nn.Tanh):
            module.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        net(inputs)
    return torch.stack([z.mean(dim=0) for z in seen]), torch.stack([z.std(dim=0, correction=0) for z in seen])


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
        losses: The batch's loss at the start and at each stop.
        cosine: Cosine between the gradient at the start and at the first stop.
        change: Largest change of the gradient per length walked, ‖g′ − g‖ / ‖w′ − w‖, of all stops.

    Example:
        >>> Walk([2.0, 1.0], 0.9, 0.5).spread
        1.0
    """

    losses: list[float]
    cosine: float
    change: float

    @property
    def spread(self) -> float:
        """How far apart the losses lie."""
        return max(self.losses) - min(self.losses)


def walk_along_gradient(net: nn.Module, inputs: Tensor, labels: Tensor, rates: Sequence[float]) -> Walk:
    """Walk from the weights w to w − rate·g for each rate, and note losses and gradients; the network stays as it is.

    Args:
        net: The network; a copy in training mode walks.
        inputs: The batch's inputs.
        labels: Their labels.
        rates: Learning rates of the stops; the first is the one whose gradient is compared by its direction.

    Source:
        The measures follow Santurkar et al. (2018), section 3.2; the cosine is ours.

    Example:
        >>> net = nn.Linear(4, 2)
        >>> walk = walk_along_gradient(net, torch.randn(8, 4), torch.tensor([0, 1] * 4), [0.01, 0.1])
        >>> len(walk.losses), walk.losses[1] < walk.losses[0], walk.cosine > 0.9
        (3, True, True)
    """
    net = copy.deepcopy(net).train()
    start = nn.utils.parameters_to_vector(net.parameters()).detach()
    loss, g = flat_gradient(net, inputs, labels)
    losses, gradients, changes = [loss], [], []
    for rate in rates:
        nn.utils.vector_to_parameters(start - rate * g, net.parameters())
        loss, there = flat_gradient(net, inputs, labels)
        losses.append(loss)
        gradients.append(there)
        changes.append(((there - g).norm() / (rate * g.norm())).item())
    return Walk(losses, torch.cosine_similarity(g, gradients[0], dim=0).item(), max(changes))


def saved_megabytes(net: nn.Module, inputs: Tensor) -> float:
    """Give how many megabytes of tensors autograd keeps for the backward pass, each storage counted once.

    Args:
        net: The network, parameters included in the count.
        inputs: The batch.

    Example:
        >>> round(saved_megabytes(nn.Tanh(), torch.randn(1000, 1000, requires_grad=True)))
        4
    """
    sizes: dict[int, int] = {}
    kept: list[Tensor] = []  # what is kept cannot give its address to another

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        net(inputs)
    return sum(sizes.values()) / 1e6
