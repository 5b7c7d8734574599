"""Self-checks of the chapter on DenseNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import WrongAnswer, accept, is_close, listed, require, require_function
from d2lcnn.nets.densenet import IMAGENET, DenseStage

_GROWTH_RATE = 32


def check_densenet_channels(answer: Sequence[int] | Tensor) -> None:
    """Check the channels that leave each of DenseNet-121's four dense blocks.

    Args:
        answer: Four numbers of channels, in order.

    Raises:
        WrongAnswer: If one is another.

    Example:
        >>> check_densenet_channels([256, 640, 1408, 1920])
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Block 2 lets another number of channels out. Your answer gives 640...
    """
    growth_rate, layers = IMAGENET[121]
    channels, wanted = 2 * growth_rate, []
    for number in layers:
        channels += number * growth_rate
        wanted.append(channels)
        channels //= 2
    given = listed(answer)
    require(
        len(given) == len(wanted),
        "There are four dense blocks.",
        got=answer,
        hint="Give one number for each.",
    )
    hint = "Follow the first convolution's channels through the layers, and remember what stands between two blocks."
    for i, (got, right) in enumerate(zip(given, wanted, strict=True), start=1):
        require(is_close(got, right), f"Block {i} lets another number of channels out.", got=got, hint=hint)
    accept("Layers add, transitions halve.")


def check_densenet_bottleneck(answer: float) -> None:
    """Check from how many input channels on a bottleneck saves multiply-adds, at growth rate 32.

    Args:
        answer: The smallest number of input channels at which a layer with bottleneck costs less than one without.

    Raises:
        WrongAnswer: If it is another.

    Example:
        >>> check_densenet_bottleneck(32)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: At that width the saving does not begin. Your answer gives 32...
    """
    first = next(m for m in range(1, 10_000) if 4 * m + 36 * _GROWTH_RATE < 9 * m)
    require(
        is_close(answer, first),
        "At that width the saving does not begin.",
        got=answer,
        hint="Write down the multiply-adds of both layers for one position; where are they equal, and which whole number "
        "is the first beyond?",
    )
    accept("Below that width the detour through 4k channels costs more than it saves.")


def check_densenet_forward(dense_forward: Callable[[Sequence[nn.Module], Tensor], Tensor]) -> None:
    """Check a dense block's forward pass.

    Args:
        dense_forward: Called with the layers, in order, and the block's input; gives the block's output.

    Raises:
        WrongAnswer: If its output is not `DenseStage`'s, or if it calls a layer with other channels than that takes.

    Example:
        >>> check_densenet_forward(lambda layers, x: x)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The output has 3 + 4·2 = 11 channels. Your answer gives (2, 3, 5, 5)...
    """
    require_function(dense_forward)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stage = DenseStage(4, 3, 2).double().eval()
        x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        wanted = stage(x)
        try:
            got: object = dense_forward(list(stage), x)
        except RuntimeError as error:  # other channels than a layer or a concatenation takes
            raise WrongAnswer(
                f"Your forward pass does not run: {error}. Look at how many channels each layer expects, 3, 5, 7 and 9, "
                "and along which dimension you concatenate."
            ) from error
    if not isinstance(got, Tensor):
        raise WrongAnswer(
            f"The output is one tensor. Your answer gives {'None' if got is None else f'a {type(got).__name__}'}. "
            "Return the channels side by side."
        )
    shape = tuple(got.shape)
    require(
        shape == tuple(wanted.shape),
        "The output has 3 + 4·2 = 11 channels.",
        got=shape,
        hint="Each layer adds its channels to all that were there.",
    )
    require(
        is_close(got[:, :3], x),
        "The first channels of the output are the input.",
        got=got[:, :3],
        hint="Nothing that a layer has seen is changed; mind the order in which you concatenate.",
    )
    require(
        is_close(got, wanted),
        "The channels that the layers have added are others.",
        got=got[:, 3:],
        hint="What does layer i get as its input?",
    )
    accept("The same as the package's dense block, channel for channel.")


def check_densenet_weights(weights: Callable[[int, int, int], float]) -> None:
    """Check a formula for the convolution weights of a dense block without bottlenecks.

    Args:
        weights: Called with the number of layers, the channels that come in and the growth rate.

    Raises:
        WrongAnswer: If it gives another number for one of several blocks.

    Example:
        >>> check_densenet_weights(lambda L, m, k: 9 * L * m * k)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: A block of 4 layers, m=16 and k=12 has other weights...
    """
    require_function(weights)
    for layers, m, k in ((1, 5, 7), (4, 16, 12), (12, 64, 32)):
        with torch.device("meta"):
            stage = DenseStage(layers, m, k, bottleneck=False)
        right = sum(p.numel() for p in stage.parameters() if p.dim() == 4)
        got = weights(layers, m, k)
        require(
            is_close(got, right),
            f"A block of {layers} layers, m={m} and k={k} has other weights.",
            got=got,
            hint="Layer i = 0, 1, … gets m + i·k channels and gives k; add the layers up.",
        )
    accept("Linear in what comes in, quadratic in the number of layers.")


def check_densenet_kept(answer: Sequence[float] | Tensor) -> None:
    """Check how many channels a dense block's concatenations keep for the backward pass, without and with recomputation.

    Args:
        answer: For a block of 16 layers with 64 channels in and growth rate 32: the channels of all layers' inputs
            together, and those of the block's input and the layers' outputs together.

    Raises:
        WrongAnswer: If one of the two is another.

    Example:
        >>> check_densenet_kept((576, 576))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Copies keep another number of channels. Your answer gives 576...
    """
    layers, m = 16, 64
    given = listed(answer)
    require(
        len(given) == 2, "Two numbers are asked for.", got=answer, hint="First the copies, then the pieces."
    )
    require(
        is_close(given[0], sum(m + i * _GROWTH_RATE for i in range(layers))),
        "Copies keep another number of channels.",
        got=given[0],
        hint="Each of the 16 layers gets a concatenation of its own; how wide is the first, how wide the last?",
    )
    require(
        is_close(given[1], m + layers * _GROWTH_RATE),
        "The pieces have another number of channels.",
        got=given[1],
        hint="Count the input once and the output of each layer once.",
    )
    accept("The copies grow with the square of the number of layers, the pieces in proportion to it.")
