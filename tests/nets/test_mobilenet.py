"""MobileNets against torchvision, a listing, and the papers' numbers."""

import importlib

import pytest
import torch
from torch import nn
from torchvision import models

from d2lcnn.insight.tables import layer_rows
from d2lcnn.layers.depthwise import DepthwiseSeparableConv
from d2lcnn.layers.squeeze_excitation import SqueezeExcitation

from .measures import multiply_adds, num_parameters, on_meta, shapes
from .parity import assert_same_network, randomise

# The package's names mobilenet_v1 and mobilenet_v2 are the functions.
v1, v2, v3 = (importlib.import_module(f"d2lcnn.nets.mobilenet_v{n}") for n in (1, 2, 3))

LATER = {
    "mobilenet_v2": v2.mobilenet_v2,
    "mobilenet_v3_small": v3.mobilenet_v3_small,
    "mobilenet_v3_large": v3.mobilenet_v3_large,
}
OTHER_WIDTHS = [
    ("mobilenet_v2", 0.35),
    ("mobilenet_v2", 1.4),
    ("mobilenet_v3_small", 0.35),
    ("mobilenet_v3_large", 0.35),
]
ALL = {"mobilenet_v1": v1.mobilenet_v1, **LATER}


# ---------------------------------------------------------------- torchvision's


def both_on_meta(name, width_mult):
    options = {} if width_mult == 1 else {"width_mult": width_mult}
    return on_meta(LATER[name], **options), on_meta(getattr(models, name), **options)


@pytest.mark.parametrize(("name", "width_mult"), OTHER_WIDTHS)
def test_same_tensors_as_torchvision_at_other_widths(name, width_mult):
    ours, theirs = both_on_meta(name, width_mult)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert shapes(ours) == shapes(theirs)


# Other widths have the same layers with other numbers of channels, which the test above compares each time.
@pytest.mark.parametrize(
    ("name", "width_mult"),
    [
        *((name, 1.0) for name in LATER),
        *(pytest.param(name, w, marks=pytest.mark.weekly) for name, w in OTHER_WIDTHS),
    ],
)
def test_same_as_torchvision(name, width_mult):
    ours, theirs = both_on_meta(name, width_mult)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_same_network(ours, theirs, torch.rand(3, 3, 40, 40))


@pytest.mark.parametrize("name", LATER)
def test_fresh_weights_are_spread_as_torchvisions(name):
    ours, theirs = LATER[name](num_classes=100), getattr(models, name)(num_classes=100)
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if p.dim() == 1:
            assert torch.equal(p, q), key
        elif p.numel() > 10_000:
            assert p.std().item() == pytest.approx(q.std().item(), rel=0.05), key


def test_v1_written_out():
    def block(in_channels, out_channels, stride):
        return [
            nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False),
            nn.BatchNorm2d(in_channels), nn.ReLU(),
            nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU(),
        ]  # fmt: skip

    theirs = nn.Sequential(
        nn.Conv2d(1, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        *block(32, 64, 1), *block(64, 128, 2), *block(128, 128, 1), *block(128, 256, 2), *block(256, 256, 1),
        *block(256, 512, 2), *[layer for _ in range(5) for layer in block(512, 512, 1)],
        *block(512, 1024, 2), *block(1024, 1024, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10),
    )  # fmt: skip
    assert_same_network(v1.MobileNetV1(), theirs, torch.rand(4, 1, 48, 48))


# ---------------------------------------------------------------- the papers' numbers


def test_v1_of_the_course():
    net = v1.MobileNetV1(num_classes=10)
    assert num_parameters(net) == 3_216_650
    assert net.conv.in_channels == 1
    assert v1.MobileNetV1(7, in_channels=3)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize(
    ("width_mult", "count", "cost", "published"),
    # Table 6: millions of multiply-adds and of parameters.
    [
        (1.0, 4_231_976, 568.7, (569, 4.2)),
        (0.75, 2_585_560, 325.4, (325, 2.6)),
        (0.5, 1_331_592, 149.5, (149, 1.3)),
        (0.25, 470_072, 41.0, (41, 0.5)),
    ],
)
def test_v1s_width_multiplier(width_mult, count, cost, published):
    net = on_meta(v1.mobilenet_v1, width_mult=width_mult)
    assert num_parameters(net) == count
    assert round(count / 1e6, 1) == published[1]
    counted = multiply_adds(net, (1, 3, 224, 224)) / 1e6
    assert round(counted, 1) == cost
    assert int(counted + 0.5) == pytest.approx(published[0], abs=1)
    assert [round(width_mult * width) for width, _ in v1.BLOCKS] == [
        m.pointwise.out_channels for m in net.modules() if isinstance(m, DepthwiseSeparableConv)
    ]


@pytest.mark.parametrize(
    ("size", "cost", "published"), [(224, 569, 569), (192, 418, 418), (160, 291, 290), (128, 186, 186)]
)
def test_v1s_resolution_multiplier(size, cost, published):
    """Table 7. Its 290 is cut, not rounded."""
    counted = multiply_adds(on_meta(v1.mobilenet_v1), (1, 3, size, size)) / 1e6
    assert round(counted) == cost
    assert counted == pytest.approx(published, abs=1)


def test_v1_has_28_layers_and_the_tables_shapes():
    net = on_meta(v1.mobilenet_v1)
    table = layer_rows(net, (1, 3, 224, 224))
    layers = [row for row in table if row.kind in ("Conv2d", "Linear")]
    assert len(layers) == 28
    assert [row.output_shape[1:] for row in layers[:5]] == [
        (32, 112, 112), (32, 112, 112), (64, 112, 112), (64, 56, 56), (128, 56, 56)
    ]  # fmt: skip
    assert layers[-2].output_shape == (1, 1024, 7, 7)
    # Table 2: nearly all work and most parameters are in the 1×1 convolutions, and 24.33 % in the dense layer.
    share = lambda kind: {  # noqa: E731
        "work": sum(row.multiply_adds for row in layers if kind(row))
        / sum(row.multiply_adds for row in layers),
        "parameters": sum(row.parameters for row in layers if kind(row))
        / sum(row.parameters for row in layers),
    }
    pointwise = share(lambda row: row.name.endswith("pointwise"))
    assert pointwise["work"] == pytest.approx(0.9486, abs=0.001)
    assert pointwise["parameters"] == pytest.approx(0.7459, abs=0.001)
    assert share(lambda row: row.kind == "Linear")["parameters"] == pytest.approx(0.2433, abs=0.001)


def test_v1_has_the_papers_relu():
    """ReLU6 came with the code."""
    kinds = {type(m) for m in on_meta(v1.mobilenet_v1).modules()}
    assert nn.ReLU in kinds
    assert nn.ReLU6 not in kinds
    kinds = {type(m) for m in on_meta(v1.mobilenet_v1, activation_layer=nn.ReLU6).modules()}
    assert nn.ReLU6 in kinds
    assert nn.ReLU not in kinds


@pytest.mark.parametrize(
    ("name", "count", "cost", "published"),
    # Parameters and multiply-adds in millions, as published: V2's Table 4, V3's Tables 3 and 4 of its last version.
    [
        ("mobilenet_v2", 3_504_872, 0.301, (3.4, 300)),
        ("mobilenet_v3_large", 5_483_032, 0.217, (5.4, 219)),
        ("mobilenet_v3_small", 2_542_856, 0.057, (2.5, 56)),
    ],
)
def test_sizes_of_v2_and_v3(name, count, cost, published):
    net = on_meta(LATER[name])
    assert num_parameters(net) == count
    counted = multiply_adds(net, (1, 3, 224, 224))
    assert round(counted / 1e9, 3) == cost
    assert count / 1e6 == pytest.approx(published[0], abs=0.11)
    assert counted / 1e6 == pytest.approx(published[1], rel=0.02)


def test_v3_has_squeeze_and_excitation_and_hard_swish_where_its_tables_say():
    for rows, build in ((v3.LARGE, v3.mobilenet_v3_large), (v3.SMALL, v3.mobilenet_v3_small)):
        blocks = [m for m in on_meta(build).modules() if isinstance(m, v3.MobileNetV3Block)]
        assert len(blocks) == len(rows)
        for block, row in zip(blocks, rows):
            kinds = [type(m) for m in block.modules()]
            assert kinds.count(SqueezeExcitation) == row.squeeze
            assert (nn.Hardswish in kinds) == (row.activation == "HS")
    norms = [m for m in v3.mobilenet_v3_small(num_classes=10).modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.001, 0.01)}


# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize(
    "build", [v2.InvertedResidual, lambda *a, **k: v3.MobileNetV3Block(a[0], 48, a[1], **k)]
)
def test_blocks_add_their_input_where_the_shape_allows(build):
    x = torch.randn(2, 8, 6, 6)
    for out_channels, stride, adds in ((8, 1, True), (8, 2, False), (16, 1, False)):
        block = build(8, out_channels, stride=stride)
        out = block(x)
        assert out.shape == (2, out_channels, 6 // stride, 6 // stride)
        assert block.adds_input is adds
        # With its last norm at zero only the input is left, or nothing.
        last = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last.weight)
        assert torch.equal(block(x), x if adds else torch.zeros_like(out))


def test_linear_bottleneck():
    """The block's last convolution has no activation: negative outputs survive it."""
    block = v2.InvertedResidual(4, 6)
    randomise(block)
    assert (block(torch.randn(4, 4, 8, 8)) < 0).any()
    assert isinstance(list(block.modules())[-1], nn.BatchNorm2d)
    assert sum(isinstance(m, nn.ReLU6) for m in block.modules()) == 2


def test_expansion_of_one_has_no_first_convolution():
    def convs(t):
        block = v2.InvertedResidual(8, 4, 1, t)
        return [m.kernel_size for m in block.modules() if isinstance(m, nn.Conv2d)]

    assert convs(1) == [(3, 3), (1, 1)]
    assert convs(6) == [(1, 1), (3, 3), (1, 1)]


@pytest.mark.parametrize(
    ("channels", "rounded"),
    [(1, 8), (11, 16), (12, 16), (16, 16), (18, 24), (19.9, 24), (20, 24), (35.9, 40), (90, 88)],
)
def test_round_channels(channels, rounded):
    assert v2.round_channels(channels) == rounded


# ---------------------------------------------------------------- structure


@pytest.mark.parametrize("name", ALL)
def test_norms_and_their_swap(name):
    net = on_meta(ALL[name])
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.bias is None]
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    # One behind each convolution; only squeeze-and-excitation has convolutions with bias and without norm.
    gates = sum(isinstance(m, SqueezeExcitation) for m in net.modules())
    assert norms == len(convs) == sum(isinstance(m, nn.Conv2d) for m in net.modules()) - 2 * gates
    swapped = ALL[name](1, 7, norm_layer=lambda c: nn.GroupNorm(1, c), activation_layer=nn.SiLU)
    assert sum(isinstance(m, nn.GroupNorm) for m in swapped.modules()) == norms
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.Hardswish, nn.ReLU6)) for m in swapped.modules())
    assert swapped(torch.rand(2, 1, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_gets_a_gradient(name):
    options = {} if name == "mobilenet_v1" else {"dropout": 0.0}
    net = ALL[name](num_classes=10, **options)
    output = net(torch.rand(8, 3, 64, 64))
    (output * torch.randn_like(output)).sum().backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None or p.grad.abs().max() == 0]


@pytest.mark.parametrize("name", LATER)
def test_dropout_is_in_front_of_the_last_layer(name):
    net = on_meta(LATER[name], dropout=0.4)
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.4]
    assert isinstance(net.classifier[-2], nn.Dropout)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", ALL)
def test_wrong_images(name):
    net = ALL[name](1, 10, width_mult=0.25).eval()
    assert net(torch.zeros(2, 1, 1, 1)).shape == (2, 10)
    with pytest.raises(ValueError, match=r"built for 1 channel\(s\) and got 3"):
        net(torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match="at least 1×1"):
        net(torch.zeros(2, 1, 0, 32))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: v3.MobileNetV3("medium"), "no variant 'medium'. Choose one of large, small"),
        (lambda: v1.mobilenet_v1(width_mult=0.01), r"width_mult=0.01\. Take at least 0.03125"),
        (lambda: v2.mobilenet_v2(width_mult=-1.0), r"leaves -32.0\. Take one above 0"),
        (lambda: v3.mobilenet_v3_small(width_mult=0), r"leaves 0\. Take one above 0"),
        (lambda: v2.InvertedResidual(8, 8, stride=0), "stride"),
        (lambda: v2.InvertedResidual(8, 8, expansion=0), "expansion"),
        (lambda: v3.MobileNetV3Block(8, 16, 8, stride=0), "stride"),
    ],
)
def test_bad_configurations(build, message):
    with pytest.raises(ValueError, match=message):
        build()
