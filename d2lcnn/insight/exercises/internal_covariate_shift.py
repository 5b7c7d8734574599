"""Self-checks of the chapter on internal covariate shift and batch normalization."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, is_close, require, require_function
from d2lcnn.layers.batch_norm import BatchNorm1d


def _draw(*shape: int) -> Tensor:
    """Give the same numbers each time, far from mean 0 and deviation 1, without touching the global generator."""
    generator = torch.Generator().manual_seed(0)
    return 3 + 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)


def check_ics_counts(parameters: int, running: int) -> None:
    """Check how many numbers a batch norm for 64 channels learns, and how many its running statistics hold.

    Args:
        parameters: The number of learned numbers.
        running: The number of numbers in mean and variance that move with the batches and are not learned.

    Raises:
        WrongAnswer: If one of the two is not right.

    Example:
        >>> check_ics_counts(parameters=128, running=128)
        Correct. One pair is learned and one pair is followed for each channel, whatever the size of the picture.
    """
    require(
        is_close(parameters, 128),
        "A batch norm learns so many numbers for each channel, and there are 64 channels.",
        got=parameters,
        hint="Which letters of the last line of the algorithm are learned, and does a channel share them over all places?",
    )
    require(
        is_close(running, 128),
        "The running statistics hold so many numbers for each channel, and there are 64 channels.",
        got=running,
        hint="What does evaluation need in place of a batch's own statistics?",
    )
    accept("One pair is learned and one pair is followed for each channel, whatever the size of the picture.")


def check_ics_forward(function: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> None:
    """Check a batch norm in training mode for images, called as `function(x, gamma, beta, eps)`.

    Args:
        function: Gives the normalized, scaled and shifted images.

    Raises:
        WrongAnswer: If the output is not that of batch normalization.

    Example:
        >>> def batch_norm(x, gamma, beta, eps):
        ...     return nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
        >>> check_ics_forward(batch_norm)
        Correct. It agrees with the definition, with a large ε and with pictures that are not square too.
    """
    require_function(function)
    x = _draw(2, 3, 2, 4)
    gamma, beta = torch.tensor([2.0, 0.5, -1.0]).double(), torch.tensor([1.0, 0.0, -3.0]).double()
    for eps, hint in [
        (1e-12, "Over which of the four dimensions is one mean taken, and what is the variance divided by?"),
        (1.0, "With a small ε it was right. Where does ε stand in the formula?"),
    ]:
        wanted = nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
        got = function(x.clone(), gamma, beta, eps)
        require(
            is_close(got, wanted, tolerance=1e-9),
            f"Each channel must be normalized over batch and places, scaled and shifted (here ε = {eps:g}).",
            got=got,
            hint=hint,
        )
    accept("It agrees with the definition, with a large ε and with pictures that are not square too.")


def check_ics_running_update(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check a step of the running variance where momentum weighs the past, `function(running, x, momentum)`.

    Args:
        function: Gives the new running variance per feature from the old one and a batch N×F.

    Raises:
        WrongAnswer: If the convention is swapped or the batch's variance is the biased one.

    Example:
        >>> def update(running, x, momentum):
        ...     return momentum * running + (1 - momentum) * x.var(dim=0)
        >>> check_ics_running_update(update)
        Correct. The past keeps its share, and the batch brings its unbiased variance.
    """
    require_function(function)
    running, x = torch.tensor([1.0, 4.0], dtype=torch.float64), _draw(4, 2)
    kept = function(running.clone(), x, 1.0)
    require(
        is_close(kept, running),
        "With momentum 1 the past alone counts.",
        got=kept,
        hint="Here momentum weighs the past; in PyTorch it weighs what is new.",
    )
    got = function(running.clone(), x, 0.9)
    require(
        is_close(got, 0.9 * running + 0.1 * x.var(dim=0)),
        "With momentum 0.9 a tenth of the batch's unbiased variance comes in.",
        got=got,
        hint="Compare the divisor of your variance with the one that makes a sample's variance right on average.",
    )
    accept("The past keeps its share, and the batch brings its unbiased variance.")


def check_ics_backward(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check the backward pass of y = x / √(mean(x²) + ε), the mean over the batch: `function(upstream, x, eps)`.

    Args:
        function: Gives the loss's gradient with respect to x from the one with respect to y, both N×F.

    Raises:
        WrongAnswer: If the gradient is not the one that autograd gives.

    Example:
        >>> def backward(upstream, x, eps):
        ...     root = (x.square().mean(dim=0) + eps).sqrt()
        ...     return (upstream - x / root**2 * (upstream * x).mean(dim=0)) / root
        >>> check_ics_backward(backward)
        Correct. One projection is left of batch normalization's two: without a mean there is none to hold still.
    """
    require_function(function)
    x = _draw(5, 2).requires_grad_()
    upstream = _draw(2, 5).T
    eps = 0.5
    y = x / (x.square().mean(dim=0) + eps).sqrt()
    (wanted,) = torch.autograd.grad(y, x, upstream)
    got = function(upstream, x.detach().clone(), eps)
    require(
        is_close(got, wanted, tolerance=1e-9),
        "The gradient must be the one that autograd gives.",
        got=got,
        hint="x reaches y by two ways, directly and through the root; how many of the steps of the text does each need?",
    )
    accept("One projection is left of batch normalization's two: without a mean there is none to hold still.")


def check_ics_fold_before(function: Callable[[BatchNorm1d, nn.Linear], nn.Linear]) -> None:
    """Check the folding of a batch norm into the linear layer *behind* it, called as `function(norm, linear)`.

    Args:
        function: Gives one linear layer that does in evaluation what norm and linear layer do one after the other.

    Raises:
        WrongAnswer: If the result is no linear layer or gives something else, or the given layers were changed.

    Example:
        >>> def fold(norm, linear):
        ...     scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        ...     folded = nn.Linear(linear.in_features, linear.out_features).double()
        ...     folded.weight.data = linear.weight * scale
        ...     folded.bias.data = linear.bias + linear.weight @ (norm.bias - scale * norm.running_mean)
        ...     return folded
        >>> check_ics_fold_before(fold)
        Correct. The scale goes to the columns of the weight, the shift through the weight into the bias.
    """
    require_function(function)
    # Three in and three out: a scale along the wrong dimension then has no shape that betrays it.
    norm, linear = BatchNorm1d(3, eps=0.1).double().eval(), nn.Linear(3, 3).double()
    values = _draw(7, 3).abs()
    with torch.no_grad():
        for tensor, row in zip((norm.weight, norm.bias, norm.running_mean, norm.running_var), values):
            if tensor is not None:
                tensor.copy_(row)
        linear.weight.copy_(values[4:7])
        linear.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
        x = _draw(5, 3)
        wanted = linear(norm(x))
        folded = function(norm, linear)
        unchanged = is_close(linear(norm(x)), wanted, tolerance=1e-12)
    require(
        isinstance(folded, nn.Linear),
        "The result must be one nn.Linear.",
        got=type(folded).__name__,
        hint="Folding leaves no norm behind: its factor and its shift go into the layer's own weight and bias.",
    )
    require(
        unchanged,
        "Norm and linear layer must be left as they were.",
        got=linear.weight,
        hint="Build a new layer for the result.",
    )
    with torch.no_grad():
        got = copy.deepcopy(folded).double()(x)  # float32 is right up to rounding
    require(
        is_close(got, wanted, tolerance=1e-5),
        "The folded layer must give what norm and linear layer give one after the other in evaluation.",
        got=got,
        hint="Write W(s·x + t) + b out and sort it by x: what does s multiply in W, and what happens to t?",
    )
    accept("The scale goes to the columns of the weight, the shift through the weight into the bias.")


def check_ics_ghost(function: Callable[[Tensor, int], Tensor]) -> None:
    """Check ghost batch normalization of vectors without scale, shift and ε, called as `function(x, size)`.

    Args:
        function: Normalizes each run of `size` examples of a batch N×F by its own mean and biased variance; the last
            run may be shorter.

    Raises:
        WrongAnswer: If a run is normalized by other statistics than its own.

    Example:
        >>> def ghost(x, size):
        ...     return torch.cat([(run - run.mean(0)) / run.std(0, correction=0) for run in x.split(size)])
        >>> check_ics_ghost(ghost)
        Correct. Each run is normalized by itself, whatever its neighbours are.
    """
    require_function(function)
    x = _draw(10, 3)
    x[:4] += 5
    for size in (10, 4):
        wanted = torch.cat([(run - run.mean(0)) / run.std(0, correction=0) for run in x.split(size)])
        got = function(x.clone(), size)
        require(
            is_close(got, wanted, tolerance=1e-9),
            f"Each run of {size} of 10 examples must have its own mean and biased variance.",
            got=got,
            hint="Which examples share one mean? Do not forget those that are left over at the end.",
        )
    accept("Each run is normalized by itself, whatever its neighbours are.")
