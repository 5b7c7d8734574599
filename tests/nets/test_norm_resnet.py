"""Chapter 3's plain net: its sizes with each norm, and that it is plain."""

import pytest
import torch
from torch import nn

from d2lcnn.insight.tables import layer_rows
from d2lcnn.nets.norm_resnet import NORMS, PlainNormNet, course_norm_net, plain_norm_net

from .parity import assert_same_network


@pytest.mark.parametrize(
    ("norm", "count", "make"),
    [
        ("bn", 1_557_066, nn.BatchNorm2d),
        ("ln", 1_557_066, lambda c: nn.GroupNorm(1, c)),
        ("in", 1_555_146, nn.InstanceNorm2d),
        ("gn", 1_557_066, lambda c: nn.GroupNorm(4, c)),
    ],
)
def test_written_out(norm, count, make):
    """A plain stack: each layer's output goes to the next and nowhere else."""
    theirs = nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), make(64), nn.ReLU(),
        nn.Conv2d(64, 128, 3, 2, 1, bias=False), make(128), nn.ReLU(),
        nn.Conv2d(128, 256, 3, 2, 1, bias=False), make(256), nn.ReLU(),
        nn.Conv2d(256, 512, 3, 2, 1, bias=False), make(512), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    net = plain_norm_net(norm)
    assert sum(p.numel() for p in net.parameters()) == count
    assert_same_network(net, theirs, torch.rand(4, 3, 16, 16))


def test_true_layer_norm_would_have_more_parameters():
    sides = iter((32, 16, 8, 4))
    net = PlainNormNet(norm_layer=lambda c: nn.LayerNorm([c, side := next(sides), side]))
    assert sum(p.numel() for p in net.parameters()) == 1_800_906
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_shapes():
    rows = {row.name: row.output_shape[1:] for row in layer_rows(plain_norm_net(), (1, 3, 32, 32))}
    assert [rows[f"conv{i}"] for i in (1, 2, 3, 4)] == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


@pytest.mark.parametrize("norm", NORMS)
def test_gradients_and_other_channels(norm):
    net = plain_norm_net(norm, in_channels=1, num_classes=7)
    output = net(torch.rand(4, 1, 32, 32))
    assert output.shape == (4, 7)
    (output * torch.randn_like(output)).sum().backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None or p.grad.abs().max() == 0]


@pytest.mark.parametrize("norm", ["ln", "in", "gn"])
def test_a_sample_does_not_see_the_others_unless_by_batch_norm(norm):
    X, other = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    other[0] = X[0]
    for name, same in ((norm, True), ("bn", False)):
        net = plain_norm_net(name).train()
        assert torch.allclose(net(X)[0], net(other)[0]) is same


def test_swap_leaves_no_norm():
    net = PlainNormNet(norm_layer=lambda c: nn.GroupNorm(2, c), activation_layer=nn.GELU)
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.ReLU)) for m in net.modules())
    assert [m.num_groups for m in net.modules() if isinstance(m, nn.GroupNorm)] == [2] * 4


def test_bad_input():
    with pytest.raises(ValueError, match="no norm 'batch' here. Choose one of bn, ln, in, gn"):
        plain_norm_net("batch")
    with pytest.raises(ValueError, match=r"built for 3 channel\(s\) and got 1"):
        plain_norm_net()(torch.zeros(2, 1, 32, 32))
    with pytest.raises(ValueError, match="at least 1×1"):
        plain_norm_net()(torch.zeros(2, 3, 0, 32))


@pytest.mark.parametrize("norm", NORMS)
def test_the_course_s_net_centres_its_images_first(norm):
    torch.manual_seed(0)
    net = course_norm_net(norm).eval()
    X = torch.rand(4, 3, 16, 16)
    assert torch.allclose(net(X), net.net(2 * X - 1), atol=1e-6)
    assert not torch.allclose(net(X), net.net(X), atol=1e-4)
