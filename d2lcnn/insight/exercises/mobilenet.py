"""Self-checks of the chapter on MobileNet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, is_close, listed, require, require_function
from d2lcnn.insight.low_precision import fake_quantize


def check_mobilenet_layers(answer: Sequence[float] | Tensor) -> None:
    """Check how many layers of each kind make MobileNetV1's 28.

    Args:
        answer: The numbers of full convolutions, depthwise convolutions, 1×1 convolutions and dense layers.

    Raises:
        WrongAnswer: If one is another.

    Example:
        >>> check_mobilenet_layers([1, 13, 14, 1])
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: There is another number of 1×1 convolutions. Your answer gives 14...
    """
    kinds = ("full convolutions", "depthwise convolutions", "1×1 convolutions", "dense layers")
    given = listed(answer)
    require(
        len(given) == 4, "Four numbers are asked for.", got=answer, hint=f"In this order: {', '.join(kinds)}."
    )
    hint = "Each block has the same two convolutions; count the blocks in the table, and look at both ends of the net."
    for kind, got, right in zip(kinds, given, (1, 13, 13, 1), strict=True):
        require(is_close(got, right), f"There is another number of {kind}.", got=got, hint=hint)
    accept("Pooling and batch norm are not counted.")


def check_mobilenet_ratio(answer: float) -> None:
    """Check what share of a full 5×5 convolution's multiply-adds a depthwise separable one needs, with 64 outputs.

    Args:
        answer: The share.

    Raises:
        WrongAnswer: If it is another.

    Example:
        >>> check_mobilenet_ratio(1 / 64 + 1 / 9)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The share is another. Your answer gives 0.126736...
    """
    require(
        is_close(answer, 1 / 64 + 1 / 25, tolerance=5e-5),
        "The share is another.",
        got=answer,
        hint="Write down both costs for one place and divide; which of the two numbers belongs to the kernel, and which "
        "to the outputs? The share is below one.",
    )
    accept("Even with so large a kernel, the depthwise part is the smaller half.")


def check_mobilenet_cost(cost: Callable[..., float]) -> None:
    """Check a formula for the multiply-adds of a depthwise separable convolution under both multipliers.

    Args:
        cost: Called with the side of the kernel, the channels in and out, the side of the maps, α and ρ.

    Raises:
        WrongAnswer: If it gives another number for one of several layers.

    Example:
        >>> check_mobilenet_cost(lambda k, m, n, side, alpha, rho: alpha * rho**2 * (k * k + n) * m * side**2)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: A 3×3 kernel, 512 → 512 channels, maps of 14×14 with α = 0.5, ρ = 1...
    """
    require_function(cost)
    cases = (
        (3, 32, 64, 112, 1, 1),
        (3, 512, 512, 14, 0.5, 1),
        (5, 64, 128, 28, 1, 0.5),
        (3, 256, 512, 28, 0.75, 0.5),
    )
    for k, m, n, side, alpha, rho in cases:
        thin_m, thin_n, small = round(alpha * m), round(alpha * n), round(rho * side)
        right = (k * k * thin_m + thin_m * thin_n) * small**2
        require(
            is_close(got := cost(k, m, n, side, alpha, rho), right),
            f"A {k}×{k} kernel, {m} → {n} channels, maps of {side}×{side} with α = {alpha}, ρ = {rho} cost another number.",
            got=got,
            hint="Each of the two convolutions has its own cost; put α in front of every number of channels in it, and "
            "ρ in front of every side of a map.",
        )
    accept("One part falls with α, the other with its square, and both with the square of ρ.")


def check_mobilenet_split(split: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
    """Check the exact splitting of a full convolution into a depthwise one with k² outputs a channel, and a 1×1 one.

    Args:
        split: Called with weights N×M×k×k; gives those of the depthwise convolution, (M·k²)×1×k×k, and of the 1×1
            convolution, N×(M·k²)×1×1.

    Raises:
        WrongAnswer: If the shapes are others, or the two layers compute something else.

    Example:
        >>> check_mobilenet_split(lambda weight: (weight, weight))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: For weights 5×4×3×3 the two shapes are 36×1×3×3 and 5×36×1×1...
    """
    require_function(split)
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 4, 3, 3, dtype=torch.float64, generator=generator)
    x = torch.randn(2, 4, 7, 7, dtype=torch.float64, generator=generator)
    given = split(weight.clone())
    shapes = [tuple(part.shape) if isinstance(part, Tensor) else part for part in listed(given)]
    require(
        shapes == [(36, 1, 3, 3), (5, 36, 1, 1)],
        "For weights 5×4×3×3 the two shapes are 36×1×3×3 and 5×36×1×1.",
        got=shapes or given,
        hint="Each of the 4 channels gets 9 kernels of its own, and each output mixes all 36 maps.",
    )
    depthwise, pointwise = (part.to(torch.float64) for part in given)
    between = nn.functional.conv2d(x, depthwise, padding=1, groups=4)
    require(
        is_close(got := nn.functional.conv2d(between, pointwise), nn.functional.conv2d(x, weight, padding=1)),
        "The two layers do not compute the full convolution.",
        got=got,
        hint="If each of a channel's kernels only picks one of the 9 places, what is left for the 1×1 convolution? "
        "Mind the order in which a grouped convolution gives its outputs.",
    )
    accept("Every convolution is depthwise separable, with enough depthwise outputs.")


def check_mobilenet_lost(lost: Callable[[int, int], float]) -> None:
    """Check the chance that ReLU, behind a random linear map, leaves too few active units to get the input back.

    Args:
        lost: Called with the number n of units and the number m of dimensions of the input; gives the probability that
            fewer than m of n units are active.

    Raises:
        WrongAnswer: If it gives another probability.

    Example:
        >>> check_mobilenet_lost(lambda n, m: (n + 1) / 2**n)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Of 6 units fewer than 3 are active with another probability...
    """
    require_function(lost)
    for n, m in ((2, 2), (5, 2), (6, 3), (12, 4), (3, 1)):
        right = sum(math.comb(n, i) for i in range(m)) / 2**n
        require(
            is_close(got := lost(n, m), right, tolerance=1e-5),
            f"Of {n} units fewer than {m} are active with another probability.",
            got=got,
            hint="Each unit is active or not like a thrown coin. In how many of all the ways in which n coins can fall do "
            "fewer than m show heads?",
        )
    accept("It falls with each unit, in a wide layer nearly by half: width within pays for the activation.")


def check_mobilenet_per_channel(quantize: Callable[[Tensor, int], Tensor]) -> None:
    """Check rounding of weights to 2^bits values of its own for each output channel.

    Args:
        quantize: Called with weights, output channels first, and the number of bits.

    Raises:
        WrongAnswer: If the rounded weights are others.

    Example:
        >>> check_mobilenet_per_channel(fake_quantize)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Channel 1, the one with small weights, is rounded too coarsely...
    """
    require_function(quantize)
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([50.0, 0.5, 2.0]).reshape(3, 1, 1, 1)
    weight = torch.randn(3, 4, 3, 3, generator=generator) * scale
    for bits in (8, 4):
        got, wanted = quantize(weight.clone(), bits), fake_quantize(weight, bits, per_channel=True)
        shape = tuple(got.shape) if isinstance(got, Tensor) else got
        require(
            shape == tuple(weight.shape),
            "Rounding keeps the shape, 3×4×3×3.",
            got=shape,
            hint="Put the rounded channels together again as they were.",
        )
        small = (got[1] - weight[1]).abs().max() / (wanted[1] - weight[1]).abs().max()
        require(
            bool(small < 2),
            "Channel 1, the one with small weights, is rounded too coarsely.",
            got=got[1],
            hint="Which weights decide the step that it gets?",
        )
        require(
            is_close(got, wanted, tolerance=1e-5),
            f"With {bits} bits the weights are rounded to other values.",
            got=got,
            hint="Each channel has 2^bits values from its own least weight to its own greatest, zero among them.",
        )
    accept("A channel with large weights no longer spoils the others.")
