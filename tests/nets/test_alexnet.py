"""AlexNet against torchvision, d2l's listing and the paper's numbers."""

import pytest
import torch
import torchvision
from torch import nn

from d2lcnn.nets.alexnet import AlexNet, alexnet, course_alexnet, paper_lrn

from .measures import depth, modules, multiply_adds, num_parameters, on_meta, shapes, thin, without_gradient
from .parity import assert_same_network


def listing():
    """The course's network as one would write it out by hand, layer after layer."""
    return nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(6400, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 10),
    )  # fmt: skip


def test_equal_to_torchvision():
    ours, theirs = (on_meta(build) for build in (alexnet, torchvision.models.alexnet))
    assert shapes(ours) == shapes(theirs)
    assert_same_network(thin(ours), thin(theirs), torch.randn(2, 3, 80, 80))


def test_course_equal_to_the_network_written_out():
    ours, theirs = (on_meta(build) for build in (course_alexnet, listing))
    assert shapes(ours) == shapes(theirs)
    assert [type(layer) for layer in ours] == [type(layer) for layer in theirs]
    assert_same_network(thin(ours), thin(theirs), torch.randn(2, 1, 224, 224))


@pytest.mark.parametrize(
    ("net", "shape", "parameters", "millions"),
    [
        (on_meta(alexnet), (1, 3, 224, 224), 61_100_840, 714),
        (on_meta(alexnet, variant="paper"), (1, 3, 227, 227), 60_965_224, 724),
        (on_meta(alexnet, variant="paper", groups=1), (1, 3, 227, 227), 62_378_344, 1_135),
        (on_meta(course_alexnet), (1, 1, 224, 224), 46_764_746, 938),
    ],
)
def test_published_numbers(net, shape, parameters, millions):
    assert num_parameters(net) == parameters
    assert round(multiply_adds(net, shape) / 1e6) == millions
    assert depth(net, shape) == 8


def test_paper_has_the_maps_of_figure_2():
    net = on_meta(alexnet, variant="paper")
    x, maps = torch.zeros(1, 3, 227, 227, device="meta"), []
    for name, layer in net.named_children():
        x = layer(x)
        if name in ("conv1", "conv2", "conv3", "conv4", "conv5", "pool5"):
            maps.append(tuple(x.shape[1:]))
    assert maps == [
        (96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6)
    ]  # fmt: skip
    assert [net.get_submodule(f"conv{i}").groups for i in range(1, 6)] == [1, 2, 1, 2, 2]
    pools = modules(net, nn.MaxPool2d)
    assert [(p.kernel_size, p.stride) for p in pools] == [(3, 2)] * 3


def test_paper_two_gpus_are_two_groups():
    """Convolutions 4 and 5 of one GPU do not see the maps of the other."""
    net = thin(on_meta(alexnet, variant="paper")).eval()
    x = torch.randn(1, 384, 13, 13)
    other = x.clone()
    other[:, 192:] = torch.randn(1, 192, 13, 13)
    one, two = (net.conv5(net.conv4_act(net.conv4(maps))) for maps in (x, other))
    assert torch.equal(one[:, :128], two[:, :128])
    assert not torch.equal(one[:, 128:], two[:, 128:])


def test_paper_normalizes_after_the_first_two_activations():
    names = [name for name, _ in on_meta(alexnet, variant="paper").named_children()]
    assert [name for name in names if "norm" in name] == ["conv1_norm", "conv2_norm"]
    for i in (1, 2):
        at = names.index(f"conv{i}_norm")
        assert (names[at - 1], names[at + 1]) == (f"conv{i}_act", f"pool{i}")


def test_lrn_has_the_papers_constants():
    a = torch.rand(2, 8, 3, 3, dtype=torch.float64) * 50
    expected = torch.empty_like(a)
    for i in range(8):
        near = a[:, max(0, i - 2) : i + 3]
        expected[:, i] = a[:, i] / (2 + 1e-4 * near.square().sum(dim=1)) ** 0.75
    torch.testing.assert_close(paper_lrn(8)(a), expected)


@pytest.mark.parametrize("variant", ["paper", "torchvision", "course"])
def test_no_norm_is_left_after_a_swap(variant):
    net = on_meta(alexnet, variant=variant, norm_layer=nn.BatchNorm2d)
    assert [norm.num_features for norm in modules(net, nn.BatchNorm2d)] == list(
        {"torchvision": (64, 192)}.get(variant, (96, 256))
    )
    assert not modules(net, nn.LocalResponseNorm)
    net = on_meta(alexnet, variant=variant, activation_layer=nn.Tanh)
    assert len(modules(net, nn.Tanh)) == 7
    assert not modules(net, nn.ReLU)


@pytest.mark.parametrize(("variant", "size"), [("paper", 227), ("torchvision", 96), ("course", 224)])
def test_every_parameter_learns(variant, size):
    for norm_layer in (None, nn.BatchNorm2d):
        net = thin(on_meta(AlexNet, variant=variant, norm_layer=norm_layer))
        assert without_gradient(net, (2, 3, size, size)) == []


def test_dropout_is_where_the_paper_has_it():
    for variant, after in (("paper", "act"), ("course", "act"), ("torchvision", None)):
        names = [name for name, _ in on_meta(alexnet, variant=variant, dropout=0.3).named_children()]
        for i in (6, 7):
            before = names[names.index(f"dropout{i}") - 1]
            assert before.endswith("act") if after else names[names.index(f"dropout{i}") + 1] == f"dense{i}"
    assert {d.p for d in modules(on_meta(alexnet, dropout=0.3), nn.Dropout)} == {0.3}


def test_first_dense_layer_is_a_6x6_convolution():
    net = thin(on_meta(alexnet, variant="paper")).eval()
    conv = nn.Conv2d(256, 32, 6)
    with torch.no_grad():
        conv.weight.copy_(net.dense6.weight.reshape(32, 256, 6, 6))
        conv.bias.copy_(net.dense6.bias)
        x = torch.randn(2, 256, 6, 6)
        torch.testing.assert_close(conv(x).flatten(1), net.dense6(x.flatten(1)), rtol=1e-4, atol=1e-4)


def test_least_size_of_torchvisions():
    net = on_meta(alexnet)
    assert net(torch.zeros(1, 3, 63, 63, device="meta")).shape == (1, 1000)
    # What the check forbids would have failed.
    with pytest.raises(RuntimeError, match="too small"):
        nn.Sequential(*net)(torch.zeros(1, 3, 62, 63, device="meta"))


@pytest.mark.parametrize(
    ("variant", "shape", "message"),
    [
        ("torchvision", (1, 3, 62, 100), r"at least 63×63.*resize=63"),
        ("torchvision", (1, 1, 224, 224), r"built for 3 channel\(s\) and got 1"),
        ("paper", (1, 3, 224, 224), r"227×227.*resize=227"),
        ("course", (1, 3, 227, 227), r"224×224.*resize=224"),
    ],
)
def test_wrong_input(variant, shape, message):
    with pytest.raises(ValueError, match=message):
        on_meta(alexnet, variant=variant)(torch.zeros(shape, device="meta"))


def test_wrong_settings():
    with pytest.raises(ValueError, match=r"no variant 'v2'.*paper, torchvision, course"):
        alexnet(variant="v2")
    for groups in (0, 5):
        with pytest.raises(ValueError, match=rf"groups must divide.*and {groups} does not.*groups=2"):
            alexnet(variant="paper", groups=groups)
