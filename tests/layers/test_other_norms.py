"""Relations between the norms, and the norms that torch has not, against their formulas written out."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from d2lcnn.layers.evonorm import EvoNormB0, EvoNormS0
from d2lcnn.layers.filter_response_norm import FilterResponseNorm2d, ThresholdedLinearUnit
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.layer_norm import LayerNorm

from .parity import IMAGE_NORMS, SHAPE, randn, randomise

SIDES = st.integers(1, 5)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), SIDES, SIDES)
def test_instance_norm_is_group_norm_with_a_group_per_channel(n, groups, per_group, h, w):
    channels = groups * per_group
    assume(h * w > 1)
    x = 3 + 2 * randn(n, channels, h, w)
    instance, group = InstanceNorm2d(channels, affine=True).double(), GroupNorm(channels, channels).double()
    randomise(instance)
    group.load_state_dict(instance.state_dict())
    torch.testing.assert_close(instance(x), group(x))
    # Groups in between agree with instance norm on the groups laid out as channels.
    laid_out = x.reshape(n, groups, per_group * h, w)
    torch.testing.assert_close(
        GroupNorm(groups, channels, affine=False)(x).reshape(laid_out.shape), InstanceNorm2d(groups)(laid_out)
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 6), SIDES, SIDES)
def test_layer_norm_is_group_norm_with_one_group_up_to_the_affine_shapes(n, channels, h, w):
    assume(channels * h * w > 1)
    x = 3 + 2 * randn(n, channels, h, w)
    layer, group = LayerNorm([channels, h, w]).double(), GroupNorm(1, channels).double()
    torch.testing.assert_close(layer(x), group(x))
    assert layer.weight.shape == (channels, h, w)
    assert group.weight.shape == (channels,)
    randomise(group)
    with torch.no_grad():  # one scale per channel, the same at every pixel
        layer.weight.copy_(group.weight[:, None, None].expand_as(layer.weight))
        layer.bias.copy_(group.bias[:, None, None].expand_as(layer.bias))
    torch.testing.assert_close(layer(x), group(x))


def test_group_norm_is_standard_per_group_and_not_per_channel():
    x = randn(4, 6, 5, 5) + torch.arange(6.0).reshape(6, 1, 1)
    y = GroupNorm(2, 6, eps=1e-12)(x)
    groups = y.reshape(4, 2, -1)
    zeros = torch.zeros(4, 2, dtype=torch.float64)
    torch.testing.assert_close(groups.mean(2), zeros)
    torch.testing.assert_close(groups.var(2, correction=0), zeros + 1)
    assert y.mean((2, 3)).abs().max() > 0.5


@pytest.mark.parametrize("name", ["GN", "LN", "IN", "FRN", "EvoNorm-S0"])
def test_samples_do_not_see_each_other(name):
    layer, x = IMAGE_NORMS[name]().double(), randn(SHAPE)
    randomise(layer)
    torch.testing.assert_close(layer(x)[1:2], layer(x[1:2]))
    trained = layer(x)
    torch.testing.assert_close(layer.eval()(x), trained)


def test_filter_response_norm():
    x = randn(2, 3, 4, 5)
    layer = FilterResponseNorm2d(3, eps=0.1).double()
    randomise(layer)
    for n in range(2):
        for c in range(3):
            nu_squared = sum(v**2 for v in x[n, c].flatten().tolist()) / 20
            expected = layer.weight[c] * x[n, c] / (nu_squared + 0.1) ** 0.5 + layer.bias[c]
            torch.testing.assert_close(layer(x)[n, c], expected)


def test_filter_response_norm_learns_eps_where_channels_have_one_value():
    x = torch.tensor([2.0, -3.0, 0.5]).reshape(3, 1, 1, 1)
    torch.testing.assert_close(
        FilterResponseNorm2d(1)(x), x.sign(), atol=1e-5, rtol=0
    )  # only the sign is left
    layer = FilterResponseNorm2d(1, eps=1e-6, learn_eps=True)
    assert sum(p.numel() for p in layer.parameters()) == 3
    with torch.no_grad():
        layer.eps_extra.fill_(-1.0)  # |ε_l| counts
    torch.testing.assert_close(layer(x), x / (x**2 + 1.000001).sqrt())


def test_thresholded_linear_unit():
    layer = ThresholdedLinearUnit(2)
    x = torch.randn(3, 2, 4, 4)
    assert torch.equal(layer(x), torch.relu(x))
    with torch.no_grad():
        layer.threshold.copy_(torch.tensor([-1.0, 0.5]))
    tau = torch.tensor([-1.0, 0.5]).reshape(2, 1, 1)
    torch.testing.assert_close(layer(x), torch.relu(x - tau) + tau)


def test_evonorm_b0():
    x = 1 + 2 * randn(3, 2, 4, 5)
    layer = EvoNormB0(2, eps=0.01, momentum=0.25).double()
    randomise(layer)
    running = layer.running_var.clone()
    y = layer(x)
    batch_vars = [x[:, c].var(correction=0) for c in range(2)]
    for variances, output in [
        (batch_vars, y),
        (0.75 * running + 0.25 * torch.stack(batch_vars) * 60 / 59, layer.eval()(x)),
    ]:
        for n in range(3):
            for c in range(2):
                instance = (x[n, c].var(correction=0) + 0.01).sqrt()
                divisor = torch.maximum((variances[c] + 0.01).sqrt(), layer.v[c] * x[n, c] + instance)
                torch.testing.assert_close(output[n, c], layer.weight[c] * x[n, c] / divisor + layer.bias[c])


def test_evonorm_s0():
    x = 1 + 2 * randn(3, 6, 4, 5)
    layer = EvoNormS0(6, groups=2, eps=0.01).double()
    randomise(layer)
    for n in range(3):
        for c in range(6):
            group = x[n, 3 * (c // 3) : 3 * (c // 3) + 3]
            swish = x[n, c] * torch.sigmoid(layer.v[c] * x[n, c])
            expected = layer.weight[c] * swish / (group.var(correction=0) + 0.01).sqrt() + layer.bias[c]
            torch.testing.assert_close(layer(x)[n, c], expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GroupNorm(4, 6), r"4 groups do not divide 6 channels.*\[1, 2, 3, 6\]"),
        (lambda: GroupNorm(0, 6), "groups must be at least 1 and is 0"),
        (lambda: GroupNorm(2, 6, eps=0), "eps must be above 0"),
        (lambda: GroupNorm(2, 6)(torch.zeros(2, 5, 3, 3)), r"built for 6 channel\(s\) and got 5"),
        (lambda: GroupNorm(2, 6)(torch.zeros(6)), "N×C×.*got 1 dimensions"),
        (
            lambda: GroupNorm(6, 6)(torch.zeros(2, 6, 1, 1)),
            "at least 2 values in a group and got 1.*fewer groups",
        ),
        (lambda: GroupNorm(2, 6)(torch.zeros(2, 6, dtype=torch.int64)), "floating-point"),
        (lambda: LayerNorm([3, 0]), "normalized_shape must be at least 1 and is 0"),
        (lambda: LayerNorm([]), "at least 1 dimension"),
        (lambda: LayerNorm(3, eps=-1), "eps must be above 0"),
        (lambda: LayerNorm([3, 4])(torch.zeros(2, 4, 3)), r"sizes \(3, 4\).*shape \(2, 4, 3\)"),
        (lambda: LayerNorm([3, 4])(torch.zeros(4)), r"sizes \(3, 4\).*shape \(4,\)"),
        (lambda: InstanceNorm2d(3)(torch.zeros(3, 4, 4)), "got 3 dimensions.*unsqueeze"),
        (lambda: InstanceNorm2d(3)(torch.zeros(2, 3, 1, 1)), "at least 2 values in a channel and got 1"),
        (lambda: InstanceNorm2d(3, momentum=2), "momentum must lie in"),
        (lambda: InstanceNorm2d(3, momentum=None), "momentum must lie in .* and is None"),
        (lambda: FilterResponseNorm2d(3, eps=0), "eps must be above 0"),
        (lambda: FilterResponseNorm2d(3)(torch.zeros(2, 3)), "takes N×C×H×W and got 2.*Reshape the input"),
        (lambda: ThresholdedLinearUnit(3)(torch.zeros(2, 4, 1, 1)), r"built for 3 channel\(s\) and got 4"),
        (lambda: ThresholdedLinearUnit(0), "num_features must be at least 1"),
        (lambda: EvoNormB0(3, momentum=-1), "momentum must lie in"),
        (lambda: EvoNormB0(3, momentum=None), "momentum must lie in .* and is None"),
        (lambda: EvoNormB0(3)(torch.zeros(1, 3, 1, 1)), "at least 2 values per channel.*EvoNormS0"),
        (lambda: EvoNormS0(6), r"32 groups do not divide 6 channels"),
        (lambda: EvoNormS0(64, eps=0), "eps must be above 0"),
    ],
)
def test_wrong_use(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_statistics_are_swapped_for_running_ones_only_where_they_are_tracked():
    x = 5 + randn(4, 3, 6, 6)
    tracking, plain = InstanceNorm2d(3, track_running_stats=True).double().eval(), InstanceNorm2d(3).eval()
    assert (tracking(x).mean() - 5).abs() < 0.1  # fresh running statistics: mean 0, variance 1
    assert plain(x).mean().abs() < 1e-6
    assert list(plain.state_dict()) == []
    assert isinstance(nn.Sequential(plain)[0], InstanceNorm2d)
