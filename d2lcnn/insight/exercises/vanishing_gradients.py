"""Checks of the exercises in the chapter on vanishing gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from d2lcnn.insight.exercises.answers import accept, is_close, listed, number, require, require_function

Function = Callable[[Tensor], Tensor]


def check_vanishing_bound(answer: float) -> None:
    """Check between which bounds Xavier's uniform rule draws the weights of a layer from 784 inputs to 256 outputs.

    Args:
        answer: The positive bound.

    Raises:
        WrongAnswer: If it is another.

    Example:
        >>> check_vanishing_bound(0.5)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The bound is another. Your answer gives 0.5...
    """
    require(
        is_close(answer, math.sqrt(6 / (784 + 256)), tolerance=5e-4),
        "The bound is another.",
        got=answer,
        hint="Which variance does the rule ask for, and which variance has a uniform distribution between −a and a?",
    )
    accept("The variance of the uniform weights is 2 / (784 + 256).")


def check_vanishing_chain(
    answer: Callable[[Tensor, Sequence[float], Function, Function], Sequence[float | Tensor]],
) -> None:
    """Check the derivatives of ŷ = F(… F(F(x·w₁)·w₂) …)·w_L by every weight.

    Args:
        answer: A function of x (a tensor that holds one number), the weights, F and its derivative, that gives one
            derivative for each weight.

    Raises:
        WrongAnswer: If the number of derivatives or one of them is another.

    Example:
        >>> check_vanishing_chain(lambda x, weights, f, slope: [x for _ in weights])
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The derivatives of a chain of 3 weights are others...
    """
    require_function(answer)
    chains: list[tuple[float, list[float], Function, Function]] = [
        (0.7, [0.5, -1.5, 2.0], torch.tanh, lambda s: 1 - torch.tanh(s) ** 2),
        (-1.2, [1.1, 0.4, -0.8, 3.0, 0.6], torch.sigmoid, lambda s: torch.sigmoid(s) * torch.sigmoid(-s)),
        (0.3, [2.0], torch.tanh, lambda s: 1 - torch.tanh(s) ** 2),
    ]
    for x, values, f, slope in chains:
        weights = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        h = torch.tensor(x, dtype=torch.float64)
        for weight in weights[:-1]:
            h = f(h * weight)
        (wanted,) = torch.autograd.grad(h * weights[-1], weights)
        got: object = answer(torch.tensor(x, dtype=torch.float64), list(values), f, slope)
        require(
            is_close(listed(got), wanted),
            f"The derivatives of a chain of {len(values)} weights are others.",
            got=got,
            hint="Walk back from ŷ with one number: which two factors does it take up at each layer, and which does the "
            "weight's own derivative have in place of the weight?",
        )
    accept("It agrees with autograd for one, three and five weights.")


def check_vanishing_leaky(answer: Callable[[float], float]) -> None:
    """Check the gain of a leaky ReLU with the slope a below zero.

    Args:
        answer: A function of a.

    Raises:
        WrongAnswer: If it gives another gain.

    Example:
        >>> check_vanishing_leaky(lambda a: 1.0)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The gain for a slope of 0 is another. Your answer gives 1...
    """
    require_function(answer)
    for a in (0.0, 0.2, 1.0):
        require(
            is_close(answer(a), math.sqrt(2 / (1 + a * a))),
            f"The gain for a slope of {a:g} is another.",
            got=answer(a),
            hint="Split E f(s)² into the half above zero and the half below. What must a slope of 1 give?",
        )
    accept("A slope of 0 gives ReLU's √2, a slope of 1 the identity's 1.")


def check_vanishing_fans(answer: Callable[[int, int, int, int], tuple[int, int]]) -> None:
    """Check how many products meet in one output of a convolution, and how many in one input's gradient.

    Args:
        answer: A function of the input channels, the output channels, the side of the kernel and the groups, that
            gives n_in and n_out.

    Raises:
        WrongAnswer: If a number is another.

    Example:
        >>> check_vanishing_fans(lambda n_in, n_out, side, groups: (n_in, n_out))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: 16 → 32 channels, 3 × 3, groups 1: the fans are others...
    """
    require_function(answer)
    for n_in, n_out, side, groups in ((16, 32, 3, 1), (64, 64, 1, 1), (16, 32, 5, 4), (8, 8, 3, 8)):
        area = side * side
        got = answer(n_in, n_out, side, groups)
        require(
            is_close(listed(got), (n_in // groups * area, n_out // groups * area)),
            f"{n_in} → {n_out} channels, {side} × {side}, groups {groups}: the fans are others.",
            got=got,
            hint="Count the terms of the sum that makes one output, then the outputs that one input goes into.",
        )
    accept("The kernel's area counts in both directions, and each group is a layer of its own.")


def check_vanishing_gain(answer: Callable[[Function], float]) -> None:
    """Check the gain that keeps E z² = 1 through one layer, for normal pre-activations and any activation.

    Args:
        answer: A function of the activation; a simulation may be off by one per cent.

    Raises:
        WrongAnswer: If it gives another gain.

    Example:
        >>> check_vanishing_gain(lambda f: 1.0)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The gain of ReLU is another. Your answer gives 1...
    """
    require_function(answer)
    s = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    density = torch.exp(-s * s / 2)
    density = density / density.sum()
    for name, f in (("ReLU", torch.relu), ("tanh", torch.tanh), ("SiLU", torch.nn.functional.silu)):
        wanted = (density * f(s) ** 2).sum().rsqrt().item()
        got = answer(f)
        gain = number(got)
        require(
            gain is not None and abs(gain / wanted - 1) < 0.01,
            f"The gain of {name} is another.",
            got=got,
            hint="What counts for the next layer's sum, the activation's variance or its mean square? Take many draws.",
        )
    accept("It holds for activations whose mean is not zero as well.")


def check_vanishing_clip(answer: Callable[[list[Tensor], float], Sequence[Tensor]]) -> None:
    """Check the clipping of a list of gradients by their common norm.

    Args:
        answer: A function of the gradients and the largest norm, that gives the clipped gradients.

    Raises:
        WrongAnswer: If a clipped gradient is another.

    Example:
        >>> check_vanishing_clip(lambda gradients, largest: gradients)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The clipped gradients are others for the largest norm 5...
    """
    require_function(answer)
    gradients = [torch.tensor([[3.0, 4.0], [0.0, 12.0]]), torch.tensor([-84.0]), torch.tensor([1e-3, 0.0])]
    total = math.sqrt(sum(g.square().sum().item() for g in gradients))
    for largest in (5.0, 1000.0):
        got = answer([g.clone() for g in gradients], largest)
        given = listed(got)
        wanted = [g * min(1.0, largest / total) for g in gradients]
        require(
            len(given) == len(wanted) and all(is_close(a, b, tolerance=1e-4) for a, b in zip(given, wanted)),
            f"The clipped gradients are others for the largest norm {largest:g}.",
            got=got,
            hint="The direction of the whole step has to stay, and short gradients have to stay as they are.",
        )
    accept("All gradients shrink by one factor, and only where their norm is too large.")


def check_vanishing_branch(answer: Callable[[int], float]) -> None:
    """Check the factor α of the branches of L blocks x + α·f(x) with which the variance doubles from end to end.

    Args:
        answer: A function of the number of blocks.

    Raises:
        WrongAnswer: If it gives another factor.

    Example:
        >>> check_vanishing_branch(lambda depth: 1.0)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: With 2 blocks the variance becomes another...
    """
    require_function(answer)
    for depth in (2, 10, 100):
        got = answer(depth)
        factor = number(got)
        growth = got if factor is None else (1 + factor**2) ** depth
        require(
            is_close(growth, 2.0, tolerance=1e-4),  # loose enough for a float32
            f"With {depth} blocks the variance becomes another multiple of the first than 2.",
            got=growth,
            hint="What does one block multiply the variance by, if branch and skip are uncorrelated?",
        )
    accept("For deep nets the factor comes near √(ln 2 / L).")
