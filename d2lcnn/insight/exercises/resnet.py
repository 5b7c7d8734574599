"""Self-checks of the chapter on ResNet."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from d2lcnn.insight.exercises.answers import accept, is_close, number, require, require_function
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
    require_function(answer)
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
    require_function(answer)
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
    require_function(answer)
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
        WrongAnswer: If what it makes is no `BasicBlock`, is in training mode or another dtype, has other tensors than a
            `BasicBlock`, or gives other outputs.

    Example:
        >>> check_resnet_convert(lambda block: BasicBlock(3, 3).double().eval())
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The two blocks give different outputs. Your answer gives...
    """
    require_function(answer)
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
            # An answer may use the block's own layers, and change them.
            got = answer(copy.deepcopy(block))
            require(
                isinstance(got, BasicBlock) and not got.training and got.conv1.weight.dtype == torch.float64,
                "The answer is a BasicBlock in evaluation mode and float64.",
                got=type(got).__name__,
                hint="End with .double().eval() where you build it.",
            )
            fresh = BasicBlock(block.conv1.in_channels, block.conv1.out_channels, block.conv1.stride[0])
            differing = got.state_dict().keys() ^ fresh.state_dict().keys()
            require(
                not differing,
                "A converted block has the parameters and buffers of any BasicBlock, no more and no fewer.",
                got=sorted(differing),
                hint="These are missing or too many: fill the tensors of a fresh BasicBlock.",
            )
            images = torch.randn(2, 3, 6, 6, dtype=torch.float64)
            wanted = block(images)
            output = got(images)
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
    require_function(answer)
    for blocks in (2, 9, 54):
        got = answer(blocks)
        scale = number(got)
        variance = got if scale is None else (1 + scale**2) ** blocks
        require(
            # Loose enough for a float32.
            is_close(variance, 2.0, tolerance=1e-4),
            f"The variance doubles over {blocks} blocks.",
            got=variance,
            hint="Variances of independent terms add, so one block multiplies by 1 + s²; what do they make together?",
        )
    accept("The deeper the network, the quieter each block has to begin.")


def check_resnet_swap(answer: Callable[[nn.Sequential, int, int], nn.Module | None]) -> None:
    """Check a function that lets two blocks of a stage change places.

    Args:
        answer: A function of a stage and two places, which gives the new stage, or None if it changes the old one.

    Raises:
        WrongAnswer: If the new stage is not the old one with these two blocks exchanged.

    Example:
        >>> check_resnet_swap(lambda stage, i, j: stage)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Blocks 1 and 2 of 4 change places, and no other...
    """
    require_function(answer)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        signal = torch.randn(5, 3, dtype=torch.float64)
        for i, j in ((1, 2), (0, 1), (3, 0)):
            stage = nn.Sequential(*(nn.Linear(3, 3, dtype=torch.float64) for _ in range(4)))
            order = list(range(4))
            order[i], order[j] = j, i
            wanted = nn.Sequential(*(stage[k] for k in order))(signal)
            before = stage(signal)
            got = answer(stage, i, j)
            new = stage if got is None else got
            output = new(signal) if isinstance(new, nn.Module) else new
            hint = "Each of the other blocks stays, and each block is there once: does an assignment overwrite one?"
            if is_close(output, before):
                hint = "The stage gives what it gave before: is the new one returned, or the old one changed?"
            require(
                is_close(output, wanted),
                f"Blocks {i} and {j} of 4 change places, and no other.",
                got=output,
                hint=hint,
            )
    accept("Both blocks are there, each with its weights, in the other's place.")


def check_resnet_neighbours(answer: Callable[[torch.Tensor], float]) -> None:
    """Check a correlation between neighbours in a sequence of derivatives.

    Args:
        answer: A function of a vector, float64. It may divide by the variance of the whole, or of all but one.

    Raises:
        WrongAnswer: If it is not near the correlation of smooth, alternating or random sequences.

    Example:
        >>> check_resnet_neighbours(lambda g: (g[1:] * g[:-1]).mean())
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Among 500 values of a wave neighbours have another correlation...
    """
    require_function(answer)
    count = 500
    noise = torch.randn(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wave = torch.linspace(0, 12, count, dtype=torch.float64).sin()
    signs = 1 - 2 * (torch.arange(count, dtype=torch.float64) % 2)
    for name, values, hint in (
        (
            "a wave",
            wave,
            "A correlation is between −1 and 1, whatever the size of the values: divide by a variance.",
        ),
        ("a small wave", wave / 1000, "A correlation does not depend on the size of the values."),
        ("a small wave around 1", 1 + wave / 1000, "A correlation is one of deviations from the mean."),
        ("noise around 1", 1 + noise, "A correlation is one of deviations from the mean."),
        ("alternating signs", signs, "Does your measure keep the sign?"),
    ):
        deviations = values - values.mean()
        wanted = float((deviations[1:] * deviations[:-1]).sum() / deviations.square().sum())
        got = answer(values.clone())
        require(
            is_close(number(got), wanted, tolerance=0.02),
            f"Among {count} values of {name} neighbours have another correlation.",
            got=got,
            hint=hint,
        )
    accept("One for smooth derivatives, none for noise.")
