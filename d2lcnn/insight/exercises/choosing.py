"""Self-checks of the chapter on choosing a norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, entry, is_close, listed, require, require_function
from d2lcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.layer_norm import LayerNorm

Statistics = tuple[Tensor, Tensor]


def _draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 + 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)


def _works(layer: nn.Module, *shape: int) -> bool:
    try:
        layer.double()(_draw(*shape))
    except ValueError:
        return False
    return True


def check_choosing_batch_of_one(answer: Mapping[str, bool]) -> None:
    """Check which layers take a batch of one example in training.

    Args:
        answer: True or False for "batch, 8 features", "batch, 8 maps of 4×4", "batch, 8 maps of 1×1",
            "layer, 8 features", "instance, 8 maps of 1×1" and "group, 4 groups of 8 maps of 1×1".

    Raises:
        WrongAnswer: If one is missing or wrong.

    Example:
        >>> check_choosing_batch_of_one({"batch, 8 features": True})
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Decide for: batch, 8 features. Your answer gives True...
    """
    cases = {
        "batch, 8 features": _works(BatchNorm1d(8), 1, 8),
        "batch, 8 maps of 4×4": _works(BatchNorm2d(8), 1, 8, 4, 4),
        "batch, 8 maps of 1×1": _works(BatchNorm2d(8), 1, 8, 1, 1),
        "layer, 8 features": _works(LayerNorm(8), 1, 8),
        "instance, 8 maps of 1×1": _works(InstanceNorm2d(8), 1, 8, 1, 1),
        "group, 4 groups of 8 maps of 1×1": _works(GroupNorm(4, 8), 1, 8, 1, 1),
    }
    for name, works in cases.items():
        require(
            is_close(given := entry(answer, name), works),
            f"Decide for: {name}.",
            got=given,
            hint="How many values share one mean there? A single one has no deviation.",
        )
    accept("What counts is the number of values that share a mean, not the number of examples.")


def check_choosing_two_values(function: Callable[[float, float, float], tuple[float, float]]) -> None:
    """Check what batch norm makes of a feature in a batch of two, without scale and shift: `function(a, b, eps)`.

    Args:
        function: Gives the two outputs.

    Raises:
        WrongAnswer: If they are not those of batch normalization.

    Example:
        >>> def two(a, b, eps):
        ...     half = (a - b) / 2
        ...     return half / (half**2 + eps) ** 0.5, -half / (half**2 + eps) ** 0.5
        >>> check_choosing_two_values(two)
        Correct. Unless ε matters, all that is left of two numbers is which of them is larger.
    """
    require_function(function)
    for a, b, eps in [(5.0, 1.0, 0.0), (-2.0, 7.0, 0.0), (1.0, 2.0, 2.0)]:
        half = (a - b) / 2
        wanted = half / (half**2 + eps) ** 0.5
        got = function(a, b, eps)
        require(
            is_close(got, [wanted, -wanted]),
            f"For the values {a:g} and {b:g} with ε = {eps:g} the outputs are others.",
            got=got,
            hint="How far is each value from their mean, and what is the biased variance of two values?",
        )
    accept("Unless ε matters, all that is left of two numbers is which of them is larger.")


def check_choosing_pooled(function: Callable[[Tensor, Tensor], Statistics]) -> None:
    """Check the pooling of statistics that were taken for each example apart: `function(means, variances)`.

    Args:
        function: Gets N×C means and N×C biased variances of N examples with equally many positions, and gives the mean
            and the biased variance of each channel over all examples and positions.

    Raises:
        WrongAnswer: If one of the two is not right.

    Example:
        >>> check_choosing_pooled(lambda m, v: (m.mean(0), v.mean(0) + m.var(0, correction=0)))
        Correct. The variance of all is the mean of the variances plus the variance of the means.
    """
    require_function(function)
    x = _draw(5, 3, 4, 2) + _draw(5, 3, 1, 1, seed=1)
    got = function(x.mean((2, 3)), x.var((2, 3), correction=0))
    given = listed(got)
    require(
        len(given) == 2,
        "The answer is a pair of tensors, the means and the variances.",
        got=got,
        hint="What does your function return?",
    )
    mean, variance = given
    require(
        is_close(mean, x.mean((0, 2, 3))),
        "The mean of each channel is over all examples.",
        got=mean,
        hint="Every example has equally many positions.",
    )
    require(
        is_close(variance, x.var((0, 2, 3), correction=0)),
        "The variance of each channel is around the mean of all examples.",
        got=variance,
        hint="Examples also differ from each other. Where is that in your formula, and with which divisor?",
    )
    accept("The variance of all is the mean of the variances plus the variance of the means.")


def check_choosing_transfer(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check adaptive instance normalization of pictures, without ε: `function(content, style)`.

    Args:
        function: Gives the pictures N×C×H×W of the first argument with each channel's mean and biased deviation taken
            from the second, which may have another height and width.

    Raises:
        WrongAnswer: If the statistics are not those of the style, or the content is not what it was.

    Example:
        >>> def transfer(content, style):
        ...     m, s = style.mean((2, 3), keepdim=True), style.std((2, 3), correction=0, keepdim=True)
        ...     return s * InstanceNorm2d(content.shape[1], eps=1e-12)(content) + m
        >>> check_choosing_transfer(transfer)
        Correct. The content's picture, in the style's brightness, contrast and colour.
    """
    require_function(function)
    content, style = _draw(2, 3, 5, 4), _draw(2, 3, 6, 3, seed=1) ** 2
    c_mean, c_std = content.mean((2, 3), keepdim=True), content.std((2, 3), correction=0, keepdim=True)
    s_mean, s_std = style.mean((2, 3), keepdim=True), style.std((2, 3), correction=0, keepdim=True)
    got = function(content.clone(), style.clone())
    require(
        is_close(got, (content - c_mean) / c_std * s_std + s_mean),
        "Each channel of each picture keeps its pattern and takes mean and deviation from the style.",
        got=got,
        hint="Compare mean and deviation of your result with those of the style, picture by picture and channel by channel.",
    )
    accept("The content's picture, in the style's brightness, contrast and colour.")


def check_choosing_noise(function: Callable[[int, int, float, float], float]) -> None:
    """Check the standard deviation of a batch's mean: `function(samples, positions, between, within)`.

    Args:
        function: Gets the batch size, the positions of a channel, the standard deviation of the samples' own means
            and that of the values around their sample's mean, and gives that of the batch's mean.

    Raises:
        WrongAnswer: If it is not that of independent samples and positions.

    Example:
        >>> check_choosing_noise(lambda n, p, between, within: ((between**2 + within**2 / p) / n) ** 0.5)
        Correct. More positions help against one of the two parts only.
    """
    require_function(function)
    for samples, positions, between, within in [(1, 16, 0.0, 2.0), (4, 1, 3.0, 0.0), (8, 25, 1.5, 2.0)]:
        got = function(samples, positions, between, within)
        require(
            is_close(got, ((between**2 + within**2 / positions) / samples) ** 0.5),
            f"For N = {samples}, P = {positions}, τ = {between:g} and ω = {within:g} the mean has another deviation.",
            got=got,
            hint="Which of the two parts is drawn once for each sample, and which once for each position?",
        )
    accept("More positions help against one of the two parts only.")


def check_choosing_stream(function: Callable[[int, float], float]) -> None:
    """Check the deviation of a pre-norm stream behind L blocks: `function(blocks, variance)`.

    Args:
        function: Gets the number of blocks of two sublayers, each of which adds something uncorrelated of the given
            variance to a stream that begins with variance 1, and gives the deviation at the end.

    Raises:
        WrongAnswer: If it is not that of a sum of uncorrelated terms.

    Example:
        >>> check_choosing_stream(lambda blocks, variance: (1 + 2 * blocks * variance) ** 0.5)
        Correct. It grows with the root of the depth, and each further block weighs less.
    """
    require_function(function)
    for blocks, variance in [(0, 0.5), (1, 4.0), (12, 0.5)]:
        got = function(blocks, variance)
        require(
            is_close(got, (1 + 2 * blocks * variance) ** 0.5),
            f"With L = {blocks} and v = {variance:g} the stream has another deviation.",
            got=got,
            hint="What adds up for uncorrelated terms, and how many sublayers has a block?",
        )
    accept("It grows with the root of the depth, and each further block weighs less.")
