"""Self-checks of the chapter on ResNet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from d2lcnn.insight.exercises.answers import accept, is_close, require
from d2lcnn.nets.resnet import BasicBlock, Residual, cifar_resnet


def check_resnet_depth(answer: Callable[[Sequence[int], int], int]) -> None:
    """Check the number of layers in a ResNet's name.

    Args:
        answer: A function of the number of blocks of each stage and of the convolutions in a block's F.

    Raises:
        WrongAnswer: If it gives another number.

    Example:
        >>> check_resnet_depth(lambda blocks, convs: convs * sum(blocks))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The name says 18 for stages of (2, 2, 2, 2) blocks...
    """
    for blocks, convs, depth in (
        ((2, 2, 2, 2), 2, 18),
        ((3, 4, 6, 3), 3, 50),
        ((3, 8, 36, 3), 3, 152),
        ((9, 9, 9), 2, 56),
    ):
        got = answer(blocks, convs)
        require(
            is_close(got, depth),
            f"The name says {depth} for stages of {blocks} blocks.",
            got=got,
            hint="Layers with weights count, from the image to the logits, along the longest path.",
        )
    accept("So is the depth of every ResNet counted.")


def check_resnet_cifar_parameters(answer: Callable[[int], int]) -> None:
    """Check the formula for the parameters of a ResNet for CIFAR with 6n + 2 layers and parameter-free shortcuts.

    Args:
        answer: A function of n, for 3 channels in and 10 classes.

    Raises:
        WrongAnswer: If it gives another number.

    Example:
        >>> check_resnet_cifar_parameters(lambda n: 90_000 * n)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: ResNet-8 has another number of parameters. Your answer gives 90000...
    """
    for n in (1, 2, 3, 9):
        wanted = sum(p.numel() for p in cifar_resnet(6 * n + 2).parameters())
        got = answer(n)
        hint = "Convolutions have no biases, a norm with two numbers per channel follows each, one dense layer ends."
        if is_close(answer(1), sum(p.numel() for p in cifar_resnet(8).parameters())):
            hint = "For n = 1 the numbers agree: what does a further block of each stage add?"
        require(
            is_close(got, wanted), f"ResNet-{6 * n + 2} has another number of parameters.", got=got, hint=hint
        )
    accept("Table 6's sizes follow from the widths 16, 32, 64 alone.")


def check_resnet_paths(answer: Callable[[int, int, int], int]) -> None:
    """Check how many paths of a length are whole in a residual chain from which blocks have been taken out.

    Args:
        answer: A function of the number of blocks, how many of them are taken out, and the length of the paths, that
            is, through how many blocks they go.

    Raises:
        WrongAnswer: If it gives another number.

    Example:
        >>> check_resnet_paths(lambda blocks, gone, length: 2**blocks)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Of 3 blocks with 0 taken out, another number of paths goes through 1...
    """
    for blocks, gone, length in ((3, 0, 1), (3, 1, 1), (10, 2, 4), (5, 5, 0), (5, 3, 3)):
        got = answer(blocks, gone, length)
        require(
            is_close(got, math.comb(blocks - gone, length)),
            f"Of {blocks} blocks with {gone} taken out, another number of paths goes through {length}.",
            got=got,
            hint="A path chooses for each block that is still there whether to pass it.",
        )
    accept("Each block that is taken out halves the number of paths, and hits the long ones hardest.")


def _random_block(block: Residual) -> Residual:
    block = block.double()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            running = module.state_dict()
            nn.init.normal_(running["running_mean"])
            nn.init.uniform_(running["running_var"], 0.5, 2.0)
    return block.eval()


def check_resnet_convert(answer: Callable[[Residual], BasicBlock]) -> None:
    """Check a conversion of the course's residual block into the paper's, equal in evaluation mode.

    Args:
        answer: Makes a `BasicBlock` from a `Residual` in evaluation mode and float64.

    Raises:
        WrongAnswer: If what it makes is no `BasicBlock`, is in training mode or another dtype, or gives other outputs.

    Example:
        >>> check_resnet_convert(lambda block: BasicBlock(3, 3).double().eval())
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The two blocks give different outputs. Your answer gives...
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        kinds = (
            (
                _random_block(Residual(3, 3)),
                "Which numbers of a norm can take in the bias in front of it?",
            ),
            (
                _random_block(Residual(3, 6, use_1x1conv=True, strides=2)),
                "Without a projection it is right: the norm on the shortcut has an ε too, and the convolution there a bias.",
            ),
        )
        for block, hint in kinds:
            got = answer(block)
            require(
                isinstance(got, BasicBlock) and not got.training and got.conv1.weight.dtype == torch.float64,
                "The answer is a BasicBlock in evaluation mode and float64.",
                got=type(got).__name__,
                hint="End with .double().eval() where you build it.",
            )
            images = torch.randn(2, 3, 6, 6, dtype=torch.float64)
            wanted = block(images)
            output = got(images) if got.conv2.out_channels == wanted.shape[1] else torch.zeros(0)
            require(
                is_close(output, wanted, tolerance=1e-9),
                "The two blocks give different outputs.",
                got=output,
                hint=hint,
            )
    accept("In evaluation mode the course's block is one of the paper's; in training they differ.")


def check_resnet_branch_scale(answer: Callable[[int], float]) -> None:
    """Check the factor on each residual function with which the variance doubles over a whole network, not per block.

    Args:
        answer: A function of the number of blocks.

    Raises:
        WrongAnswer: If another variance comes out.

    Example:
        >>> check_resnet_branch_scale(lambda blocks: 1.0)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The variance doubles over 2 blocks. Your answer gives 4...
    """
    for blocks in (2, 9, 54):
        got = answer(blocks)
        variance = (1 + got**2) ** blocks if isinstance(got, int | float) else got
        require(
            is_close(variance, 2.0),
            f"The variance doubles over {blocks} blocks.",
            got=variance,
            hint="Variances of independent terms add, so one block multiplies by 1 + s²; what do they make together?",
        )
    accept("The deeper the network, the quieter each block has to begin.")
