"""Self-checks of the chapter on NiN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, entry, is_close, require, require_function
from d2lcnn.insight.receptive_field import output_size
from d2lcnn.nets.nin import BLOCKS

_COUNTS = {"3×3": 9 * 64 * 128 + 128, "1×1": 128 * 128 + 128}


def _draw(*shape: int) -> Tensor:
    """Give the same numbers each time, without touching the global generator."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _by(maps: Tensor) -> str:
    return "×".join(map(str, maps.shape))


def check_nin_counts(answer: Mapping[str, int]) -> None:
    """Check the parameters of `nin_block(64, 128, kernel_size=3, strides=1, padding=1)`.

    Args:
        answer: For "3×3" and for "1×1" the parameters of one such convolution of the block.

    Raises:
        WrongAnswer: If one is missing or is another.

    Example:
        >>> check_nin_counts({"3×3": 73_856, "1×1": 128})
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: One 1×1 convolution has another number of... gives 128...
    """
    hints = {
        "3×3": "How many numbers does one of its kernels hold, how many kernels are there, and what is added at the end?",
        "1×1": "A kernel of one pixel still has a weight for each channel that it reads.",
    }
    for kernel, wanted in _COUNTS.items():
        given = entry(answer, kernel)
        require(
            is_close(given, wanted),
            f"One {kernel} convolution has another number of parameters.",
            got=given,
            hint=hints[kernel],
        )
    accept(
        "The 1×1 convolution has twice as many channels to read, and still less than a quarter of the parameters."
    )


def check_nin_merge(answer: Callable[[nn.Conv2d, nn.Conv2d], nn.Conv2d]) -> None:
    """Check one convolution that does the work of two, a k×k one and a 1×1 one with no activation between them.

    Args:
        answer: Called with both convolutions in the order in which they are applied; gives the one.

    Raises:
        WrongAnswer: If it is none, or its outputs have another shape or are others.

    Example:
        >>> check_nin_merge(lambda first, second: first)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: For a batch of 2×3×6×7 the outputs have the shape 2×5×6×7. Your...
    """
    require_function(answer)
    first = nn.Conv2d(3, 4, 3, padding=1).double().requires_grad_(False)
    second = nn.Conv2d(4, 5, 1).double().requires_grad_(False)
    x = _draw(2, 3, 6, 7)
    for biased, rule, hint in (
        (False, "with all biases zero", "Put the first formula into the second; collect what multiplies each pixel."),
        (True, "although they are right without biases", "What becomes of the first bias in the second layer?"),
    ):  # fmt: skip
        for i, conv in enumerate((first, second), start=1):
            weight, bias = conv.parameters()
            weight.copy_(_draw(*weight.shape) + i)
            bias.copy_(_draw(len(bias)) + i if biased else torch.zeros(len(bias)))
        with torch.no_grad():
            wanted = second(first(x))
            merged = answer(deepcopy(first), deepcopy(second))  # an answer may change what it is given
            require(
                isinstance(merged, nn.Conv2d) and merged.in_channels == x.shape[1],
                "The answer is an nn.Conv2d that reads the 3 channels that the first one reads.",
                got=merged,
                hint="Build a new layer: which of its sizes come from the first, which from the second?",
            )
            got = deepcopy(merged).double()(x)  # float32 is right up to rounding
            require(
                got.shape == wanted.shape,
                f"For a batch of {_by(x)} the outputs have the shape {_by(wanted)}.",
                got=_by(got),
                hint="The second layer says how many maps there are; how large they are, the first's kernel, stride and "
                "padding say.",
            )
            require(
                is_close(got, wanted, tolerance=1e-3), f"The outputs are others, {rule}.", got=got, hint=hint
            )
    accept("Without an activation between them, two layers are one.")


def check_nin_average_matrix(answer: Callable[[int, int, int], Tensor]) -> None:
    """Check the matrix with which a dense layer averages each of C maps of H × W.

    Args:
        answer: A function of C, H and W; gives the matrix of C rows and C·H·W columns, for flattened maps.

    Raises:
        WrongAnswer: If the matrix is another.

    Example:
        >>> check_nin_average_matrix(lambda c, h, w: torch.ones(c, c * h * w) / (h * w))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The matrix for C = 3, H = 2 and W = 5 is another. Your answer...
    """
    require_function(answer)
    for channels, height, width in ((3, 2, 5), (2, 1, 1), (4, 3, 3)):
        wanted = torch.zeros(channels, channels, height * width, dtype=torch.float64)
        wanted[range(channels), range(channels)] = 1 / (height * width)
        got = answer(channels, height, width)
        require(
            is_close(got, wanted.flatten(1)),
            f"The matrix for C = {channels}, H = {height} and W = {width} is another.",
            got=got,
            hint="Which of the numbers that flattening puts in a row belong to one map, and what does their mean give each?",
        )
    accept("Global average pooling is a dense layer in which nothing is learned.")


def check_nin_class_map(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> None:
    """Check class activation maps of a network that ends with global average pooling and one dense layer.

    Args:
        answer: A function of features N×K×H×W, the dense layer's weight and bias, and N labels; gives maps N×H×W whose
            means are the labels' logits.

    Raises:
        WrongAnswer: If they are others.

    Example:
        >>> check_nin_class_map(lambda features, weight, bias, labels: features.mean(dim=1))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The maps are others, with a bias of zero. Your answer gives...
    """
    require_function(answer)
    features, weight, labels = _draw(2, 4, 3, 5), _draw(6, 4) + 0.5, torch.tensor([5, 1])
    for bias, rule, hint in (
        (
            torch.zeros(6, dtype=torch.float64),
            "with a bias of zero",
            "Which row of the weight belongs to a label, and over what does it sum?",
        ),
        (
            _draw(6) + 2,
            "although they are right without a bias",
            "The mean of the map is to be the whole logit, and a logit has a bias in it.",
        ),
    ):
        wanted = torch.einsum("nk,nkhw->nhw", weight[labels], features) + bias[labels].reshape(-1, 1, 1)
        got = answer(features, weight, bias, labels)
        require(is_close(got, wanted), f"The maps are others, {rule}.", got=got, hint=hint)
    accept("A dense layer behind an average is a 1×1 convolution in front of it.")


def check_nin_least_side(answer: Callable[[int], int]) -> None:
    """Check the least side of a picture from which the last block's maps have a given side.

    Args:
        answer: A function of the maps' side; gives the picture's, in pixels.

    Raises:
        WrongAnswer: If it gives another.

    Example:
        >>> check_nin_least_side(lambda side: 224 * side // 5)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The least picture for maps of 1 × 1 is another. Your answer...
    """
    require_function(answer)
    for side in (1, 5, 12):
        got = answer(side)
        require(
            is_close(got, _least_side(side)),
            f"The least picture for maps of {side} × {side} is another.",
            got=got,
            hint="Go through the layers from the back. How many pixels at least does a window of 3 with a stride of 2 need "
            "for one place, and how many more for each further one? What does padding spare?",
        )
    accept("One more place at the end needs 32 more pixels at the front.")


def _least_side(maps: int) -> int:
    """Look for the least picture by trying."""
    side = 1
    while True:
        try:
            if _maps_side(side) == maps:
                return side
        except ValueError:  # a window is larger than what it slides over
            pass
        side += 1


def _maps_side(side: int) -> int:
    for row in BLOCKS:
        side = output_size(side, row.kernel_size, row.strides, row.padding)
        side = output_size(side, 3, stride=2)
    return side


def check_nin_soft_maximum(answer: Callable[[Tensor, float], Tensor]) -> None:
    """Check the pooling (1/r)·log(mean of exp(r·x)) over the positions of each map.

    Args:
        answer: A function of maps N×C×H×W and r > 0; gives N×C numbers.

    Raises:
        WrongAnswer: If they are others.

    Example:
        >>> check_nin_soft_maximum(lambda maps, r: maps.mean(dim=(2, 3)))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The numbers are others for r = 2. Your answer gives...
    """
    require_function(answer)
    maps = _draw(2, 3, 4, 5)
    for scale, r, hint in (
        (
            1,
            2.0,
            "Check r inside and outside, and that a map with the same value everywhere gives that value.",
        ),
        (1, 0.5, "It is right for one r alone: where does r stand?"),
        (
            1000,
            1.0,
            "exp overflows for large values: take the largest out first, or let torch.logsumexp do it.",
        ),
    ):
        x = scale * maps
        wanted = (torch.logsumexp(r * x.flatten(2), dim=2) - torch.tensor(20.0).double().log()) / r
        got = answer(x.clone(), r)
        require(
            isinstance(got, Tensor) and got.shape == wanted.shape,
            f"For maps of {_by(x)} the result has {_by(wanted)} numbers.",
            got=_by(got) if isinstance(got, Tensor) else got,
            hint="Each map gives one number, and no dimension of it is kept.",
        )
        require(is_close(got, wanted), f"The numbers are others for r = {r:g}.", got=got, hint=hint)
    accept("Small r gives the mean, large r the maximum.")
