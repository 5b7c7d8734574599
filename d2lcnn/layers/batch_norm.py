"""Batch normalization: the layer, its population statistics, and how it disappears into the layer before it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least, check_eps, check_features, check_momentum
from d2lcnn.layers.moments import moments, per_channel, scale_and_shift, standardize, widen


class _BatchNorm(nn.Module):
    """What BatchNorm1d and BatchNorm2d share: everything but the shapes that they take."""

    shapes: ClassVar[dict[int, str]]
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        check_eps(eps)
        check_momentum(momentum, none_averages=True)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        track = track_running_stats
        self.register_buffer("running_mean", torch.zeros(num_features) if track else None)
        self.register_buffer("running_var", torch.ones(num_features) if track else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if track else None)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize with the batch's statistics in training, with the running ones in evaluation."""
        check_features(x, self.num_features, layer=type(self).__name__, shapes=self.shapes)
        if self.training or self.running_mean is None or self.running_var is None:
            values = x.numel() // self.num_features
            if values < 2:
                raise ValueError(
                    f"{type(self).__name__} needs at least 2 values per channel to compute a variance and got "
                    f"{values} in a batch of shape {tuple(x.shape)}. Take a larger batch (drop_last=True drops a "
                    "last batch of one), or evaluate with running statistics."
                )
            mean, var = moments(x, (0, *range(2, x.dim())))
            self._update_running_statistics(mean.flatten(), var.flatten() * (values / (values - 1)))
        else:
            mean, var = per_channel(self.running_mean, x), per_channel(self.running_var, x)
        return scale_and_shift(standardize(x, mean, var, self.eps), self.weight, self.bias).to(x.dtype)

    @torch.no_grad()
    def _update_running_statistics(self, mean: Tensor, unbiased_var: Tensor) -> None:
        """Move the running statistics towards those of a batch, in training only."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        if not self.training:
            return
        self.num_batches_tracked += 1
        # Without a momentum the k-th batch gets the weight 1/k, which is the plain average over all batches.
        newest = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.mul_(1 - newest).add_(newest * mean)
        self.running_var.mul_(1 - newest).add_(newest * unbiased_var)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalization of vectors or sequences: y = γ·(x − μ)/√(σ² + ε) + β, with μ, σ² per feature over the batch.

    For vectors the statistics go over the batch, for sequences over batch and positions. All the rest is as in
    `BatchNorm2d`.

    Args:
        num_features: Number of features F, or of channels C of a sequence.
        eps: ε, added to the variance.
        momentum: Weight of the newest batch in the running statistics; None averages over all batches alike.
        affine: Whether γ (`weight`) and β (`bias`) are there.
        track_running_stats: Whether running statistics are kept; without them evaluation uses the batch's too.

    Shape:
        N×F → N×F, or N×C×L → N×C×L.

    Raises:
        ValueError: If an argument is out of range, the input has other dimensions or channels, or a batch in
            training has one value per channel only.

    Source:
        Ioffe and Szegedy (2015), Algorithm 1.

    Differs from:
        torch's `nn.BatchNorm1d` in refusing an ε of 0, a momentum outside of [0, 1] and an empty batch, and in having no
        argument `bias`; `state_dict` is interchangeable.

    Example:
        >>> layer = BatchNorm1d(2)
        >>> layer(torch.tensor([[1.0, 10.0], [3.0, 30.0]])).round(decimals=3)
        tensor([[-1., -1.],
                [ 1.,  1.]], grad_fn=<RoundBackward1>)
    """

    shapes: ClassVar[dict[int, str]] = {2: "N×F", 3: "N×C×L"}


class BatchNorm2d(_BatchNorm):
    """Batch normalization of images: y = γ·(x − μ)/√(σ² + ε) + β, with μ, σ² per channel over N, H and W.

    In training μ and σ² are the batch's own and the gradient flows through them; σ² is the biased variance
    (divided by the m = N·H·W values). In evaluation they are running averages of the batches seen in training,
    fixed numbers, and the layer is an affine map per channel. The running variance averages the unbiased
    variances, σ²·m/(m−1), as an estimate of the population's should.

    Two conventions for the momentum circulate. Here, as in torch, it is the weight of the newest batch:
    running ← (1 − momentum)·running + momentum·batch, 0.1 by default. Elsewhere (TensorFlow, Keras, older d2l) it is
    the weight of the past, 0.9 for the same thing.

    Args:
        num_features: Number of channels C.
        eps: ε, added to the variance.
        momentum: Weight of the newest batch in the running statistics; None averages over all batches alike,
            which for batches of one size, with the weights at rest, is step 10 of the paper's Algorithm 2.
        affine: Whether γ (`weight`) and β (`bias`) are there.
        track_running_stats: Whether running statistics are kept; without them evaluation uses the batch's too.

    Shape:
        N×C×H×W → N×C×H×W.

    Raises:
        ValueError: If an argument is out of range, the input has other dimensions or channels, or a batch in
            training has one value per channel only.

    Source:
        Ioffe and Szegedy (2015), Algorithms 1 and 2 and section 3.2.

    Differs from:
        torch's `nn.BatchNorm2d` as `BatchNorm1d` does; `state_dict` is interchangeable. d2l's from-scratch version keeps
        the biased variance and chooses its mode by `torch.is_grad_enabled()`.

    Example:
        >>> layer = BatchNorm2d(3)
        >>> y = layer(5 + 2 * torch.randn(16, 3, 8, 8))
        >>> bool(y.mean().abs() < 1e-5), bool((y.var(correction=0) - 1).abs() < 1e-3)
        (True, True)
        >>> list(layer.state_dict())
        ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    """

    shapes: ClassVar[dict[int, str]] = {4: "N×C×H×W"}


@torch.no_grad()
def population_statistics(net: nn.Module, batches: Iterable[Tensor | Sequence[Tensor]]) -> None:
    """Replace the running statistics of every batch norm in a network by those of a whole pass over data.

    For each batch norm, ours or torch's, `running_mean` and `running_var` become the mean and the unbiased
    variance of all values that came into the layer during the pass, as if they had lain in one large batch.
    The variance therefore contains how far the batches' means lie apart. Averaging the batches' own variances,
    as the paper's Algorithm 2 does (and `momentum=None`), leaves that out; for batches drawn at random the two
    agree in expectation, for sorted ones they do not.

    During the pass the batch norms normalize with each batch's own statistics, as they did in training; all
    other layers are in evaluation mode, so that dropout drops nothing. Modes, momenta and the norms' counts of batches
    are put back.

    Args:
        net: The network.
        batches: Inputs, or pairs whose first part is the input, as a loader gives them.

    Raises:
        ValueError: If there is no batch.

    Source:
        Ioffe and Szegedy (2015), Algorithm 2, steps 8 to 11; pooled over all values in place of its average.

    Example:
        >>> net = nn.Sequential(BatchNorm1d(1))
        >>> population_statistics(net, [torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [6.0]])])
        >>> net[0].running_mean.item(), round(net[0].running_var.item(), 4)
        (3.0, 4.6667)
    """
    norms = [m for m in net.modules() if isinstance(m, AnyBatchNorm) and m.running_mean is not None]
    seen = [_Pool() for _ in norms]
    hooks = [norm.register_forward_hook(pool.hook) for norm, pool in zip(norms, seen)]
    modes = {module: module.training for module in net.modules()}
    momenta = {norm: norm.momentum for norm in norms}
    tracked = [norm.num_batches_tracked for norm in norms if norm.num_batches_tracked is not None]
    counts = [count.clone() for count in tracked]
    parameter = next(net.parameters(), None)
    net.eval()
    num_batches = 0
    try:
        for norm in norms:
            norm.train()
            norm.momentum = 0.0  # the pass leaves the running statistics as they are until it is complete
        for batch in batches:
            x = batch if isinstance(batch, Tensor) else batch[0]
            net(x if parameter is None else x.to(parameter.device))
            num_batches += 1
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
        for norm, momentum in momenta.items():
            norm.momentum = momentum
        for count, before in zip(tracked, counts):
            count.copy_(before)
    if num_batches == 0:
        raise ValueError(
            "population_statistics needs at least 1 batch and got 0. Give a fresh loader or a list."
        )
    for norm, pool in zip(norms, seen):
        if pool.count > 1 and norm.running_mean is not None and norm.running_var is not None:
            norm.running_mean.copy_(pool.mean)
            norm.running_var.copy_(pool.squares / (pool.count - 1))


class _Pool:
    """Mean and sum of squared deviations per channel of all batches so far, merged batch by batch."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.squares = torch.zeros(())

    def hook(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        """Take in the input of a layer that has just run."""
        x = args[0]
        mean, var = (value.flatten() for value in moments(x, (0, *range(2, x.dim()))))
        count = x.numel() // x.shape[1]
        total = self.count + count
        # Chan, Golub and LeVeque (1979): pool two sets without ever subtracting large squares.
        distance = mean - self.mean.to(mean.device)
        squares = (
            self.squares.to(mean.device) + var * count + distance.square() * (self.count * count / total)
        )
        self.mean = self.mean.to(mean.device) + distance * (count / total)
        self.squares, self.count = squares, total


Foldable = TypeVar("Foldable", bound=nn.Linear | nn.Conv1d | nn.Conv2d)
AnyBatchNorm = _BatchNorm | nn.modules.batchnorm._BatchNorm
FOLDABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)


@torch.no_grad()
def fold_batch_norm(layer: Foldable, norm: _BatchNorm | nn.modules.batchnorm._BatchNorm) -> Foldable:
    """Give one layer that does what a convolution or linear layer and the batch norm after it do in evaluation.

    With s = γ/√(running_var + ε) per output channel: weight' = s·weight, bias' = s·(bias − running_mean) + β.

    Args:
        layer: The convolution or linear layer; it is left as it is.
        norm: The batch norm that follows it directly, ours or torch's, with running statistics.

    Raises:
        ValueError: If the layer is of another kind, the norm has no running statistics, or their channels differ.

    Source:
        Ioffe and Szegedy (2015), Algorithm 2, step 11, multiplied into the layer before.

    Example:
        >>> conv, norm = nn.Conv2d(3, 8, 3, bias=False), BatchNorm2d(8).eval()
        >>> x = torch.randn(2, 3, 8, 8)
        >>> torch.allclose(fold_batch_norm(conv, norm)(x), norm(conv(x)), atol=1e-5)
        True
    """
    # A layer derived from one of these may use its weights in another way, as WSConv2d does.
    if type(layer) not in FOLDABLE:
        raise ValueError(
            f"A batch norm folds into a Linear, Conv1d or Conv2d and got {type(layer).__name__}. "
            "Fold it into the layer that stands directly before it."
        )
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError(
            "Folding needs a batch norm with running statistics and got track_running_stats=False, whose output "
            "depends on the batch. Build it with track_running_stats=True and train, or call population_statistics."
        )
    weight = layer.weight
    if len(weight) != norm.num_features:
        raise ValueError(
            f"The batch norm must have one channel per output of the layer, {len(weight)}, and has "
            f"{norm.num_features}. Fold the pair that stands together in the network."
        )
    mean, var = widen(norm.running_mean), widen(norm.running_var)
    bias = torch.zeros_like(mean) if layer.bias is None else widen(layer.bias)
    scale = torch.rsqrt(var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    bias = scale * (bias - mean)
    if norm.bias is not None:
        bias = bias + norm.bias
    folded = copy.deepcopy(layer)
    folded.weight = nn.Parameter(
        (widen(weight) * scale.reshape(-1, *[1] * (weight.dim() - 1))).to(weight.dtype)
    )
    folded.bias = nn.Parameter(bias.to(weight.dtype))
    return folded
