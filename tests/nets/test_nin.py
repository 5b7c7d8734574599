"""NiN against d2l's listing, its authors' layers and what its idea says."""

import pytest
import torch
from torch import nn

from d2lcnn.nets.nin import NiN, course_nin, nin, nin_block

from .measures import depth, modules, multiply_adds, num_parameters, on_meta, shapes, without_gradient
from .parity import assert_same_network


def written_out(in_channels, out, *args, hidden=None):
    hidden = hidden or out
    return [
        nn.Conv2d(in_channels, hidden, *args), nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU(),
        nn.Conv2d(hidden, out, 1), nn.ReLU(),
    ]  # fmt: skip


def listing(in_channels, num_classes, hidden):
    """The network as one would write it out by hand."""
    return nn.Sequential(
        *written_out(in_channels, 96, 11, 4, 0), nn.MaxPool2d(3, 2), *written_out(96, 256, 5, 1, 2),
        nn.MaxPool2d(3, 2), *written_out(256, 384, 3, 1, 1), nn.MaxPool2d(3, 2), nn.Dropout(0.5),
        *written_out(384, num_classes, 3, 1, 1, hidden=hidden), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("build", "twin"), [(course_nin, (1, 10, None)), (lambda: nin(3, 20), (3, 20, 1024))]
)
def test_equal_to_the_network_written_out(build, twin):
    assert_same_network(build(), listing(*twin), torch.randn(2, twin[0], 99, 75))


def test_published_numbers():
    net = on_meta(nin)
    assert num_parameters(net) == 7_595_176
    assert depth(net, (1, 3, 224, 224)) == 12
    # The multiply-adds by hand: the area of the maps times the weights of their layers.
    weights = {54: 96 * (363 + 2 * 96), 26: 256 * (96 * 25 + 512), 12: 384 * (256 * 9 + 768)}
    weights[5] = 1024 * (384 * 9 + 1024 + 1000)
    assert multiply_adds(net, (1, 3, 224, 224)) == sum(size**2 * w for size, w in weights.items())
    assert num_parameters(on_meta(course_nin)) == 1_992_166
    assert depth(on_meta(course_nin), (1, 1, 224, 224)) == 12


def test_no_dense_layer():
    assert not modules(on_meta(nin), nn.Linear)


def test_block_is_the_same_perceptron_at_every_pixel():
    block = nin_block(3, 6, kernel_size=1, strides=1, padding=0, hidden_channels=5).double()
    convs = modules(block, nn.Conv2d)
    mlp = nn.Sequential(*[
        nn.Sequential(nn.Linear(c.in_channels, c.out_channels), nn.ReLU()) for c in convs
    ]).double()  # fmt: skip
    for (linear, _), conv in zip(mlp, convs, strict=True):
        linear.weight.data, linear.bias.data = conv.weight.data[:, :, 0, 0], conv.bias.data
    x = torch.randn(2, 3, 4, 7, dtype=torch.float64)
    torch.testing.assert_close(block(x).permute(0, 2, 3, 1), mlp(x.permute(0, 2, 3, 1)))


def test_outputs_are_averages_not_sums():
    net = course_nin().eval()
    maps = nn.Sequential(*list(net)[:-2])(torch.randn(1, 1, 120, 120))
    assert maps.shape[-2:] == (2, 2)
    torch.testing.assert_close(net.flatten(net.avgpool(maps)), maps.mean(dim=(2, 3)))


def test_a_norm_for_every_convolution_and_none_left_after_a_swap():
    net = on_meta(nin, norm_layer=nn.BatchNorm2d, activation_layer=nn.GELU, dropout=0.2)
    convs = modules(net, nn.Conv2d)
    assert [norm.num_features for norm in modules(net, nn.BatchNorm2d)] == [c.out_channels for c in convs]
    assert len(modules(net, nn.GELU)) == len(convs) == 12
    assert not modules(net, nn.ReLU)
    assert [d.p for d in modules(net, nn.Dropout)] == [0.2]
    assert not modules(on_meta(nin, norm_layer=nn.InstanceNorm2d), nn.BatchNorm2d)


@pytest.mark.parametrize("norm_layer", [None, nn.BatchNorm2d])
def test_every_parameter_learns(norm_layer):
    assert without_gradient(NiN(2, 5, norm_layer=norm_layer, dropout=0.2), (3, 2, 99, 99)) == []


def test_least_size():
    net = on_meta(course_nin)
    assert net(torch.zeros(1, 1, 67, 67, device="meta")).shape == (1, 10)
    with pytest.raises(RuntimeError, match="too small"):
        nn.Sequential(*net)(torch.zeros(1, 1, 66, 67, device="meta"))
    with pytest.raises(ValueError, match=r"at least 67×67.*resize=67"):
        net(torch.zeros(1, 1, 66, 67, device="meta"))
    with pytest.raises(ValueError, match=r"built for 1 channel\(s\) and got 3.*in_channels=3"):
        net(torch.zeros(1, 3, 96, 96, device="meta"))


def test_other_channels_and_classes():
    assert shapes(on_meta(course_nin, 3, 7))[0] == (96, 3, 11, 11)
    assert on_meta(course_nin, 3, 7)(torch.zeros(2, 3, 96, 96, device="meta")).shape == (2, 7)
