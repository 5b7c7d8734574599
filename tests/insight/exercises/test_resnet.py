"""The checks of the ResNet chapter's exercises accept the solution and refuse plausible wrong answers."""

import math

import pytest
import torch
from torch import nn

from d2lcnn.insight.exercises import resnet as checks
from d2lcnn.insight.exercises.answers import WrongAnswer
from d2lcnn.nets.resnet import BasicBlock


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


RIGHT = [
    (checks.check_resnet_depth, lambda blocks, convs: convs * sum(blocks) + 2),
    (checks.check_resnet_cifar_parameters, cifar_parameters),
    (checks.check_resnet_cifar_parameters, lambda n: 97_216 * n - 21_926),
    (checks.check_resnet_paths, lambda blocks, gone, length: math.comb(blocks - gone, length)),
    (checks.check_resnet_convert, convert),
    (checks.check_resnet_branch_scale, lambda blocks: math.sqrt(2 ** (1 / blocks) - 1)),
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
    (checks.check_resnet_branch_scale, lambda blocks: None),
]  # fmt: skip


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_accepts(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith("Correct.")


@pytest.mark.parametrize(("check", "answer"), WRONG)
def test_refuses(check, answer):
    with pytest.raises(WrongAnswer, match="Your answer gives"):
        check(answer)


def test_the_hint_goes_from_the_first_block_to_the_next():
    with pytest.raises(WrongAnswer, match="further block"):
        checks.check_resnet_cifar_parameters(lambda n: cifar_parameters(1) * n)
    with pytest.raises(WrongAnswer, match="no biases"):
        checks.check_resnet_cifar_parameters(lambda n: 0)


def test_the_checks_leave_the_random_numbers_alone(capsys):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    checks.check_resnet_convert(convert)
    assert torch.equal(before, torch.random.get_rng_state())
