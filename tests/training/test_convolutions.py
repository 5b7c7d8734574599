"""Convolutions within autocast on a CPU that are computed in another way than PyTorch would."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from d2lcnn.training import convolutions
from d2lcnn.training.devices import autocast

CPU = torch.device("cpu")


def passes(conv, images, precision):
    """What a convolution gives, and its gradients."""
    conv.zero_grad()
    images = images.clone().requires_grad_()
    with autocast(CPU, precision):
        output = conv(images)
    output.backward(torch.linspace(-1, 1, output.numel()).bfloat16().to(output.dtype).view_as(output))
    return output.detach(), conv.weight.grad.clone(), images.grad


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("stride", [2, (1, 2)])
def test_strided_depthwise_ones_are_computed_in_float32_and_given_in_bfloat16(stride, bias):
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
def test_other_grouped_or_strided_ones_are_computed_in_bfloat16(options):
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


SMALL_MAPS = {
    "3 × 3": ({"kernel_size": 3, "padding": 1}, (6, 6)),
    "with a stride": ({"kernel_size": 3, "padding": 1, "stride": 2}, (11, 12)),
    "1 × 1 with a stride": ({"kernel_size": 1, "stride": 2}, (12, 11)),
    "nothing square": ({"kernel_size": (1, 3), "padding": (0, 2), "stride": (2, 1)}, (7, 5)),
    "without bias": ({"kernel_size": 5, "bias": False}, (7, 8)),
    "to one position": ({"kernel_size": (4, 3)}, (4, 3)),
    "3 × 3 to 3 × 3": ({"kernel_size": 3, "padding": 1}, (3, 3)),
    "1 × 1 to 3 × 2": ({"kernel_size": 1}, (3, 2)),
    "to 3 × 2 with a stride": ({"kernel_size": 3, "padding": 1, "stride": 2}, (5, 4)),
    "to 3 × 2, nothing square": ({"kernel_size": (2, 3), "padding": (1, 0), "bias": False}, (2, 4)),
    "more padding than kernel": ({"kernel_size": (1, 2), "padding": (0, 3)}, (1, 2)),
}


@pytest.fixture
def products(monkeypatch):
    """The sizes of the maps that went into a product of matrices."""
    seen = []
    patches = convolutions._patches

    def watched(input, kernel, stride, padding):
        rows = patches(input, kernel, stride, padding)
        seen.append(rows.shape[1] * rows.shape[2])
        return rows

    monkeypatch.setattr(convolutions, "_patches", watched)
    return seen


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("options", "size"), SMALL_MAPS.values(), ids=SMALL_MAPS)
def test_to_a_small_map_all_gradients_are_those_of_the_usual_way(options, size, layout, products):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 12, **options).to(memory_format=layout)
    images = torch.randn(5, 8, *size).to(memory_format=layout)
    output, of_weight, of_images = passes(conv, images, "bfloat16")
    positions = output[0, 0].numel()
    by_products = [positions]
    if (
        positions <= 9
    ):  # forward, and back to the images unless there is a stride; the weights' gradient comes last
        back = [images[0, 0].numel()] if conv.stride == (1, 1) else []
        by_products = [positions, *back, positions]
    assert products == by_products
    of_bias = conv.bias.grad.clone() if conv.bias is not None else None
    # The same rounded numbers, added up in float32.
    exact = nn.Conv2d(8, 12, **options)
    exact.load_state_dict({name: value.bfloat16().float() for name, value in conv.state_dict().items()})
    wanted = passes(exact, images.bfloat16().float(), "float32")
    assert (output.dtype, of_weight.dtype, of_images.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    # A bias may come in after the sum was rounded.
    torch.testing.assert_close(output.float(), wanted[0], rtol=0.01, atol=0.002)
    for ours, theirs in zip((of_weight, of_images), wanted[1:], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.01, atol=0.01)
    if of_bias is not None:
        torch.testing.assert_close(of_bias, exact.bias.grad, rtol=0.01, atol=0.01)
    assert output.is_contiguous(memory_format=layout)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"kernel_size": 3, "padding": 1}, (6, 7)),
        ({"kernel_size": 3, "padding": 1, "groups": 2}, (4, 4)),
        ({"kernel_size": 3, "dilation": 2}, (8, 8)),
        ({"kernel_size": 3, "padding": "same"}, (4, 4)),
    ],
)
def test_others_go_the_usual_way(options, size, products):
    output = passes(nn.Conv2d(8, 8, **options), torch.randn(2, 8, *size), "bfloat16")[0]
    assert output.dtype == torch.bfloat16
    assert products == []


def test_an_image_without_a_batch_is_convolved(products):
    conv, image = nn.Conv2d(2, 3, 3), torch.randn(2, 5, 5)
    with autocast(CPU, "bfloat16"):
        torch.testing.assert_close(conv(image), conv(image.unsqueeze(0))[0])


def test_a_part_that_is_frozen_gets_no_gradient(products):
    conv = nn.Conv2d(2, 3, 3)
    conv.weight.requires_grad_(False)
    with autocast(CPU, "bfloat16"):
        conv(torch.ones(1, 2, 8, 7)).sum().backward()
    assert conv.weight.grad is None
    assert torch.equal(conv.bias.grad, torch.full((3,), 30.0))
    assert products == []


def test_what_is_computed_again_in_the_backward_pass_has_the_same_gradients():
    """There, out of the course's autocast, the usual way is taken."""
    torch.manual_seed(0)
    conv = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3))
    images = torch.randn(4, 8, 6, 6)
    gradients = []
    for recompute in (False, True):
        conv.zero_grad()
        with autocast(CPU, "bfloat16"):
            output = checkpoint(conv, images, use_reentrant=False) if recompute else conv(images)
        output.float().square().sum().backward()
        gradients.append([p.grad for p in conv.parameters()])
    for kept, again in zip(*gradients, strict=True):
        torch.testing.assert_close(kept, again, rtol=0.02, atol=0.02)


# As in test_choices.py, the second takes long.
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.weekly)])
def test_a_compiled_network_has_the_same_gradients(backend):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    images = torch.randn(4, 8, 6, 6)
    gradients = []
    for forward in (conv, torch.compile(conv, backend=backend)):
        conv.zero_grad()
        with autocast(CPU, "bfloat16"):
            output = forward(images)
        output.float().square().sum().backward()
        gradients.append(conv.weight.grad.clone())
    torch.testing.assert_close(*gradients, rtol=0.02, atol=0.02)
