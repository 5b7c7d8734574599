"""DenseNets against torchvision, d2l's listing, and the paper's numbers; recomputation changes only the memory."""

import re

import pytest
import torch
from torch import nn
from torchvision import models

from d2lcnn.insight.shapes import build_on_meta
from d2lcnn.insight.tables import layer_rows
from d2lcnn.nets import densenet as d

from .measures import leaves, num_parameters, on_meta, shapes
from .parity import assert_close, assert_same_network, randomise

DEPTHS = (121, 161, 169, 201)
BUILDERS = {depth: getattr(d, f"densenet{depth}") for depth in DEPTHS}
BC = {"bottleneck": True, "compression": 0.5}


# ---------------------------------------------------------------- the course's


class ListedBlock(nn.Module):
    """A dense block as one would write it out by hand: all earlier outputs in a list."""

    def __init__(self, num_convs, channels, growth_rate):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(num_convs):
            width = channels + i * growth_rate
            conv = nn.Conv2d(width, growth_rate, kernel_size=3, padding=1)
            self.layers.append(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), conv))

    def forward(self, x):
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer(torch.cat(outputs, 1)))
        return torch.cat(outputs, 1)


def listed_transition(channels):
    conv = nn.Conv2d(channels, channels // 2, kernel_size=1)
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), conv, nn.AvgPool2d(2, 2))


def test_dense_block_written_out():
    assert_same_network(d.DenseBlock(3, 4, 5), ListedBlock(3, 4, 5), torch.rand(4, 4, 6, 6))


def test_course_densenet_written_out():
    theirs = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
        ListedBlock(4, 64, 32), listed_transition(192),
        ListedBlock(4, 96, 32), listed_transition(224),
        ListedBlock(4, 112, 32), listed_transition(240),
        ListedBlock(4, 120, 32),
        nn.BatchNorm2d(248), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(248, 10),
    )  # fmt: skip
    assert_same_network(d.course_densenet(), theirs, torch.rand(4, 1, 48, 48))


def test_course_densenet():
    net = d.course_densenet()
    assert num_parameters(net) == 758_226
    assert d.course_densenet(3, 7)(torch.zeros(2, 3, 29, 29)).shape == (2, 7)
    assert d.conv_block(3, 5)(torch.zeros(1, 3, 8, 8)).shape == (1, 5, 8, 8)
    assert d.transition_block(6, 4)(torch.zeros(1, 6, 8, 8)).shape == (1, 4, 4, 4)
    # Every convolution of the course has a bias, none of the paper's.
    assert all(m.bias is not None for m in net.modules() if isinstance(m, nn.Conv2d))
    assert all(m.bias is None for m in d.cifar_densenet(10).modules() if isinstance(m, nn.Conv2d))


# ---------------------------------------------------------------- torchvision's


@pytest.mark.parametrize("depth", DEPTHS)
def test_same_layers_and_tensors_as_torchvision(depth):
    ours, theirs = on_meta(BUILDERS[depth]), on_meta(getattr(models, f"densenet{depth}"))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert shapes(ours) == shapes(theirs)
    # The last ReLU is no layer of torchvision's, whose forward has it.
    assert leaves(ours.features)[:-1] == leaves(theirs.features)


# The deeper ones have the same blocks, only more layers in each, and 161 wider ones.
@pytest.mark.parametrize(
    "depth", [121, *(pytest.param(d, marks=pytest.mark.weekly) for d in (161, 169, 201))]
)
def test_same_as_torchvision(depth):
    ours, theirs = on_meta(BUILDERS[depth]), on_meta(getattr(models, f"densenet{depth}"))
    assert_same_network(ours, theirs, torch.rand(3, 3, 40, 40))


def test_recomputation_is_torchvisions_network_without_it():
    ours = d.DenseNet(8, (2, 2), num_classes=10, recompute=True)
    theirs = models.DenseNet(8, (2, 2), num_init_features=16, num_classes=10)
    assert_same_network(ours, theirs, torch.rand(3, 3, 40, 40))


# ---------------------------------------------------------------- the paper's numbers


@pytest.mark.parametrize(
    ("depth", "count", "cost"),
    [(121, 7_978_856, 2.834), (161, 28_681_000, 7.728), (169, 14_149_480, 3.360), (201, 20_013_928, 4.291)],
)
def test_sizes_of_table_1(depth, count, cost):
    net = on_meta(BUILDERS[depth])
    assert num_parameters(net) == count
    table = layer_rows(net, (1, 3, 224, 224))
    assert round(sum(row.multiply_adds for row in table) / 1e9, 3) == cost
    assert sum(row.kind in ("Conv2d", "Linear") for row in table) == depth
    shapes = {row.name: row.output_shape for row in table}
    sizes = [shapes[f"features.denseblock{i}.denselayer1.conv2"][2:] for i in (1, 2, 3, 4)]
    assert sizes == [(56, 56), (28, 28), (14, 14), (7, 7)]
    growth_rate = 48 if depth == 161 else 32
    assert shapes["features.conv0"] == (1, 2 * growth_rate, 112, 112)


@pytest.mark.parametrize(
    ("depth", "options", "count", "published"),
    [
        (40, {"growth_rate": 12}, 1_019_722, 1.0),
        (100, {"growth_rate": 12}, 6_979_642, 7.0),
        (100, {"growth_rate": 24}, 27_249_082, 27.2),
        (100, {"growth_rate": 12, **BC}, 769_162, 0.8),
        (250, {"growth_rate": 24, **BC}, 15_324_406, 15.3),
        (190, {"growth_rate": 40, **BC}, 25_624_430, 25.6),
    ],
)
def test_sizes_of_table_2(depth, options, count, published):
    net = on_meta(d.cifar_densenet, depth, **options)
    assert num_parameters(net) == count
    assert round(count / 1e6, 1) == published
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == depth


@pytest.mark.parametrize("compression", [1.0, 0.5, 0.3])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_compression_and_bottleneck(compression, bottleneck):
    net = d.cifar_densenet(16, growth_rate=12, bottleneck=bottleneck, compression=compression)
    layers = 2 if bottleneck else 4
    channels = 24 if bottleneck and compression < 1 else 16
    for i in (1, 2):
        channels += layers * 12
        conv = net.features.get_submodule(f"transition{i}").conv
        assert conv.weight.shape == (int(compression * channels), channels, 1, 1)
        channels = int(compression * channels)
    layer = net.features.denseblock1.denselayer1
    assert layer.conv1.kernel_size == ((1, 1) if bottleneck else (3, 3))
    assert layer.conv1.out_channels == (48 if bottleneck else 12)
    X = torch.rand(2, 3, 32, 32)
    assert net(X).shape == (2, 10)
    assert net.features(X).shape == (2, channels + layers * 12, 8, 8)


def test_each_layer_reads_all_before_it():
    stage = d.DenseStage(3, 4, 5).double()
    randomise(stage)
    stage.eval()
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    features = [x]
    for layer in stage:
        features.append(layer(torch.cat(features, dim=1)))
    out = stage(x)
    assert torch.equal(out, torch.cat(features, dim=1))
    assert torch.equal(out[:, :4], x)


# ---------------------------------------------------------------- recomputation


def saved_bytes(net, X):
    """Bytes that autograd keeps for the backward pass, each storage once, besides the parameters."""
    own = {p.untyped_storage().data_ptr() for p in net.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            # The tensor is held, so that no other comes to lie at its address.
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(X)
    return sum(size for size, _ in kept.values())


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("training", [True, False])
def test_recomputation_gives_the_same(training, dropout):
    plain, other = (d.cifar_densenet(22, **BC, dropout=dropout, recompute=again) for again in (False, True))
    plain, other = plain.double().train(training), other.double().train(training)
    randomise(plain)
    other.load_state_dict(plain.state_dict())
    inputs = [torch.rand(4, 3, 16, 16, dtype=torch.float64).requires_grad_()]
    inputs.append(inputs[0].detach().clone().requires_grad_())
    outputs = []
    for net, X in zip((plain, other), inputs):
        torch.manual_seed(1)
        outputs.append(net(X))
        (outputs[-1] * torch.arange(10)).sum().backward()
    assert_close(outputs[1], outputs[0], "outputs")
    assert_close(inputs[1].grad, inputs[0].grad, "gradient of the input")
    for (name, p), q in zip(other.named_parameters(), plain.parameters(), strict=True):
        assert_close(p.grad, q.grad, name)
    moved = 0
    for (name, b), c in zip(other.named_buffers(), plain.buffers(), strict=True):
        assert_close(b, c, name)
        moved += name.endswith("num_batches_tracked") and b.item() == 1
    assert moved == (sum(isinstance(m, nn.BatchNorm2d) for m in other.modules()) if training else 0)


def test_recomputation_keeps_less_and_grows_slower():
    X = torch.rand(2, 3, 16, 16)
    sizes = {
        again: [saved_bytes(d.cifar_densenet(depth, **BC, recompute=again), X) for depth in (22, 40, 76)]
        for again in (False, True)
    }
    assert sizes[True][-1] < sizes[False][-1] / 5
    # 3, 6 and 12 layers in each block: without recomputation the copies of what came before pile up.
    growth = {again: (size[2] - size[1]) / (size[1] - size[0]) for again, size in sizes.items()}
    assert growth[True] < growth[False] < 4


def test_recomputation_can_be_backpropagated_twice():
    stage = d.DenseStage(2, 4, 3, recompute=True)
    x = torch.rand(2, 4, 6, 6, requires_grad=True)
    out = stage(x).square().sum()
    (first,) = torch.autograd.grad(out, x, retain_graph=True)
    (second,) = torch.autograd.grad(out, x)
    assert torch.equal(first, second)
    assert all(b == 1 for name, b in stage.named_buffers() if name.endswith("num_batches_tracked"))


def test_no_recomputation_without_gradients(monkeypatch):
    def never(*_, **__):
        raise AssertionError("recomputed")

    monkeypatch.setattr(d, "checkpoint", never)
    stage = d.DenseStage(2, 4, 3, recompute=True)
    with torch.no_grad():
        stage(torch.rand(2, 4, 6, 6))
    with pytest.raises(AssertionError, match="recomputed"):
        stage(torch.rand(2, 4, 6, 6))


def test_buffers_come_back_after_an_error():
    norm = nn.BatchNorm2d(3)
    mean = norm.running_mean
    net = nn.Sequential(norm, nn.Linear(5, 1))
    with pytest.raises(RuntimeError), d.CopiedBuffers(net):
        net(torch.rand(2, 3, 4, 4))
    assert norm.running_mean is mean
    assert torch.equal(mean, torch.zeros(3))
    assert norm.num_batches_tracked == 0


# ---------------------------------------------------------------- structure

SMALL = {
    "imagenet": lambda **k: d.DenseNet(8, (2, 2, 2, 2), num_classes=10, **k),
    "cifar": lambda **k: d.cifar_densenet(10, **k),
    "cifar bc": lambda **k: d.cifar_densenet(16, **BC, **k),
}


@pytest.mark.parametrize("name", SMALL)
def test_norms_and_their_swap(name):
    net = SMALL[name]()
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    convs = sum(isinstance(m, nn.Conv2d) for m in net.modules())
    # One in front of each convolution but the first, one at the end; the large stem has one more.
    assert norms == convs + (name == "imagenet")
    swapped = SMALL[name](norm_layer=lambda c: nn.GroupNorm(1, c), activation_layer=nn.SiLU)
    assert sum(isinstance(m, nn.GroupNorm) for m in swapped.modules()) == norms
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.ReLU)) for m in swapped.modules())
    assert swapped(torch.rand(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("recompute", [False, True])
def test_every_parameter_gets_a_gradient(name, recompute):
    net = SMALL[name](recompute=recompute)
    output = net(torch.rand(8, 3, 64, 64))
    (output * torch.randn_like(output)).sum().backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None or p.grad.abs().max() == 0]


def test_dropout_follows_every_convolution_but_the_first():
    net = d.cifar_densenet(16, **BC, dropout=0.2)
    kinds = [(n, type(m)) for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Dropout))]
    expected = [nn.Conv2d] + [nn.Conv2d, nn.Dropout] * ((len(kinds) - 1) // 2)
    assert [kind for _, kind in kinds] == expected
    assert not any(isinstance(m, nn.Dropout) for m in d.cifar_densenet(16, **BC).modules())


@pytest.mark.parametrize("depth", DEPTHS)
def test_builders_pass_on_what_they_are_given(depth):
    net = on_meta(
        BUILDERS[depth],
        1,
        7,
        dropout=0.1,
        recompute=True,
        norm_layer=lambda c: nn.GroupNorm(1, c),
        activation_layer=nn.SiLU,
    )
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.ReLU)) for m in net.modules())
    assert sum(isinstance(m, nn.Dropout) for m in net.modules()) == depth - 2
    assert all(m.recompute for m in net.modules() if isinstance(m, d.DenseStage))
    assert net.features.conv0.in_channels == 1
    assert net.classifier.out_features == 7


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("build", "least"),
    [
        (d.course_densenet, 29),
        (lambda: d.DenseNet(8, (2, 2, 2, 2), 1, 10), 29),
        (lambda: d.DenseNet(8, (2, 2), 1, 10), 5),
        (lambda: d.cifar_densenet(10, 1), 4),
    ],
)
def test_wrong_images(build, least):
    net = build().eval()
    assert net(torch.zeros(2, 1, least, least)).shape == (2, 10)
    with pytest.raises(ValueError, match=f"at least {least}×{least} pixels.*resize={least}"):
        net(torch.zeros(2, 1, least - 1, least))
    with pytest.raises(ValueError, match=r"built for 1 channel\(s\) and got 3"):
        net(torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: d.cifar_densenet(41), r"3n \+ 4 .* 41 is not. Take 40"),
        (lambda: d.cifar_densenet(4), r"3n \+ 4 .* 4 is not. Take 7"),
        (lambda: d.cifar_densenet(40 + 3, **BC), r"6n \+ 4 .* 43 is not. Take 40"),
        (lambda: d.cifar_densenet(compression=0), r"in \(0, 1\], and got 0"),
        (lambda: d.cifar_densenet(compression=1.5), r"in \(0, 1\], and got 1.5"),
    ],
)
def test_bad_configurations(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_compression_that_leaves_nothing_is_refused_with_one_that_does():
    with pytest.raises(ValueError, match="compression=0.001 leaves none of 160") as refusal:
        d.cifar_densenet(compression=0.001)
    least = float(re.search(r"Take at least ([\d.]+)\.$", str(refusal.value))[1])
    net = build_on_meta(
        lambda: d.DenseNet(12, (12,) * 2, small_images=True, bottleneck=False, compression=least)
    )
    assert net.features.transition1.conv.out_channels == 1
