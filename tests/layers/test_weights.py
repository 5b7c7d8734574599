"""Layers that normalize their weights: weight norm and its companions, weight standardization, cosine norm."""

import math

import pytest
import torch
from torch import nn

from d2lcnn.layers.batch_norm import BatchNorm1d
from d2lcnn.layers.cosine_norm import CosineConv2d, CosineLinear
from d2lcnn.layers.weight_norm import (
    MeanOnlyBatchNorm,
    MeanOnlyLayerNorm,
    WeightNormConv2d,
    WeightNormLinear,
)
from d2lcnn.layers.weight_standardization import WSConv2d

from .parity import randn, randomise


def test_weight_norm_fixes_the_length_and_its_gradient_is_orthogonal_to_v():
    layer = WeightNormConv2d(3, 4, 3).double()
    randomise(layer)
    torch.testing.assert_close(layer.weight.flatten(1).norm(dim=1), layer.weight_g.flatten())
    layer(randn(2, 3, 5, 5)).square().sum().backward()
    products = (layer.weight_v.grad * layer.weight_v).flatten(1).sum(1)
    assert products.abs().max() < 1e-10 * layer.weight_v.grad.norm() * layer.weight_v.norm()
    # So a step along the gradient can only make v longer (section 2.1 of the paper).
    longer = (layer.weight_v - 0.1 * layer.weight_v.grad).flatten(1).norm(dim=1)
    assert (longer > layer.weight_v.flatten(1).norm(dim=1)).all()


@pytest.mark.parametrize(
    ("layer", "shape"), [(WeightNormLinear(6, 4), (50, 6)), (WeightNormConv2d(3, 4, 3), (20, 3, 6, 6))]
)
def test_initialization_from_data_gives_mean_0_and_variance_1(layer, shape):
    layer.double()
    randomise(layer)
    x = 3 + 2 * randn(shape)
    direction = layer.weight / layer.weight_g
    layer.initialize_from_data(x)
    y = layer(x).movedim(1, -1).flatten(0, -2)
    torch.testing.assert_close(y.mean(0), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(y.var(0, correction=0), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(layer.weight / layer.weight_g, direction)


def test_initialization_from_data_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="got a layer without one.*bias=True"):
        WeightNormLinear(3, 2, bias=False).initialize_from_data(torch.randn(4, 3))
    with pytest.raises(ValueError, match=r"got 2 output\(s\) that are constant.*larger batch"):
        WeightNormLinear(3, 2).initialize_from_data(torch.randn(1, 3))


@pytest.mark.parametrize("row", [torch.full((4,), 0.3), torch.full((4,), torch.nan)])
def test_initialization_from_equal_rows_is_refused_and_changes_nothing(row):
    """Rounding alone makes the outputs of ten equal rows deviate, by seed."""
    for seed in range(20):
        torch.manual_seed(seed)
        layer = WeightNormLinear(4, 3)
        before = [tensor.clone() for tensor in layer.state_dict().values()]
        with pytest.raises(ValueError, match=r"got 3 output\(s\) that are constant, or no numbers"):
            layer.initialize_from_data(row.repeat(10, 1))
        assert all(map(torch.equal, before, layer.state_dict().values()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("build", "shape"),
    [(lambda: WeightNormLinear(16, 4), (50, 16)), (lambda: WeightNormConv2d(3, 4, 3), (20, 3, 6, 6))],
)
def test_initialization_from_data_in_a_narrow_type(build, shape, dtype):
    """With outputs far from zero, whose deviation a wide type still tells from rounding."""
    torch.manual_seed(0)
    layer = build().to(dtype)
    x = (3 + 2 * torch.randn(shape)).to(dtype)
    layer.initialize_from_data(x)
    y = layer(x).float()
    channel = layer.channel % y.dim()
    rest = [dim for dim in range(y.dim()) if dim != channel]
    assert y.mean(rest).abs().max() < 0.05
    assert (y.var(rest, correction=0) - 1).abs().max() < 0.05


def test_initialization_of_a_linear_layer_from_sequences_goes_over_all_positions():
    layer = WeightNormLinear(6, 4).double()
    x = 3 + 2 * randn((5, 7, 6))
    layer.initialize_from_data(x)
    y = layer(x).flatten(0, 1)
    torch.testing.assert_close(y.mean(0), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(y.var(0, correction=0), torch.ones(4, dtype=torch.float64))


def test_mean_only_batch_norm():
    layer = MeanOnlyBatchNorm(3, momentum=0.25).double()
    randomise(layer)
    before = layer.running_mean.clone()
    x = 5 + 2 * randn(4, 3, 2, 2)
    mean = x.mean((0, 2, 3))
    torch.testing.assert_close(layer(x), x - mean[:, None, None] + layer.bias[:, None, None])
    torch.testing.assert_close(layer.running_mean, 0.75 * before + 0.25 * mean)
    expected = x - layer.running_mean[:, None, None] + layer.bias[:, None, None]
    torch.testing.assert_close(layer.eval()(x), expected)
    # Batch norm without its division: the same up to the deviation, which only the latter takes out.
    rows = randn(8, 3)
    whole, mean_only = BatchNorm1d(3, eps=1e-12).double(), MeanOnlyBatchNorm(3).double()
    torch.testing.assert_close(whole(rows) * rows.std(0, correction=0), mean_only(rows))


def test_mean_only_layer_norm():
    layer = MeanOnlyLayerNorm(3).double()
    randomise(layer)
    x = 5 + 2 * randn(4, 3, 2, 2)
    expected = torch.stack([sample - sample.mean() for sample in x]) + layer.bias[:, None, None]
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(x[:1]), layer(x)[:1])


def test_weight_standardization_is_the_authors():
    layer = WSConv2d(4, 6, 3, stride=2, padding=1, groups=2).double()
    randomise(layer)
    x = randn(2, 4, 5, 5)
    kernels = []
    for kernel in layer.weight.detach():
        values = kernel.flatten().tolist()
        mean = sum(values) / 18
        unbiased = sum((v - mean) ** 2 for v in values) / 17
        kernels.append((kernel - mean) / (math.sqrt(unbiased) + 1e-5))
    expected = nn.functional.conv2d(x, torch.stack(kernels), layer.bias, 2, 1, groups=2)
    torch.testing.assert_close(layer(x), expected)


def test_weight_standardization_against_timms_form():
    layer = WSConv2d(3, 4, 3, eps=1e-30).double()
    weight = layer.weight.detach()
    m = weight[0].numel()
    # timm's: batch norm over the weights of each channel, biased variance, ε inside the root; here without it.
    biased = nn.functional.batch_norm(
        weight.reshape(1, 4, -1), None, None, training=True, eps=1e-30
    ).reshape_as(weight)
    torch.testing.assert_close(biased, layer.standardized_weight() * math.sqrt(m / (m - 1)))


def test_weight_standardization_has_the_state_of_a_convolution():
    layer, plain = WSConv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    layer.load_state_dict(plain.state_dict(), strict=True)
    plain.load_state_dict(layer.state_dict(), strict=True)
    assert isinstance(layer, nn.Conv2d)


def test_weight_standardization_of_equal_weights_has_no_nan():
    layer = WSConv2d(3, 4, 3)
    nn.init.zeros_(layer.weight)
    layer(torch.randn(2, 3, 5, 5)).sum().backward()
    assert layer.weight.grad.isfinite().all()


def test_cosine_linear_is_torchs_cosine_similarity():
    layer, x = CosineLinear(5, 3).double(), randn(4, 5)
    expected = nn.functional.cosine_similarity(x[:, None], layer.weight[None], dim=2)
    torch.testing.assert_close(layer(x), expected)
    assert layer(1e6 * x).abs().max() <= 1 + 1e-12


def test_centred_cosine_is_the_correlation():
    layer, x = CosineLinear(5, 3, centered=True).double(), 10 + randn(4, 5)
    expected = torch.cat([x, layer.weight]).corrcoef()[:4, 4:]
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_cosine_convolution_is_the_linear_layer_on_every_patch(centered, stride, padding):
    layer = CosineConv2d(2, 3, 3, stride, padding, centered=centered).double()
    linear = CosineLinear(18, 3, centered=centered).double()
    linear.load_state_dict({"weight": layer.weight.flatten(1)})
    x = randn(2, 2, 5, 7)
    padded = nn.functional.pad(x, [padding] * 4)
    y = layer(x)
    assert y.shape == nn.Conv2d(2, 3, 3, stride, padding).double()(x).shape
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            patch = padded[:, :, i * stride : i * stride + 3, j * stride : j * stride + 3]
            torch.testing.assert_close(y[:, :, i, j], linear(patch.flatten(1)))


def test_cosine_of_nothing_is_0():
    layer = CosineConv2d(2, 3, 3, padding=1)
    x = torch.zeros(1, 2, 4, 4, requires_grad=True)
    y = layer(x)
    assert torch.equal(y, torch.zeros(1, 3, 4, 4))
    y.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WeightNormLinear(0, 3), "in_features must be at least 1 and is 0"),
        (lambda: WeightNormConv2d(3, 4, 3, stride=0), "stride must be at least 1"),
        (lambda: WeightNormConv2d(3, 4, (3, 0)), "kernel_size must be at least 1"),
        (lambda: WeightNormConv2d(3, 4, 3, padding=-1), "padding must be at least 0"),
        (lambda: WSConv2d(3, 4, 0), "kernel_size must be at least 1"),
        (lambda: WSConv2d(3, 4, 3, padding=-1), "padding must be at least 0"),
        (lambda: MeanOnlyBatchNorm(3, momentum=2), "momentum must lie in"),
        (lambda: MeanOnlyBatchNorm(3, momentum=None), "momentum must lie in .* and is None"),
        (lambda: MeanOnlyBatchNorm(3)(torch.zeros(2, 4)), r"built for 3 channel\(s\) and got 4"),
        (lambda: MeanOnlyLayerNorm(0), "num_features must be at least 1"),
        (lambda: MeanOnlyLayerNorm(3)(torch.zeros(2, 4)), r"built for 3 channel\(s\) and got 4"),
        (lambda: WSConv2d(4, 4, 1, groups=4), "at least 2 weights per output channel and got 1"),
        (lambda: WSConv2d(4, 4, 3, eps=0), "eps must be above 0"),
        (lambda: WSConv2d(4, 6, 3, groups=4), "4 groups do not divide 6 channels"),
        (lambda: WeightNormConv2d(4, 6, 3, groups=4), "4 groups do not divide 6 channels"),
        (lambda: CosineLinear(3, 2, eps=0), "eps must be above 0"),
        (lambda: CosineLinear(3, 2)(torch.zeros(4, 5)), r"3 feature\(s\).*shape \(4, 5\)"),
        (lambda: CosineConv2d(3, 2, 3)(torch.zeros(1, 4, 5, 5)), r"built for 3 channel\(s\) and got 4"),
        (lambda: CosineConv2d(3, 2, 5, padding=1)(torch.zeros(1, 3, 2, 8)), "at least 3 pixels a side"),
        (lambda: CosineConv2d(3, 2, 3, padding=-1), "padding must be at least 0"),
    ],
)
def test_wrong_use(call, message):
    with pytest.raises(ValueError, match=message):
        call()
