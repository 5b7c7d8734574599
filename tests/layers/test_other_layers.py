"""Local response normalization, dropout, squeeze-and-excitation, the depthwise separable convolution."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from d2lcnn.layers.depthwise import DepthwiseSeparableConv
from d2lcnn.layers.dropout import Dropout
from d2lcnn.layers.group_norm import GroupNorm
from d2lcnn.layers.hard_swish import HardSigmoid
from d2lcnn.layers.local_response_norm import LocalResponseNorm
from d2lcnn.layers.squeeze_excitation import SqueezeExcitation

from .parity import randn


def papers_local_response(a, k=2, n=5, alpha=1e-4, beta=0.75):
    """The sum of section 3.3 of the AlexNet paper, with its own indices and constants."""
    b, channels = torch.empty_like(a), a.shape[1]
    for i in range(channels):
        total = sum(a[:, j] ** 2 for j in range(max(0, i - n // 2), min(channels - 1, i + n // 2) + 1))
        b[:, i] = a[:, i] / (k + alpha * total) ** beta
    return b


def test_local_response_norm_with_the_papers_constants():
    a = 50 * randn(2, 8, 3, 4)
    ours = LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)(a)
    torch.testing.assert_close(ours, papers_local_response(a))
    # The same numbers without the factor n are another function.
    assert (LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)(a) - ours).abs().max() > 0.1


def test_local_response_norm_looks_at_channels_and_not_at_pixels():
    layer, a = LocalResponseNorm(3, alpha=1.0), randn(1, 6, 4, 4)
    changed = a.clone()
    changed[0, 2, 1, 1] += 1
    difference = (layer(changed) - layer(a))[0] != 0
    expected = torch.zeros(6, 4, 4, dtype=torch.bool)
    expected[1:4, 1, 1] = True
    assert torch.equal(difference, expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 4))
def test_local_response_norm_of_any_size_is_torchs(size, channels, side):
    a = randn(2, channels, side, side)
    theirs = nn.LocalResponseNorm(size, 0.7, 0.6, 1.5)
    torch.testing.assert_close(LocalResponseNorm(size, 0.7, 0.6, 1.5)(a), theirs(a))


def test_dropouts_conventions_are_the_same_up_to_the_scale():
    x = randn(4000)
    by_train, by_test = Dropout(0.3), Dropout(0.3, scale_at="test")
    torch.manual_seed(5)
    one = by_train(x)
    torch.manual_seed(5)
    other = by_test(x)
    torch.testing.assert_close(0.7 * one, other)
    torch.testing.assert_close(0.7 * by_train.eval()(x), by_test.eval()(x))
    assert abs((other == 0).double().mean() - 0.3) < 0.03


@pytest.mark.parametrize("scale_at", ["train", "test"])
def test_dropout_in_evaluation_is_the_expectation_of_training(scale_at):
    layer, x = Dropout(0.3, scale_at=scale_at), torch.tensor([1.0, -2.0], dtype=torch.float64)
    draws = torch.stack([layer(x) for _ in range(4000)])
    torch.testing.assert_close(draws.mean(0), layer.eval()(x), atol=0.06, rtol=0)
    # In expectation only: no draw is the expectation itself.
    assert (draws[:, 0] != layer(x)[0]).all()


def test_dropout_at_its_ends():
    x = torch.randn(100, requires_grad=True)
    for scale_at in ("train", "test"):
        assert torch.equal(Dropout(0.0, scale_at=scale_at)(x), x)
        y = Dropout(1.0, scale_at=scale_at)(x)
        assert torch.equal(y, torch.zeros(100))
        y.sum().backward()
        assert torch.equal(x.grad, torch.zeros(100))
    assert torch.equal(Dropout(1.0, scale_at="test").eval()(x), torch.zeros(100))


def test_squeeze_excitation_has_one_gate_per_channel_of_each_sample():
    layer = SqueezeExcitation(6, 2, gate_layer=HardSigmoid).double()
    x = randn(3, 6, 4, 5)
    gates = layer(x) / x
    torch.testing.assert_close(gates, gates[:, :, :1, :1].expand_as(gates))
    assert gates.min() >= 0
    assert gates.max() <= 1
    for n in range(3):
        mean = x[n].mean((1, 2))
        hidden = torch.relu(layer.fc1.weight[:, :, 0, 0] @ mean + layer.fc1.bias)
        gate = layer.fc2.weight[:, :, 0, 0] @ hidden + layer.fc2.bias
        torch.testing.assert_close(gates[n, :, 0, 0], nn.functional.hardsigmoid(gate))


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_separable_convolution_written_out(stride):
    block = DepthwiseSeparableConv(4, 6, stride).double()
    twin = nn.Sequential(
        nn.Conv2d(4, 4, 3, stride, 1, groups=4, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 6, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
    ).double()  # fmt: skip
    twin.load_state_dict(dict(zip(twin.state_dict(), block.state_dict().values(), strict=True)))
    x = randn(2, 4, 7, 7)
    torch.testing.assert_close(block(x), twin(x))
    assert sum(p.numel() for p in block.parameters()) == 4 * 9 + 8 + 4 * 6 + 12


@pytest.mark.parametrize("scale_at", ["train", "test"])
def test_dropout_of_nothing_draws_nothing(scale_at):
    before, x = torch.get_rng_state(), torch.ones(5)
    assert torch.equal(Dropout(0.0, scale_at=scale_at)(x), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_depthwise_layer_keeps_channels_apart():
    block, x = DepthwiseSeparableConv(4, 6), torch.randn(1, 4, 5, 5)
    changed = x.clone()
    changed[:, 2] += 1
    moved = (block.depthwise(changed) - block.depthwise(x)).abs().amax((0, 2, 3)) > 0
    assert moved.tolist() == [False, False, True, False]


def test_depthwise_separable_convolution_with_another_norm_and_activation():
    block = DepthwiseSeparableConv(4, 6, norm_layer=lambda c: GroupNorm(2, c), activation_layer=nn.ReLU6)
    kinds = [type(m) for m in block]
    assert kinds == [nn.Conv2d, GroupNorm, nn.ReLU6] * 2
    plain = DepthwiseSeparableConv(4, 6, norm_layer=None)
    assert [type(m) for m in plain] == [nn.Conv2d, nn.ReLU] * 2
    assert plain.depthwise.bias is not None
    assert plain.pointwise.bias is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LocalResponseNorm(0), "size must be at least 1"),
        (lambda: LocalResponseNorm(5, alpha=-1), "alpha and k must be at least 0"),
        (lambda: LocalResponseNorm(5, alpha=0, k=0), "not both 0"),
        (lambda: LocalResponseNorm(5)(torch.zeros(2, 3)), r"takes N×C×.*\(2, 3\).*unsqueeze"),
        (lambda: LocalResponseNorm(5)(torch.zeros(2, 3, 4, dtype=torch.uint8)), "floating-point"),
        (lambda: Dropout(1.5), r"p must lie in \[0, 1\] and is 1.5"),
        (lambda: Dropout(-0.1), r"p must lie in"),
        (lambda: Dropout(scale_at="never"), '"train" or "test" and is \'never\''),
        (lambda: Dropout()(torch.ones(3, dtype=torch.int64)), "floating-point"),
        (lambda: SqueezeExcitation(6, 0), "squeeze_channels must be at least 1"),
        (lambda: SqueezeExcitation(6, 2)(torch.zeros(1, 5, 2, 2)), r"built for 6 channel\(s\) and got 5"),
        (lambda: SqueezeExcitation(6, 2)(torch.zeros(1, 6)), "takes N×C×H×W and got 2"),
        (lambda: DepthwiseSeparableConv(4, 0), "out_channels must be at least 1"),
        (lambda: DepthwiseSeparableConv(4, 6, 0), "stride must be at least 1"),
    ],
)
def test_wrong_use(call, message):
    with pytest.raises(ValueError, match=message):
        call()
