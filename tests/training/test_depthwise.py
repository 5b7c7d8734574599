"""Depthwise convolutions with a stride within autocast on a CPU."""

import pytest
import torch
from torch import nn

from d2lcnn.training.devices import autocast

CPU = torch.device("cpu")


def passes(conv, images, precision):
    """What a convolution gives, and its gradients."""
    conv.zero_grad()
    images = images.clone().requires_grad_()
    with autocast(CPU, precision):
        output = conv(images)
    output.backward(torch.linspace(-1, 1, output.numel()).to(output.dtype).view_as(output))
    return output.detach(), conv.weight.grad.clone(), images.grad


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("stride", [2, (1, 2)])
def test_they_are_computed_in_float32_and_given_in_bfloat16(stride, bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, stride=stride, padding=1, groups=8, bias=bias)
    images = torch.randn(2, 8, 9, 9)
    exact, in_bfloat16 = passes(conv, images, "float32"), passes(conv, images, "bfloat16")
    assert in_bfloat16[0].dtype == torch.bfloat16
    # Rounded once, at the end: inputs and weights were not.
    assert torch.equal(in_bfloat16[0], exact[0].bfloat16())
    for ours, wanted in zip(in_bfloat16[1:], exact[1:], strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, wanted, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("options", [{"stride": 1, "groups": 8}, {"stride": 2}, {"stride": 2, "groups": 4}])
def test_others_are_computed_in_bfloat16(options):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, padding=1, bias=False, **options)
    images = torch.randn(2, 8, 9, 9)
    output = passes(conv, images, "bfloat16")[0]
    assert output.dtype == torch.bfloat16
    rounded = nn.functional.conv2d(
        images.bfloat16().float(), conv.weight.bfloat16().float(), padding=1, **options
    )
    assert torch.equal(output, rounded.bfloat16())
    assert not torch.equal(output, passes(conv, images, "float32")[0].bfloat16())


def test_a_call_by_keywords_is_understood():
    images, weight = torch.randn(1, 4, 5, 5), torch.randn(4, 1, 3, 3)
    with autocast(CPU, "bfloat16"):
        output = nn.functional.conv2d(images, weight, groups=4, stride=2)
    assert torch.equal(output, nn.functional.conv2d(images, weight, groups=4, stride=2).bfloat16())
