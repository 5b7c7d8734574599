"""VGG against torchvision, d2l's listing and the paper's tables."""

import importlib
import re

import pytest
import torch
import torchvision
from torch import nn

from d2lcnn.nets.vgg import VGG, course_vgg11, vgg, vgg11_lrn, vgg16_c, vgg_block

from .measures import (
    depth,
    leaves,
    modules,
    multiply_adds,
    num_parameters,
    on_meta,
    shapes,
    thin,
    without_gradient,
)
from .parity import assert_same_network

family = importlib.import_module("d2lcnn.nets.vgg")  # the package's name vgg is the function
TORCHVISION = [f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")]
ARCH = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))


@pytest.mark.parametrize("name", TORCHVISION)
def test_same_layers_and_tensors_as_torchvision(name):
    ours, theirs = (on_meta(getattr(m, name)) for m in (family, torchvision.models))
    assert shapes(ours) == shapes(theirs)
    assert leaves(ours) == leaves(theirs)


# The others have the same layers by the test above: one of each way of building them is enough for each run.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("vgg11", "vgg16_bn") else pytest.mark.weekly)
        for name in TORCHVISION
    ],
)
def test_equal_to_torchvision(name):
    ours, theirs = (thin(on_meta(getattr(m, name))) for m in (family, torchvision.models))
    assert_same_network(ours, theirs, torch.randn(2, 3, 32, 33))


def test_larger_images_are_averaged_as_torchvision_does():
    ours = on_meta(VGG, ((1, 4), (1, 512)), 3)
    maker = torchvision.models.vgg
    theirs = on_meta(lambda: maker.VGG(maker.make_layers([4, "M", 512, "M"])))
    assert_same_network(thin(ours), thin(theirs), torch.randn(2, 3, 40, 36))


# Parameters, multiply-adds in units of 10⁹, and Table 2's rounded millions of parameters.
@pytest.mark.parametrize(
    ("name", "parameters", "billions", "millions", "layers"),
    [
        ("vgg11", 132_863_336, 7.609, 133, 11),
        ("vgg11_lrn", 132_863_336, 7.609, 133, 11),
        ("vgg13", 133_047_848, 11.308, 133, 13),
        ("vgg16_c", 133_638_952, None, 134, 16),
        ("vgg16", 138_357_544, 15.470, 138, 16),
        ("vgg19", 143_667_240, 19.632, 144, 19),
        ("vgg11_bn", 132_868_840, 7.609, None, 11),
        ("vgg13_bn", 133_053_736, 11.308, None, 13),
        ("vgg16_bn", 138_365_992, 15.470, None, 16),
        ("vgg19_bn", 143_678_248, 19.632, None, 19),
    ],
)
def test_published_numbers(name, parameters, billions, millions, layers):
    net = on_meta(getattr(family, name))
    assert num_parameters(net) == parameters
    assert depth(net, (1, 3, 224, 224)) == layers
    if millions is not None:
        assert round(parameters / 1e6) == millions
    if billions is not None:
        assert round(multiply_adds(net, (1, 3, 224, 224)) / 1e9, 3) == billions


def listing(conv_arch):
    """The d2l network, block by block."""
    blocks, channels = [], 1
    for num_convs, out in conv_arch:
        layers = []
        for _ in range(num_convs):
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
            channels = out
        blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2, 2)))
    return nn.Sequential(
        *blocks, nn.Flatten(), nn.Linear(channels * 49, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 10),
    )  # fmt: skip


def test_course_equal_to_the_network_written_out():
    quarter = [(n, channels // 4) for n, channels in ARCH]
    ours, theirs = on_meta(course_vgg11), on_meta(listing, quarter)
    assert shapes(ours) == shapes(theirs)
    assert [type(layer) for layer in ours] == [type(layer) for layer in theirs]
    assert_same_network(thin(ours), thin(theirs), torch.randn(2, 1, 224, 224))


def test_course_sizes():
    assert num_parameters(on_meta(course_vgg11)) == 43_093_322
    assert num_parameters(on_meta(vgg, ARCH)) == 128_806_154
    assert shapes(on_meta(vgg, ARCH)) == shapes(on_meta(listing, ARCH))
    assert depth(on_meta(course_vgg11), (1, 1, 224, 224)) == 11
    assert on_meta(vgg, ARCH, 3, 7)(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 7)


def test_blocks_halve_the_size():
    net, x, sizes = on_meta(VGG, "D"), torch.zeros(1, 3, 224, 224, device="meta"), []
    for block in list(net)[:5]:
        x = block(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]


def test_configuration_c_has_a_1x1_at_the_end_of_the_last_three_blocks():
    sizes = [[c.kernel_size[0] for c in modules(block, nn.Conv2d)] for block in list(on_meta(vgg16_c))[:5]]
    assert sizes == [[3, 3], [3, 3], [3, 3, 1], [3, 3, 1], [3, 3, 1]]


def test_lrn_stands_after_the_first_activation_only():
    net = on_meta(vgg11_lrn)
    assert [type(layer).__name__ for layer in net.block1] == [
        "Conv2d",
        "ReLU",
        "LocalResponseNorm",
        "MaxPool2d",
    ]
    assert len(modules(net, nn.LocalResponseNorm)) == 1
    norm = net.block1[2]
    assert (norm.size, norm.alpha, norm.beta, norm.k) == (5, 5e-4, 0.75, 2.0)


@pytest.mark.parametrize("configuration", ["A", "A-LRN", "B", "C", "D", "E"])
def test_a_norm_for_every_convolution_and_none_left_after_a_swap(configuration):
    net = on_meta(VGG, configuration, norm_layer=nn.BatchNorm2d, activation_layer=nn.Tanh)
    convs = modules(net, nn.Conv2d)
    assert [norm.num_features for norm in modules(net, nn.BatchNorm2d)] == [c.out_channels for c in convs]
    assert len(modules(net, nn.Tanh)) == len(convs) + 2
    assert not modules(net, nn.ReLU)
    swapped = on_meta(VGG, configuration, norm_layer=lambda channels: nn.GroupNorm(4, channels))
    assert len(modules(swapped, nn.GroupNorm)) == len(convs)
    assert not modules(swapped, nn.BatchNorm2d)


@pytest.mark.parametrize("name", ["vgg11_lrn", "vgg16_c", "vgg13_bn"])
def test_every_parameter_learns(name):
    assert without_gradient(thin(on_meta(getattr(family, name), 2, 5, dropout=0.2)), (4, 2, 32, 32)) == []


def test_dropout_follows_the_dense_activations():
    net = on_meta(VGG, "A", dropout=0.3)
    assert [name for name, _ in net.named_children()][-7:] == [
        "dense1", "dense1_act", "dropout1", "dense2", "dense2_act", "dropout2", "output"
    ]  # fmt: skip
    assert [d.p for d in modules(net, nn.Dropout)] == [0.3, 0.3]


def test_two_3x3_see_what_one_5x5_sees():
    block = vgg_block((3, 3), 1, 1, activation_layer=nn.Identity)[:-1]
    x = torch.zeros(1, 1, 11, 11, requires_grad=True)
    with torch.no_grad():
        for conv in modules(block, nn.Conv2d):
            conv.weight.fill_(1.0)
    block(x)[0, 0, 5, 5].backward()
    assert x.grad[0, 0].nonzero().min() == 3
    assert x.grad[0, 0].nonzero().max() == 7


@pytest.mark.parametrize(
    ("build", "shape", "message"),
    [
        (lambda: VGG("A"), (1, 3, 31, 64), r"at least 32×32.*resize=32"),
        (lambda: VGG("A"), (1, 1, 64, 64), r"built for 3 channel\(s\) and got 1.*in_channels=1"),
        (course_vgg11, (1, 1, 96, 96), r"224×224.*resize=224"),
        (lambda: vgg(((1, 8), (1, 8))), (1, 1, 56, 56), r"28×28.*resize=28"),
    ],
)
def test_wrong_input(build, shape, message):
    with pytest.raises(ValueError, match=message):
        on_meta(build)(torch.zeros(shape, device="meta"))


def test_least_size_is_enough():
    assert on_meta(VGG, "E")(torch.zeros(1, 3, 32, 32, device="meta")).shape == (1, 1000)


def test_wrong_settings():
    with pytest.raises(ValueError, match=r"no configuration 'F'.*A, A-LRN, B, C, D, E"):
        VGG("F")
    for row in (0, (), (3, 2), ("BN",), ("LRN",), (-1,)):
        with pytest.raises(ValueError, match=rf"odd kernel sizes.*got {re.escape(repr(row))}"):
            vgg_block(row, 1, 1)
