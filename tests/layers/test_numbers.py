"""Derivatives, large offsets, memory formats and narrow types: what goes wrong first in a norm written by hand."""

import copy

import pytest
import torch
from torch import nn

from d2lcnn.layers.cosine_norm import CosineLinear
from d2lcnn.layers.filter_response_norm import ThresholdedLinearUnit
from d2lcnn.layers.group_norm import GroupNorm
from d2lcnn.layers.local_response_norm import LocalResponseNorm
from d2lcnn.layers.moments import moments
from d2lcnn.layers.squeeze_excitation import SqueezeExcitation
from d2lcnn.layers.weight_norm import WeightNormLinear

from .parity import IMAGE_NORMS, SHAPE, WEIGHTED, assert_gradients, randn, randomise

LAYERS = {
    **IMAGE_NORMS,
    **WEIGHTED,
    "TLU": lambda: ThresholdedLinearUnit(6),
    "LRN": lambda: LocalResponseNorm(3, alpha=1.0),
    "SE": lambda: SqueezeExcitation(6, 2),
}
CENTRING = ["BN", "BN without affine", "LN", "GN", "IN", "IN tracking", "mean-only BN", "mean-only LN"]


@pytest.fixture(params=LAYERS)
def layer(request):
    layer = LAYERS[request.param]()
    randomise(layer)
    return layer


def test_first_and_second_derivatives(layer):
    assert_gradients(layer, randn(SHAPE))


def test_derivatives_in_evaluation(layer):
    assert_gradients(layer.eval(), randn(SHAPE))


@pytest.mark.parametrize("build", [lambda: WeightNormLinear(5, 3), lambda: CosineLinear(5, 3, centered=True)])
def test_derivatives_of_linear_layers(build):
    assert_gradients(build(), randn(4, 5))


def test_every_parameter_gets_a_gradient(layer):
    layer(torch.randn(SHAPE, requires_grad=True)).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("name", CENTRING)
def test_stable_at_a_large_offset(name):
    layer = LAYERS[name]()
    x = 1e4 + torch.randn(16, 6, 4, 5)
    y = layer(x)
    twin = LAYERS[name]().double()
    exact = twin(x.double())
    # Neighbouring float32 numbers at 1e4 are 1e-3 apart; that much of the mean is lost and no more.
    assert (y - exact).abs().max() < 2e-3
    for ours, precise in zip(layer.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(ours.double(), precise.double(), rtol=1e-4, atol=0)


def test_the_shortcut_would_not_be_stable():
    x = 1e4 + torch.randn(16, 6, 4, 5)
    shortcut = x.square().mean((0, 2, 3)) - x.mean((0, 2, 3)).square()
    exact = x.double().var((0, 2, 3), correction=0)
    assert (shortcut - exact).abs().max() > 0.5
    torch.testing.assert_close(moments(x, (0, 2, 3))[1].flatten().double(), exact, rtol=1e-4, atol=0)


def test_memory_formats(layer):
    x = torch.randn(SHAPE)
    layer.eval()
    expected = layer(x)
    channels_last = x.contiguous(memory_format=torch.channels_last)
    strided = torch.randn(2 * 3, 6, 2 * 4, 5)[::2, :, ::2]
    strided.copy_(x)
    transposed = x.transpose(0, 3).contiguous().transpose(0, 3)
    for view in (channels_last, strided, transposed):
        assert not view.is_contiguous()
        torch.testing.assert_close(layer(view), expected)
    layer.train()
    torch.testing.assert_close(layer(channels_last), layer(x))


@pytest.mark.parametrize("name", [*IMAGE_NORMS, "TLU", "LRN", "SE"])
def test_channels_last_stays(name):
    x = torch.randn(SHAPE).contiguous(memory_format=torch.channels_last)
    assert LAYERS[name]()(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", [*IMAGE_NORMS, "LRN"])
def test_narrow_input_and_wide_moments(name, dtype):
    # 600² is beyond float16's largest number, 65,504; a sum in bfloat16 stops growing after 256 steps.
    x = (600 + 300 * torch.randn(32, 6, 4, 5)).to(dtype)
    layer, exact = LAYERS[name](), LAYERS[name]().double()
    y = layer(x)
    assert y.dtype == dtype
    assert all(p.dtype == torch.float32 for p in layer.parameters())
    expected = exact(x.double())
    # Only the output is rounded to the narrow type.
    torch.testing.assert_close(y.double(), expected, rtol=2 * torch.finfo(dtype).eps, atol=2e-3)
    for buffer, twin in zip(layer.buffers(), exact.buffers()):
        torch.testing.assert_close(buffer.double(), twin.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", IMAGE_NORMS)
def test_bfloat16_network(name):
    layer = LAYERS[name]().bfloat16()
    x = torch.randn(SHAPE).bfloat16().requires_grad_()
    y = layer(x)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    for tensor in (y, x.grad, *(p.grad for p in layer.parameters())):
        assert tensor is not None
        assert tensor.isfinite().all()
    assert layer.eval()(torch.randn(SHAPE).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["BN", "GN", "LN", "IN"])
def test_autocast(name):
    layer = LAYERS[name]()
    x = torch.randn(SHAPE)
    expected = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("name", [*IMAGE_NORMS, *WEIGHTED])
def test_constant_input_gives_no_nan(name):
    layer = LAYERS[name]()
    x = torch.full(SHAPE, 3.0, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    zero = layer(torch.zeros(SHAPE))
    assert y.isfinite().all()
    assert zero.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_layers_can_be_copied_and_shown():
    for build in LAYERS.values():
        layer, x = build(), torch.randn(SHAPE)
        twin = copy.deepcopy(layer).eval()
        torch.testing.assert_close(twin(x), layer.eval()(x), rtol=0, atol=0)
        for parameter in layer.parameters():
            nn.init.constant_(parameter, 0.5)
        assert all(not torch.equal(a, b) for a, b in zip(layer.parameters(), twin.parameters(), strict=True))
        assert str(layer).startswith(type(layer).__name__)
        assert type(layer).__name__ in repr(nn.Sequential(layer))
    assert repr(GroupNorm(2, 6)) == "GroupNorm(2, 6, eps=1e-05, affine=True)"
