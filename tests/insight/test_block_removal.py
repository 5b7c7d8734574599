"""A block is taken out as the definition says, and the network is whole again afterwards."""

import pytest
import torch
from torch import nn

import d2lcnn
from d2lcnn.nets.resnet import Bottleneck, PreActBottleneck, ResNet


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 16, dtype=torch.float64)


def fresh(build, *args, **kwargs):
    torch.manual_seed(0)
    net = build(*args, **kwargs).double()
    for module in net.modules():  # fresh norms would hide which of them act
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()


def replaced(net, name, module):
    parent, _, child = name.rpartition(".")
    setattr(net.get_submodule(parent), child, module)
    return net


def test_a_block_that_keeps_its_shape_becomes_the_identity(images):
    for kwargs in ({}, {"preactivation": True}, {"shortcut": None}):
        net, other = (fresh(d2lcnn.cifar_resnet, 14, **kwargs) for _ in range(2))
        with d2lcnn.without_block(net, "layer2.1"):
            got = net(images)
        assert torch.allclose(got, replaced(other, "layer2.1", nn.Identity())(images))


def test_of_a_block_with_a_projection_its_shortcut_is_left(images):
    net, other = (fresh(d2lcnn.cifar_resnet, 8, shortcut="B") for _ in range(2))
    with d2lcnn.without_block(net, "layer3.0"):
        got = net(images)
    shortcut = nn.Sequential(other.layer3[0].downsample, nn.ReLU())
    assert torch.allclose(got, replaced(other, "layer3.0", shortcut)(images))


@pytest.mark.parametrize("block", [Bottleneck, PreActBottleneck])
def test_bottlenecks(images, block):
    net, other = (fresh(ResNet, block, (2, 1), small_images=True) for _ in range(2))
    assert d2lcnn.removable_blocks(net) == ["layer1.0", "layer1.1", "layer2.0"]
    with d2lcnn.without_block(net, "layer1.1"):
        got = net(images)
    assert torch.allclose(got, replaced(other, "layer1.1", nn.Identity())(images))


def test_the_network_is_whole_again_also_after_an_error(images):
    net = fresh(d2lcnn.cifar_resnet, 8)
    before = net(images)
    with pytest.raises(ValueError), d2lcnn.without_block(net, "layer1.0"):  # noqa: PT012
        assert not torch.equal(net(images), before)
        net(images[:, :, 0])
    assert torch.equal(net(images), before)


def test_a_plain_net_keeps_the_blocks_that_change_the_shape():
    assert d2lcnn.removable_blocks(d2lcnn.cifar_plain(14)) == ["layer1.0", "layer1.1", "layer2.1", "layer3.1"]
    plain = ResNet(Bottleneck, (2, 2), small_images=True, shortcut=None)
    assert d2lcnn.removable_blocks(plain) == ["layer1.1", "layer2.1"]


def test_bad_names():
    choose = r"got 'layer2.0'. Choose one of: layer1.0"
    with pytest.raises(ValueError, match=choose), d2lcnn.without_block(d2lcnn.cifar_plain(8), "layer2.0"):
        pass
    with pytest.raises(ValueError, match="LeNet has no block"):
        d2lcnn.removable_blocks(d2lcnn.lenet())
