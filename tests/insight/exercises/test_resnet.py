"""The checks of the ResNet chapter's exercises accept the solution and refuse plausible wrong answers."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from d2lcnn.insight.exercises import resnet as checks
from d2lcnn.insight.exercises.answers import WrongAnswer
from d2lcnn.nets.resnet import BasicBlock

from .both_ways import accepts, refuses


def cifar_parameters(n, *, first_of_stage=True, norms=2, projections=False):
    """Sum over the stages; the arguments bring in one mistake each."""
    total = 27 * 16 + norms * 16 + 64 * 10 + 10
    before = 16
    for width in (16, 32, 64):
        total += 2 * n * (9 * width**2 + norms * width)
        total -= 9 * width * (width - before) * first_of_stage
        total += before * width * projections * (before != width)
        before = width
    return total


def convert(block, *, biases=True, epsilon=True, shortcut_bias=True):
    stride = block.conv1.stride[0]
    paper = BasicBlock(block.conv1.in_channels, block.conv1.out_channels, stride).double().eval()
    with torch.no_grad():
        for i in (1, 2):
            conv, norm = getattr(block, f"conv{i}"), getattr(block, f"bn{i}")
            getattr(paper, f"conv{i}").weight.copy_(conv.weight)
            getattr(paper, f"bn{i}").load_state_dict(norm.state_dict())
            if biases:
                getattr(paper, f"bn{i}").running_mean -= conv.bias
        if block.conv3 is not None:
            paper.downsample[0].weight.copy_(block.conv3.weight)
            if epsilon:
                paper.downsample[1].weight.copy_((paper.downsample[1].running_var + 1e-5).sqrt())
            if shortcut_bias:
                paper.downsample[1].bias.copy_(block.conv3.bias)
    return paper


def convert_with_its_layers(block):
    """Take the block's own norms into the new block and change them there."""
    paper = (
        BasicBlock(block.conv1.in_channels, block.conv1.out_channels, block.conv1.stride[0]).double().eval()
    )
    for i in (1, 2):
        conv, norm = getattr(block, f"conv{i}"), getattr(block, f"bn{i}")
        norm.running_mean -= conv.bias
        getattr(paper, f"conv{i}").weight = conv.weight
        setattr(paper, f"bn{i}", norm)
    if block.conv3 is not None:
        paper.downsample[0].weight = block.conv3.weight
        paper.downsample[1].running_var.fill_(1 - paper.downsample[1].eps)
        paper.downsample[1].bias = block.conv3.bias
    return paper


def transplant(block):
    """Put the block's layers into a BasicBlock as they are, biases and all."""
    paper = (
        BasicBlock(block.conv1.in_channels, block.conv1.out_channels, block.conv1.stride[0]).double().eval()
    )
    paper.conv1, paper.bn1, paper.conv2, paper.bn2 = block.conv1, block.bn1, block.conv2, block.bn2
    if block.conv3 is not None:
        paper.downsample = block.conv3
    return paper


def swap(stage, i, j):
    blocks = list(stage)
    blocks[i], blocks[j] = blocks[j], blocks[i]
    return nn.Sequential(*blocks)


def swap_in_place(stage, i, j):
    stage[i], stage[j] = stage[j], stage[i]


def swap_weights(stage, i, j):
    first, second = (copy.deepcopy(stage[k].state_dict()) for k in (i, j))
    stage[i].load_state_dict(second)
    stage[j].load_state_dict(first)
    return stage


def overwrite(stage, i, j):
    stage[i] = stage[j]
    stage[j] = stage[i]
    return stage


def swap_and_forget(stage, i, j):
    swap(stage, i, j)


def correlation(g):
    g = g - g.mean()
    return (g[1:] * g[:-1]).sum() / g.square().sum()


RIGHT = [
    (checks.check_resnet_depth, lambda blocks, convs: convs * sum(blocks) + 2),
    (checks.check_resnet_cifar_parameters, cifar_parameters),
    (checks.check_resnet_cifar_parameters, lambda n: 97_216 * n - 21_926),
    (checks.check_resnet_paths, lambda blocks, gone, length: math.comb(blocks - gone, length)),
    (checks.check_resnet_convert, convert),
    (checks.check_resnet_convert, convert_with_its_layers),
    (checks.check_resnet_branch_scale, lambda blocks: math.sqrt(2 ** (1 / blocks) - 1)),
    (checks.check_resnet_branch_scale, lambda blocks: torch.tensor(2.0).pow(1 / blocks).sub(1).sqrt()),
    (checks.check_resnet_branch_scale, lambda blocks: np.float32(2 ** (1 / blocks) - 1) ** 0.5),
    (checks.check_resnet_swap, swap),
    (checks.check_resnet_swap, swap_in_place),
    (checks.check_resnet_swap, swap_weights),
    (checks.check_resnet_neighbours, correlation),
    (checks.check_resnet_neighbours, lambda g: correlation(g).item()),
    (checks.check_resnet_neighbours, lambda g: np.corrcoef(g[1:], g[:-1])[0, 1]),
    (checks.check_resnet_neighbours, lambda g: ((g[1:] - g.mean()) * (g[:-1] - g.mean())).mean() / g.var()),
]
WRONG = [
    (checks.check_resnet_depth, lambda blocks, convs: convs * sum(blocks)),
    (checks.check_resnet_depth, lambda blocks, convs: 2 * sum(blocks) + 2),
    (checks.check_resnet_depth, lambda blocks, convs: convs * sum(blocks) + 2 + 3),
    (checks.check_resnet_depth, lambda blocks, convs: None),
    (checks.check_resnet_cifar_parameters, lambda n: cifar_parameters(n, first_of_stage=False)),
    (checks.check_resnet_cifar_parameters, lambda n: cifar_parameters(n, norms=0)),
    (checks.check_resnet_cifar_parameters, lambda n: cifar_parameters(n, projections=True)),
    (checks.check_resnet_cifar_parameters, lambda n: cifar_parameters(1) * n),
    (checks.check_resnet_paths, lambda blocks, gone, length: math.comb(blocks, length)),
    (checks.check_resnet_paths, lambda blocks, gone, length: 2 ** (blocks - gone)),
    (checks.check_resnet_paths, lambda blocks, gone, length: math.comb(blocks, length) - gone),
    (checks.check_resnet_convert, lambda block: convert(block, biases=False)),
    (checks.check_resnet_convert, lambda block: convert(block, epsilon=False)),
    (checks.check_resnet_convert, lambda block: convert(block, shortcut_bias=False)),
    (checks.check_resnet_convert, lambda block: convert(block).float()),
    (checks.check_resnet_convert, lambda block: convert(block).train()),
    (checks.check_resnet_convert, lambda block: BasicBlock(3, 3).double().eval()),
    (checks.check_resnet_convert, lambda block: nn.Identity()),
    (checks.check_resnet_convert, lambda block: None),
    (checks.check_resnet_branch_scale, lambda blocks: 1 / math.sqrt(blocks)),
    (checks.check_resnet_branch_scale, lambda blocks: 1 / blocks),
    (checks.check_resnet_branch_scale, lambda blocks: 2 ** (1 / blocks) - 1),
    (checks.check_resnet_branch_scale, lambda blocks: (math.log(2) / blocks) ** 0.5),
    (checks.check_resnet_branch_scale, lambda blocks: torch.full((2,), math.sqrt(2 ** (1 / blocks) - 1))),
    (checks.check_resnet_branch_scale, lambda blocks: None),
    (checks.check_resnet_convert, transplant),
    (checks.check_resnet_swap, overwrite),
    (checks.check_resnet_swap, swap_and_forget),
    (checks.check_resnet_swap, lambda stage, i, j: swap(stage, 1, 2)),
    (checks.check_resnet_swap, lambda stage, i, j: stage[::-1]),
    (checks.check_resnet_swap, lambda stage, i, j: list(swap(stage, i, j))),
    (checks.check_resnet_neighbours, lambda g: (g[1:] * g[:-1]).mean()),
    (checks.check_resnet_neighbours, lambda g: (g[1:] * g[:-1]).sum() / g.square().sum()),
    (checks.check_resnet_neighbours, lambda g: correlation(g) / (g.std() + 1e-3)),
    (checks.check_resnet_neighbours, lambda g: correlation(g).abs()),
    (checks.check_resnet_neighbours, lambda g: correlation(g) ** 2),
    (checks.check_resnet_neighbours, lambda g: 1.0),
    (checks.check_resnet_neighbours, torch.corrcoef),
    (checks.check_resnet_neighbours, lambda g: None),
]  # fmt: skip


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)


def test_the_hint_goes_from_the_first_block_to_the_next():
    with pytest.raises(WrongAnswer, match="further block"):
        checks.check_resnet_cifar_parameters(lambda n: cifar_parameters(1) * n)
    with pytest.raises(WrongAnswer, match="no biases"):
        checks.check_resnet_cifar_parameters(lambda n: 0)


def test_the_hint_says_what_the_stage_still_does():
    with pytest.raises(WrongAnswer, match="what it gave before"):
        checks.check_resnet_swap(swap_and_forget)
    with pytest.raises(WrongAnswer, match="overwrite"):
        checks.check_resnet_swap(overwrite)


def test_a_converted_block_has_no_other_tensors():
    with pytest.raises(WrongAnswer, match="conv1.bias"):
        checks.check_resnet_convert(transplant)


def test_the_checks_leave_the_random_numbers_alone(capsys):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    checks.check_resnet_convert(convert)
    checks.check_resnet_swap(swap)
    checks.check_resnet_neighbours(correlation)
    assert torch.equal(before, torch.random.get_rng_state())
