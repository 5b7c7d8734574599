"""ResNets against torchvision, d2l, and the papers' numbers."""

import pytest
import torch
from torch import nn
from torchvision import models

from d2lcnn.insight.tables import layer_rows
from d2lcnn.nets import resnet as r

from .measures import leaves, num_parameters, on_meta, shapes
from .parity import assert_close, assert_same_network, randomise

DEPTHS = (18, 34, 50, 101, 152)
IMAGES = (1, 3, 224, 224)
BUILDERS = {depth: getattr(r, f"resnet{depth}") for depth in DEPTHS}


def assert_every_parameter_learns(net, X):
    # Random coefficients, as a plain sum has no gradient through a norm.
    output = net.train()(X)
    (output * torch.randn_like(output)).sum().backward()
    still = [n for n, p in net.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert not still


# ---------------------------------------------------------------- the course's


@pytest.mark.parametrize(
    ("channels", "use_1x1conv", "strides"), [((6, 6), False, 1), ((6, 6), True, 1), ((3, 6), True, 2)]
)
def test_residual_is_d2ls(d2l, channels, use_1x1conv, strides):
    X = torch.randn(4, channels[0], 6, 6)
    theirs = d2l.Residual(channels[1], use_1x1conv, strides)
    theirs(X)  # shapes its lazy layers
    ours = r.Residual(*channels, use_1x1conv, strides)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_same_network(ours, theirs, X)


def test_course_resnet18_is_the_listing_of_d2l(d2l):
    def stage(num_channels, first_block=False):
        return [
            d2l.Residual(num_channels, i == 0 and not first_block, 2 if i == 0 and not first_block else 1)
            for i in range(2)
        ]

    stem = [nn.Conv2d(1, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    stages = [*stage(64, first_block=True), *stage(128), *stage(256), *stage(512)]
    theirs = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    X = torch.rand(4, 1, 48, 48)
    theirs(X)
    assert_same_network(r.course_resnet18(), theirs, X)
    assert [type(m) for m in r.course_resnet18().modules() if not list(m.children())].count(
        nn.Conv2d
    ) == 1 + 16 + 3


def test_course_resnet18():
    net = r.course_resnet18()
    assert num_parameters(net) == 11_178_378
    # The shapes that the book's chapter shows for a 224×224 image.
    X, shapes = torch.zeros(1, 1, 224, 224), []
    for layer in net:
        X = layer(X)
        shapes.append(tuple(X.shape[1:]))
    assert shapes == [
        (64, 56, 56), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7), (512, 1, 1), (512,), (10,)
    ]  # fmt: skip
    assert r.course_resnet18(3, 7)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_the_courses_block_is_not_the_papers():
    """Biased convolutions, and no norm on the shortcut."""
    ours = dict(r.Residual(3, 6, use_1x1conv=True, strides=2).named_parameters())
    papers = dict(r.BasicBlock(3, 6, stride=2).named_parameters())
    assert {"conv1.bias", "conv2.bias", "conv3.bias"} <= set(ours)
    assert not any(name.startswith("conv") and name.endswith("bias") for name in papers)
    assert {"downsample.1.weight", "downsample.1.bias"} <= set(papers)
    assert len(ours) == 10
    assert len(papers) == 9


# ---------------------------------------------------------------- torchvision's


@pytest.mark.parametrize("depth", DEPTHS)
def test_same_layers_and_tensors_as_torchvision(depth):
    ours, theirs = on_meta(BUILDERS[depth]), on_meta(getattr(models, f"resnet{depth}"))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert shapes(ours) == shapes(theirs)
    # All but ReLUs, of which torchvision's blocks use one several times, and identities.
    kept = [[leaf for leaf in leaves(net) if leaf[1]] for net in (ours, theirs)]
    assert kept[0] == kept[1]


# The others have the blocks and stages of ResNet-18 and ResNet-50, only more of them.
@pytest.mark.parametrize(
    "depth", [18, 50, *(pytest.param(d, marks=pytest.mark.weekly) for d in (34, 101, 152))]
)
def test_same_as_torchvision(depth):
    ours, theirs = on_meta(BUILDERS[depth]), on_meta(getattr(models, f"resnet{depth}"))
    assert_same_network(ours, theirs, torch.rand(3, 3, 40, 40))


@pytest.mark.parametrize("zero_init_residual", [False, True])
def test_fresh_weights_are_spread_as_torchvisions(zero_init_residual):
    ours = r.resnet50(num_classes=10, zero_init_residual=zero_init_residual)
    theirs = models.resnet50(num_classes=10, zero_init_residual=zero_init_residual)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if p.dim() == 1 and "fc" not in name:
            assert torch.equal(p, q), name
        elif p.numel() > 10_000:
            assert p.std().item() == pytest.approx(q.std().item(), rel=0.05), name


# ---------------------------------------------------------------- the papers' numbers


@pytest.mark.parametrize(
    ("depth", "count", "default", "paper", "published"),
    [
        (18, 11_689_512, 1.814, 1.814, 1.8),
        (34, 21_797_672, 3.664, 3.664, 3.6),
        (50, 25_557_032, 4.089, 3.858, 3.8),
        (101, 44_549_160, 7.801, 7.570, 7.6),
        (152, 60_192_808, 11.514, 11.282, 11.3),
    ],
)
def test_sizes_of_table_1(depth, count, default, paper, published):
    net = on_meta(BUILDERS[depth])
    assert num_parameters(net) == count
    table = layer_rows(net, IMAGES)
    assert round(sum(row.multiply_adds for row in table) / 1e9, 3) == default
    if depth >= 50:  # basic blocks have no other variant
        net = on_meta(BUILDERS[depth], variant="paper")
        assert num_parameters(net) == count
        table = layer_rows(net, IMAGES)
    cost = sum(row.multiply_adds for row in table)
    assert round(cost / 1e9, 3) == paper
    # The paper's own figures are cut to one digit, not all in the same direction.
    assert cost / 1e9 == pytest.approx(published, abs=0.07)
    layers = [
        m for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and "downsample" not in n
    ]
    assert len(layers) == depth
    rows = {row.name: row.output_shape for row in table}
    last = "act3" if depth >= 50 else "act2"
    stages = [rows[f"layer{i}.{len(net.get_submodule(f'layer{i}')) - 1}.{last}"] for i in (1, 2, 3, 4)]
    width = 4 if depth >= 50 else 1
    assert stages == [(1, width * 64 * 2**i, 56 // 2**i, 56 // 2**i) for i in range(4)]
    assert rows["conv1"] == (1, 64, 112, 112)


def test_the_papers_stride_is_on_the_first_1x1():
    for variant, expected in (("torchvision", [(1, 1), (2, 2), (1, 1)]), ("paper", [(2, 2), (1, 1), (1, 1)])):
        net = on_meta(r.resnet50, variant=variant)
        for stage in (net.layer2, net.layer3, net.layer4):
            assert [conv.stride for conv in (stage[0].conv1, stage[0].conv2, stage[0].conv3)] == expected
            assert stage[0].downsample[0].stride == (2, 2)
            assert all(block.conv1.stride == block.conv2.stride == (1, 1) for block in stage[1:])


@pytest.mark.parametrize(
    ("depth", "count"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
)
def test_cifar_resnets(depth, count):
    net, plain = on_meta(r.cifar_resnet, depth), on_meta(r.cifar_plain, depth)
    # Option A has no parameters, so the plain twin has as many: the paper's fair comparison.
    assert num_parameters(net) == num_parameters(plain) == count
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == depth
    # Table 6, in millions: 0.27, 0.46, 0.66, 0.85, 1.7.
    published = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7}[depth]
    assert round(count / 1e6, 1 if depth == 110 else 2) == published


@pytest.mark.parametrize(("depth", "published"), [(164, 1.7), (1001, 10.2)])
def test_preactivated_cifar_resnets_have_the_published_size(depth, published):
    """Huang et al. (2017), Table 2, gives them for He et al. (2016b): without the norms' weights and biases."""
    net = on_meta(r.cifar_resnet, depth, preactivation=True, bottleneck=True, shortcut="B")
    weights = sum(m.weight.numel() for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
    assert round(weights / 1e6, 1) == published
    # With them the deepest has 10.33 million.
    assert num_parameters(net) == {164: 1_703_258, 1001: 10_327_706}[depth]


def test_cifar_shapes():
    rows = {row.name: row.output_shape[1:] for row in layer_rows(r.cifar_resnet(20), (1, 3, 32, 32))}
    ends = [rows[name] for name in ("relu", "layer1.2.act2", "layer2.2.act2", "layer3.2.act2")]
    assert ends == [(16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8)]


# ---------------------------------------------------------------- shortcuts, and nets without


@pytest.mark.parametrize("block", [r.BasicBlock, r.Bottleneck, r.PreActBlock, r.PreActBottleneck])
@pytest.mark.parametrize("option", ["A", "B", "C"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_is_its_plain_twin_plus_its_shortcut(block, option, stride):
    in_channels = 8 * block.expansion
    channels = 8 * stride
    out_channels = channels * block.expansion
    residual = block(in_channels, channels, stride, shortcut=option, activation_layer=nn.Tanh).double()
    plain = block(in_channels, channels, stride, shortcut=None, activation_layer=nn.Tanh).double()
    randomise(residual)
    plain.load_state_dict({k: v for k, v in residual.state_dict().items() if "downsample" not in k})
    residual.eval(), plain.eval()
    x = torch.randn(2, in_channels, 6, 6, dtype=torch.float64)
    before_sum = block in (r.PreActBlock, r.PreActBottleneck)
    changes = stride == 2
    start = torch.tanh(residual.bn1(x)) if before_sum and (changes or option == "C") else x
    if option == "C" or (option == "B" and changes):
        projection = residual.downsample[0]
        assert projection.kernel_size == (1, 1)
        assert len(residual.downsample) == (1 if before_sum else 2)
        shortcut = residual.downsample(start)
    elif changes:
        shortcut = torch.zeros(2, out_channels, 3, 3, dtype=torch.float64)
        shortcut[:, :in_channels] = start[:, :, ::2, ::2]
    else:
        shortcut = x
    if before_sum:
        torch.testing.assert_close(residual(x), plain(x) + shortcut)
    else:
        torch.testing.assert_close(residual(x), torch.tanh(torch.atanh(plain(x)) + shortcut))


def test_preactivated_net_written_out():
    net = r.cifar_resnet(8, preactivation=True, shortcut="B").double()
    randomise(net)
    net.eval()
    X = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    x = torch.relu(net.bn1(net.conv1(X)))
    # The stem has normed and activated for the first block.
    block = net.layer1[0]
    x = x + block.conv2(torch.relu(block.bn2(block.conv1(x))))
    for block in (net.layer2[0], net.layer3[0]):
        activated = torch.relu(block.bn1(x))
        y = block.conv2(torch.relu(block.bn2(block.conv1(activated))))
        x = y + nn.functional.conv2d(activated, block.downsample[0].weight, stride=2)
    x = torch.relu(net.bn2(x)).mean(dim=(2, 3))
    assert_close(net(X), net.fc(x), "logits")


@pytest.mark.parametrize("depth", [18, 50])
def test_preactivated_net_has_the_convolutions_of_the_other(depth):
    convs = lambda net: [tuple(m.weight.shape) for m in net.modules() if isinstance(m, nn.Conv2d)]  # noqa: E731
    net = on_meta(r.preact_resnet, depth)
    assert convs(net) == convs(on_meta(BUILDERS[depth]))
    assert net(torch.zeros(2, 3, 64, 64, device="meta")).shape == (2, 1000)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_plain_twin_is_the_resnet_without_its_projections(depth):
    net, plain = on_meta(BUILDERS[depth]), on_meta(r.plain_resnet, depth)
    kept = [name for name in net.state_dict() if "downsample" not in name]
    assert list(plain.state_dict()) == kept
    assert len(kept) < len(net.state_dict())
    assert num_parameters(plain) == num_parameters(on_meta(r.ResNet, *r.IMAGENET[depth], shortcut="A"))
    projections = sum(p.numel() for name, p in net.named_parameters() if "downsample" in name)
    assert num_parameters(net) == num_parameters(plain) + projections
    assert all(m.downsample is None for m in plain.modules() if isinstance(m, (r.BasicBlock, r.Bottleneck)))


def test_a_plain_net_loses_what_shortcuts_carry():
    """With all convolutions but the first at zero a residual net still sees its input; the plain one does not."""
    x = torch.rand(2, 3, 32, 32)
    for build, sees in ((r.cifar_resnet, True), (r.cifar_plain, False)):
        net = build(20).eval()
        for name, module in net.named_modules():
            if isinstance(module, nn.Conv2d) and name != "conv1":
                nn.init.zeros_(module.weight)
        assert torch.equal(net(x)[0], net(x)[1]) is not sees


@pytest.mark.parametrize(
    ("block", "through_relu"),
    [(r.BasicBlock, True), (r.Bottleneck, True), (r.PreActBlock, False), (r.PreActBottleneck, False)],
)
def test_zero_start_makes_the_blocks_identities(block, through_relu):
    net = r.ResNet(block, (2, 1), num_classes=10, zero_init_residual=True)
    x = torch.randn(2, 64 * block.expansion, 8, 8)
    expected = torch.relu(x) if through_relu else x
    assert torch.equal(net.layer1[1](x), expected)
    fresh = r.ResNet(block, (2, 1), num_classes=10)
    assert not torch.allclose(fresh.layer1[1](x), expected)


# ---------------------------------------------------------------- structure

SMALL = {
    "basic": lambda **k: r.ResNet(r.BasicBlock, (1, 1, 1, 1), num_classes=10, **k),
    "bottleneck": lambda **k: r.ResNet(r.Bottleneck, (1, 1, 1, 1), num_classes=10, **k),
    "preact": lambda **k: r.ResNet(r.PreActBlock, (2, 1), num_classes=10, **k),
    "preact bottleneck": lambda **k: r.ResNet(r.PreActBottleneck, (2, 1), num_classes=10, **k),
    "cifar": lambda **k: r.cifar_resnet(8, **k),
    "cifar plain": lambda **k: r.cifar_resnet(8, shortcut=None, **k),
}


@pytest.mark.parametrize("name", SMALL)
def test_norms_and_their_swap(name):
    net = SMALL[name]()
    convs = sum(isinstance(m, nn.Conv2d) for m in net.modules())
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    # A norm behind each convolution; with pre-activation in front, none on projections, and one at the end.
    projections = sum("downsample.0.weight" in name for name in net.state_dict())
    assert norms == (convs - projections if "preact" in name else convs)
    swapped = SMALL[name](norm_layer=lambda c: nn.GroupNorm(1, c), activation_layer=nn.ELU)
    assert sum(isinstance(m, nn.GroupNorm) for m in swapped.modules()) == norms
    assert not any(isinstance(m, (nn.modules.batchnorm._BatchNorm, nn.ReLU)) for m in swapped.modules())
    assert swapped(torch.rand(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_gets_a_gradient(name):
    assert_every_parameter_learns(SMALL[name](), torch.rand(8, 3, 64, 64))


@pytest.mark.parametrize("depth", DEPTHS)
def test_builders_pass_on_what_they_are_given(depth):
    net = on_meta(BUILDERS[depth], 1, 7, norm_layer=lambda c: nn.GroupNorm(2, c), activation_layer=nn.SiLU)
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.ReLU)) for m in net.modules())
    assert net.conv1.in_channels == 1
    assert net.fc.out_features == 7


def test_channels_last_gives_the_same():
    net = r.resnet18(num_classes=10).eval()
    X = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = net(X)
        torch.testing.assert_close(net.to(memory_format=torch.channels_last)(X), expected)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("build", [r.course_resnet18, lambda: r.cifar_resnet(8, 1), lambda: r.resnet18(1)])
def test_wrong_images(build):
    net = build()
    with pytest.raises(ValueError, match=r"built for 1 channel\(s\) and got 3"):
        net(torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match="unsqueeze"):
        net(torch.zeros(1, 32, 32))
    with pytest.raises(ValueError, match="at least 1×1"):
        net(torch.zeros(2, 1, 0, 32))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: r.resnet50(variant="v3"), "no variant 'v3'. Choose one of torchvision, paper"),
        (lambda: r.preact_resnet(20), "no ResNet with 20 layers. Choose 18, 34, 50, 101, 152"),
        (lambda: r.plain_resnet(20), "no ResNet with 20 layers. Choose 18"),
        (lambda: r.cifar_resnet(21), r"6n \+ 2 .* 21 is not. Take 20"),
        (lambda: r.cifar_resnet(2), r"6n \+ 2 .* 2 is not. Take 8"),
        (lambda: r.cifar_resnet(21, bottleneck=True), r"9n \+ 2 .* 21 is not. Take 20"),
        (lambda: r.cifar_resnet(20, shortcut="D"), "no shortcut 'D'. Choose 'A', 'B', 'C', or None"),
        (lambda: r.ResNet(r.BasicBlock, (1, 1, 1, 1), small_images=True), "1 to 3 stages.*asks for 4"),
        (lambda: r.ZeroPadShortcut(4, 2, 1), "4 channels are to become 2.*shortcut='B'"),
        (lambda: r.Residual(3, 6), "same shape.*num_channels=6.*use_1x1conv=True"),
        (lambda: r.Residual(6, 6, strides=2), "strides=2.*use_1x1conv=True"),
        (lambda: r.resnet_block(32, 64, 2, first_block=True), "input_channels=32.*first_block=False"),
        (
            lambda: r.resnet18(zero_init_residual=True, norm_layer=nn.InstanceNorm2d),
            "InstanceNorm2d.*has none.*zero_init_residual=False",
        ),
    ],
)
def test_bad_configurations(build, message):
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        build()
