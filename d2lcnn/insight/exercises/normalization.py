"""Self-checks of the chapter on the norms' one formula."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from d2lcnn.insight.exercises.answers import (
    accept,
    entry,
    is_close,
    listed,
    number,
    require,
    require_function,
)

# Of a tensor N×G×(C/G)×H×W.
_AXES = {"batch": {0, 3, 4}, "layer": {1, 2, 3, 4}, "group": {2, 3, 4}, "instance": {3, 4}}
_COUNTS = {"batch": (128, 128), "layer": (8192, 0), "group": (128, 0), "instance": (0, 0)}


def _from_the_front(axis: object) -> float | None:
    value = number(axis)
    return value % 5 if value is not None and -5 <= value < 5 else value


def check_norms_axes(answer: Mapping[str, Collection[int]]) -> None:
    """Check the axes of N×G×(C/G)×H×W over which each of four norms averages.

    Args:
        answer: For "batch", "layer", "group" and "instance" the axes, counted from 0.

    Raises:
        WrongAnswer: If a norm is missing or its axes are others.

    Example:
        >>> check_norms_axes({"batch": (0, 1)})
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Batch norm has other axes. Your answer gives (0, 1)...
    """
    hints = {
        "batch": "Each channel has statistics of its own, so an axis that counts channels must stay.",
        "layer": "Ask which values of the cube one element of layer norm depends on.",
        "group": "A group's channels share their statistics; groups and samples do not.",
        "instance": "Only positions are averaged over; channels keep theirs, within a group too.",
    }
    for name, axes in _AXES.items():
        given = entry(answer, name)
        require(
            {_from_the_front(axis) for axis in listed(given)} == axes,
            f"{name.capitalize()} norm has other axes.",
            got=given,
            hint=hints[name],
        )
    accept("Four norms, one formula, four sets of axes.")


def check_norms_counts(answer: Mapping[str, Sequence[int]]) -> None:
    """Check how many numbers four norms learn and keep for 64 channels of 8 × 8 positions.

    Args:
        answer: For "batch", "layer", "group" and "instance", each with its defaults in torch, the number of parameters
            and the number of running means and variances.

    Raises:
        WrongAnswer: If a norm is missing or a number is another.

    Example:
        >>> check_norms_counts({"batch": (128, 0)})
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Batch norm has other numbers. Your answer gives (128, 0)...
    """
    hints = {
        "batch": "It learns a scale and a shift per channel, and keeps what it needs in evaluation.",
        "layer": "Look at the shape of its weight: is it one number for each channel?",
        "group": "The groups decide what is averaged over; do they decide what is learned?",
        "instance": "What are the defaults of affine and of track_running_stats?",
    }
    for name, counts in _COUNTS.items():
        given = entry(answer, name)
        require(
            is_close(given, counts),
            f"{name.capitalize()} norm has other numbers.",
            got=given,
            hint=hints[name],
        )
    accept("What is averaged over and what is learned are two separate choices.")


def check_norms_gradient(answer: Callable[[float, float], float]) -> None:
    """Check by what the gradient in w is multiplied when w becomes λ·w and the data α·u, batch norm following.

    Args:
        answer: A function of λ and α.

    Raises:
        WrongAnswer: If it gives another factor.

    Example:
        >>> check_norms_gradient(lambda weights, data: weights * data)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The factor is another for λ = 2 and α = 1. Your answer gives 2...
    """
    require_function(answer)
    for weights, data in ((2.0, 1.0), (1.0, 5.0), (0.5, 3.0)):
        require(
            is_close(answer(weights, data), 1 / weights),
            f"The factor is another for λ = {weights:g} and α = {data:g}.",
            got=answer(weights, data),
            hint="Write f(λw, αu) = f(w, u) and differentiate both sides by w, with α held fixed.",
        )
    accept("The gradient notices the length of the weights, and not that of the data.")


def check_norms_rms(answer: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check root-mean-square normalization over the last axis, y = weight · x / √(mean of x² + ε).

    Args:
        answer: A function of x, weight and ε.

    Raises:
        WrongAnswer: If it gives other numbers.

    Example:
        >>> check_norms_rms(lambda x, weight, eps: x)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The normalized values are others. Your answer gives...
    """
    require_function(answer)
    x = torch.tensor([[3.0, 4.0, 5.0], [0.0, -1.0, 2.0]], dtype=torch.float64)
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    for eps, hint in (
        (1e-12, "Nothing is subtracted, and the mean of the squares goes over the last axis alone."),
        (2.0, "The numbers are right for a tiny ε only: where does it stand, inside or outside the root?"),
    ):
        wanted = weight * x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()
        got = answer(x, weight, eps)
        require(is_close(got, wanted), "The normalized values are others.", got=got, hint=hint)
    accept("Filter response norm does the same to the positions of a channel.")


def check_norms_equilibrium(answer: Callable[[float, float, float], float]) -> None:
    """Check the length that scale-invariant weights settle at under SGD with weight decay.

    Args:
        answer: A function of the learning rate η, the decay κ and the gradient's length s at ‖w‖ = 1.

    Raises:
        WrongAnswer: If it gives another length.

    Example:
        >>> check_norms_equilibrium(lambda lr, decay, slope: lr / decay)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The length is another for η = 0.1, κ = 0.005 and s = 1. Your...
    """
    require_function(answer)
    for lr, decay, slope in ((0.1, 0.005, 1.0), (0.1, 0.005, 3.0), (0.4, 0.02, 1.0), (0.4, 0.005, 1.0)):
        wanted = (lr * slope**2 / (2 * decay)) ** 0.25
        got = answer(lr, decay, slope)
        require(
            is_close(got, wanted, tolerance=0.02),
            f"The length is another for η = {lr:g}, κ = {decay:g} and s = {slope:g}.",
            got=got,
            hint="Set what a step adds to ‖w‖² equal to what decay takes, and let the gradient shrink with ‖w‖.",
        )
    accept("Decay sets the length, and through it the effective learning rate.")


def check_norms_masked(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check batch normalization of padded sequences that leaves the padding out of its statistics.

    Args:
        answer: A function of sequences N×T×C and of their N lengths, without scale, shift and ε.

    Raises:
        WrongAnswer: If a value that is no padding is another.

    Example:
        >>> check_norms_masked(lambda x, lengths: x - x.mean(dim=(0, 1)))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The values before the padding are others. Your answer gives...
    """
    require_function(answer)
    x = torch.arange(24, dtype=torch.float64).reshape(2, 4, 3).square()
    lengths = torch.tensor([4, 2])
    real = torch.cat([x[0], x[1, :2]])
    wanted = (real - real.mean(dim=0)) / (real - real.mean(dim=0)).square().mean(dim=0).sqrt()
    x[1, 2:] = 0
    for padding, hint in (
        (0.0, "Sum over the real steps alone, and divide by their number, in the variance too."),
        (1000.0, "Your numbers change with what stands in the padding; no statistic may look at it."),
    ):
        x[1, 2:] = padding
        got = answer(x.clone(), lengths)
        fits = isinstance(got, Tensor) and got.shape == x.shape
        values = torch.cat([got[0], got[1, :2]]) if fits else got
        require(is_close(values, wanted), "The values before the padding are others.", got=values, hint=hint)
    accept("The padding no longer leaks. The batch still does.")


def check_norms_adam(answer: float) -> None:
    """Check by which power of λ Adam's learning rate must grow to leave a run as it was, weights being λ times as long.

    Args:
        answer: The power p of λ^p.

    Raises:
        WrongAnswer: If it is another.

    Example:
        >>> check_norms_adam(2)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Adam needs another power. Your answer gives 2...
    """
    require(
        is_close(answer, 1.0),
        "Adam needs another power.",
        got=answer,
        hint="What becomes of Adam's step, m/√v, if all gradients are divided by λ? And how long are the weights?",
    )
    accept("Adam's step ignores the gradient's length, so one λ is left of two.")
